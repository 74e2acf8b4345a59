"""Planned changes and what came of them, from the ledger's entries alone.

Here belongs the derivation: which plan a step fulfilled, which was missed, which overlap. Whether a plan allows a step
is judged in ``gates/change_control.py``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, Literal, cast

from evaluation.calendar.when import Span
from evaluation.evidence import Subject
from evaluation.ledger import Entry, Proof, parse_instant, proof_of
from evaluation.policies.stage import Stage

Outcome = Literal["planned", "open", "done", "missed", "cancelled"]
PLANS = ("change_planned", "change_cancelled")
STEPS = ("promotion", "challenger", "break_glass", "rollback")
EARNED = ("promotion", "rollback")
"""Steps after which a place stands elsewhere by evidence: a glass lends, and a challenger comes beside."""
KINDS = (*PLANS, *STEPS)
"""Kinds of entry that a calendar is made of."""
RECORDED = "change_control"
"""Member of an entry's detail that says which calendar was in force and which plan it fulfils."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A change announced for a window. ``done_by`` is the number of the entry that made it."""

    change: str
    use_case: str
    site: str
    stage: Stage
    span: Span
    reason: str
    subject: Subject
    planned_at: datetime
    by: str
    proof: Proof
    seq: int
    cancelled_at: datetime | None = None
    done_by: int | None = None
    is_down: bool = False
    """Whether it was planned from a higher stage: then a rollback fulfils it, and no other plan."""
    is_challenger: bool = False
    """Whether it is of a challenger: to come beside what is in force, or from there into its place."""

    @property
    def notice(self) -> timedelta:
        """How long before its window it was announced."""
        return self.span.start - self.planned_at

    def outcome(self, now: datetime) -> Outcome:
        """What came of it by ``now``; one whose window passed without the change was missed."""
        if self.done_by is not None:
            return "done"
        if self.cancelled_at is not None:
            return "cancelled"
        if now >= self.span.end:
            return "missed"
        return "open" if now in self.span else "planned"

    def is_live(self, now: datetime) -> bool:
        """Whether it may still happen."""
        return self.outcome(now) in ("planned", "open")

    def is_for(self, use_case: str, site: str, stage: Stage) -> bool:
        return (self.use_case, self.site, self.stage) == (use_case, site, stage)


@dataclass(frozen=True, slots=True)
class Step:
    """A change that happened; ``change`` is the plan that it fulfilled, None where it was not planned."""

    seq: int
    at: datetime
    kind: str
    use_case: str
    site: str
    stage: Stage
    by: str
    reason: str
    release: str | None
    change: str | None = None
    past: tuple[str, ...] = ()
    """What of the calendar a broken glass went past."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything planned and everything that happened, each oldest first."""

    planned: tuple[Planned, ...] = ()
    steps: tuple[Step, ...] = ()

    def conflicts(self, now: datetime) -> list[tuple[Planned, Planned]]:
        """Pairs of plans that may still happen, at one site, in windows that overlap."""
        live = [one for one in self.planned if one.is_live(now)]
        return [(a, b) for a, b in combinations(live, 2) if a.site == b.site and a.span.overlaps(b.span)]


def changes_of(entries: Iterable[Entry]) -> Changes:
    """What these entries planned and did, in the order in which they were recorded."""
    plans: dict[str, Planned] = {}
    steps: list[Step] = []
    standing: dict[tuple[str, str], Stage] = {}
    for entry in entries:
        if entry.kind == "change_planned":
            plan = _planned(entry)
            stands = standing.get((plan.use_case, plan.site), Stage.OFF)
            plans[plan.change] = replace(plan, is_down=not plan.is_challenger and plan.stage.rank < stands.rank)
        elif entry.kind == "change_cancelled":
            name = str(entry.payload["change"])
            plans[name] = replace(plans[name], cancelled_at=entry.at)
        elif entry.kind in STEPS:
            step = _step(entry)
            plan = _fulfilled(plans.values(), step, entry)
            if plan is not None:
                plans[plan.change] = replace(plan, done_by=step.seq)
            steps.append(replace(step, change=plan and plan.change))
            if step.kind in EARNED:
                standing[step.use_case, step.site] = step.stage
    return Changes(tuple(plans.values()), tuple(steps))


def _planned(entry: Entry) -> Planned:
    payload = cast("Any", entry.payload)
    return Planned(
        change=payload["change"],
        use_case=payload["use_case"],
        site=payload["site"],
        stage=Stage(payload["stage"]),
        span=Span(parse_instant(payload["starts_at"]), parse_instant(payload["until"])),
        reason=payload["reason"],
        subject=Subject(**payload["subject"]),
        planned_at=entry.at,
        by=entry.actor,
        proof=proof_of(entry),
        seq=entry.seq,
        is_challenger=payload.get("challenger", False),
    )


def _step(entry: Entry) -> Step:
    payload = cast("Any", entry.payload)
    return Step(
        seq=entry.seq,
        at=entry.effective_at,
        kind=entry.kind,
        use_case=payload["use_case"],
        site=payload["site"],
        stage=Stage(payload["stage"]),
        by=entry.actor,
        reason=payload.get("reason", ""),
        release=payload["release"],
        past=tuple(_recorded(entry).get("past", ())),
    )


def _recorded(entry: Entry) -> dict[str, Any]:
    detail = cast("Any", entry.payload.get("detail") or {})
    return detail.get(RECORDED) or {}


def _fulfilled(plans: Iterable[Planned], step: Step, entry: Entry) -> Planned | None:
    """The plan that a step up names, of the very same subject; a step down names none, and is planned by its window."""
    fitting = [one for one in plans if one.is_for(step.use_case, step.site, step.stage) and one.is_live(step.at)]
    if step.kind == "rollback":
        return next((one for one in fitting if one.is_down and step.at in one.span), None)
    named, subject = _recorded(entry).get("change"), cast("Any", entry.payload["subject"])
    return next((one for one in fitting if one.change == named and one.subject == Subject(**subject)), None)


def touching(planned: Sequence[Planned], site: str, span: Span, now: datetime) -> list[Planned]:
    """Plans at a site that may still happen and overlap a span."""
    return [one for one in planned if one.site == site and one.is_live(now) and one.span.overlaps(span)]
