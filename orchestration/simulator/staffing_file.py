"""Nurse hours and census per unit and shift, as the staffing office adds them up the day after.

One site writes them its own way: other names, codes and dates, a decimal comma, semicolons, an older character set.
What does not belong here: who works when (`rosters.py`).
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from orchestration.simulator.emission import File, Outbox, as_file
from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.rosters import Duty, planned, worked
from orchestration.simulator.table_files import Row, as_csv, as_table, cut_row, with_value
from orchestration.simulator.world import Day, World

HEADER: Row = (
    "unit", "work_date", "shift", "census", "rn_hours", "lpn_hours", "rn_contract_hours", "lpn_contract_hours",
    "planned_hours",
)  # fmt: skip
OWN_HEADER: Row = (
    "Aonad", "Dáta", "Seal", "Othair", "Uaireanta RN", "Uaireanta EN", "Gníomhaireacht RN", "Gníomhaireacht EN",
    "Pleanáilte",
)  # fmt: skip
OWN_CODES = {"AE": "A&E", "day": "L", "evening": "T", "night": "O"}
OWN_ENCODING = "windows-1252"
NO_CENSUS_SHARE, CUT_SHARE, REPEATED_SHARE = 0.002, 0.001, 0.001
WORKED = ("worked", "confirmed")


class StaffingEmitter:
    """Sends one site's staffing table: in each drop the day before, when its last shift has ended."""

    def __init__(self, world: World) -> None:
        self.world, self.interfaces = world, INTERFACES[world.site.id]
        self.census: dict[tuple[str, str], int] = {}
        breakings = ((NO_CENSUS_SHARE, with_value(HEADER.index("census"), "")), (CUT_SHARE, cut_row))
        self.outbox = Outbox(world, "staffing", breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the table of the day before; the first drop has none."""
        yesterday = day.day - timedelta(days=1)
        rows = list(self._rows(yesterday)) if yesterday >= self.world.start else []
        self.census = {(unit, at): occupied for unit, at, occupied, _, _ in day.census}
        sent = self.outbox.send(day, rows)
        if not self.interfaces.own_staffing_form:
            return as_table("staffing", HEADER, sent, self.interfaces.tables)
        return as_file(
            "staffing.csv", [_own(row) for row in sent], lambda own: as_csv(OWN_HEADER, own, ";", OWN_ENCODING)
        )

    def _rows(self, day: date) -> Iterator[Row]:
        site = self.world.site
        came = [duty for duty in worked(site, day, self.world.seed) if duty.status in WORKED]
        plan = planned(site, day)
        for unit in site.units:
            for shift in site.shifts:
                here = [[d for d in duties if (d.unit, d.shift) == (unit.id, shift.id)] for duties in (came, plan)]
                begins = self.world.clock.instant(int(datetime.combine(day, shift.starts, site.zone).timestamp()))
                hours = [*_hours(here[0]), sum(map(_length, here[1]))]
                census = self.census[unit.id, begins]
                yield (unit.id, day.isoformat(), shift.id, f"{census}", *(f"{h:.2f}" for h in hours))


def _hours(duties: list[Duty]) -> list[float]:
    """Hours of registered and of practical nurses, and of either those who were called in."""
    found: list[float] = []
    for only_called in (False, True):
        for is_practical in (False, True):
            chosen = [d for d in duties if (d.role == "LPN") is is_practical]
            found.append(sum(_length(d) for d in chosen if d.status == "confirmed" or not only_called))
    return found


def _length(duty: Duty) -> float:
    return (datetime.fromisoformat(duty.ends_at) - datetime.fromisoformat(duty.starts_at)).total_seconds() / 3600


def _own(row: Row) -> Row:
    """Write a row as the site that has its own form does; a row may have been cut."""
    named = [OWN_CODES.get(cell, cell) for cell in row]
    if len(named) > 1:
        named[1] = f"{date.fromisoformat(row[1]):%d/%m/%Y}"
    return tuple(cell if n < 3 else cell.replace(".", ",") for n, cell in enumerate(named))
