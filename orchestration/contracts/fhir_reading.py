"""Reading FHIR: SQL over a struct that `from_json` makes of a resource.

What does not belong here: tables, clauses, and the stages that put readings together (compiler.py).
"""

from orchestration.contracts import sql
from orchestration.contracts.model import LogicalType, Property
from orchestration.contracts.path import Shape, Step, alternatives, coalesced
from orchestration.contracts.values import Value, came_column, identifier_value, scaled

ROOT = "_r"
FHIR_ID = {"id": "_id", "resourceType": "_type"}  # the reader settles both: a bundle may give them outside the resource


def fhir_value(item: Property, shape: Shape) -> Value:
    """Return the reading of a property, and add to `shape` what it needs of the resource."""
    path = item.path or ""
    if item.reference:
        return _reference(item, path, shape)
    if item.items:
        return _array(item, path, shape)
    if item.is_identifier:
        return _fhir_identifier(item, path, shape)
    if path in FHIR_ID:
        return Value(item, FHIR_ID[path], came_column(item))
    came = read(path, shape)
    return Value(item, f"case when json_present({came}) then {came} end", json_typed(item, came_column(item)))


def read(path: str, shape: Shape, leaf: tuple[Step, ...] = (), root: str = ROOT) -> str:
    """Return the fragment that a path leads to, and add the path to `shape`."""
    for steps in alternatives(path):
        shape.add(steps + leaf)
    return coalesced(root, path, leaf)


def _fhir_text(path: str, shape: Shape) -> str:
    return FHIR_ID[path] if path in FHIR_ID else f"json_text({read(path, shape)})"


def _fhir_identifier(item: Property, path: str, shape: Shape) -> Value:
    value = _fhir_text(path, shape)
    authority = _fhir_text(item.authority_path, shape) if item.authority_path else sql.text(item.authority or "")
    present = f"{value} is not null" if path in FHIR_ID else f"json_present({read(path, shape)})"
    return identifier_value(item, present, f"coalesce({authority}, '') || {sql.SEPARATOR} || {value}")


def _reference(item: Property, path: str, shape: Shape) -> Value:
    reference, message = _reference_message(item, path, shape, ROOT)
    return identifier_value(
        item, f"json_present({reference}) and not starts_with({reference}::varchar, '\"#')", message
    )


def _reference_message(item: Property, path: str, shape: Shape, root: str) -> tuple[str, str]:
    leaves = {k: (Step(k),) for k in ("reference", "system", "value")}
    logical = (Step("identifier"),)
    reference = read(path, shape, leaves["reference"], root)
    system = read(path, shape, logical + leaves["system"], root)
    value = read(path, shape, logical + leaves["value"], root)
    target = sql.text(item.reference or "")
    message = f"resolved_reference(json_text({reference}), {target}, json_text({system}), json_text({value}))"
    return reference, message


def _array(item: Property, path: str, shape: Shape) -> Value:
    entry, inner = "entry", Shape(is_list=True)
    members = ", ".join(f"{sql.text(p.name)}: {_member(p, inner, entry)}" for p in item.items)
    steps = alternatives(path)[0]
    shape.graft(steps, inner)
    came = coalesced(ROOT, path)
    entries = f"list_transform({came_column(item)}, lambda {entry}: {{{members}}})"
    return Value(item, came, f"case when len({came_column(item)}) > 0 then {entries} end")


def _member(item: Property, shape: Shape, entry: str) -> str:
    path = item.path or ""
    if item.reference:
        return f"pseudonym_of({_reference_message(item, path, shape, entry)[1]})"
    return json_typed(item, read(path, shape, root=entry))


def json_typed(item: Property, came: str) -> str:
    """Return a JSON fragment as the property's type, null where it is of another."""
    match item.logical_type:
        case LogicalType.NUMBER:
            return scaled(item, f"json_number({came})")
        case LogicalType.INTEGER:
            return f"whole_number(json_number({came}))"
        case LogicalType.BOOLEAN:
            return f"json_boolean({came})"
        case LogicalType.DATE:
            return f"calendar_date(json_text({came}))"
        case LogicalType.TIMESTAMP:
            return f"instant(json_text({came}))"
        case _:
            return f"json_text({came})"
