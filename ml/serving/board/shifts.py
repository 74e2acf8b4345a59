"""The coming shifts of a unit: what is needed, what is rostered, what is missing, and what a person changed.

Here belongs the meeting of plans (`ml/registry/plan.py`) and adjustments, as data for a page. Figures are medians with
their 90 % interval, in the measure that the layout names.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from pydantic import BaseModel

from ml.registry.board import BoardLayout, Target
from ml.registry.plan import Line, Plan
from ml.registry.stages import Stage, Tier
from ml.serving.board.adjusting import Adjusted
from ml.serving.notices import glass_of, told
from ml.serving.plans import Planning, PlanningState

AHEAD = timedelta(hours=36)
"""Tonight and tomorrow: shifts that begin later are for the next huddle."""


class Demand(BaseModel):
    """One target in one shift. `missing` is what the roster lacks of what is needed, after a person's own figure."""

    target: str
    label: str
    measure: str
    lower: float
    median: float
    upper: float
    planned: float | None
    missing: float | None
    change: float | None
    reason: str | None
    is_adjustable: bool
    adjusted: float | None
    adjusted_reason: str | None
    adjusted_at: datetime | None


class Shift(BaseModel):
    """One shift of the unit with its demands."""

    date: date
    shift: str
    starts_at: datetime
    ends_at: datetime
    demands: list[Demand]


class Section(BaseModel):
    """What one use case says about the unit's coming shifts; `problem` is why it says nothing."""

    use_case: str
    title: str
    window: str
    stage: Stage
    tier: Tier | None
    tier_reason: str | None
    release: str | None
    model_version: str | None
    accountable: str | None
    problem: str | None
    notice: str | None
    break_glass: str | None
    plan: str | None
    issued_at: datetime | None
    as_of: datetime | None
    not_for: str | None
    ignore_when: str | None
    upstream: list[str]
    notes: list[str]
    gave_way: list[str]
    reasons: dict[str, str]
    shifts: list[Shift]


def section_of(
    use_case: str,
    title: str,
    unit: str,
    state: PlanningState,
    adjusted: Mapping[tuple[date, str, str], Adjusted],
    now: datetime,
    wall: datetime,
) -> Section:
    """What the board says of one use case for a unit, now. `wall` is the world's time, which notices go by."""
    live = state if isinstance(state, Planning) else None
    layout = live.release.board if live else None
    plan = live.shown(now) if live else None
    problem = live.why_not(now) if live else getattr(state, "reason", None)
    said = told(state.pointer, live.tier if live else None, wall, frozenset({Tier.MANUAL}))
    return Section(
        use_case=use_case,
        title=layout.title if layout else title,
        window=layout.window if layout else "",
        stage=live.stage if live else Stage.OFF,
        tier=plan.tier if plan else live.tier if live else None,
        tier_reason=(plan.tier_reason if plan else None) or (live.tier_reason if live else None),
        release=live.release.digest if live else None,
        model_version=live.release.manifest.model.version if live else None,
        accountable=live.release.manifest.accountable if live else None,
        problem=problem,
        notice=said.text if said else None,
        break_glass=glass_of(live),
        plan=plan.digest if plan else None,
        issued_at=plan.issued_at if plan else None,
        as_of=plan.as_of if plan else None,
        not_for=layout.not_for if layout else None,
        ignore_when=layout.ignore_when if layout else None,
        upstream=[one.said for one in plan.upstream] if plan else [],
        notes=list(plan.notes) if plan else [],
        gave_way=[f"{one.wish} gave way to {one.rule}" for one in plan.gave_way] if plan else [],
        reasons={one.code: one.display for one in layout.adjustment_reasons} if layout and plan else {},
        shifts=_shifts(plan, layout, unit, adjusted, now) if plan and layout else [],
    )


def _shifts(
    plan: Plan, layout: BoardLayout, unit: str, adjusted: Mapping[tuple[date, str, str], Adjusted], now: datetime
) -> list[Shift]:
    coming: dict[tuple[date, str], list[Line]] = {}
    for line in plan.of_unit(unit):
        if line.ends_at > now and line.starts_at < now + AHEAD:
            coming.setdefault((line.date, line.shift), []).append(line)
    return [_shift(day, shift, lines, layout, adjusted) for (day, shift), lines in coming.items()]


def _shift(
    day: date,
    shift: str,
    lines: Sequence[Line],
    layout: BoardLayout,
    adjusted: Mapping[tuple[date, str, str], Adjusted],
) -> Shift:
    by_target = {line.target: line for line in lines}
    demands = [
        _demand(by_target[target.target], target, adjusted.get((day, shift, target.target)))
        for target in layout.targets
        if target.target in by_target
    ]
    first = lines[0]
    return Shift(date=day, shift=shift, starts_at=first.starts_at, ends_at=first.ends_at, demands=demands)


def _demand(line: Line, target: Target, adjusted: Adjusted | None) -> Demand:
    needed = line.median if adjusted is None else adjusted.value
    return Demand(
        target=line.target,
        label=target.label,
        measure=line.measure,
        lower=line.lower,
        median=line.median,
        upper=line.upper,
        planned=line.planned,
        missing=None if line.planned is None else max(0.0, needed_whole(needed) - line.planned),
        change=None if line.before is None else round(line.median - line.before, 1),
        reason=line.reason,
        is_adjustable=target.is_adjustable,
        adjusted=None if adjusted is None else adjusted.value,
        adjusted_reason=None if adjusted is None else adjusted.reason_code,
        adjusted_at=None if adjusted is None else adjusted.at,
    )


def needed_whole(needed: float) -> int:
    """People come whole: 4.1 nurses are five. A rounding error of a forecast is no nurse."""
    return math.ceil(round(needed, 2))
