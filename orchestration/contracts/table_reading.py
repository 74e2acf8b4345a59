"""Reading tables: SQL over columns of text or numbers, found under any of the names that a contract allows.

What does not belong here: FHIR, clauses, and the stages that put readings together (compiler.py).
"""

import re
from collections.abc import Mapping

from orchestration.contracts import sql
from orchestration.contracts.mapped_reading import came_text, meant_text
from orchestration.contracts.model import LogicalType, Property
from orchestration.contracts.values import Value, came_column, identifier_value, placeholder_mark, scaled


def _column(item: Property, columns: Mapping[str, str]) -> str | None:
    return next((columns[c.lower()] for c in item.columns if c.lower() in columns), None)


def column_value(item: Property, columns: Mapping[str, str], file_name: str) -> Value:
    """Return the reading of a property from the column that came, or from the file's name."""
    came = _came(item, columns, file_name)
    if item.is_identifier:
        given = sql.issued(item.identifies, came)
        message = sql.canonical(item.identifies, f"{sql.text(item.authority or '')} || {sql.SEPARATOR} || {given}")
        return identifier_value(item, f"{given} is not null", message, placeholder_mark(item, came))
    meant = meant_text(item, item.reading, came_column(item)) if item.reading else came_column(item)
    return Value(item, came, _text_typed(item, meant))


def cells(item: Property, columns: Mapping[str, str]) -> dict[str, str]:
    """Return what a table says of a property, by name: the cells as they came, or what a mapping makes of them."""
    if item.reading is None:
        return {c.lower(): sql.name(columns[c.lower()]) for c in item.columns if c.lower() in columns}
    came = _came(item, columns, "")
    return {f"{item.name} as mapped": f"coalesce({meant_text(item, item.reading, came)}, {came})"}


def _came(item: Property, columns: Mapping[str, str], file_name: str) -> str:
    if item.reading is not None:
        return _column_text(item, came_text(item.reading, columns))
    column = _column(item, columns)
    if column is None:
        return _from_file_name(item, file_name)
    return _column_text(item, f"cast({sql.name(column)} as varchar)")


def _column_text(item: Property, column: str) -> str:
    trimmed = f"nullif(trim({column}), '')"
    if not item.sentinels:
        return trimmed
    listed = ", ".join(sql.text(s) for s in item.sentinels)
    return f"case when trim({column}) not in ({listed}) then {trimmed} end"


def _from_file_name(item: Property, file_name: str) -> str:
    found = re.search(item.file_name_pattern, file_name) if item.file_name_pattern else None
    return sql.text(found.group()) if found else "cast(null as varchar)"


def _text_typed(item: Property, came: str) -> str:
    match item.logical_type:
        case LogicalType.NUMBER:
            return scaled(item, f"number_text({came})")
        case LogicalType.INTEGER:
            return f"whole_text({came})"
        case LogicalType.BOOLEAN:
            return _coded_boolean(item, came)
        case LogicalType.DATE:
            return f"calendar_date({came})"
        case LogicalType.TIMESTAMP:
            return f"zoned_time({came})"
        case _:
            return came


def _coded_boolean(item: Property, came: str) -> str:
    if not item.true_codes:
        return f"try_cast({came} as boolean)"
    true, false = (", ".join(sql.text(c) for c in codes) for codes in (item.true_codes, item.false_codes))
    return f"case when {came} in ({true}) then true when {came} in ({false}) then false end"
