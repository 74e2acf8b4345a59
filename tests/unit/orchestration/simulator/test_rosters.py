import csv
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from orchestration.simulator.rosters import COLUMNS, PUBLISHED_AHEAD, needed, roster_csv
from orchestration.sites import load_site

from .conftest import DAYS, START


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(content.decode().splitlines()))


def roster(day: date) -> list[dict[str, str]]:
    return rows(roster_csv(load_site("city"), START, day, 1))


def test_the_file_has_the_agreed_columns(home: Path, summary):
    header = (home / "drops" / "city" / START.isoformat() / "rosters.csv").read_text().splitlines()[0]
    assert tuple(header.split(",")) == COLUMNS


def test_the_first_drop_publishes_a_week_and_later_ones_a_day_more():
    first = {row["shift_date"] for row in roster(START) if row["status"] == "planned"}
    later = {row["shift_date"] for row in roster(START + timedelta(days=1)) if row["status"] == "planned"}
    assert first == {(START + timedelta(days=n)).isoformat() for n in range(1, PUBLISHED_AHEAD + 1)}
    assert later == {(START + timedelta(days=1 + PUBLISHED_AHEAD)).isoformat()}


def test_what_was_planned_is_later_worked_or_missed_by_the_same_people():
    day = START + timedelta(days=3)
    planned = {(r["staff_id"], r["unit"], r["shift"]) for r in roster(START) if r["shift_date"] == day.isoformat()}
    happened = [r for r in roster(day) if r["shift_date"] == day.isoformat()]
    came = {(r["staff_id"], r["unit"], r["shift"]) for r in happened if r["status"] in ("worked", "sick")}
    assert came == planned and planned
    assert any(r["status"] == "sick" for r in happened)


def test_nobody_works_twice_a_day_and_everybody_rests_ten_hours():
    shifts = defaultdict(list)
    for n in range(20):
        day = START + timedelta(days=n)
        for row in roster(day):
            if row["shift_date"] == day.isoformat() and row["status"] == "worked":
                shifts[row["staff_id"]].append(
                    (datetime.fromisoformat(row["starts_at"]), datetime.fromisoformat(row["ends_at"]))
                )
    assert len(shifts) > 100
    for worked in shifts.values():
        worked.sort()
        for (_, end), (start, _) in pairwise(worked):
            assert start - end >= timedelta(hours=10)


def test_shifts_last_eight_hours_and_the_night_of_the_clock_change_seven():
    """Night of 9 to 10 March 2024 in New York: 02:00 becomes 03:00."""
    for row in roster(date(2024, 3, 9)):
        if row["shift_date"] == "2024-03-09":
            hours = datetime.fromisoformat(row["ends_at"]) - datetime.fromisoformat(row["starts_at"])
            assert hours == timedelta(hours=7 if row["shift"] == "night" else 8)


def test_every_shift_of_every_unit_is_planned_with_the_nurses_it_needs(home: Path, summary):
    for name in ("city", "district", "rural"):
        site, last = load_site(name), START + timedelta(days=DAYS - 1)
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for row in rows((home / "drops" / name / last.isoformat() / "rosters.csv").read_bytes()):
            counts[row["unit"], row["shift"]] += row["status"] == "planned"
        for unit in site.units:
            for shift in site.shifts:
                assert counts[unit.id, shift.id] == needed(unit, shift) >= 2


def test_nurses_and_their_units_do_not_share_numbers():
    units = defaultdict(set)
    for row in roster(START):
        units[row["staff_id"]].add(row["unit"])
    assert all(len(found) == 1 for found in units.values())
