"""What happened, by measure: when it was due, how long it took, how much it weighs, and where.

Times are those of the events and of arrivals, never those of the look: a day that is judged late is judged the same.
What does not belong here: what is good enough.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np

from evaluation.slo import Happened, Objective, microseconds
from ml.registry.plan import plans_since
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.usecases import load_use_case
from orchestration.contracts import in_force, load_timelines
from orchestration.contracts.sql import name, text
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.arrivals import every_arrival
from orchestration.steps.intake.freshness import allowed_gap
from orchestration.steps.planning.meetings import meetings_met
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.warehouse.tables import Snapshot, TablesError

NEVER = float("inf")
UNSERVED = ("no_release", "out_of_scope", "out_of_population")
"""What a call is answered about a visit that no release is for; who waits for a score there was promised none."""
SECOND = timedelta(seconds=1)

SCORED = """
    with called as (
        select events.visit_key, events.status, events."at" as called_at, events.latency_ms
        from {events} as events
        where events.site = $site and events.use_case = $use_case and events.kind = 'call'
    ),
    served as (
        select min(called_at) as first, max(called_at) as last from called where status not in ({unserved})
    ),
    excused as (
        select visit_key from called group by visit_key having bool_and(status in ({unserved}))
    ),
    scored as (
        select visit_key, min(epoch_us(called_at) + 1000 * coalesce(latency_ms, 0)) as answered
        from called where status = 'scored' group by visit_key
    )
    select epoch_us(mart.{ready_at}) as due,
        coalesce((scored.answered - epoch_us(mart.{ready_at})) / 1e6, 'infinity') as took,
        {weigh_by} as heavy, mart.unit, mart.shift
    from {mart} as mart
    cross join served
    left join scored on mart.{key} = scored.visit_key
    anti join excused on mart.{key} = excused.visit_key
    where mart.site = $site and mart.is_eligible and mart.{ready_at} between served.first and served.last
"""
ANSWERED = """
    select epoch_us(events."at") as due, coalesce(events.latency_ms / 1000, 'infinity') as took, null as heavy,
        events.unit, null as shift
    from {events} as events
    where events.site = $site and events.use_case = $use_case and events.kind = 'call'
"""
ACKNOWLEDGED = """
    with answered as (select card_uuid, min(outcome_at) as answered_at from {feedback} where site = $site group by all)
    select epoch_us(events."at") as due,
        coalesce((epoch_us(answered.answered_at) - epoch_us(events."at")) / 1e6, 'infinity') as took,
        null as heavy, events.unit, null as shift
    from {events} as events
    left join answered using (card_uuid)
    where events.site = $site and events.use_case = $use_case and events.is_displayed
        and (answered.answered_at is not null or epoch_us(events."at") + $patience <= $present)
"""


@dataclass(frozen=True)
class Asked:
    """What is to be measured: an objective at a site, by a present; in a snapshot, which is verified once for all."""

    settings: Settings
    objective: Objective
    site: str
    present: datetime
    snapshot: Snapshot | None

    def table(self, name: str) -> str:
        """A table of the snapshot as SQL text. Raises `TablesError` where none is published."""
        if self.snapshot is None:
            raise TablesError("No snapshot of the marts is published yet; run: pilothouse run")
        return text(str(self.snapshot.table(name)))


def happened(asked: Asked) -> Happened:
    """Return the events of an objective's measure at a site. Raises `KeyError` for a measure that nobody takes, and as
    `Asked.table`."""
    return MEASURES[asked.objective.measure](asked)


def _score_delay(asked: Asked) -> Happened:
    """From vital signs charted to the score answered, of every visit from the first to the last call of a release; a
    visit that never had one took for ever. Left out are visits whose every call said that nothing was released, or that
    they are not of those it is for."""
    declared = load_use_case(asked.objective.use_case)
    mart = asked.table(f"{declared.use_case}_mart")
    weigh_by = f"cast(mart.{name(asked.objective.weigh_by)} as varchar)" if asked.objective.weigh_by else "null"
    key, ready_at = name(declared.grain.key), name(declared.grain.ready_at)
    unserved = ", ".join(map(text, UNSERVED))
    return _queried(asked, SCORED, mart=mart, weigh_by=weigh_by, key=key, ready_at=ready_at, unserved=unserved)


def _answer_time(asked: Asked) -> Happened:
    return _queried(asked, ANSWERED)


def _acknowledgement(asked: Asked) -> Happened:
    """From a card shown to a clinician's answer; a card that still has time is not counted yet."""
    feedback = asked.table("serving_feedback")
    patience = asked.objective.at_most // timedelta(microseconds=1)
    more = {"patience": patience, "present": microseconds(asked.present)}
    return _queried(asked, ACKNOWLEDGED, feedback=feedback, parameters=more)


def _plan_lateness(asked: Asked) -> Happened:
    """Every assignment meeting of the objective's window since the release that is served: in time, or never for it."""
    place, use_case = load_site(asked.site), asked.objective.use_case
    key = load_public_key(asked.settings.home / RELEASE_PUBLIC_KEY)
    begin = asked.present - asked.objective.window
    plans = plans_since(asked.settings.home, use_case, place.id, key, begin)
    first = min((plan.issued_at for plan in plans), default=None)
    pointer = current_pointer(asked.settings, use_case, place.id)
    since = first or max(begin, pointer.issued_at if pointer else asked.present)
    met = meetings_met(place, plans, since, asked.present)
    return _columns([(at, 0.0 if in_time else NEVER, "") for at, in_time in met], "unit")


def _feed_lateness(asked: Asked) -> Happened:
    """Every file that a feed's contract made due: how long after that it came; the one that is due now, never yet."""
    contracts = in_force(load_timelines(environment=asked.settings.environment), asked.present)
    found = [
        (due, late, feed)
        for feed in load_site(asked.site).feeds
        if (gap := allowed_gap(contracts[feed])) is not None
        for due, late in _lateness(every_arrival(asked.settings, asked.site, feed), gap, asked.present)
    ]
    return _columns(found, "feed")


def _lateness(arrivals: Sequence[datetime], gap: timedelta, present: datetime) -> Iterator[tuple[datetime, float]]:
    """Every file that was due, in turn: one that came, by how late it was; each one that never came, for ever late."""
    came = [at for at in arrivals if at <= present]
    for before, after in pairwise([*came, present]):
        due = before + gap
        while due + gap <= after:
            yield due, NEVER
            due += gap
        if after is not present:
            yield min(due, after), max((after - due) / SECOND, 0.0)
        elif due < present:
            yield due, NEVER


MEASURES: dict[str, Callable[[Asked], Happened]] = {
    "score_delay": _score_delay,
    "answer_time": _answer_time,
    "acknowledgement": _acknowledgement,
    "plan_lateness": _plan_lateness,
    "feed_lateness": _feed_lateness,
}


def _queried(asked: Asked, query: str, parameters: dict[str, int] | None = None, **parts: str) -> Happened:
    events = asked.table("serving_event")
    given = {"site": asked.site, "use_case": asked.objective.use_case, **(parameters or {})}
    filled = query.format(events=events, **parts)
    used = {key: value for key, value in given.items() if f"${key}" in filled}
    with duckdb.connect() as connection:
        rows = connection.sql(filled, params=used).to_arrow_table()
    heavy = np.array([asked.objective.weight(value) for value in rows["heavy"].to_pylist()], dtype=np.float64)
    groups = {column: np.array([str(v or "") for v in rows[column].to_pylist()]) for column in ("unit", "shift")}
    took = rows["took"].to_numpy().astype(np.float64)
    return Happened(rows["due"].to_numpy().astype(np.int64), took, heavy, groups)


def _columns(rows: Sequence[tuple[datetime, float, str]], group: str) -> Happened:
    at = np.array([microseconds(at) for at, _, _ in rows], dtype=np.int64)
    took = np.array([took for _, took, _ in rows], dtype=np.float64)
    return Happened(at, took, np.ones(len(rows)), {group: np.array([value for _, _, value in rows], dtype=np.str_)})
