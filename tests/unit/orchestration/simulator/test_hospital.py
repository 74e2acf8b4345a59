"""Small hospitals, hand-made visits: who waits, who moves where, who leaves."""

from dataclasses import replace
from datetime import date

import pytest

from orchestration.simulator.clock import DAY, HOUR, LocalClock
from orchestration.simulator.hospital import Hospital, Plan, Visit
from orchestration.simulator.latent import Fate
from orchestration.sites import Site, Unit, UnitKind, load_site

CITY = load_site("city")
CLOCK = LocalClock(CITY.zone)
START = CLOCK.day_start(date(2024, 2, 5))
HOME_PLAN = Plan(
    fate=Fate.HOME,
    priority=3,
    patience=10 * DAY,
    ed_stay=2 * HOUR,
    ward="MED",
    ward_stay=DAY,
    icu_stay=DAY,
    dies_in_icu=False,
    disposition="home",
    discharge_hour=11.0,
)


def small_site(ed: int = 1, icu: int = 1, ward: int = 1) -> Site:
    units = (
        Unit(id="ED", kind=UnitKind.ED, name="ED", beds=ed),
        Unit(id="ICU", kind=UnitKind.ICU, name="ICU", beds=icu),
        Unit(id="MED", kind=UnitKind.WARD, name="Ward", beds=ward),
    )
    return CITY.model_copy(update={"units": units})


def run(plans: list[tuple[int, Plan]], site: Site, hours: int = 24 * 10) -> list[Visit]:
    hospital = Hospital(site, CLOCK, START)
    visits = [Visit(n, f"v{n}", n, START + at, plan) for n, (at, plan) in enumerate(plans)]
    hospital.expect(visits)
    hospital.run_until(START + hours * HOUR)
    return visits


def path(visit: Visit) -> list[str]:
    return [stay.unit for stay in visit.stays]


def test_a_patient_goes_home_when_the_ed_is_done():
    (visit,) = run([(HOUR, HOME_PLAN)], small_site())
    assert (visit.ended, visit.disposition, visit.admitted) == (START + 3 * HOUR, "home", None)
    assert visit.changes == [START + HOUR, START + 3 * HOUR]


def test_the_next_patient_waits_for_the_bed():
    first, second = run([(0, HOME_PLAN), (60, HOME_PLAN)], small_site())
    assert second.ended == first.ended + 2 * HOUR


def test_the_more_urgent_patient_is_seen_first():
    urgent = replace(HOME_PLAN, priority=1)
    _, late, soon = run([(0, HOME_PLAN), (60, HOME_PLAN), (120, urgent)], small_site())
    assert soon.ended < late.ended


@pytest.mark.parametrize(("patience", "leaves"), [(2 * HOUR - 61, True), (2 * HOUR - 59, False)])
def test_a_patient_leaves_when_the_wait_is_longer_than_their_patience(patience: int, leaves: bool):
    _, second = run([(0, HOME_PLAN), (60, replace(HOME_PLAN, patience=patience))], small_site())
    assert (second.disposition == "aadvice") is leaves


def test_someone_who_leaves_frees_their_place_in_the_queue():
    impatient = replace(HOME_PLAN, patience=HOUR)
    _, _, third = run([(0, HOME_PLAN), (60, impatient), (120, HOME_PLAN)], small_site())
    assert third.ended == START + 4 * HOUR


@pytest.mark.parametrize(
    ("fate", "dies", "expected"),
    [
        (Fate.WARD, False, ["ED", "MED"]),
        (Fate.ICU, False, ["ED", "ICU", "MED"]),
        (Fate.ICU, True, ["ED", "ICU"]),
        (Fate.WARD_THEN_ICU, False, ["ED", "MED", "ICU", "MED"]),
        (Fate.WARD_THEN_ICU, True, ["ED", "MED", "ICU"]),
        (Fate.WARD_DEATH, False, ["ED", "MED"]),
        (Fate.ED_DEATH, False, ["ED"]),
    ],
)
def test_each_fate_has_its_path_and_end(fate: Fate, dies: bool, expected: list[str]):
    (visit,) = run([(0, replace(HOME_PLAN, fate=fate, dies_in_icu=dies))], small_site())
    assert path(visit) == expected
    died = fate in (Fate.ED_DEATH, Fate.WARD_DEATH) or dies
    assert visit.disposition == ("exp" if died else "home")
    assert (visit.admitted is None) == (fate is Fate.ED_DEATH)


def test_an_admitted_patient_boards_in_the_ed_until_a_bed_is_free():
    ward = replace(HOME_PLAN, fate=Fate.WARD)
    first, second = run([(0, ward), (60, ward)], small_site(ed=2))
    assert second.admitted == START + 60 + 2 * HOUR
    assert second.stays[0].left == first.ended > second.admitted


def test_wards_send_people_home_in_daytime_only():
    stays = [replace(HOME_PLAN, fate=Fate.WARD, ward_stay=DAY + n * HOUR) for n in range(24)]
    for visit in run([(0, plan) for plan in stays], small_site(ed=24, ward=24)):
        assert 9 <= CLOCK.hour_of(visit.ended) < 20


def test_closed_beds_are_not_used_until_they_open_again():
    hospital = Hospital(small_site(), CLOCK, START)
    hospital.close_beds("MED", 1, DAY)
    visit = Visit(0, "v", 0, START + HOUR, replace(HOME_PLAN, fate=Fate.WARD))
    hospital.expect([visit])
    hospital.run_until(START + DAY)
    assert hospital.closed["MED"] == 1 and path(visit) == ["ED"]
    hospital.run_until(START + DAY + HOUR)
    assert hospital.closed["MED"] == 0 and path(visit) == ["ED", "MED"]


def test_the_journal_tells_in_order_who_left_and_is_then_empty():
    hospital = Hospital(small_site(), CLOCK, START)
    hospital.expect([Visit(0, "v", 0, START, replace(HOME_PLAN, fate=Fate.WARD))])
    hospital.run_until(START + 5 * DAY)
    assert [happening.kind for happening in hospital.take_journal()] == ["left_ed", "ended"]
    assert hospital.take_journal() == []
    assert set(hospital.present.values()) == {0}
