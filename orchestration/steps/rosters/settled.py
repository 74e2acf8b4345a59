"""What a person's duties count as: one definition, for the solver's problem and for the judge of its rosters alike.

- A duty that stands (planned, confirmed or worked) counts, with the times that the feed tells: overtime is work.
- Two duties of one day are both work, and one day of work. Time that they share counts once.
- A night is a duty of a shift that ends on the next day by the site's own times, however long it was. Of a shift that
  the site does not have, it is one that ends on a later local day than it begins.
- Duties count as far back as `HISTORY_DAYS`, and as far on after the period, on whichever unit; within the period those
  on other units. Those on the unit itself are what a roster decides, and take no time from another duty.
- Who is on leave has no duty to come, whatever was planned.

What does not belong here: reading duties (`roster_inputs.py`), what rules make of them (`ml`, `evaluation`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import HISTORY_DAYS, STANDS, Row, Unit


@dataclass(frozen=True)
class Settled:
    """One person's work on one local day, as it counts."""

    staff: str
    date: date
    unit: str
    shift: str
    skill: str
    starts_at: datetime
    ends_at: datetime
    is_night: bool


def settled_of(site: Site, rows: Iterable[Row]) -> list[Settled]:
    """Return what rows of duties count as, by person and time; open shifts and those that do not stand are no work."""
    counted = (row for row in rows if row.staff is not None and row.status in STANDS)
    found: list[Settled] = []
    for row in sorted(counted, key=lambda one: (one.staff or "", one.starts_at, one.ends_at)):
        before = found[-1] if found and found[-1].staff == row.staff else None
        starts = max(row.starts_at, before.ends_at) if before else row.starts_at
        if starts < row.ends_at:
            is_night = is_night_duty(site, row)
            about = row.staff or "", row.date, row.unit, row.shift, row.skill
            found.append(Settled(*about, starts, row.ends_at, is_night))
    return found


def is_night_duty(site: Site, row: Row) -> bool:
    """Tell whether a duty is a night."""
    shift = next((one for one in site.shifts if one.id == row.shift), None)
    if shift is not None:
        return shift.ends <= shift.starts
    return row.ends_at.astimezone(site.zone).date() > row.starts_at.astimezone(site.zone).date()


def before_period(site: Site, unit: Unit) -> list[Settled]:
    """Return the work of a unit's people on the days before the period, as far back as rules look."""
    return [one for one in _around(site, unit) if one.date < unit.first]


def on_other_units(site: Site, unit: Unit) -> list[Settled]:
    """Return the duties of a unit's people on other units within the period. They stay."""
    return [one for one in _around(site, unit) if unit.first <= one.date < unit.after]


def after_period(site: Site, unit: Unit) -> list[Settled]:
    """Return the duties of a unit's people that are planned after the period already, on any unit. They stay."""
    return [one for one in _around(site, unit) if one.date >= unit.after]


def guests_of(site: Site, unit: Unit, skills: Iterable[str]) -> list[Settled]:
    """Return the duties on a unit, within the period, of people who do not belong to it: they cover its shifts."""
    people, known, wanted = frozenset(unit.people), {one.id for one in site.shifts}, frozenset(skills)
    dates = frozenset(unit.dates)
    rows = [row for row in unit.rows if row.unit == unit.name and row.staff not in people and row.date in dates]
    return [
        one
        for one in settled_of(site, rows)
        if one.shift in known and one.skill in wanted and one.date not in unit.personnel.away(one.staff, [one.date])
    ]


def _around(site: Site, unit: Unit) -> list[Settled]:
    """All that is settled of a unit's people around what its roster decides."""
    reach = timedelta(days=HISTORY_DAYS)
    rows = (row for name in unit.people for row in unit.of(name) if unit.first - reach <= row.date < unit.after + reach)
    return settled_of(site, (row for row in rows if row.date < unit.first or _is_to_come(unit, row)))


def _is_to_come(unit: Unit, row: Row) -> bool:
    is_decided = row.unit == unit.name and row.date < unit.after
    return not is_decided and row.date not in unit.personnel.away(row.staff or "", [row.date])
