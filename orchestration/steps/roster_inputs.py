"""What a unit's roster is made from, read from the published roster mart as of a time: people, duties, usual need.

What does not belong here: the rules (`ml/usecases`), what is needed by a forecast (`roster_needs.py`), solving.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import duckdb

from ml.usecases import RosterUseCase
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.errors import StepError
from orchestration.steps.tables import TablesError, current_snapshot

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
        connection.execute(f"set timezone = '{site.timezone}'")
        return [Row(*found) for found in connection.execute(QUERY.format(mart=mart), given).fetchall()]


@dataclass(frozen=True)
class Unit:
    """A unit with all its duties and its people: who worked there most, and often enough, before `first`."""

    name: str
    first: date
    days: int
    rows: tuple[Row, ...]
    people: tuple[str, ...]

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=day) for day in range(self.days)]

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


def units_of(declared: RosterUseCase, site: Site, rows: Iterable[Row], first: date, days: int) -> list[Unit]:
    """Return the site's units that people are known of, for a period that begins on `first`."""
    since = first - timedelta(days=declared.people.look_back_days)
    worked: dict[str, Counter[str]] = defaultdict(Counter)
    every = list(rows)
    for row in every:
        if row.staff is not None and row.status in STANDS and since <= row.date < first:
            worked[row.staff][row.unit] += 1
    homes: dict[str, list[str]] = defaultdict(list)
    for person, counts in sorted(worked.items()):
        if counts.total() >= declared.people.fewest_shifts:
            homes[counts.most_common(1)[0][0]].append(person)
    known = [unit.id for unit in site.units if unit.id in homes]
    return [
        Unit(name, first, days, tuple(row for row in every if _belongs(row, name, homes[name])), tuple(homes[name]))
        for name in known
    ]


def _belongs(row: Row, unit: str, people: list[str]) -> bool:
    return row.unit == unit or row.staff in people


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
    return unit.first <= day < unit.first + timedelta(days=unit.days)


def form_of(
    declared: RosterUseCase, site: Site, unit: Unit, need: Need, stays: Mapping[tuple[str, date], tuple[str, int]]
) -> dict[str, Any]:
    """Return the unit's problem as `pilothouse.roster/1`, plain data. `stays` are published duties that people keep if
    they can: shift and weight by person and day. Days on which somebody is away are leave."""
    away = sick_days(unit) | {
        (row.staff, row.date) for row in unit.rows if row.staff and row.unit != unit.name and row.status in STANDS
    }
    return {
        "schema": "pilothouse.roster/1",
        "name": f"{site.id} {unit.name}",
        "time_zone": site.timezone,
        "first_day": unit.first.isoformat(),
        "days": unit.days,
        "units": [unit.name],
        "skills": [one.name for one in declared.skills],
        "shifts": [
            {
                "name": one.id,
                "start": one.starts.strftime("%H:%M"),
                "end": one.ends.strftime("%H:%M"),
                "is_night": one.ends <= one.starts,
            }
            for one in site.shifts
        ],
        "staff": [_person(declared, unit, name, stays, away) for name in unit.people],
        "demand": [
            {"unit": unit.name, "date": day.isoformat(), "shift": shift, "skill": skill, "nurses": nurses}
            for (day, shift, skill), nurses in sorted(need.items())
        ],
        "constraints": [rule.constraint() for rule in declared.rules],
    }


def _person(
    declared: RosterUseCase,
    unit: Unit,
    name: str,
    stays: Mapping[tuple[str, date], tuple[str, int]],
    away: set[tuple[str, date]],
) -> dict[str, Any]:
    past = [row for row in unit.of(name) if row.status in STANDS and row.date < unit.first]
    recent = {row.date: row.shift for row in past if row.date >= unit.first - timedelta(days=HISTORY_DAYS)}
    since = unit.first - timedelta(days=declared.people.look_back_days)
    counted = [row for row in past if row.date >= since]
    weeks = max(1.0, (unit.first - min(row.date for row in counted)).days / 7)
    share = sum(row.hours for row in counted) / weeks / declared.people.full_time_hours
    is_expert = any(row.role in declared.people.expert_roles for row in past)
    return {
        "id": name,
        "home": unit.name,
        "skills": [{"skill": skill} for skill in sorted({row.skill for row in past})],
        "level": "expert" if is_expert else "competent",
        "share": round(min(1.0, max(0.1, share)), 2),
        "leave": [day.isoformat() for day in unit.dates if (name, day) in away],
        "requests": [
            {"date": day.isoformat(), "wants": "on", "shift": shift, "weight": weight}
            for (person, day), (shift, weight) in sorted(stays.items())
            if person == name and (name, day) not in away
        ],
        "history_days": HISTORY_DAYS,
        "history": [{"date": day.isoformat(), "shift": shift} for day, shift in sorted(recent.items())],
        "carried": {
            "nights": sum(1 for row in counted if row.ends_at.date() > row.date),
            "weekends": len({row.date.isocalendar()[:2] for row in counted if row.date.weekday() >= 5}),
        },
    }
