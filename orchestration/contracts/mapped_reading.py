"""Reading a column as a site's mapping says, as SQL: the text that came, and the text that it stands for.

What does not belong here: what a mapping may say (mapping.py), and typing the text (table_reading.py).
"""

from collections.abc import Mapping

from orchestration.contracts import sql
from orchestration.contracts.model import LogicalType, Property, Reading

UNREADABLE = "'?'"  # no number and no time: what does not have the mapping's form must break the contract's type
CLOCKS, ZONE = ("%H", "%I"), "%z"
WRITTEN_ZONE = r" *[+-]\d\d(:?\d\d)?$"
SPECIAL = r".+*?()[]{}|^$\ "


def came_text(reading: Reading, columns: Mapping[str, str]) -> str:
    """Return what came: one column's text, those of several joined by a space, or the constant."""
    if reading.value is not None:
        return sql.text(reading.value)
    cells = [f"nullif(trim(cast({sql.name(columns[c.lower()])} as varchar)), '')" for c in reading.columns]
    return cells[0] if len(cells) == 1 else f"nullif(concat_ws(' ', {', '.join(cells)}), '')"


def meant_text(item: Property, reading: Reading, came: str) -> str:
    """Return the text that the contract is to judge, null for a code that the mapping does not list."""
    text = _decoded(reading, came)
    if reading.formats:
        return _moment(item, reading, text)
    if reading.decimal != "." or reading.thousands:
        text = _number(reading, text)
    return _scaled(reading, text) if reading.factor is not None or reading.offset is not None else text


def unlisted(reading: Reading, came: str) -> str | None:
    """Return the predicate that a code came which the mapping does not list, null where none is refused."""
    if not reading.codes or reading.keeps_unlisted:
        return None
    return f"{came} not in ({', '.join(sql.text(code) for code, _ in reading.codes)})"


def _decoded(reading: Reading, came: str) -> str:
    if not reading.codes:
        return came
    whens = " ".join(f"when {sql.text(code)} then {sql.text(meant)}" for code, meant in reading.codes)
    return f"case {came} {whens}{f' else {came}' if reading.keeps_unlisted else ''} end"


def _moment(item: Property, reading: Reading, text: str) -> str:
    """Return a date or time in ISO 8601; a time without an offset is one of the site's clocks."""
    made = ", ".join(_parsed(item, form, text) for form in reading.formats)
    return f"case when {text} is not null then coalesce({made}, {UNREADABLE}) end"


def _parsed(item: Property, form: str, text: str) -> str:
    parsed, is_date = f"try_strptime({text}, {sql.text(form)})", item.logical_type is LogicalType.DATE
    is_zoned = ZONE in form
    if form.endswith(ZONE) and (is_date or not any(clock in form for clock in CLOCKS)):
        written = f"regexp_replace({text}, {sql.text(WRITTEN_ZONE)}, '')"  # a zone would move the day that is written
        day = f"try_strptime({written}, {sql.text(form.removesuffix(ZONE).rstrip())})"
        parsed, is_zoned = f"case when {parsed} is not null then {day} end", False
    if is_date:
        return f"cast(cast({parsed} as date) as varchar)"
    zoned = parsed if is_zoned else f"timezone(getvariable('site_zone'), {parsed})"
    return f"cast({zoned} as varchar)"


def _number(reading: Reading, text: str) -> str:
    group, point = (_pattern(c) for c in (reading.thousands, reading.decimal))
    grouped = f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|" if reading.thousands else ""
    form = sql.text(f"[+-]?(?:{grouped}[0-9]+)(?:{point}[0-9]*)?|[+-]?{point}[0-9]+")
    plain = f"replace({text}, {sql.text(reading.thousands)}, '')" if reading.thousands else text
    pointed = f"replace({plain}, {sql.text(reading.decimal)}, '.')"
    return f"case when regexp_full_match({text}, {form}) then {pointed} when {text} is not null then {UNREADABLE} end"


def _pattern(character: str) -> str:
    return "".join(f"\\{c}" if c in SPECIAL else c for c in character)


def _scaled(reading: Reading, text: str) -> str:
    factor, offset = (1.0 if reading.factor is None else reading.factor), reading.offset or 0.0
    number = f"number_text({text})"
    made = f"cast(round({number} * {factor!r} + {offset!r}, 6) as varchar)"
    return f"case when {text} is not null then coalesce({made}, {UNREADABLE}) end"
