"""Nurse rosters: who was planned, and who came. One CSV per day with what became known that day.

The first drop holds the plan of that day and the week after it; each later drop the plan of one more day, and of its
own day what happened. Staff rotate through a ten-day pattern: two days, two evenings, two nights, four days off. What
does not belong here: how many nurses a unit needs by workload (later: the staffing forecast).
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

import numpy as np

from orchestration.simulator.chance import stream
from orchestration.sites import Shift, Site, Unit, UnitKind

COLUMNS = ("shift_id", "staff_id", "unit", "shift", "shift_date", "starts_at", "ends_at", "role", "skills", "status")
PUBLISHED_AHEAD = 7  # days
PATTERN = (0, 0, 1, 1, 2, 2, None, None, None, None)  # which shift of the day, by place in the cycle
BEDS_PER_NURSE = {UnitKind.ED: 3.6, UnitKind.ICU: 1.9, UnitKind.WARD: 5.0}
NIGHT_FACTOR = {UnitKind.ED: 1.25, UnitKind.ICU: 1.0, UnitKind.WARD: 1.6}
ISOLATED_SHARE = {UnitKind.ICU: 0.1, UnitKind.WARD: 0.05}  # of twenty beds
ABSENT_SHARE, REPLACED_SHARE = 0.035, 0.6
SKILLS = {UnitKind.ED: "triage;als", UnitKind.ICU: "critical-care;als", UnitKind.WARD: "medication"}


@dataclass(frozen=True, slots=True)
class Duty:
    """One nurse on one shift. `starts_at` and `ends_at` are local instants with offset."""

    shift_id: str
    staff_id: str
    unit: str
    shift: str
    shift_date: date
    starts_at: str
    ends_at: str
    role: str
    skills: str
    status: str


def roster_csv(site: Site, start: date, day: date, seed: int) -> bytes:
    """Return the roster file of a day's drop."""
    ahead = range(1, PUBLISHED_AHEAD + 1) if day == start else (PUBLISHED_AHEAD,)
    duties = [*worked(site, day, seed)]
    for days in ahead:
        duties += planned(site, day + timedelta(days=days))
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows([getattr(duty, column) for column in COLUMNS] for duty in duties)
    return text.getvalue().encode()


def planned(site: Site, day: date) -> list[Duty]:
    """Return a day's plan."""
    return [
        _duty(site, unit, shift, day, staff, "planned")
        for unit in site.units
        for place, shift in enumerate(site.shifts)
        for staff in _on_duty(unit, place, shift, day)
    ]


def worked(site: Site, day: date, seed: int) -> Iterator[Duty]:
    """Yield what came of a day's plan: worked, absent, and those called in for the absent ("confirmed")."""
    rng = stream(seed, site.id, "absence", day)
    for unit in site.units:
        for place, shift in enumerate(site.shifts):
            staff = _on_duty(unit, place, shift, day)
            spare = iter(_spare(unit, day, len(staff)))
            for number, absent, replaced in zip(staff, *rng.random((2, len(staff))), strict=True):
                is_absent = absent < ABSENT_SHARE
                yield _duty(site, unit, shift, day, number, "sick" if is_absent else "worked")
                if is_absent and replaced < REPLACED_SHARE:
                    yield _duty(site, unit, shift, day, next(spare), "confirmed")


def needed(unit: Unit, shift: Shift) -> int:
    """Nurses a shift is planned with, from the beds; fewer at night."""
    factor = NIGHT_FACTOR[unit.kind] if shift.starts > shift.ends else 1.0
    return max(2, ceil(unit.beds / (BEDS_PER_NURSE[unit.kind] * factor)))


def regulars(unit: Unit) -> range:
    """Numbers of the staff who are employed on a unit: five for each place, so that two groups of ten match."""
    return range(5 * (ceil(unit.beds / BEDS_PER_NURSE[unit.kind]) + 2))


def is_off(number: int, day: date) -> bool:
    """Tell whether somebody's cycle leaves a day free."""
    return PATTERN[(day.toordinal() + number) % len(PATTERN)] is None


def staff_id_of(site: Site, unit: Unit, number: int) -> str:
    """Return the staff number as every system of the site knows it."""
    return f"{site.id[0].upper()}{unit.id}-{number * 37 + 20_011}"


def role_of(number: int) -> str:
    """Return what somebody works as."""
    if number % 9 == 0:
        return "charge"
    return "RN" if number % 4 else "LPN"


def _on_duty(unit: Unit, place: int, shift: Shift, day: date) -> list[int]:
    """Numbers of the staff whose cycle puts them on this shift."""
    want = needed(unit, shift)
    crew = [n for n in regulars(unit) if PATTERN[(day.toordinal() + n) % len(PATTERN)] == place]
    turn = day.toordinal() % max(len(crew), 1)
    return sorted((crew[turn:] + crew[:turn])[:want])


def _spare(unit: Unit, day: date, count: int) -> list[int]:
    """Staff of the reserve pool, numbered after the regular ones; each at most once a day."""
    return [10_000 + (day.toordinal() * 3 + n) % 997 for n in range(count)] if unit.beds else []


def _duty(site: Site, unit: Unit, shift: Shift, day: date, number: int, status: str) -> Duty:
    begins = datetime.combine(day, shift.starts, site.zone)
    ends = datetime.combine(day + timedelta(days=shift.ends <= shift.starts), shift.ends, site.zone)
    staff_id = staff_id_of(site, unit, number)
    return Duty(
        shift_id=f"{staff_id}-{day:%Y%m%d}-{shift.id}",
        staff_id=staff_id,
        unit=unit.id,
        shift=shift.id,
        shift_date=day,
        starts_at=begins.isoformat(),
        ends_at=ends.isoformat(),
        role=role_of(number),
        skills=SKILLS[unit.kind] if number % 3 else "",
        status=status,
    )


def census_csv(site: Site, seed: int, rows: list[tuple[str, str, int, int, int]]) -> bytes:
    """Return the census file: unit, at (local instant), occupied, staffed_beds, closed, isolation."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("unit", "at", "occupied", "staffed_beds", "closed", "isolation"))
    kinds = {unit.id: unit.kind for unit in site.units}
    for row in rows:
        writer.writerow((*row, isolated(site, row[0], kinds[row[0]], row[1][:10], seed, row[2])))
    return text.getvalue().encode()


def isolated(site: Site, unit: str, kind: UnitKind, day: str, seed: int, occupied: int) -> int:
    """Return how many occupied beds of a unit are under isolation precautions: as many all day, none in the ED."""
    share = ISOLATED_SHARE.get(kind, 0.0)
    return min(occupied, int(stream(seed, site.id, f"isolation {unit}", date.fromisoformat(day)).poisson(share * 20)))


def draw_closures(site: Site, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Beds that every unit but the ED closes for the day: (unit, count)."""
    return [(unit.id, int(rng.binomial(unit.beds, 0.025))) for unit in site.units if unit.kind is not UnitKind.ED]
