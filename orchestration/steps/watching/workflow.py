"""The counts behind workflow and outcome metrics: cards, answers, stays, waits and overtime, by unit, shift and role.

Reads the published snapshot: people who lay on units (`staffing_stay`), visits (`triage_mart`), cards and what became
of them (`card_response`), adjustments with the role that was said, worked and rostered hours (`staffing_mart`).
Who a card went out to stands in the service's own store (`reads`). Times are those of events, up to the last one on
record. What does not belong here: definitions, intervals, suppression
(evaluation/metrics/workflow).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from evaluation.metrics.workflow import Work
from orchestration.contracts.sql import text
from orchestration.settings import Settings
from orchestration.steps.warehouse.tables import current_snapshot, snapshot_digest
from orchestration.steps.watching.reads import cards_seen

DAYS = 28
WHOLE = ("site", "all")
NEEDED = ("triage_mart", "staffing_stay", "staffing_mart", "card_response", "board_adjustment")

LAST = """
    select max(moment) from (
        select max(arrived_at) as moment from {triage_mart} where site = $site
        union all select max(entered_at) from {staffing_stay} where site = $site
        union all select max(shown_at) from {card_response} where site = $site
    )
"""
STAYS = """
    select unit,
        sum(greatest(0, epoch(least(coalesce(left_at, $until), $until)) - epoch(greatest(entered_at, $begin)))) / 86400,
        count(distinct visit_key) filter (where is_first and entered_at >= $begin)
    from {staffing_stay}
    where site = $site and entered_at < $until and coalesce(left_at, $until) > $begin
    group by unit order by unit
"""
LENGTHS = """
    select unit, epoch(left_at - entered_at) / 3600 from {staffing_stay}
    where site = $site and left_at > $begin and left_at <= $until order by all
"""
WAITS = """
    select unit, shift, epoch(triaged_at - arrived_at) / 60 from {triage_mart}
    where site = $site and arrived_at >= $begin and arrived_at <= $until order by all
"""
CARDS = """
    with critical as (
        select visit_key, min(entered_at) as moved_at from {staffing_stay}
        where site = $site and unit_place = 'ICU' and not is_first group by visit_key
    )
    select cards.unit, cards.shift, cards.response, cards.seconds_to_answer,
        case when mart.labels_known_at <= $until then cast(mart.critical_care as integer) end,
        case when critical.moved_at > cards.shown_at then epoch(critical.moved_at - cards.shown_at) / 3600 end,
        cards.event_id, cards.visit_key
    from {card_response} as cards
    left join {triage_mart} as mart on cards.site = mart.site and cards.visit_key = mart.visit_key
    left join critical on cards.visit_key = critical.visit_key
    where cards.site = $site and cards.use_case = 'triage' and cards.response <> 'waiting'
        and cards.shown_at >= $begin and cards.shown_at <= $until
    order by cards.shown_at, cards.card_uuid
"""
OVERTIME = """
    select unit, shift, sum(greatest(0, rn_hours - rostered_rn_hours)) from {staffing_mart}
    where site = $site and rn_hours is not null and rostered_rn_hours is not null
        and "date" > cast($begin as date) and "date" <= cast($until as date)
    group by all order by all
"""
ADJUSTED = """
    select role, count(*) from {board_adjustment}
    where site = $site and role is not null and made_at >= $begin and made_at <= $until group by role order by role
"""


@dataclass(frozen=True)
class Worked:
    """The groups of a site in a window, the whole site first; and how often each role changed a plan on the board."""

    begin: datetime
    until: datetime
    groups: tuple[Work, ...]
    adjustments: dict[str, int]


def work_of(settings: Settings, site: str) -> Worked | None:
    """Count the last four weeks of a site; None where nothing happened there, or nothing is published yet."""
    if not snapshot_digest(settings):
        return None
    snapshot = current_snapshot(settings)
    if any(one not in snapshot.rows for one in NEEDED):
        return None
    tables = {one: text(str(snapshot.table(one))) for one in NEEDED}
    with duckdb.connect() as connection:
        (until,) = connection.execute(LAST.format(**tables), {"site": site}).fetchone() or (None,)
        if until is None:
            return None
        begin = until - timedelta(days=DAYS)
        given = {"site": site, "begin": begin, "until": until}

        def asked(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query.format(**tables), given).fetchall()

        found = {one: asked(query) for one, query in QUERIES.items()}
        seen = cards_seen(settings, site, begin)
        return Worked(begin, until, tuple(_groups(found, seen)), dict(asked(ADJUSTED)))


QUERIES = {"stays": STAYS, "lengths": LENGTHS, "waits": WAITS, "cards": CARDS, "overtime": OVERTIME}
Rows = dict[str, list[tuple[Any, ...]]]
Seen = frozenset[str] | None
"""Events whose card went out to a user who was told; None where nothing was ever served."""


def _groups(found: Rows, seen: Seen) -> Iterator[Work]:
    yield _work(WHOLE, found, seen)
    units = [row[0] for row in found["stays"]] or [row[0] for row in found["waits"]]
    for unit in sorted({str(one) for one in units if one}):
        mine = {key: [row for row in rows if row[0] == unit] for key, rows in found.items()}
        yield _work(("unit", unit), mine, seen)
    shifts = {str(row[1]) for key in ("waits", "cards") for row in found[key] if row[1]}
    for shift in sorted(shifts):
        mine = {key: [row for row in rows if row[1] == shift] for key, rows in found.items() if key in BY_SHIFT}
        yield _work(("shift", shift), {**{key: [] for key in QUERIES}, **mine}, seen, is_of_shift=True)


BY_SHIFT = ("waits", "cards", "overtime")


def _work(group: tuple[str, str], found: Rows, seen: Seen, *, is_of_shift: bool = False) -> Work:
    """One group; days of patients belong to units, so that a shift has none of its own."""
    cards, stays = found["cards"], found["stays"]
    outcomes = [row[4] for row in cards if row[4] is not None]
    return Work(
        *group,
        days=DAYS,
        visits=len(found["waits"]) if is_of_shift or not stays else sum(int(row[2]) for row in stays),
        patient_days=sum(float(row[1]) for row in stays) if stays else None,
        cards=len(cards),
        alerted=len({row[7] for row in cards}),
        known=len(outcomes),
        came=sum(outcomes),
        overridden=sum(row[2] == "overridden" for row in cards),
        ignored=sum(row[2] == "ignored" for row in cards),
        seen=None if seen is None else sum(row[6] in seen for row in cards),
        overtime_hours=sum(float(row[2]) for row in found["overtime"]) if found["overtime"] else None,
        times={
            "lead_hours": _numbers(cards, 5),
            "action_minutes": [one / 60 for one in _numbers([row for row in cards if row[2] == "accepted"], 3)],
            "acknowledge_minutes": [one / 60 for one in _numbers(cards, 3)],
            "wait_minutes": _numbers(found["waits"], 2),
            "stay_hours": _numbers(found["lengths"], 1),
        },
    )


def _numbers(rows: Sequence[tuple[Any, ...]], place: int) -> list[float]:
    return [float(row[place]) for row in rows if row[place] is not None]
