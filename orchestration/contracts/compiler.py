"""A contract object as DuckDB SQL: what is read and typed, which clauses it may break, what is a pseudonym.

What does not belong here: bytes, files, and what is done with a row that breaks a clause (orchestration/feeds).
The source relation brings, beside the record itself, the columns that are carried through (`CARRIED`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.contracts import sql
from orchestration.contracts.clauses import Clause, clauses
from orchestration.contracts.fhir_reading import ROOT, fhir_value, read
from orchestration.contracts.model import ContractObject, LogicalType, Property
from orchestration.contracts.path import Shape
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


def compile_fhir(item: ContractObject) -> Compiled:
    """Compile an object over a source with `_id`, `_type` and `doc` (the resource as JSON text)."""
    shape = Shape()
    values = [fhir_value(p, shape) for p in item.properties if p.is_read]
    version = f"json_text({read(VERSION_PATH, shape)}) as _version_text"
    parsed = f"from_json(doc, {sql.text(shape.structure())}) as {ROOT}"
    first = f"select *, {version} from (select *, {parsed} from {{source}})"
    return _assemble(item, values, first, "instant(_version_text)")


def compile_tabular(item: ContractObject, columns: Mapping[str, str], file_name: str = "") -> Compiled:
    """Compile an object over a table. `columns` maps a lower-case column name to the name that came."""
    values = [column_value(p, columns, file_name) for p in item.properties if p.is_read]
    return _assemble(item, values, "select * from {source}", "cast(null as timestamptz)")


def _assemble(item: ContractObject, values: list[Value], first: str, version: str) -> Compiled:
    carried = ", ".join(CARRIED)
    plain, late = ([p for p in item.properties if p.transform and p.is_identifier is late] for late in (False, True))
    came = "".join(f", {v.came} as {came_column(v.item)}" for v in values)
    typed = "".join(f", {v.typed} as {sql.name(v.item.name)}" for v in values)
    fragments, texts = (
        "".join(f", {made} as {column}" for columns in stage for column, made in columns.items())
        for stage in ([v.fragments for v in values], [v.texts for v in values])
    )
    flags = "".join(f", {came_column(v.item)}" for v in values)
    broken_by = clauses(item, values)
    whens = " ".join(f"when {c.predicate} then {n}" for n, c in enumerate(broken_by, start=1))
    broken = f"case when _is_deleted then null {whens} end" if broken_by else "cast(null as integer)"
    projected = "".join(f", {_projection(p)} as {sql.name(p.name)}" for p in item.columns)
    select = (
        f"with _first as ({first}), "
        f"_given as (select *{fragments} from _first), "
        f"_said as (select *{texts} from _given), "
        f"_read as (select *, {version} as _version_at{came} from _said), "
        f"_typed as (select {carried}, _version_at{flags}{typed} from _read), "
        f"_plain as ({_transformed(plain, '_typed')}), "
        f"_shaped as ({_transformed(late, '_plain')}), "
        f"_judged as (select *, {broken} as _broken from _shaped) "
        f"select {carried}, {_version(item)} as _version_at, _broken, "
        f"pseudonym_of({_key_message(item)}) as _key{projected} from _judged"
    )
    return Compiled(item, broken_by, select)


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


def _projection(item: Property) -> str:
    column = sql.name(item.name)
    if item.is_identifier:
        return f"pseudonym_of({column})"
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
