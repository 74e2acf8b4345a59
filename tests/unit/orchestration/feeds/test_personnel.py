"""Contracts of employment, leave and wishes at the door: what lands, and which clause a bad row breaks."""

from datetime import UTC, date, datetime

import pytest

WORKFORCE = (
    "contract_id,staff_id,unit,role,credential_until,weekly_hours,minimum_hours,maximum_hours,valid_from,valid_until,"
    "credential_from,experience,trained_for,floats_to\n"
)
CONTRACT = "c1,n7,ED,RN,2027-03-31,36,18,48,2020-01-01,,2019-04-01,novice,isolation,ICU;MED\n"
LEAVE = "leave_id,staff_id,first_date,last_date,leave_kind,leave_status\n"
WISHES = "wish_id,staff_id,wish_date,shift,wants,weight\n"
WISH = "w1,n7,2026-03-15,night,off,3\n"


def test_the_three_tables_land_under_the_same_pseudonym_of_the_person_as_rosters(zone, known_as) -> None:
    files = {"a.csv": WORKFORCE + CONTRACT, "b.csv": LEAVE + "l1,n7,2026-03-10,2026-03-14,annual,approved\n",
             "c.csv": WISHES + WISH}  # fmt: skip
    receipts = zone.land({name: text.encode() for name, text in files.items()})
    assert [(one.feed, one.landed) for one in receipts] == [("workforce", 1), ("leave", 1), ("wishes", 1)]
    nurse = known_as("staff", "n7")
    columns = (
        "staff_key, role_code, credential_from, credential_until, weekly_hours, valid_until, experience, floats_to"
    )
    licence = date(2019, 4, 1), date(2027, 3, 31)
    assert zone.rows("staff_employment", columns) == [(nurse, "RN", *licence, 36.0, None, "novice", "ICU;MED")]
    assert zone.rows("staff_leave", "staff_key, first_date, last_date") == [
        (nurse, date(2026, 3, 10), date(2026, 3, 14))
    ]
    assert zone.rows("staff_wish", "staff_key, wish_date, shift_code, wants, weight") == [
        (nurse, date(2026, 3, 15), "night", "off", 3)
    ]


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        (",RN,", ",astronaut,", "Employment.role_code.codes"),
        (",36,", ",-36,", "Employment.weekly_hours.range"),
        (",36,", ",12,", "Employment.weekly_hours.order"),
        (",n7,", ",,", "Employment.staff_key.required"),
        ("2020-01-01,", "2020-01-01,2019-12-31", "Employment.valid_until.order"),
        ("novice", "wise", "Employment.experience.codes"),
        ("isolation", "Isolation!", "Employment.trained_for.pattern"),
        ("2027-03-31", "soon", "Employment.credential_until.type"),
    ],
)
def test_a_contract_that_breaks_a_clause_is_quarantined_and_the_next_one_lands(zone, old, new, clause) -> None:
    content = WORKFORCE + CONTRACT.replace(old, new, 1) + CONTRACT.replace("c1", "c2")
    receipt = zone.one("workforce.csv", content.encode())
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {clause: 1})


@pytest.mark.parametrize(
    ("second", "reasons"),
    [
        ("l2,n7,2026-03-15,2026-03-20,annual,approved", {}),
        ("l2,n7,2026-03-14,2026-03-20,annual,approved", {"Leave.first_date.overlap": 1}),
        ("l2,n8,2026-03-14,2026-03-20,annual,approved", {}),
        ("l2,n7,2026-03-14,2026-03-20,annual,refused", {}),
        ("l2,n7,2026-03-20,2026-03-15,annual,approved", {"Leave.last_date.order": 1}),
        ("l2,n7,2026-03-15,2026-03-20,beach,approved", {"Leave.leave_kind.codes": 1}),
    ],
)
def test_of_two_approved_leaves_that_share_a_day_the_first_lands(zone, second, reasons) -> None:
    content = f"{LEAVE}l1,n7,2026-03-10,2026-03-14,annual,approved\n{second}\n"
    receipt = zone.one("leave.csv", content.encode())
    assert (receipt.landed, dict(receipt.reasons)) == (2 - len(reasons), reasons)


@pytest.mark.parametrize("last", ["2026-03-14", "2026-03-20"], ids=["repeated", "extended"])
def test_a_leave_that_comes_again_or_longer_is_no_other_leave(zone, last: str) -> None:
    content = f"{LEAVE}l1,n7,2026-03-10,2026-03-14,annual,approved\nl1,n7,2026-03-10,{last},annual,approved\n"
    receipt = zone.one("leave.csv", content.encode())
    assert (receipt.quarantined, dict(receipt.reasons)) == (0, {})


@pytest.mark.parametrize(
    ("old", "new", "clause"),
    [
        ("off", "maybe", "Wish.wants.codes"),
        (",3", ",0", "Wish.weight.range"),
        (",n7,", ",,", "Wish.staff_key.required"),
    ],
)
def test_a_wish_that_cannot_be_read_is_quarantined(zone, old, new, clause) -> None:
    receipt = zone.one("wishes.csv", (WISHES + WISH.replace(old, new, 1)).encode())
    assert dict(receipt.reasons) == {clause: 1}


@pytest.mark.parametrize(("status", "reasons"), [("planned", {"Shift.staff_key.named": 1}), ("open", {})])
def test_a_duty_that_names_nobody_is_quarantined_and_an_open_shift_lands(zone, status, reasons) -> None:
    head = "shift_id,staff_id,unit,shift,date,starts_at,ends_at,role,skills,status\n"
    row = f"s1,,ED,night,2026-12-01,2026-12-01T23:00:00+01:00,2026-12-02T07:00:00+01:00,RN,,{status}\n"
    [receipt] = zone.land({"rosters.csv": (head + row).encode()}, at=datetime(2026, 11, 28, tzinfo=UTC))
    assert (receipt.contract, dict(receipt.reasons)) == ("rosters@3.0.0", reasons)
