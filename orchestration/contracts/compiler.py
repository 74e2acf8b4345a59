"""A contract object as DuckDB SQL: what is read and typed, which clauses it may break, what is a pseudonym.

What does not belong here: bytes, files, and what is done with a row that breaks a clause (orchestration/feeds).
The source relation brings, beside the record itself, the columns that are carried through (`CARRIED`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.contracts import sql
from orchestration.contracts.clauses import Clause, clauses, element_clause
from orchestration.contracts.elements import Wrong, wrongs
from orchestration.contracts.fhir_reading import ROOT, fhir_value, read
from orchestration.contracts.model import ContractObject, LogicalType, Property
from orchestration.contracts.path import Shape
from orchestration.contracts.suspects import Naming, suspicion
from orchestration.contracts.table_reading import column_value
from orchestration.contracts.values import Value, came_column, sql_type

CARRIED = ("_file_no", "_line", "_arrived_at", "_content", "_is_deleted")
PROVENANCE = (
    ("_feed", "varchar"),
    ("_contract", "varchar"),
    ("_file", "varchar"),
    ("_line", "bigint"),
    ("_arrived_at", "timestamptz"),
    ("_key", "varchar"),
    ("_content", "varchar"),
    ("_version_at", "timestamptz"),
    ("_is_deleted", "boolean"),
)
VERSION_PATH = "meta.lastUpdated"
WRONG = "_wrong"  # the number of what is wrong in the form of a document


@dataclass(frozen=True)
class Compiled:
    """A contract object as SQL. `select` reads `{source}`; `_broken` is a 1-based clause number or null."""

    object: ContractObject
    clauses: tuple[Clause, ...]
    select: str

    def query(self, source: str) -> str:
        return self.select.replace("{source}", source)


def lake_columns(item: ContractObject) -> tuple[tuple[str, str], ...]:
    """Return names and DuckDB types of a lake table, provenance first; the hive columns site and day come on top."""
    return PROVENANCE + tuple((p.name, sql_type(p)) for p in item.columns)


def compile_fhir(item: ContractObject, *, is_foreign: bool = False, naming: Naming | None = None) -> Compiled:
    """Compile an object over a source with `_id`, `_type`, `doc` (the resource as JSON text) and `_base` (its server).

    `is_foreign` says that somebody else wrote the documents: then an element of another kind than what is read is a
    clause too (elements.py); then `naming` saves work (suspects.py), and needs their `_names`.
    """
    shape, values, version = _read(item)
    parsed = f"from_json(doc, {sql.text(shape.structure())}) as {ROOT}"
    wrong = f", {suspicion(shape, ROOT, naming)} as {WRONG}" if is_foreign else ""
    first = f"select *, {version}{wrong} from (select *, {parsed} from {{source}})"
    return _assemble(item, values, first, "instant(_version_text)", wrongs(shape) if is_foreign else ())


def shape_of(item: ContractObject) -> Shape:
    """Return the part of a document that an object reads."""
    return _read(item)[0]


def _read(item: ContractObject) -> tuple[Shape, list[Value], str]:
    """Return what is read of a document, and the SQL of its values and of the text of its version."""
    shape = Shape()
    values = [fhir_value(p, shape) for p in item.properties if p.is_read]
    return shape, values, f"json_text({read(VERSION_PATH, shape)}) as _version_text"


def compile_tabular(item: ContractObject, columns: Mapping[str, str], file_name: str = "") -> Compiled:
    """Compile an object over a table. `columns` maps a lower-case column name to the name that came."""
    values = [column_value(p, columns, file_name) for p in item.properties if p.is_read]
    return _assemble(item, values, "select * from {source}", "cast(null as timestamptz)")


def _assemble(
    item: ContractObject, values: list[Value], first: str, version: str, wrong: tuple[Wrong, ...] = ()
) -> Compiled:
    carried = ", ".join((*CARRIED, WRONG) if wrong else CARRIED)
    plain, late = ([p for p in item.properties if p.transform and p.is_identifier is late] for late in (False, True))
    came = "".join(f", {v.came} as {came_column(v.item)}" for v in values)
    typed = "".join(f", {v.typed} as {sql.name(v.item.name)}" for v in values)
    fragments, texts = (
        "".join(f", {made} as {column}" for columns in stage for column, made in columns.items())
        for stage in ([v.fragments for v in values], [v.texts for v in values])
    )
    flags = "".join(f", {came_column(v.item)}" for v in values)
    broken_by = clauses(item, values)
    broken = _broken(broken_by, wrong)
    projected = "".join(f", {_projection(p, again=bool(wrong))} as {sql.name(p.name)}" for p in item.columns)
    select = (
        f"with _first as ({first}), "
        f"_given as (select *{fragments} from _first), "
        f"_said as (select *{texts} from _given), "
        f"_read as (select *, {version} as _version_at{came} from _said), "
        f"_typed as (select {carried}, _version_at{flags}{typed} from _read), "
        f"_plain as ({_transformed(plain, '_typed')}), "
        f"_shaped as ({_transformed(late, '_plain')}), "
        f"_judged as (select *, {broken} as _broken from _shaped) "
        f"select {', '.join(CARRIED)}, {_version(item)} as _version_at, _broken, "
        f"pseudonym_of({_key_message(item)}) as _key{projected} from _judged"
    )
    return Compiled(item, (*broken_by, *(element_clause(item, *one) for one in wrong)), select)


def _broken(broken_by: tuple[Clause, ...], wrong: tuple[Wrong, ...]) -> str:
    """Return the number of the first clause that a row breaks. An element with others inside comes first, since nothing
    of what it should hold was read; any other last, for most have a clause of their own."""
    whens = [f"when {c.predicate} then {n}" for n, c in enumerate(broken_by, start=1)]
    if wrong:
        nodes, made = sum(element.is_node for element, _ in wrong), f"then {len(broken_by)} + {WRONG}"
        whens = [f"when {WRONG} <= {nodes} {made}", *whens, f"when {WRONG} is not null {made}"]
    return f"case when _is_deleted then null {' '.join(whens)} end" if whens else "cast(null as integer)"


def _version(item: ContractObject) -> str:
    """Return when a record's version was made: what its format says, or the property that the contract names."""
    return f"possible_version({sql.name(item.version) if item.version else '_version_at'}, _arrived_at)"


def _transformed(computed: list[Property], source: str) -> str:
    """Return a stage that computes properties, instead of what was read of them where something was."""
    again, new = (
        [f"{_transform(p)} as {sql.name(p.name)}" for p in computed if p.is_read is is_read]
        for is_read in (True, False)
    )
    replaced = f" replace ({', '.join(again)})" if again else ""
    return f"select {', '.join(['*' + replaced, *new])} from {source}"


def _transform(item: Property) -> str:
    made = f"({item.transform})"
    return f"{sql.text(item.authority or '')} || {sql.SEPARATOR} || {made}" if item.is_identifier else made


def _projection(item: Property, *, again: bool) -> str:
    """Return what lands of a property; `again` says that the database knows digests.py."""
    column = sql.name(item.name)
    if item.is_identifier:
        return f"pseudonym_again({column})" if again and item.reference else f"pseudonym_of({column})"
    return f"bare_code({column})" if _may_be_anything(item) else f"cast({column} as {sql_type(item)})"


def _may_be_anything(item: Property) -> bool:
    """Whether a column takes whatever text the source puts there; a code system's name is a web address."""
    is_bound = item.codes or item.pattern or item.transform or item.name.endswith("system")
    return item.logical_type is LogicalType.STRING and not is_bound


def _key_message(item: ContractObject) -> str:
    key = item.key
    column = sql.name(key.name)
    if key.is_identifier:
        return column
    return f"{sql.text(item.name)} || {sql.SEPARATOR} || cast({column} as varchar)"
