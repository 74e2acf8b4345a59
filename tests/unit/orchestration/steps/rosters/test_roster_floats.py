"""The float pool: who may be sent elsewhere by contract covers what another unit lacks, and breaks no rule by it."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ml.registry.plan import Plan
from orchestration.settings import Settings
from orchestration.steps.rosters.shifts import span_of
from tests.unit.orchestration.steps.rostered import PLACE, TODAY, UNIT, Rostered, contract, leave

WARD, WEEKS = "W1", 6
WEEKDAYS, WEDNESDAY, THURSDAY = range(5), 2, 3
"""Of a period that begins on a Friday."""


def worked(person: str, unit: str, shift: str, weekdays: Iterator[int] | range) -> list[dict[str, Any]]:
    """Six weeks of a person who works one shift on the same weekdays."""
    days = [TODAY - timedelta(days=back) for back in range(1, 7 * WEEKS + 1)]
    return [_row(person, unit, shift, day) for day in days if day.weekday() in weekdays]


def _row(person: str, unit: str, shift: str, day: date) -> dict[str, Any]:
    span = span_of(PLACE, day, shift)
    return {
        "site": PLACE.id,
        "shift_key": f"{person}-{day}-{shift}",
        "staff_key": person,
        "unit": unit,
        "date": day,
        "shift": shift,
        "skill": "rn",
        "role": "RN",
        "status": "worked",
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
        "hours": span.hours,
        "known_at": datetime.combine(day, datetime.min.time(), UTC),
    }


def made(home: Rostered, floats_to: str) -> tuple[Plan, set[tuple[str, str, date]]]:
    """A plan in which one of a unit's two nurses is on leave, and a nurse of the ward is free on two weekdays."""
    rows = [
        *worked("anna", UNIT, "day", WEEKDAYS),
        *worked("clara", UNIT, "day", WEEKDAYS),
        *worked("bert", WARD, "day", range(WEDNESDAY)),
        *worked("bert", WARD, "night", range(WEDNESDAY, THURSDAY)),
    ]
    told = [contract("anna"), contract("clara"), contract("bert", unit=WARD, weekly_hours=24.0, floats_to=floats_to)]
    home.publish(rows, people=(told, [leave("clara", TODAY, TODAY + timedelta(days=9))], []))
    plan = home.plan()
    named = (one for unit in home.units() for one in unit["assignments"])
    return plan, {(one["person"], one["unit"], date.fromisoformat(one["date"])) for one in named}


def test_the_pool_covers_what_a_unit_lacks_where_contract_and_rest_allow(settings: Settings) -> None:
    home = Rostered.at(settings)
    alone, at_home = made(home, "AE;ICU")
    plan, duties = made(home, f"AE;{UNIT}")
    assert {line.unit for line in plan.lines} == {UNIT, WARD}, "two units of a site in one plan"
    monday, thursday = TODAY + timedelta(days=3), TODAY + timedelta(days=6)
    on_ward = {("bert", WARD, monday + timedelta(days=n)) for n in range(3)}
    assert {one for one in at_home if one[0] == "bert"} == on_ward, "nobody is sent where no contract says"
    assert {one for one in duties if one[0] == "bert"} == {*on_ward, ("bert", UNIT, TODAY)}
    assert thursday not in {day for person, _, day in duties if person == "bert"}, "the night ends as that day begins"
    assert f"{UNIT}: 1 duties are done by people of the float pool, who belong to other units." in plan.notes
    assert not any("float pool" in note for note in alone.notes)
    [line] = [one for one in plan.lines if (one.unit, one.date, one.shift) == (UNIT, TODAY, "day")]
    assert line.planned == 2


def test_an_agency_is_asked_for_what_neither_staff_nor_pool_can_cover_and_is_no_cover_yet(settings: Settings) -> None:
    plan, _ = made(Rostered.at(settings), f"AE;{UNIT}")
    lacking = [line for line in plan.lines if line.unit == UNIT and line.planned == 1]
    assert len(lacking) == 4, "clara is on leave, bert has his own ward and his night"
    assert all((line.reason or "").endswith("1 rostered, 1 to ask an agency for.") for line in lacking)
    [note] = [one for one in plan.notes if "agency" in one]
    assert note.startswith(f"{UNIT}: 4 nurses to ask an agency for")
    assert f"{TODAY + timedelta(days=3)} day 1 rn; " in note
    assert "they count as missing" in note
    home = json.dumps(plan.to_json())
    assert not any(one in home for one in ("anna", "bert", "clara"))
