"""How many nurses of each skill a unit's shifts need, and who says so: the staffing plan, people on the board, habit.

What does not belong here: making the staffing plan (`forecast_plan.py`), reading duties (`roster_inputs.py`).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb

from evaluation.policies import Tier
from ml.registry.plan import Line, Plan
from ml.usecases import RosterUseCase
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.steps.planning.upstream import Answered
from orchestration.steps.rosters.roster_inputs import Unit, usual_need
from orchestration.steps.warehouse.tables import current_snapshot

LOW, HIGH = 0.05, 0.95
"""The quantiles of a line beside its median."""
ADJUSTED = """
    select unit, shift_date, shift_code, target, wanted from {adjustments}
    where site = $site and use_case in (select unnest($use_cases)) and made_at <= $at and is_last order by made_at
"""
Key = tuple[str, date, str, str]
"""Unit, local day, shift, skill."""


@dataclass(frozen=True)
class Needed:
    """A unit's need by day, shift and skill, with the forecast's line where there is one, and who said so."""

    nurses: dict[tuple[date, str, str], int]
    lines: dict[tuple[date, str, str], Line] = field(default_factory=dict[tuple[date, str, str], Line])
    said_by: dict[tuple[date, str, str], str] = field(default_factory=dict[tuple[date, str, str], str])


def quantile_of(line: Line, level: float) -> float:
    """Return a quantile of a line, read off straight lines between its three; never beyond the outer ones."""
    if level <= 0.5:
        return line.lower + (line.median - line.lower) * max(0.0, (level - LOW) / (0.5 - LOW))
    return line.median + (line.upper - line.median) * min(1.0, (level - 0.5) / (HIGH - 0.5))


def whole(nurses: float) -> int:
    """People come whole: 4.1 nurses are five. A rounding error of a forecast is no nurse."""
    return math.ceil(round(nurses, 2))


def needs_of(declared: RosterUseCase, unit: Unit, plan: Plan | None, adjusted: Mapping[Key, float]) -> Needed:
    """Return what a unit needs: a manager's own figure before the forecast's quantile, and that before habit."""
    found = Needed(usual_need(declared, unit))
    found.said_by.update(dict.fromkeys(found.nurses, "usual on this weekday"))
    skills, dates = {one.name for one in declared.skills}, set(unit.dates)
    for line in plan.of_unit(unit.name) if plan else ():
        if line.target in skills and line.date in dates:
            key = line.date, line.shift, line.target
            found.lines[key] = line
            found.nurses[key] = whole(quantile_of(line, declared.demand.quantile))
            found.said_by[key] = f"forecast at its {declared.demand.quantile:.0%} quantile"
    for (name, day, shift, skill), wanted in adjusted.items():
        if name == unit.name and skill in skills and day in dates:
            found.nurses[day, shift, skill] = whole(wanted)
            found.said_by[day, shift, skill] = "a person's own figure"
    return found


def adjustments(settings: Settings, declared: RosterUseCase, site: str, at: datetime) -> dict[Key, float]:
    """Return people's own figures on the board by `at`: of this use case, and of the one that its demand comes from."""
    given = {"site": site, "use_cases": [declared.demand.use_case, declared.use_case], "at": at}
    query = ADJUSTED.format(adjustments=sql.text(str(current_snapshot(settings).table("board_adjustment"))))
    with duckdb.connect() as connection:
        rows = connection.execute(query, given).fetchall()
    return {(str(unit), day, str(shift), str(target)): float(wanted) for unit, day, shift, target, wanted in rows}


def demand_tier(answered: Answered | None) -> Tier:
    """Return the tier of the need: the forecast's own, and the rule's where habit stands in for it."""
    if answered is None or not answered.is_usable or answered.plan is None:
        return Tier.RULE
    return answered.tier


def without(declared: RosterUseCase, answered: Iterable[Answered]) -> str:
    """Say why the need does not come from a model, and what stands in; empty where it does."""
    said = {one.use_case: one.without for one in declared.upstream}
    lower = [one for one in answered if demand_tier(one) is not Tier.MODEL]
    return " ".join(f"{one.said}{'' if one.is_usable else f' {said[one.use_case]}'}" for one in lower)
