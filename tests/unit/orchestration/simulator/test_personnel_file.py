"""Contracts, leave and wishes: of the people on the rosters, in days that their cycle leaves free, told in time."""

from datetime import date, timedelta

from orchestration.simulator.personnel_file import licence_until
from orchestration.simulator.rosters import planned, regulars, staff_id_of
from orchestration.sites import load_site

from .conftest import START
from .parsed import Feeds

CITY = load_site("city")


def whole(wide: Feeds, feed: str) -> list[dict[str, str]]:
    return [row for _, row in wide.rows("city", feed) if all(row.get(name) is not None for name in row)]


def test_everybody_who_is_rostered_has_a_contract_on_their_unit_and_in_their_role(wide: Feeds) -> None:
    told = {row["staff_id"]: row for row in whole(wide, "workforce")}
    duties = [duty for n in range(10) for duty in planned(CITY, START + timedelta(days=n))]
    lacking = {duty.staff_id for duty in duties} - set(told)
    assert len(lacking) <= 3, "rows that were cut short are sent again on Monday"
    for duty in duties:
        if duty.staff_id in told and told[duty.staff_id]["weekly_hours"] != "-8":
            assert (told[duty.staff_id]["unit"], told[duty.staff_id]["role"]) == (duty.unit, duty.role)
    assert len(told) >= sum(len(regulars(unit)) for unit in CITY.units) - 3


def test_leave_lies_in_days_without_a_duty_and_is_told_four_weeks_before(wide: Feeds) -> None:
    on_duty = {(d.staff_id, d.shift_date) for n in range(60) for d in planned(CITY, START + timedelta(days=n))}
    leaves = wide.rows("city", "leave")
    assert {row["leave_status"] for _, row in leaves} >= {"approved", "refused"}
    for day, row in leaves:
        first, last = date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])
        assert last - first == timedelta(days=3)
        assert day == START or first >= day + timedelta(days=21)
        assert not any((row["staff_id"], first + timedelta(days=n)) in on_duty for n in range(4))


def test_wishes_are_told_before_the_week_is_planned_and_say_on_or_off(wide: Feeds) -> None:
    told = [(day, row) for day, row in wide.rows("city", "wishes") if row["wants"] in ("on", "off")]
    assert {row["wants"] for _, row in told} == {"on", "off"}
    assert all(date.fromisoformat(row["wish_date"]) >= day + timedelta(days=7) for day, row in told)
    assert all(1 <= int(row["weight"]) <= 5 for _, row in told)


def test_most_licences_are_renewed_in_time_and_a_few_weeks_late() -> None:
    last, after = date(2026, 3, 31), date(2026, 4, 20)
    numbers = regulars(CITY.units[2])
    assert all(licence_until(number, last - timedelta(days=40)) >= last for number in numbers)
    assert [number for number in numbers if licence_until(number, after) < after] == [8, 48, 88, 128]
    assert all(licence_until(number, date(2026, 6, 1)) >= date(2027, 3, 31) for number in numbers)
    assert len({staff_id_of(CITY, CITY.units[2], number) for number in numbers}) == len(numbers)
