"""The clauses of an object: every way in which a row can break its contract, as an SQL predicate with a reason.

What does not belong here: reading values. A reason says what was expected and never quotes what came.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from orchestration.contracts import sql
from orchestration.contracts.elements import Element
from orchestration.contracts.fhir_reading import member_part
from orchestration.contracts.mapped_reading import unlisted
from orchestration.contracts.model import ContractObject, LogicalType, Property
from orchestration.contracts.values import ELSEWHERE, PLACEHOLDER, Value, came_column, sql_type

TYPE_REASONS = {
    LogicalType.STRING: "a string",
    LogicalType.INTEGER: "a whole number",
    LogicalType.NUMBER: "a number",
    LogicalType.BOOLEAN: "true or false",
    LogicalType.DATE: "a date (YYYY, YYYY-MM or YYYY-MM-DD)",
    LogicalType.TIMESTAMP: "a date, or a time with a time zone (ISO 8601)",
    LogicalType.ARRAY: "a list",
}
ZONED_TIME = "a time with a time zone (ISO 8601)"
OWN_SERVER = "of a FHIR server of the site's own; its site file lists them as `fhir_servers`"
ISSUED = "a number that somebody issued, and no placeholder such as NA or unknown (placeholders.yaml)"
WORD = re.compile("[A-Za-z_0-9]+")
LISTED_CODES = 12
EASTERNMOST_HOURS = 14  # where a day begins first: UTC+14


@dataclass(frozen=True)
class Clause:
    """One way to break the contract: `<object>.<property>.<rule>`, its SQL predicate, and the reason in plain words."""

    id: str
    predicate: str
    reason: str


@dataclass(frozen=True)
class Rule:
    """One way in which one value can be wrong: the predicate that it is, and what was wanted."""

    name: str
    predicate: str
    wanted: str


def clauses(item: ContractObject, values: list[Value]) -> tuple[Clause, ...]:
    """Return the clauses in the order of the contract; a row is told the first that it breaks."""
    read = {v.item.name for v in values}
    found: list[Clause] = []
    for p in item.properties:
        if p.name in read:
            found.extend(_unlisted_clause(item, p))
            found.extend(_marked_clauses(item, p))
            found.append(_type_clause(item, p))
            found.extend(_member_clauses(item, p))
        if p.name in read or p.transform:
            found.extend(_clause(item, p.name, rule) for rule in _rules(p))
    rules = (Clause(f"{item.name}.{r.name}", f"not ({r.expression})", f"{r.description}.") for r in item.rules)
    return (*found, *rules)


def _type_clause(item: ContractObject, p: Property) -> Clause:
    wanted = f"a reference to {p.reference} that can be resolved" if p.reference else TYPE_REASONS[p.logical_type]
    if p.logical_type is LogicalType.TIMESTAMP and p.sources:
        wanted = ZONED_TIME  # of a table; FHIR's times may be partial
    came = f"len({came_column(p)}) > 0" if p.items else f"{came_column(p)} is not null"
    made = " and false" if p.transform else ""  # what the contract computes has no type of its own to break
    return _clause(item, p.name, Rule("type", f"{came} and {sql.name(p.name)} is null{made}", wanted))


def _marked_clauses(item: ContractObject, p: Property) -> Iterator[Clause]:
    """Yield what is wrong with an identifier that is required and is not the site's (values.py marks it)."""
    if p.reference and p.is_required:
        yield _clause(item, p.name, Rule("server", f"{came_column(p)} = {ELSEWHERE}", OWN_SERVER))
    elif p.identifies and p.is_required:
        yield _clause(item, p.name, Rule("placeholder", f"{came_column(p)} = {PLACEHOLDER}", ISSUED))


def _unlisted_clause(item: ContractObject, p: Property) -> list[Clause]:
    """Return the clause that a code came which the site's mapping does not list."""
    predicate = unlisted(p.reading, came_column(p)) if p.reading else None
    if p.reading is None or predicate is None:
        return []
    shown = ", ".join(code for code, _ in p.reading.codes[:LISTED_CODES])
    more = ", ..." if len(p.reading.codes) > LISTED_CODES else ""
    rule = Rule("unmapped", predicate, f"a code that the site's mapping lists ({shown}{more})")
    return [_clause(item, p.name, rule)]


def looked_at(item: ContractObject) -> ContractObject:
    """Return an object with those members of its lists only that a clause looks at; its clauses are the same.

    Of plain columns DuckDB leaves out by itself what nothing asks for; of a list it makes every member of every entry.
    """
    spoken = " ".join(filter(None, (*(r.expression for r in item.rules), *(p.transform for p in item.properties))))
    named = set(WORD.findall(spoken))
    properties = (p if p.name in named else replace(p, items=_looked_at(p.items)) for p in item.properties)
    return replace(item, properties=tuple(properties))


def _looked_at(members: tuple[Property, ...]) -> tuple[Property, ...]:
    """Return the members that decide anything; the first where none does, for a list has entries."""
    others = {member.ranges_by for member in members}
    kept = tuple(m for m in members if _is_typed(m) or m.form or _rules(m) or m.name in others)
    return kept or members[:1]


def _is_typed(member: Property) -> bool:
    """Whether a member can come in another type than the contract's, and matters as much: a code that is no text must
    not read as none."""
    return (member.logical_type is not LogicalType.STRING or bool(member.codes)) and not member.transform


def _member_clauses(item: ContractObject, p: Property) -> list[Clause]:
    found: list[Clause] = []
    for member in p.items:
        if _is_typed(member):
            typed = f"{sql.name(p.name)}[place].{sql.name(member.name)}"
            wrong = f"entry.{member_part(member)} is not null and {typed} is null"
            rule = Rule("type", _in_any(came_column(p), wrong), TYPE_REASONS[member.logical_type])
            found.append(_clause(item, f"{p.name}.{member.name}", rule))
        if member.form is not None:
            found.append(_clause(item, f"{p.name}.{member.name}", _form(p, member, member.form)))
        found.extend(
            _clause(item, f"{p.name}.{member.name}", replace(r, predicate=_in_any(sql.name(p.name), r.predicate)))
            for r in _rules(member, "entry.")
        )
    return found


def _form(p: Property, member: Property, form: str) -> Rule:
    """Return the rule that what came of a list's member can be read; blanks are nothing that came."""
    made = f"{sql.name(p.name)}[place].{sql.name(member.name)}"
    wrong = f"{made} is null and json_text(entry.{member_part(member)}) is not null"
    return Rule("form", _in_any(came_column(p), wrong), f"of the form {form}")


def _in_any(entries: str, predicate: str) -> str:
    """Return whether a predicate over `entry` and its `place` holds for any entry of a list."""
    return f"case when len({entries}) > 0 then len(list_filter({entries}, lambda entry, place: {predicate})) > 0 end"


def _rules(p: Property, row: str = "") -> list[Rule]:
    """Return the rules of a value; `row` is what stands before a column's name: nothing, or the entry of a list."""
    column = f"{row}{sql.name(p.name)}"
    found: list[Rule] = []
    if p.is_required:
        found.append(Rule("required", f"{column} is null", "present"))
    if p.logical_type is LogicalType.STRING and not (p.is_identifier or p.codes or p.pattern or p.transform):
        found.append(Rule("zero_byte", f"contains({column}, chr(0))", "text without zero bytes"))
    if p.codes:
        listed = ", ".join(_literal(p, c) for c in p.codes)
        shown = ", ".join(p.codes[:LISTED_CODES]) + (", ..." if len(p.codes) > LISTED_CODES else "")
        found.append(Rule("codes", f"{column} not in ({listed})", f"one of: {shown}"))
    if p.minimum is not None:
        found.append(Rule("range", f"{column} < {_literal(p, p.minimum)}", f"at least {p.minimum}"))
    if p.maximum is not None:
        found.append(Rule("range", f"{column} > {_literal(p, p.maximum)}", f"at most {p.maximum}"))
    if p.ranges:
        found.append(_coded_range(p, column, f"{row}{sql.name(p.ranges_by or '')}"))
    if p.latest_after_arrival is not None:
        found.append(_latest(p, column, p.latest_after_arrival))
    if p.pattern is not None:
        wrong = f"not regexp_full_match({column}, {sql.text(p.pattern)})"
        found.append(Rule("pattern", wrong, f"of the form {p.pattern}"))
    if p.max_length is not None:
        wanted = f"at most {p.max_length} characters long"
        found.append(Rule("length", f"length({column}) > {p.max_length}", wanted))
    return found


def _coded_range(p: Property, column: str, code: str) -> Rule:
    whens = " ".join(
        f"when {sql.text(r.code)} then {column} not between {r.minimum!r} and {r.maximum!r}" for r in p.ranges
    )
    shown = ", ".join(f"{r.code}: {r.minimum:g} to {r.maximum:g}" for r in p.ranges)
    return Rule("range", f"case {code} {whens} end", f"what is possible for its code ({shown})")


def _latest(p: Property, column: str, duration: str) -> Rule:
    """Return the rule that nothing happens much later than it is told; a day may already have begun further east."""
    count, unit = int(duration[1:-1]), {"Y": "year", "D": "day"}[duration[-1]]
    told = f"{count} {unit}{'' if count == 1 else 's'} after it arrived" if count else "no later than it arrived"
    span = f"interval '{count} {unit}s'"
    if p.logical_type is LogicalType.DATE:
        latest = f"cast(_arrived_at + {span} + interval '{EASTERNMOST_HOURS} hours' as date)"
        return Rule("future", f"{column} > {latest}", f"at most {told}" if count else told)
    # Arithmetic with calendars is slow, and few times are later than the arrival at all.
    predicate = f"case when {column} > _arrived_at then {column} > _arrived_at + {span} end"
    return Rule("future", predicate, f"at most {told}" if count else told)


def _clause(item: ContractObject, name: str, rule: Rule) -> Clause:
    return Clause(f"{item.name}.{name}.{rule.name}", rule.predicate, f"{item.name}.{name} must be {rule.wanted}.")


def element_clause(item: ContractObject, element: Element, found: str) -> Clause:
    """Return the clause that an element came as another kind of JSON value; what breaks it is found by elements.py."""
    return Clause(f"{item.name}.{'.'.join(element.path)}.element_type", "false", element.told(item.name, found))


def _literal(p: Property, value: str) -> str:
    if p.logical_type in (LogicalType.INTEGER, LogicalType.NUMBER):
        return repr(float(value)) if p.logical_type is LogicalType.NUMBER else str(int(value))
    return f"cast({sql.text(value)} as {sql_type(p)})"
