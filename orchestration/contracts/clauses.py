"""The clauses of an object: every way in which a row can break its contract, as an SQL predicate with a reason.

What does not belong here: reading values. A reason says what was expected and never quotes what came.
"""

from dataclasses import dataclass

from orchestration.contracts import sql
from orchestration.contracts.fhir_reading import json_typed
from orchestration.contracts.model import ContractObject, LogicalType, Property
from orchestration.contracts.path import coalesced
from orchestration.contracts.values import Value, came_column, sql_type

TYPE_REASONS = {
    LogicalType.STRING: "a string",
    LogicalType.INTEGER: "a whole number",
    LogicalType.NUMBER: "a number",
    LogicalType.BOOLEAN: "true or false",
    LogicalType.DATE: "a date (YYYY, YYYY-MM or YYYY-MM-DD)",
    LogicalType.TIMESTAMP: "a date, or a time with a time zone (ISO 8601)",
    LogicalType.ARRAY: "a list",
}
LISTED_CODES = 12


@dataclass(frozen=True)
class Clause:
    """One way to break the contract: `<object>.<property>.<rule>`, its SQL predicate, and the reason in plain words."""

    id: str
    predicate: str
    reason: str


def clauses(item: ContractObject, values: list[Value]) -> tuple[Clause, ...]:
    """Return the clauses in the order of the contract; a row is told the first that it breaks."""
    read = {v.item.name for v in values}
    found: list[Clause] = []
    for p in item.properties:
        if p.name in read:
            found.append(_type_clause(item, p))
            found.extend(_member_clauses(item, p))
        if p.name in read or p.transform:
            found.extend(_value_clauses(item, p))
    rules = (Clause(f"{item.name}.{r.name}", f"not ({r.expression})", f"{r.description}.") for r in item.rules)
    return (*found, *rules)


def _type_clause(item: ContractObject, p: Property) -> Clause:
    wanted = "a reference that can be resolved" if p.reference else TYPE_REASONS[p.logical_type]
    came = f"len({came_column(p)}) > 0" if p.items else f"{came_column(p)} is not null"
    made = " and false" if p.transform else ""  # what the contract computes has no type of its own to break
    return _clause(item, p, "type", f"{came} and {sql.name(p.name)} is null{made}", wanted)


def _member_clauses(item: ContractObject, p: Property) -> list[Clause]:
    found: list[Clause] = []
    for member in p.items:
        if member.logical_type is LogicalType.STRING:
            continue
        came = coalesced("entry", member.path or "")
        wrong = f"json_present({came}) and {json_typed(member, came)} is null"
        searched = f"len(list_filter({came_column(p)}, lambda entry: {wrong})) > 0"
        predicate = f"case when len({came_column(p)}) > 0 then {searched} end"
        found.append(_clause(item, p, f"{member.name}.type", predicate, TYPE_REASONS[member.logical_type]))
    return found


def _value_clauses(item: ContractObject, p: Property) -> list[Clause]:
    column = sql.name(p.name)
    found: list[Clause] = []
    if p.is_required:
        found.append(_clause(item, p, "required", f"{column} is null", "present"))
    if p.codes:
        listed = ", ".join(_literal(p, c) for c in p.codes)
        shown = ", ".join(p.codes[:LISTED_CODES]) + (", ..." if len(p.codes) > LISTED_CODES else "")
        found.append(_clause(item, p, "codes", f"{column} not in ({listed})", f"one of: {shown}"))
    if p.minimum is not None:
        found.append(_clause(item, p, "range", f"{column} < {_literal(p, p.minimum)}", f"at least {p.minimum}"))
    if p.maximum is not None:
        found.append(_clause(item, p, "range", f"{column} > {_literal(p, p.maximum)}", f"at most {p.maximum}"))
    if p.pattern is not None:
        wrong = f"not regexp_full_match({column}, {sql.text(p.pattern)})"
        found.append(_clause(item, p, "pattern", wrong, f"of the form {p.pattern}"))
    if p.max_length is not None:
        wanted = f"at most {p.max_length} characters long"
        found.append(_clause(item, p, "length", f"length({column}) > {p.max_length}", wanted))
    return found


def _clause(item: ContractObject, p: Property, rule: str, predicate: str, wanted: str) -> Clause:
    name = f"{item.name}.{p.name}"
    return Clause(f"{name}.{rule}", predicate, f"{name} must be {wanted}.")


def _literal(p: Property, value: str) -> str:
    if p.logical_type in (LogicalType.INTEGER, LogicalType.NUMBER):
        return repr(float(value)) if p.logical_type is LogicalType.NUMBER else str(int(value))
    return f"cast({sql.text(value)} as {sql_type(p)})"
