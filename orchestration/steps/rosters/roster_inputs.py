"""What a unit's roster is made from, read from the published roster mart as of a time: people, duties, usual need.

What does not belong here: contracts, leave and wishes (`roster_people.py`), the problem that is made of all this
(`roster_form.py`), what is needed by a forecast (`roster_needs.py`), solving.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import duckdb

from ml.usecases import RosterUseCase
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.errors import StepError
from orchestration.steps.rosters.roster_people import NOTHING_TOLD, Personnel
from orchestration.steps.warehouse.tables import TablesError, current_snapshot

DID = frozenset({"worked", "confirmed"})
STANDS = frozenset({"planned", "worked", "confirmed"})
HISTORY_DAYS = 14
QUERY = """
    select staff_key, unit, date, shift, skill, role, status, starts_at, ends_at, hours, known_at from {mart}
    where site = $site and known_at <= $at and skill in (select unnest($skills)) order by all
"""
Need = Mapping[tuple[date, str, str], int]
"""Nurses needed, by local day, shift and skill."""


class NotEnoughRoster(StepError):
    """A unit or a site has too few duties to make or judge a roster from; the message says how many are needed."""


@dataclass(frozen=True)
class Row:
    """One assignment as the feed told it. `staff` None is an open shift; hours are real hours."""

    staff: str | None
    unit: str
    date: date
    shift: str
    skill: str
    role: str
    status: str
    starts_at: datetime
    ends_at: datetime
    hours: float
    known_at: datetime


def read_rows(settings: Settings, declared: RosterUseCase, site: Site, at: datetime) -> list[Row]:
    """Return a site's duties that had arrived by `at`. Raises `TablesError` where no snapshot holds them."""
    snapshot = current_snapshot(settings)
    if "roster_mart" not in snapshot.rows:
        raise TablesError(f"Snapshot {snapshot.digest[:12]} has no table roster_mart; run the tables again.")
    mart = sql.text(str(snapshot.table("roster_mart")))
    given = {"site": site.id, "at": at, "skills": [one.name for one in declared.skills]}
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = {sql.text(site.timezone)}")
        return [Row(*found) for found in connection.execute(QUERY.format(mart=mart), given).fetchall()]


@dataclass(frozen=True)
class Unit:
    """A unit with all its duties and its people: who belongs there by contract, and of whom no contract is told, who
    worked there most, and often enough, before `first`. `floats` of them are lent by other units, which they map to;
    `isolation_beds` are those that were counted last."""

    name: str
    first: date
    days: int
    rows: tuple[Row, ...]
    people: tuple[str, ...]
    personnel: Personnel = NOTHING_TOLD
    floats: Mapping[str, str] = field(default_factory=dict[str, str])
    isolation_beds: int = 0

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=day) for day in range(self.days)]

    @property
    def after(self) -> date:
        """The day after the last."""
        return self.first + timedelta(days=self.days)

    def of(self, person: str) -> list[Row]:
        """The rows of one person, on any day."""
        return self._by_person.get(person, [])

    @cached_property
    def _by_person(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            if row.staff is not None:
                found[row.staff].append(row)
        return found


def units_of(
    declared: RosterUseCase,
    site: Site,
    rows: Iterable[Row],
    first: date,
    days: int,
    personnel: Personnel = NOTHING_TOLD,
) -> list[Unit]:
    """Return the site's units that people are known of, for a period that begins on `first`."""
    since = first - timedelta(days=declared.people.look_back_days)
    worked: dict[str, Counter[str]] = defaultdict(Counter)
    every = list(rows)
    for row in every:
        if row.staff is not None and row.status in STANDS and since <= row.date < first:
            worked[row.staff][row.unit] += 1
    belongs = personnel.homes([first + timedelta(days=day) for day in range(days)])
    for person, counts in worked.items():
        if counts.total() >= declared.people.fewest_shifts and not personnel.of(person):
            belongs[person] = counts.most_common(1)[0][0]
    homes: dict[str, list[str]] = defaultdict(list)
    for person, unit in sorted(belongs.items()):
        homes[unit].append(person)
    return [
        Unit(name, first, days, _rows_of(every, name, frozenset(homes[name])), tuple(homes[name]), personnel)
        for name in (unit.id for unit in site.units if unit.id in homes)
    ]


def _rows_of(rows: Iterable[Row], unit: str, people: frozenset[str]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.unit == unit or row.staff in people)


def usual_need(declared: RosterUseCase, unit: Unit) -> dict[tuple[date, str, str], int]:
    """Return what the unit's roster held on the same weekday in past weeks, on average, rounded half up."""
    weeks = declared.demand.history_weeks
    since, counts, seen = unit.first - timedelta(weeks=weeks), Counter[tuple[int, str, str]](), set[date]()
    for row in unit.rows:
        if row.unit == unit.name and row.status in (*STANDS, "sick") and since <= row.date < unit.first:
            counts[row.date.weekday(), row.shift, row.skill] += row.status != "confirmed"
            seen.add(row.date)
    days = Counter(day.weekday() for day in seen)
    return {
        (day, shift, skill): int(total / days[day.weekday()] + 0.5)
        for day in unit.dates
        for (weekday, shift, skill), total in counts.items()
        if weekday == day.weekday()
    }


def untold_days(unit: Unit) -> list[date]:
    """Return the days just before the period, as far as rules look back, that the feed tells no duty of."""
    told = {row.date for row in unit.rows if row.unit == unit.name}
    before = [unit.first - timedelta(days=back) for back in range(HISTORY_DAYS, 0, -1)]
    return [day for day in before if day not in told]


def standing(unit: Unit) -> dict[tuple[str, date], Row]:
    """Return what is published for the period: who has which duty on the unit, without the sick."""
    people = frozenset(unit.people)
    return {
        (row.staff, row.date): row
        for row in unit.rows
        if row.staff is not None
        and row.staff in people
        and row.unit == unit.name
        and row.status in STANDS
        and _within(unit, row.date)
    }


def sick_days(unit: Unit) -> set[tuple[str, date]]:
    """Return the person-days of the period on which somebody is reported sick."""
    return {
        (row.staff, row.date) for row in unit.rows if row.staff and row.status == "sick" and _within(unit, row.date)
    }


def _within(unit: Unit, day: date) -> bool:
    return unit.first <= day < unit.after
