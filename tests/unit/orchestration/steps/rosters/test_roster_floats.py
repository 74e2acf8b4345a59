"""The float pool: who may be sent elsewhere by contract covers what another unit lacks, and breaks no rule by it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from evaluation.policies import Tier
from ml.registry.plan import Plan
from ml.rostering import Duty, Problem, ProblemNotUnderstood, Roster
from ml.usecases import load_roster
from orchestration.settings import Settings
from orchestration.steps.rosters.roster_floats import with_floats
from orchestration.steps.rosters.roster_inputs import Unit
from orchestration.steps.rosters.roster_judging import judge_across
from orchestration.steps.rosters.roster_making import Made
from orchestration.steps.rosters.roster_people import Contract, Personnel
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


Duties = dict[tuple[str, int], str]
AWAY, DECLARED = "AE", load_roster("roster")


def employed(person: str, unit: str, floats_to: str) -> Contract:
    told = "rn", "RN", None, 40.0, None, None, date(2020, 1, 1), None, datetime(2026, 1, 1, tzinfo=UTC)
    return Contract(person, unit, *told, floats_to=(floats_to,))


CONTRACTS = (employed("bert", WARD, AWAY), employed("emil", UNIT, WARD), employed("anna", AWAY, AWAY))


def rostered(unit: Unit, duties: Duties, needed: int) -> Made:
    """A roster in which each day shift of the first two days needs some nurses."""
    day = Duty(unit.name, "day", "rn")
    demand = [SimpleNamespace(day=n, duty=day, nurses=needed) for n in range(2)]
    problem = cast("Problem", SimpleNamespace(demand=demand, guests=Counter()))
    roster = Roster({at: Duty(unit.name, shift, "rn") for at, shift in duties.items()})
    return Made(unit, problem, roster, Tier.MODEL, "", ())


def lent(again: Callable[[Unit], Duties]) -> tuple[dict[str, Duties], list[str], list[Unit]]:
    """Bert of the ward goes to the emergency unit on its first day; the ward, short itself, is rostered with Emil."""
    about = Personnel(CONTRACTS)
    people = {AWAY: "anna", UNIT: "emil", WARD: "bert"}
    units = {name: Unit(name, TODAY, 7, (), (person,), about) for name, person in people.items()}
    asked: list[Unit] = []

    def remade(unit: Unit) -> Made:
        asked.append(unit)
        return rostered(unit, {("bert", 0): "day"} if unit.name == AWAY else again(unit), 1)

    at_first = {AWAY: {}, WARD: {("bert", 1): "day"}, UNIT: {("emil", 3): "day"}}
    made = [rostered(units[name], duties, 0 if name == UNIT else 1) for name, duties in at_first.items()]
    found, said = with_floats(
        PLACE, made, remade, lambda them: judge_across(DECLARED, PLACE, [(one.unit, one.roster) for one in them])
    )
    held = {one.unit.name: {at: duty.shift for at, duty in one.roster.duties.items()} for one in found}
    return held, said, asked


def test_a_unit_whose_nurse_was_lent_is_rostered_again_with_what_they_do_there() -> None:
    held, said, (_, ward) = lent(lambda _: {("bert", 1): "day", ("emil", 0): "day"})
    assert [(row.unit, row.date, row.shift) for row in ward.of("bert")] == [(AWAY, TODAY, "day")]
    assert [(row.unit, row.date) for row in ward.of("emil")] == [(UNIT, TODAY + timedelta(days=3))]
    assert held[WARD] == {("bert", 1): "day", ("emil", 0): "day"} and said == []


@pytest.mark.parametrize(
    "duties",
    [{("bert", 0): "day", ("bert", 1): "day"}, {("bert", 0): "evening", ("emil", 0): "day", ("emil", 1): "day"}],
    ids=["the same hours", "one day without rest between"],
)
def test_nobody_has_duties_on_two_units_that_the_rules_forbid_together(duties: Duties) -> None:
    """Judged by what the rosters say, whatever the one who made them was told."""
    held, [said], _ = lent(lambda _: duties)
    assert held[WARD] == {("bert", 1): "day"} and held[AWAY] == {("bert", 0): "day"}
    assert said.startswith(f"{WARD}: nobody is lent to it, since that breaks hard rules across units")


def test_data_that_do_not_fit_keep_one_unit_from_being_lent_to_and_take_no_plan_from_the_others() -> None:
    def again(_: Unit) -> Duties:
        raise ProblemNotUnderstood("a shift that is none")

    held, said, _ = lent(again)
    assert held[AWAY] == {("bert", 0): "day"} and held[WARD] == {("bert", 1): "day"}
    assert said == [f"{WARD}: nobody is lent to it, since the data do not fit together: a shift that is none"]
