"""The release calendar as frozen data: change freezes, and change windows outside which nothing is changed.

Here belongs its shape, its digest, and whether a moment is closed for a step up at a place. What was planned belongs in
``planned.py``, refusing in ``gates/change_control.py``. Going down is no business of a calendar: nothing holds it up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evaluation.calendar.when import Once, Span, Weekly, When, Yearly, spans
from evaluation.canonical import document_digest
from evaluation.policies.clause import FrozenModel, Identifier, Text
from evaluation.policies.stage import Stage

A_MOMENT = timedelta(microseconds=1)
LOOKED_AHEAD = timedelta(days=400)
"""How far the next open time is looked for: past any rule that comes back each year."""
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a change is to be made: a use case at a site, to a stage, by the clock of ``zone``."""

    use_case: str
    site: str
    stage: Stage
    zone: tzinfo

    def told(self, at: datetime) -> str:
        """A moment as the site's clock has it: ``2026-12-24 10:00 EST``."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"


class Scope(FrozenModel):
    """What a rule is about; an empty list means every site, use case or stage."""

    sites: tuple[Identifier, ...] = ()
    use_cases: tuple[Identifier, ...] = ()
    stages: tuple[Stage, ...] = ()

    @model_validator(mode="after")
    def _holds_up_nothing_that_goes_down(self) -> Self:
        if Stage.OFF in self.stages:
            raise ValueError("off cannot be held up: going down is never a matter of the calendar")
        return self

    def covers(self, place: Place) -> bool:
        about = ((self.sites, place.site), (self.use_cases, place.use_case), (self.stages, place.stage))
        return place.stage is not Stage.OFF and all(not named or one in named for named, one in about)


class Rule(FrozenModel):
    """A freeze or a window: when (exactly one of once, yearly and weekly), for what, and who answers for it."""

    id: Identifier
    title: Text
    once: Once | None = None
    yearly: Yearly | None = None
    weekly: Weekly | None = None
    scope: Scope = Scope()
    owner: Identifier
    rationale: Text
    date: date

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if sum(one is not None for one in (self.once, self.yearly, self.weekly)) != 1:
            raise ValueError(f"{self.id}: say when in exactly one way: once, yearly or weekly")
        return self

    @property
    def when(self) -> When:
        found = self.once or self.yearly or self.weekly
        assert found is not None
        return found


class Calendar(FrozenModel):
    """The whole calendar of a group of hospitals. Its digest is recorded with each promotion."""

    schema_: Annotated[Literal["pilothouse.calendar/1"], Field(alias="schema")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    owner: Identifier
    rationale: Text
    date: date
    freezes: tuple[Rule, ...] = ()
    windows: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _names_each_rule_once(self) -> Self:
        names = [rule.id for rule in (*self.freezes, *self.windows)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"rule given twice: {', '.join(twice)}")
        return self

    @property
    def digest(self) -> str:
        """Digest of what the file says (64 hex digits); comments and layout do not count."""
        return document_digest(self.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def freezes_of(self, place: Place) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.freezes if rule.scope.covers(place))

    def windows_of(self, place: Place) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.windows if rule.scope.covers(place))

    def frozen_at(self, place: Place, at: datetime) -> list[tuple[Rule, Span]]:
        """The freezes in which a moment lies, each with its span."""
        return list(_holding(self.freezes_of(place), place, at, at + A_MOMENT, widest=True))

    def is_in_window(self, place: Place, at: datetime) -> bool:
        """Whether a moment lies in a change window; where none is kept for the place, any moment does."""
        rules = self.windows_of(place)
        return not rules or any(_holding(rules, place, at, at + A_MOMENT, widest=False))

    def is_open(self, place: Place, at: datetime) -> bool:
        return not self.frozen_at(place, at) and self.is_in_window(place, at)

    def next_open(self, place: Place, at: datetime) -> datetime | None:
        """The first moment from ``at`` on that is open; None where there is none within 400 days."""
        rules, last = self.windows_of(place), at + LOOKED_AHEAD
        for _ in range(MOST_STEPS):
            frozen = self.frozen_at(place, at)
            if frozen:
                at = max(span.end for _, span in frozen)
            elif self.is_in_window(place, at):
                return at
            else:
                coming = [span.start for _, span in _holding(rules, place, at, last, widest=False)]
                if not coming:
                    return None
                at = min(coming)
            if at > last:
                return None
        return None


def _holding(
    rules: Iterable[Rule], place: Place, after: datetime, before: datetime, *, widest: bool
) -> Iterator[tuple[Rule, Span]]:
    for rule in rules:
        for span in spans(rule.when, place.zone, after, before, widest=widest):
            yield rule, span


def told_when(rule: Rule) -> str:
    """When a rule holds, for people, in the site's own time."""
    if rule.once:
        return f"{rule.once.from_:%Y-%m-%d %H:%M} until {rule.once.until:%Y-%m-%d %H:%M}"
    if rule.yearly:
        return f"each year from {rule.yearly.from_} until {rule.yearly.until}"
    assert rule.weekly is not None
    return f"{', '.join(day.capitalize() for day in rule.weekly.days)} {rule.weekly.from_}–{rule.weekly.until}"
