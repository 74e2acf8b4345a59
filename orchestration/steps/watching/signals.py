"""The signals that triggers watch, read where they arise: the service's event log, evidence, published service levels.

Only what happened under the pointer that lies there counts: whoever steps up again begins anew. What does not belong
here: what breaches a trigger (evaluation/gates), and stepping down (trigger_watch).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, case, distinct, func, or_, select

from evaluation.evidence import Kind
from evaluation.gates import NOTHING_READ, Reading
from evaluation.policies import Trigger
from evaluation.slo import load_objectives, microseconds
from ml.registry.pointer import Pointer
from ml.registry.stages import Tier
from ml.serving.advice import FALLBACK, MANUAL, SCORED
from ml.serving.tables import CALL, EVENT, FEEDBACK
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.planning.meetings import clock_of
from orchestration.steps.releases.served import from_events
from orchestration.steps.slo.measures import Asked, happened
from orchestration.steps.warehouse.tables import current_snapshot, snapshot_digest
from orchestration.steps.watching.drift_telling import jumped_columns


@dataclass(frozen=True)
class Watching:
    """One release under its pointer, looked at by a wall clock; `model` is the digest of what it serves."""

    settings: Settings
    pointer: Pointer
    model: str
    wall: datetime

    @property
    def present(self) -> datetime:
        """The site's own clock, by which its service stamps events."""
        return clock_of(self.settings, self.pointer.site, self.wall)

    def begin(self, trigger: Trigger) -> int:
        """When the trigger's window begins, in microseconds of the site's clock."""
        return microseconds(self.present - timedelta(minutes=trigger.window_minutes))


def read_signal(watching: Watching, trigger: Trigger) -> Reading:
    """Measure a trigger's signal. Raises what reading the event store or the snapshot raises."""
    return SIGNALS[trigger.signal](watching, trigger)


def _share_failed(watching: Watching, trigger: Trigger) -> Reading:
    """Of calls that asked for the model's score, those that a lower tier had to answer."""
    if watching.pointer.tier is not Tier.MODEL:
        return NOTHING_READ
    failed = EVENT.c.status.in_((FALLBACK, MANUAL))
    asked = EVENT.c.status.in_((SCORED, FALLBACK, MANUAL))
    query = select(func.count(), func.sum(case((failed, 1), else_=0))).where(asked, *_calls(watching, trigger))
    return _share(watching, query)


def _alerts_per_100(watching: Watching, trigger: Trigger) -> Reading:
    """Visits for which a card was shown, of a hundred that were advised upon."""
    advised = EVENT.c.status.in_((SCORED, FALLBACK, MANUAL))
    shown = case((EVENT.c.is_displayed, EVENT.c.visit_key))
    query = select(func.count(distinct(EVENT.c.visit_key)), func.count(distinct(shown)))
    found = _share(watching, query.where(advised, *_calls(watching, trigger)))
    return Reading(None if found.value is None else 100 * found.value, found.n)


def _overridden_as_wrong(watching: Watching, trigger: Trigger) -> Reading:
    """Of displayed cards, those overridden with a reason that calls them wrong; a card that still waits is left out.

    An ignored card counts: whoever did not answer did not call it wrong.
    """
    patience = timedelta(hours=load_use_case(watching.pointer.use_case).card.feedback_window_hours)
    wrong = (
        select(FEEDBACK.c.card_uuid)
        .where(FEEDBACK.c.outcome == "overridden", FEEDBACK.c.override_reason_code.in_(trigger.reasons))
        .distinct()
    )
    answered = select(FEEDBACK.c.card_uuid)
    is_over = EVENT.c.at_us <= microseconds(watching.present - patience)
    query = select(func.count(), func.sum(case((EVENT.c.card_uuid.in_(wrong), 1), else_=0))).where(
        EVENT.c.is_displayed, or_(is_over, EVENT.c.card_uuid.in_(answered)), *_calls(watching, trigger)
    )
    return _share(watching, query)


def _calls(watching: Watching, trigger: Trigger) -> tuple[Any, ...]:
    pointer = watching.pointer
    return (
        and_(EVENT.c.use_case == pointer.use_case, EVENT.c.site == pointer.site, EVENT.c.kind == CALL),
        EVENT.c.at_us >= watching.begin(trigger),
        EVENT.c.generation == pointer.generation,
    )


def _share(watching: Watching, query: Any) -> Reading:
    def read(connection: Connection) -> Reading:
        n, of_these = tuple(connection.execute(query).one())
        return Reading(int(of_these or 0) / n, n) if n else NOTHING_READ

    return from_events(watching.settings, read) or NOTHING_READ


def _evidenced(kind: Kind) -> Callable[[Watching, Trigger], Reading]:
    """The figure of the newest evidence about the served model that was made in the window, under this pointer."""

    def read(watching: Watching, trigger: Trigger) -> Reading:
        pointer = watching.pointer
        begin = max(watching.wall - timedelta(minutes=trigger.window_minutes), pointer.issued_at)
        found = [
            one
            for one in read_all_evidence(watching.settings, pointer.use_case, pointer.site).readable
            if one.kind == kind and one.subject_model == watching.model and begin <= one.created_at <= watching.wall
        ]
        newest = max(found, key=lambda one: one.created_at, default=None)
        figure = None if newest is None else newest.figures.get(trigger.signal)
        if newest is None or figure is None:
            return NOTHING_READ
        return Reading(figure.value, figure.n or 0, jumped_columns(newest) if trigger.signal == JUMPS else ())

    return read


def _in_time(measure: str) -> Callable[[Watching, Trigger], Reading]:
    """The share of a service level's events that were good, in the newest window that has been published."""

    def read(watching: Watching, trigger: Trigger) -> Reading:
        settings, pointer = watching.settings, watching.pointer
        snapshot = current_snapshot(settings) if snapshot_digest(settings) else None
        objective = next((one for one in load_objectives(pointer.use_case) if one.measure == measure), None)
        if snapshot is None or objective is None:
            return NOTHING_READ
        events = happened(Asked(settings, objective, pointer.site, watching.present, snapshot))
        known = events.at[events.at <= microseconds(watching.present)]
        if not known.size:
            return NOTHING_READ
        begin = int(known.max()) - trigger.window_minutes * 60_000_000
        if not load_site(pointer.site).simulated:
            begin = max(begin, microseconds(pointer.issued_at))
        chosen = (events.at >= begin) & (events.at <= known.max())
        good = events.took[chosen] <= objective.at_most.total_seconds()
        return Reading(float(np.mean(good)), int(chosen.sum())) if chosen.any() else NOTHING_READ

    return read


JUMPS = "segment_drift.jumps"
SIGNALS: Mapping[str, Callable[[Watching, Trigger], Reading]] = {
    "serving.share_failed": _share_failed,
    "serving.alerts_per_100": _alerts_per_100,
    "feedback.share_overridden_as_wrong": _overridden_as_wrong,
    "drift.share": _evidenced("drift"),
    JUMPS: _evidenced("segment_drift"),
    "shadow.adjusted_share": _evidenced("shadow"),
    "slo.share_within_30s": _in_time("score_delay"),
    "slo.share_in_time": _in_time("plan_lateness"),
}
