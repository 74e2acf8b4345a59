"""What a site's feeds tell of its people as of a time: contracts of employment, leave, and what they wish for.

A site that lists no such feed tells nothing, and whoever reads this guesses from past duties and says so. What does not
belong here: duties (`roster_inputs.py`), what rules make of contracts and wishes (`ml/usecases`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import duckdb

from ml.usecases import RosterUseCase
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.warehouse.tables import Snapshot, TablesError, current_snapshot

LEAVE = "leave"
FEEDS = ("workforce", LEAVE, "wishes")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Contract:
    """A contract of employment. Hours are of a week; a `valid_until` or `credential_until` of None does not end, and a
    `credential_from` of None began before the contract. `floats_to` are units that somebody may be sent to.

    `skill` is None where the role is none that is rostered: such a contract says that somebody is no nurse here."""

    staff: str
    unit: str
    skill: str | None
    role: str
    credential_until: date | None
    weekly_hours: float
    minimum_hours: float | None
    maximum_hours: float | None
    valid_from: date
    valid_until: date | None
    known_at: datetime
    credential_from: date | None = None
    experience: str | None = None
    trained_for: tuple[str, ...] = ()
    floats_to: tuple[str, ...] = ()

    def holds(self, day: date) -> bool:
        """Tell whether the contract is in force on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    @property
    def skill_from(self) -> date:
        """The first day on which somebody may work in the skill by this contract."""
        return max(self.valid_from, self.credential_from or self.valid_from)

    @property
    def skill_until(self) -> date | None:
        """The last day on which somebody may work in the skill by this contract."""
        return min((one for one in (self.credential_until, self.valid_until) if one is not None), default=None)


@dataclass(frozen=True)
class Leave:
    """An approved leave, first to last day."""

    staff: str
    first: date
    last: date
    known_at: datetime


@dataclass(frozen=True)
class Wish:
    """A wish about a day: to work `shift` (None: any), or not to. `weight` is 1 to 10."""

    staff: str
    date: date
    shift: str | None
    wants_on: bool
    weight: int
    known_at: datetime


Told = TypeVar("Told", Contract, Leave, Wish)


@dataclass(frozen=True)
class Personnel:
    """All that is told of a site's people; `silent` are the feeds of people that the site does not list."""

    contracts: tuple[Contract, ...] = ()
    leaves: tuple[Leave, ...] = ()
    wishes: tuple[Wish, ...] = ()
    silent: tuple[str, ...] = FEEDS

    def known_at(self, at: datetime) -> "Personnel":
        """Return what had arrived by a time."""
        contracts, leaves, wishes = _by(self.contracts, at), _by(self.leaves, at), _by(self.wishes, at)
        return replace(self, contracts=contracts, leaves=leaves, wishes=wishes)

    def of(self, person: str) -> list[Contract]:
        """The contracts of one person, in force or not."""
        return self._by_person.get(person, [])

    def nursing(self, person: str, days: Iterable[date]) -> list[Contract]:
        """The contracts of one person in a skill that is rostered, and in force on one of some days."""
        wanted = list(days)
        return [one for one in self.of(person) if one.skill and any(map(one.holds, wanted))]

    @cached_property
    def _by_person(self) -> dict[str, list[Contract]]:
        found: dict[str, list[Contract]] = {}
        for one in self.contracts:
            found.setdefault(one.staff, []).append(one)
        return found

    @cached_property
    def _leaves_by_person(self) -> dict[str, list[Leave]]:
        found: dict[str, list[Leave]] = {}
        for one in self.leaves:
            found.setdefault(one.staff, []).append(one)
        return found

    def is_trained(self, person: str, training: str, days: Iterable[date]) -> bool:
        """Tell whether a nursing contract of somebody on some days says that they are trained for something."""
        return any(training in one.trained_for for one in self.nursing(person, days))

    def homes(self, days: Sequence[date]) -> dict[str, str]:
        """Return the unit of everybody whose contract holds on one of some days: where they owe most hours."""
        owed: dict[tuple[str, str], float] = {}
        for one in self.contracts:
            if one.skill and any(map(one.holds, days)):
                owed[one.staff, one.unit] = owed.get((one.staff, one.unit), 0.0) + one.weekly_hours
        found: dict[str, str] = {}
        for (person, unit), _ in sorted(owed.items(), key=lambda one: (one[1], one[0])):
            found[person] = unit
        return found

    def away(self, person: str, days: Iterable[date]) -> set[date]:
        """Return on which of some days somebody is on leave, or has no contract although they had or will have one."""
        contracts = [one for one in self.of(person) if one.skill]
        leaves = self._leaves_by_person.get(person, [])
        return {
            day
            for day in days
            if (contracts and not any(one.holds(day) for one in contracts))
            or any(one.first <= day <= one.last for one in leaves)
        }


def _by(rows: "tuple[Told, ...]", at: datetime) -> "tuple[Told, ...]":
    return tuple(row for row in rows if row.known_at <= at)


NOTHING_TOLD = Personnel()
QUERIES = {
    "workforce": (
        "roster_staff",
        """select staff_key, unit, case when skill in (select unnest($skills)) then skill end, role, credential_until,
            weekly_hours, minimum_hours, maximum_hours, valid_from, valid_until, known_at, credential_from, experience,
            string_split(trained_for, ';'), string_split(floats_to, ';') from {mart}
        where site = $site and known_at <= $at order by all""",
    ),
    "leave": (
        "roster_leave",
        """select staff_key, first_date, last_date, known_at from {mart}
        where site = $site and known_at <= $at order by all""",
    ),
    "wishes": (
        "roster_wish",
        """select staff_key, date, shift, wants_on, weight, known_at from {mart}
        where site = $site and known_at <= $at order by all""",
    ),
}


def read_personnel(settings: Settings, declared: RosterUseCase, site: Site, at: datetime) -> Personnel:
    """Return what had arrived by `at` from the feeds of people that the site lists.

    Raises `TablesError` where the snapshot is of a version that had no such tables."""
    snapshot = current_snapshot(settings)
    given = {"site": site.id, "at": at, "skills": [one.name for one in declared.skills]}
    rows = {feed: _rows(snapshot, feed, given, site.timezone) for feed in FEEDS if feed in site.feeds}
    return Personnel(
        contracts=tuple(_contract(row) for row in rows.get("workforce", ())),
        leaves=tuple(Leave(*row) for row in rows.get("leave", ())),
        wishes=tuple(Wish(*row) for row in rows.get("wishes", ())),
        silent=tuple(feed for feed in FEEDS if feed not in rows),
    )


def held_leave(settings: Settings, site: str, since: datetime, at: datetime) -> int:
    """Return how many rows of the leave feed that arrived after `since` and by `at` are in quarantine, by the newest
    attempt at each file: somebody may be on leave whom no table tells of."""
    newest: dict[str, tuple[int, int]] = {}
    for path in (settings.home / "receipts" / site / LEAVE).glob("*.json"):
        receipt = json.loads(path.read_bytes())
        if since < datetime.fromisoformat(receipt["first_arrived_at"] or receipt["arrived_at"]) <= at:
            attempt = receipt["attempt"], receipt["quarantined"]
            newest[receipt["sha256"]] = max(attempt, newest.get(receipt["sha256"], attempt))
    return sum(held for _, held in newest.values())


def _contract(row: tuple[Any, ...]) -> Contract:
    *told, trained_for, floats_to = row
    return Contract(*told, trained_for=tuple(trained_for or ()), floats_to=tuple(floats_to or ()))


def _rows(snapshot: Snapshot, feed: str, given: Mapping[str, object], zone: str) -> list[tuple[Any, ...]]:
    table, query = QUERIES[feed]
    if table not in snapshot.rows:
        raise TablesError(f"Snapshot {snapshot.digest[:12]} has no table {table}; run the tables again.")
    wanted = {name: value for name, value in given.items() if f"${name}" in query}
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = {sql.text(zone)}")
        return connection.execute(query.format(mart=sql.text(str(snapshot.table(table)))), wanted).fetchall()
