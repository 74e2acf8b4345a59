"""Reading FHIR: SQL over a struct that `from_json` makes of a resource.

What does not belong here: tables, clauses, and the stages that put readings together (compiler.py).
"""

from collections.abc import Callable, Container
from dataclasses import replace

from orchestration.contracts import sql
from orchestration.contracts.model import LogicalType, Property
from orchestration.contracts.path import BOOLEAN, NUMBER, TEXT, Shape, Step, alternatives, coalesced
from orchestration.contracts.values import (
    ELSEWHERE,
    Value,
    came_column,
    identifier_value,
    part_column,
    placeholder_mark,
    scaled,
)

ROOT = "_r"
FHIR_ID = {"id": "_id", "resourceType": "_type"}  # the reader settles both: a bundle may give them outside the resource
CAME = "came"
BASE = "_base"  # the server that a record is from, as its bundle says
NUMBERED = {"Patient": "patient", "Encounter": "visit"}  # what a reference by identifier gives the number of
JSON_KINDS = {LogicalType.NUMBER: NUMBER, LogicalType.INTEGER: NUMBER, LogicalType.BOOLEAN: BOOLEAN}
REFERENCE_PARTS = {
    "reference": (Step("reference"),),
    "type": (Step("type"),),
    "system": (Step("identifier"), Step("system")),
    "value": (Step("identifier"), Step("value")),
}


def fhir_value(item: Property, shape: Shape) -> Value:
    """Return the reading of a property, and add to `shape` what it needs of the resource."""
    if item.items:
        return _array(item, shape)
    if item.path in FHIR_ID and not item.is_identifier:
        return Value(item, FHIR_ID[item.path], came_column(item))
    fragments = {part_column(item, part): made for part, made in _fragments(item, shape, ROOT).items()}
    if item.is_identifier:
        parts = _parts(item, FHIR_ID)
        texts = {part_column(item, f"{part}_text"): f"json_text({part_column(item, part)})" for part in parts}
        settled = {"value": FHIR_ID.get(item.path or ""), "authority": FHIR_ID.get(item.authority_path or "")}
        made = _identifier(item, lambda part: settled.get(part) or part_column(item, f"{part}_text"))
        return replace(made, fragments=fragments, texts=texts)
    came = f"json_given({part_column(item, CAME)})"
    if item.logical_type not in (LogicalType.DATE, LogicalType.TIMESTAMP):
        return Value(item, came, json_typed(item, came_column(item)), fragments)
    text = part_column(item, "text")  # a time is looked at from many sides
    return Value(item, came, _text_typed(item, text), fragments, {text: f"json_text({part_column(item, CAME)})"})


def read(path: str, shape: Shape, leaf: tuple[Step, ...] = (), root: str = ROOT, kind: str = TEXT) -> str:
    """Return the text of the JSON fragment that a path leads to, and add the path to `shape`."""
    for steps in alternatives(path):
        shape.add(steps + leaf, kind)
    return f"cast({coalesced(root, path, leaf)} as varchar)"


def _parts(item: Property, settled: Container[str]) -> dict[str, tuple[str, tuple[Step, ...]]]:
    """Return what is read of a property: a path and what follows it, by the part's name; not what is settled."""
    path = item.path or ""
    if item.reference:
        return {part: (path, leaf) for part, leaf in REFERENCE_PARTS.items()}
    if not item.is_identifier:
        return {CAME: (path, ())}
    paths = {"value": path, "authority": item.authority_path or ""}
    return {part: (way, ()) for part, way in paths.items() if way and way not in settled}


def _fragments(item: Property, shape: Shape, root: str) -> dict[str, str]:
    settled = FHIR_ID if root == ROOT else ()
    kind = JSON_KINDS.get(item.logical_type, TEXT)
    return {part: read(path, shape, leaf, root, kind) for part, (path, leaf) in _parts(item, settled).items()}


def _identifier(item: Property, text: Callable[[str], str]) -> Value:
    """Return the reading of an identifier from the texts of its parts.

    A reference to another type than the contract's, or to another server's, is none, unless one is required.
    """
    if not item.reference:
        given = sql.issued(item.identifies, text("value"))
        marks = placeholder_mark(item, text("value"))
        return identifier_value(item, f"{given} is not null", _message(item, text), marks)
    absent, elsewhere = f"starts_with({text('reference')}, '#')", f"from_elsewhere({text('reference')}, {BASE})"
    other = f"named_type({text('reference')}, {text('type')}) <> {sql.text(item.reference)}"
    if not item.is_required:
        absent += f" or {other} or {elsewhere}"
    came = f"json_given({part_column(item, 'reference')}) is not null"
    marks = {ELSEWHERE: f"{elsewhere} and not coalesce({other}, false)"} if item.is_required else {}
    return identifier_value(item, f"{came} and not coalesce({absent}, false)", _message(item, text), marks)


def _message(item: Property, text: Callable[[str], str]) -> str:
    """Return the message for the pseudonym: authority, separator, identifier."""
    if item.reference:
        target = sql.text(item.reference)
        kind = NUMBERED.get(item.reference)
        number = f"{text('system')}, {sql.issued(kind, text('value'))}"  # of a reference by identifier
        found = f"resolved_reference({text('reference')}, {text('type')}, {target}, {number}, {BASE})"
        return sql.canonical(kind, found)
    authority = f"coalesce({text('authority')}, '')" if item.authority_path else sql.text(item.authority or "")
    number = sql.issued(item.identifies, text("value"))
    return sql.canonical(item.identifies, f"{authority} || {sql.SEPARATOR} || {number}")


def _array(item: Property, shape: Shape) -> Value:
    """Return the reading of a list: first every member's fragments, then its values."""
    inner = Shape(is_list=True)
    shape.graft(alternatives(item.path or "")[0], inner)
    given = ", ".join(
        f"{member_part(member, part)}: json_given({made})"
        for member in item.items
        for part, made in _fragments(member, inner, "entry").items()
    )
    came = f"list_transform({coalesced(ROOT, item.path or '')}, lambda entry: {{{given}}})"
    members = ", ".join(f"{sql.name(member.name)}: {_member(member)}" for member in item.items)
    entries = f"list_transform({came_column(item)}, lambda entry: {{{members}}})"
    column = part_column(item, CAME)
    return Value(item, column, f"case when len({came_column(item)}) > 0 then {entries} end", {column: came})


def member_part(member: Property, part: str = CAME) -> str:
    """Return the name under which an entry of a list holds a part of what came of a member."""
    return sql.name(f"{part}_of_{member.name}")


def _member(member: Property) -> str:
    if member.is_identifier:
        return f"pseudonym_of({_message(member, lambda part: f'json_text(entry.{member_part(member, part)})')})"
    came = f"entry.{member_part(member)}"
    if member.transform:  # within the expression the member's name means its text
        return f"list_transform([json_text({came})], lambda {sql.name(member.name)}: ({member.transform}))[1]"
    if member.logical_type in (LogicalType.DATE, LogicalType.TIMESTAMP):
        return f"list_transform([json_text({came})], lambda t: {_text_typed(member, 't')})[1]"
    return json_typed(member, came)


def _text_typed(item: Property, text: str) -> str:
    return f"calendar_date({text})" if item.logical_type is LogicalType.DATE else f"instant({text})"


def json_typed(item: Property, came: str) -> str:
    """Return a JSON fragment as the property's type, null where it is of another."""
    match item.logical_type:
        case LogicalType.NUMBER:
            return scaled(item, f"json_number({came})")
        case LogicalType.INTEGER:
            return f"whole_number(json_number({came}))"
        case LogicalType.BOOLEAN:
            return f"json_boolean({came})"
        case LogicalType.DATE | LogicalType.TIMESTAMP:
            return _text_typed(item, f"json_text({came})")
        case _:
            return f"json_text({came})"
