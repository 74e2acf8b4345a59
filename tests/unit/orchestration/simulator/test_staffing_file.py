"""Staffing of a day: the hours that the roster says were worked, and the bed board's census at the shift's start."""

import csv
import io
from datetime import date, datetime, timedelta

import pytest

from orchestration.simulator.rosters import roster_csv
from orchestration.sites import load_site

from .conftest import SEED, START
from .parsed import Feeds

WHOLE = ("unit", "work_date", "shift", "census", "rn_hours", "planned_hours")


def whole(wide: Feeds, site: str) -> list[dict[str, str | None]]:
    return [row for _, row in wide.rows(site, "staffing") if all(row.get(name) for name in WHOLE)]


@pytest.mark.parametrize("site", ["city", "district"])
def test_hours_are_those_that_the_roster_says_were_worked(wide: Feeds, site: str):
    day = START + timedelta(days=3)  # the clocks go forward in its night shift
    roster = csv.DictReader(io.StringIO(roster_csv(load_site(site), START, day, SEED).decode()))
    hours: dict[tuple[str, str], float] = {}
    for duty in roster:
        if duty["shift_date"] == day.isoformat() and duty["status"] in ("worked", "confirmed"):
            length = datetime.fromisoformat(duty["ends_at"]) - datetime.fromisoformat(duty["starts_at"])
            key = duty["unit"], duty["shift"]
            hours[key] = hours.get(key, 0.0) + length / timedelta(hours=1)
    rows = {(r["unit"], r["shift"]): r for r in whole(wide, site) if r["work_date"] == day.isoformat()}
    assert len(rows) >= len(hours) - 1
    for key, row in rows.items():
        assert float(row["rn_hours"]) + float(row["lpn_hours"]) == hours[key]


def test_a_day_comes_with_the_next_drop_and_each_shift_once(wide: Feeds):
    for site in ("city", "district"):
        told = wide.rows(site, "staffing")
        for day, row in told:
            if row["work_date"]:
                assert timedelta(days=1) <= day - date.fromisoformat(row["work_date"]) <= timedelta(days=2)
        keys = {(r["unit"], r["work_date"], r["shift"]) for r in whole(wide, site)}
        place = load_site(site)
        full = len(place.units) * len(place.shifts) * (len(wide.summary.days) - 1)
        assert full - 2 <= len(keys) <= full


def test_the_census_of_a_shift_is_that_of_the_bed_board(wide: Feeds):
    counted = {
        (row["unit"], row["at"][:13]): row["occupied"] for _, row in wide.rows("city", "census") if row["occupied"]
    }
    starts = {shift.id: shift.starts.hour for shift in load_site("city").shifts}
    rows = whole(wide, "city")
    assert rows
    for row in rows:
        assert row["census"] == counted[row["unit"], f"{row['work_date']}T{starts[row['shift']]:02}"]


def test_one_site_writes_its_own_way_and_says_the_same(wide: Feeds):
    seen = 0
    for day, path in wide.files("rural", "staffing.csv"):
        head, *rows = csv.reader(io.StringIO(path.read_bytes().decode("cp1252"), newline=""), delimiter=";")
        assert head[:4] == ["Aonad", "Dáta", "Seal", "Othair"] and b"\xe1" in path.read_bytes()
        for row in (r for r in rows if len(r) == len(head)):
            assert row[0] in ("A&E", "HDU", "W1") and row[2] in ("L", "T", "O") and row[8].endswith(",00")
            seen += datetime.strptime(row[1], "%d/%m/%Y").date() == day - timedelta(days=1)  # noqa: DTZ007
    assert seen > 9 * (len(wide.summary.days) - 2)
