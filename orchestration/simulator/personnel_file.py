"""Contracts of employment, leave and wishes of the people on the rosters, as the personnel system sends them each week.

The first drop holds whatever stands then; every Monday's holds what became known since: renewed licences, leave that
begins in four weeks, wishes for the week after the next. Leave lies in days that the cycle leaves free, as a site
grants it. Most renew their licence in time; a few hear back weeks late, and their site rosters them all the same. What
does not belong here: who works when (`rosters.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from orchestration.simulator.chance import stream
from orchestration.simulator.emission import File, Outbox
from orchestration.simulator.feeds import LEAVE, WISHES, WORKFORCE
from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.rosters import PATTERN, is_off, regulars, role_of, staff_id_of
from orchestration.simulator.table_files import Row, as_table, cut_row, with_value
from orchestration.simulator.world import Day, World
from orchestration.sites import Site, Unit

HEADERS: dict[str, Row] = {
    WORKFORCE: (
        "contract_id", "staff_id", "unit", "role", "credential_until", "weekly_hours", "minimum_hours",
        "maximum_hours", "valid_from", "valid_until", "credential_from", "experience", "trained_for", "floats_to",
    ),
    LEAVE: ("leave_id", "staff_id", "first_date", "last_date", "leave_kind", "leave_status"),
    WISHES: ("wish_id", "staff_id", "wish_date", "shift", "wants", "weight"),
}  # fmt: skip
CUT_SHARE, WRONG_SHARE, REPEATED_SHARE = 0.001, 0.002, 0.001
WRONG: dict[str, tuple[str, str]] = {
    WORKFORCE: ("weekly_hours", "-8"),
    LEAVE: ("leave_kind", "beach"),
    WISHES: ("wants", "maybe"),
}
WEEKLY_HOURS = (36, 36, 36, 30, 24)
MOST_HOURS = 48  # six shifts of eight hours are the most that the cycle puts into a week
LICENCE_MONTH_DAY, IN_TIME, LATE = (3, 31), timedelta(days=-28), timedelta(days=56)
LATE_EVERY, LATE_PLACE = 40, 8
NOVICE_EVERY, NOVICE_PLACE, TRAINED_EVERY, FLOAT_EVERY, FLOAT_PLACE = 12, 5, 3, 10, 7
CYCLES, REFUSED_EVERY = 7, 9  # a leave every ten weeks; every ninth person's is refused
LEAVE_AHEAD, WISHED_AHEAD = timedelta(days=28), timedelta(days=14)
WISHING, OFF_SHARE, HEAVIEST = 0.3, 0.6, 5
WEEK = timedelta(days=7)


class PersonnelEmitter:
    """Sends one of a site's three tables on its first day and every Monday."""

    def __init__(self, world: World, feed: str) -> None:
        self.world, self.feed, self.header = world, feed, HEADERS[feed]
        column, value = WRONG[feed]
        breakings = ((WRONG_SHARE, with_value(self.header.index(column), value)), (CUT_SHARE, cut_row))
        self.outbox = Outbox(world, feed, breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the table of a Monday or of the first day; none on other days."""
        is_first = day.day == self.world.start
        if not is_first and day.day.weekday() != 0:
            return []
        rows = list(ROWS[self.feed](self.world.site, self.world.seed, day.day, is_first))
        return as_table(self.feed, self.header, self.outbox.send(day, rows), INTERFACES[self.world.site.id].tables)


def _contracts(site: Site, _seed: int, day: date, is_first: bool) -> Iterator[Row]:
    for unit in site.units:
        for number in regulars(unit):
            until = licence_until(number, day)
            if is_first or until != licence_until(number, day - WEEK):
                hours = WEEKLY_HOURS[number % len(WEEKLY_HOURS)]
                staff = staff_id_of(site, unit, number)
                yield (
                    f"{staff}-C1", staff, unit.id, role_of(number), until.isoformat(), f"{hours}", f"{hours // 2}",
                    f"{MOST_HOURS}", "2020-01-01", "", "2019-04-01", experience_of(number), trained_for(number),
                    ";".join(floats_to(site, unit, number)),
                )  # fmt: skip


def experience_of(number: int) -> str:
    """Return how experienced somebody is: who is in charge is an expert, and some are new."""
    if role_of(number) == "charge":
        return "expert"
    return "novice" if number % NOVICE_EVERY == NOVICE_PLACE else "competent"


def trained_for(number: int) -> str:
    """Return what somebody is trained for beside the role."""
    return "isolation" if number % TRAINED_EVERY == 1 else ""


def floats_to(site: Site, unit: Unit, number: int) -> list[str]:
    """Return the other units that somebody may be sent to: those of the same kind, for who is in the float pool."""
    others = [one.id for one in site.units if one.kind is unit.kind and one.id != unit.id]
    return others if number % FLOAT_EVERY == FLOAT_PLACE else []


def licence_until(number: int, day: date) -> date:
    """Return until when somebody's licence holds as far as is known on a day: two years, to the end of March."""
    lag = LATE if number % LATE_EVERY == LATE_PLACE else IN_TIME
    year = day.year - 2 + (day.year + number) % 2
    while date(year, *LICENCE_MONTH_DAY) + lag < day:
        year += 2
    return date(year, *LICENCE_MONTH_DAY)


def _leaves(site: Site, _seed: int, day: date, is_first: bool) -> Iterator[Row]:
    known = day + LEAVE_AHEAD
    for unit in site.units:
        for number in regulars(unit):
            for first, last in leaves_of(number, day if is_first else known, known + WEEK):
                staff = staff_id_of(site, unit, number)
                status = "refused" if number % REFUSED_EVERY == 4 else "approved"
                yield (f"{staff}-L{first:%Y%m%d}", staff, first.isoformat(), last.isoformat(), "annual", status)


def leaves_of(number: int, since: date, until: date) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each leave that begins in [since, until): four days that are free anyway."""
    for offset in range((until - since).days):
        first = since + timedelta(days=offset)
        cycle = (first.toordinal() + number) // len(PATTERN)
        begins = is_off(number, first) and not is_off(number, first - timedelta(days=1))
        if begins and cycle % CYCLES == number % CYCLES:
            last = first
            while is_off(number, last + timedelta(days=1)):
                last += timedelta(days=1)
            yield first, last


def _wishes(site: Site, seed: int, day: date, is_first: bool) -> Iterator[Row]:
    weeks = (WISHED_AHEAD - WEEK, WISHED_AHEAD) if is_first else (WISHED_AHEAD,)
    for ahead in weeks:
        for unit in site.units:
            yield from _wished(site, unit, seed, day + ahead)


def _wished(site: Site, unit: Unit, seed: int, monday: date) -> Iterator[Row]:
    rng = stream(seed, site.id, f"wishes {unit.id}", monday)
    for number, (wishing, kind, place) in enumerate(rng.random((len(regulars(unit)), 3))):
        if wishing < WISHING:
            at, staff = monday + timedelta(days=int(place * 7)), staff_id_of(site, unit, number)
            shift = site.shifts[int(place * 1000) % len(site.shifts)].id
            wants, weight = ("off" if kind < OFF_SHARE else "on"), 1 + int(kind * 100) % HEAVIEST
            yield (f"{staff}-W{at:%Y%m%d}", staff, at.isoformat(), shift, wants, f"{weight}")


ROWS: dict[str, Callable[[Site, int, date, bool], Iterator[Row]]] = {
    WORKFORCE: _contracts,
    LEAVE: _leaves,
    WISHES: _wishes,
}
