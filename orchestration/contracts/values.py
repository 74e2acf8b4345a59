"""How one property is read, as SQL: the pieces that the readings of FHIR and of tables share.

What does not belong here: where a value lies in its source (fhir_reading.py, table_reading.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.contracts import sql
from orchestration.contracts.model import LogicalType, Property

SQL_TYPES = {
    LogicalType.STRING: "varchar",
    LogicalType.INTEGER: "bigint",
    LogicalType.NUMBER: "double",
    LogicalType.BOOLEAN: "boolean",
    LogicalType.DATE: "date",
    LogicalType.TIMESTAMP: "timestamptz",
}
SCALE_DIGITS = 6
ELSEWHERE, PLACEHOLDER = "chr(30)", "chr(29)"  # stand for an identifier of another server, and for none (one byte each)


@dataclass(frozen=True)
class Value:
    """How one property is read: SQL of what came (null when nothing came), and of its typed value from that.

    What came of an identifier is already the message for its pseudonym: authority, separator, identifier; the empty
    string stands for one that came and cannot be resolved. `fragments` are columns (name and SQL) that are worked out
    before, and `texts` columns that are worked out from those: what is looked at more than once is read once.
    """

    item: Property
    came: str
    typed: str
    fragments: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])


def sql_type(item: Property) -> str:
    """Return the DuckDB type of a property."""
    if item.logical_type is LogicalType.ARRAY:
        members = ", ".join(f"{sql.name(p.name)} {sql_type(p)}" for p in item.items)
        return f"struct({members})[]"
    return SQL_TYPES[item.logical_type]


def came_column(item: Property) -> str:
    """Return the column that holds what came of a property."""
    return sql.name(f"_came_{item.name}")


def part_column(item: Property, part: str) -> str:
    """Return the column that holds a part of what came of a property."""
    return sql.name(f"_{part}_of_{item.name}")


def identifier_value(item: Property, present: str, message: str, marks: Mapping[str, str] | None = None) -> Value:
    """Return the reading of an identifier: its message, or the empty string where one came that cannot be resolved.

    `present` says whether one came; it is asked only where there is no message, as are the conditions of `marks`, under
    which a mark comes instead: what is wrong with the identifier then has a clause of its own.
    """
    whens = "".join(f" when {condition} then {mark}" for mark, condition in (marks or {}).items())
    came = f"coalesce({message}, case{whens} when {present} then '' end)"
    return Value(item, came, f"case when strlen({came_column(item)}) > 1 then {came_column(item)} end")


def placeholder_mark(item: Property, text: str) -> dict[str, str]:
    """Return when an identifier that is required is marked as a placeholder; one that is not counts as none."""
    return {PLACEHOLDER: f"{text} is not null"} if item.identifies and item.is_required else {}


def scaled(item: Property, number: str) -> str:
    """Return a number in the property's unit."""
    return number if item.scale is None else f"round({number} * {item.scale!r}, {SCALE_DIGITS})"
