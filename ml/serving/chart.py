"""Whether triage's card is shown again where a chart is opened (hook `patient-view`), and what it says then.

Here belong the conditions and the words. Nothing here scores: what is shown was given before, and says when. Taking the
call and writing it down is `charts.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from ml.features.population import MAX_CLOCK_SKEW
from ml.registry.manifest import Nowhere, Scope
from ml.registry.stages import Stage, Tier
from ml.serving.config import SiteContext
from ml.serving.hours import Hours
from ml.serving.live import Live, SiteState


class Outcome(StrEnum):
    """What a chart that is opened comes to: the card, or why there is none. Kept with the opening."""

    SHOWN = "shown"
    NO_VISIT_NAMED = "no_visit_named"
    NOT_SERVED = "not_served"
    NEVER_AGAIN = "never_shown_again"
    NO_CARD = "no_card_given"
    OTHER_PATIENT = "other_patient"
    TOO_OLD = "too_old"
    ANSWERED = "answered"
    OTHER_RELEASE = "other_release"
    STAGE_LOWERED = "stage_lowered"
    TIER_LOWERED = "tier_lowered"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True)
class Given:
    """What triage answered last about a visit, with a card or without; `arrival_hour` by the site's clock."""

    event_id: str
    at: datetime
    patient_key: str | None
    unit: str | None
    release_digest: str | None
    stage: Stage | None
    tier: Tier | None
    arrival_hour: int | None
    is_displayed: bool
    is_answered: bool


@dataclass(frozen=True)
class Chart:
    """A chart that is opened: at which site and when, of whom (a pseudonym), and where the use case may speak."""

    now: datetime
    patient_key: str
    visit_key: str | None
    context: SiteContext
    use_case: str


def outcome_of(chart: Chart, state: SiteState, given: Given | None) -> Outcome:
    """Say whether what was given last is shown again; the first condition that does not hold says why not."""
    if chart.visit_key is None:
        return Outcome.NO_VISIT_NAMED
    if not isinstance(state, Live):
        return Outcome.NOT_SERVED
    if state.release.card.shown_again_minutes is None:
        return Outcome.NEVER_AGAIN
    if given is None or not given.is_displayed or given.stage is None or given.tier is None:
        return Outcome.NO_CARD
    return next(_in_the_way(chart, state, given, given.stage, given.tier), Outcome.SHOWN)


def _in_the_way(chart: Chart, live: Live, given: Given, stage: Stage, tier: Tier) -> Iterator[Outcome]:
    valid = timedelta(minutes=live.release.card.shown_again_minutes or 0)
    if given.patient_key != chart.patient_key:
        yield Outcome.OTHER_PATIENT
    if not -MAX_CLOCK_SKEW <= chart.now - given.at <= valid:
        yield Outcome.TOO_OLD
    if given.is_answered:
        yield Outcome.ANSWERED
    if given.release_digest != live.release.digest:
        yield Outcome.OTHER_RELEASE
    if live.stage.rank < max(stage.rank, Stage.ASSISTIVE.rank):
        yield Outcome.STAGE_LOWERED
    if live.tier.rank > tier.rank:
        yield Outcome.TIER_LOWERED
    launch = chart.context.launch_of(chart.use_case)
    if isinstance(launch, Nowhere) or not all(
        _speaks(scope, given, chart.now, chart.context.hours) for scope in (live.release.manifest.scope, launch)
    ):
        yield Outcome.OUT_OF_SCOPE


def _speaks(scope: Scope, given: Given, now: datetime, hours: Hours) -> bool:
    """Whether a scope has the visit's unit, the hour of its arrival, and this hour: whoever reads the card works now.

    Of the arrival the hour is known, not the minute: where a shift changes in that hour, both must be in the scope.
    """
    if scope.units and given.unit not in scope.units:
        return False
    if not scope.shifts:
        return True
    if given.arrival_hour is None:
        return False
    arrived = {hours.shift_at(time(given.arrival_hour, minute)) for minute in (0, 59)}
    return {*arrived, hours.shift_of(now)} <= set(scope.shifts)


def shown_again(card: dict[str, Any], given_at: datetime, opened_at: datetime, zone: tzinfo) -> dict[str, Any]:
    """The card as it was, under a line that says when it was given, by the site's clock."""
    given, opened = given_at.astimezone(zone), opened_at.astimezone(zone)
    day = "" if given.date() == opened.date() else f" on {given.day} {given:%B}"
    said = f"Given at triage at {given:%H:%M}{day}, from what was known then; not updated since."
    return {**card, "detail": f"**{said}**\n\n{card['detail']}"}
