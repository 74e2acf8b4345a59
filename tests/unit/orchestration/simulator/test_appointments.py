from datetime import datetime, timedelta

import pytest

from orchestration.simulator.appointments import AppointmentBook, latest
from orchestration.simulator.clock import DAY
from orchestration.simulator.world import World

from .conftest import SEED, SITES, START
from .parsed import ZONES, Feeds

HEADER = ["appointment_id", "patient_mrn", "clinic", "start", "booked_at", "status", "updated_at"]


@pytest.fixture(scope="module")
def told() -> tuple[World, list]:
    """Ninety days of one site, followed change by change."""
    world = World("district", START, SEED)
    book, found = AppointmentBook(world), []
    for _ in range(90):
        found += book.changes(world.advance(measure=False))
    return world, found


def test_changes_of_an_appointment_are_booked_and_then_one_end(told):
    _, changes = told
    by_number: dict[int, list] = {}
    for change in changes:
        by_number.setdefault(change.appointment.number, []).append(change)
    assert len(by_number) > 500
    for found in by_number.values():
        assert found[0].status == "booked" and len(found) <= 2
        assert [c.at for c in found] == sorted(c.at for c in found)
        one = found[0].appointment
        assert one.booked == found[0].at < one.start
        if len(found) == 2:
            assert found[1].status == one.outcome != "booked" and found[1].at == one.decided
            assert (found[1].at < one.start + 60) == (one.outcome in ("cancelled", "arrived"))


def test_changes_are_told_on_their_day_and_in_order(told):
    _, changes = told
    assert [c.at for c in changes] == sorted(c.at for c in changes)


def test_shares_are_those_of_real_clinics(told):
    _, changes = told
    ends = [c.status for c in changes if c.status != "booked"]
    assert 0.08 < ends.count("no_show") / len(ends) < 0.25
    assert 0.08 < ends.count("cancelled") / len(ends) < 0.30


def test_a_longer_lead_and_youth_make_missing_likelier(told):
    world, changes = told
    kept = [c for c in changes if c.status in ("no_show", "arrived")]
    ages = world.people.ages([c.appointment.person for c in kept], START)

    def missed(chosen: list[bool]) -> float:
        found = [c.status == "no_show" for c, take in zip(kept, chosen, strict=True) if take]
        assert len(found) > 50
        return sum(found) / len(found)

    assert missed([18 <= a < 35 for a in ages]) > missed([a >= 35 for a in ages])
    leads = [c.appointment.start - c.appointment.booked for c in kept]
    assert missed([lead > 20 * DAY for lead in leads]) > missed([lead <= 20 * DAY for lead in leads]) - 0.05


def test_nobody_comes_after_death_and_their_appointments_are_cancelled(told):
    world, changes = told
    dead = {}
    for change in changes:
        if change.appointment.reason == "deceased":
            dead[change.appointment.person] = change
    assert dead
    for person in dead:
        assert world.people.is_dead[person]
    came = {c.appointment.person: c.at for c in changes if c.status in ("arrived", "no_show")}
    for person, at in came.items():
        if world.people.is_dead[person]:
            assert at <= world.people.left_at[person]


def test_asking_twice_for_a_day_changes_nothing():
    world = World("rural", START, SEED)
    book = AppointmentBook(world)
    for _ in range(5):
        day = world.advance()
        assert book.changes(day) is book.changes(day)


def test_the_table_has_one_row_for_each_appointment_that_changed(wide: Feeds):
    for site in SITES:
        rows = wide.rows(site, "appointments")
        assert list(rows[0][1]) == HEADER
        times_sent = {}
        for day, row in rows:
            times_sent.setdefault((day, row["appointment_id"]), []).append(row)
        again = sum(len(sent) - 1 for sent in times_sent.values())
        assert again <= 0.01 * len(rows) + 2  # repeated on the way, or repaired on a day of another change


def test_appointments_are_in_office_hours_on_weekdays(wide: Feeds):
    for site in SITES:
        for _, row in wide.rows(site, "appointments"):
            if row["start"] and row["booked_at"]:
                start = datetime.fromisoformat(row["start"])
                assert start.weekday() < 5 and 8 <= start.hour < 17
                assert start.utcoffset() == start.astimezone(ZONES[site]).utcoffset()
                assert start - datetime.fromisoformat(row["booked_at"]) > timedelta(days=1)


def test_the_latest_change_stands_for_an_appointment(told):
    _, changes = told
    last = latest(changes)
    assert len(last) == len({c.appointment.number for c in changes})
    assert all(c.status == c.appointment.outcome or c.status == "booked" for c in last)
