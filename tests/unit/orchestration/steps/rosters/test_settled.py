"""One definition of what was worked, for the solver and for the judge: doubles, overtime, nights, duties elsewhere."""

import random
from collections.abc import Iterable
from datetime import UTC, date, timedelta

import pytest

from evaluation.metrics.roster_rules import JUDGES
from ml.rostering import Duty, Problem, Roster, check, solve
from ml.usecases import RosterUseCase
from ml.usecases.roster import RosterRule
from orchestration.settings import Settings
from orchestration.steps.rosters.roster_inputs import HISTORY_DAYS, Row, Unit, units_of
from orchestration.steps.rosters.roster_judging import judge_roster
from orchestration.steps.rosters.roster_making import problem_of_unit
from orchestration.steps.rosters.settled import before_period, on_other_units
from orchestration.steps.rosters.shifts import span_of
from tests.unit.orchestration.steps.rostered import NOW, PLACE, TODAY, UNIT, Rostered, duties, quick

OTHER = next(one.id for one in PLACE.units if one.id != UNIT)
SHIFTS = [one.id for one in PLACE.shifts]


def row(person: str, day: int, shift: str, unit: str = UNIT, late: float = 0.0, status: str = "worked") -> Row:
    """A duty `day` days from the period's first, that ends `late` hours after its shift does."""
    on = TODAY + timedelta(days=day)
    span = span_of(PLACE, on, shift)
    starts, ends = span.starts_at.astimezone(UTC), span.ends_at.astimezone(UTC) + timedelta(hours=late)
    hours = (ends - starts) / timedelta(hours=1)
    return Row(person, unit, on, shift, "rn", "RN", status, starts, ends, hours, NOW)


def unit_of(rows: Iterable[Row], declared: RosterUseCase) -> Unit:
    """The unit, with a month of work that keeps its people on it."""
    every = list(rows)
    people = {one.staff for one in every}
    home = [row(str(name), -20 - n, "day") for name in sorted(map(str, people)) for n in range(15)]
    return next(one for one in units_of(declared, PLACE, [*home, *every], TODAY, 7) if one.name == UNIT)


def both(unit: Unit, roster: Roster, declared: RosterUseCase) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Who breaks which hard rule, by the solver's own clauses and by the judge who knows none of them."""
    problem = problem_of(unit, declared)
    solver = {(str(one.person), one.rule) for one in check(problem, roster) if one.is_hard}
    judge = {(one.split(": ")[0], one.split(": ")[1]) for one in judge_roster(declared, PLACE, unit, roster)}
    return solver, judge


def problem_of(unit: Unit, declared: RosterUseCase, nurses: int = 1) -> Problem:
    need = {(day, shift, "rn"): nurses for day in unit.dates for shift in SHIFTS}
    return problem_of_unit(declared, PLACE, unit, need, None, keep=False)


def works(person: str, *days: int, shift: str = "day") -> Roster:
    return Roster({(person, day): Duty(UNIT, shift, "rn") for day in days})


BEFORE = range(-4, 0)  # Monday to Thursday of the week whose Friday is the first day


@pytest.mark.parametrize(
    ("history", "made", "broken"),
    [
        ([row("anna", day, "day", late=5.5) for day in BEFORE], works("anna", 0), "hours in a week"),
        ([row("anna", day, "day", late=5) for day in BEFORE], works("anna", 0), None),
        ([row("anna", day, one) for day in BEFORE for one in SHIFTS[:2]], works("anna", 1), "hours in a week"),
        ([row("anna", -1, "evening", late=1.5)], works("anna", 0), "rest between shifts"),
        ([row("anna", -1, "evening")], works("anna", 0), None),
        ([row("anna", day, "evening", late=2) for day in BEFORE], works("anna", 0, shift="night"), None),
        ([row("anna", day, "night") for day in BEFORE], works("anna", 0, shift="night"), "four nights in a row"),
        ([row("anna", day, "night", OTHER) for day in BEFORE], works("anna", 0, shift="night"), "four nights in a row"),
        ([row("anna", 1, "night", OTHER, status="planned")], works("anna", 2), "rest between shifts"),
        ([row("anna", 1, "day", OTHER, status="planned")], works("anna", 0, shift="night"), "rest between shifts"),
        ([row("anna", day, "day", OTHER, 0, "planned") for day in range(1, 7)], works("anna", 0), "six days in a row"),
        ([row("anna", day, "day", OTHER, 0, "planned") for day in range(2, 7)], works("anna", 0), None),
        ([row("anna", day, "day", OTHER, 4, "planned") for day in range(3, 7)], works("anna", 0), None),
        ([row("anna", 7, "day", status="planned")], works("anna", 6, shift="night"), "rest between shifts"),
        ([row("anna", 7, "day", OTHER, status="planned")], works("anna", 6, shift="night"), "rest between shifts"),
        ([row("anna", 7, "evening", status="planned")], works("anna", 6, shift="night"), None),
        ([row("anna", 7, "day", status="planned")], works("anna", *range(1, 7)), "six days in a row"),
        ([row("anna", 7, "day", status="planned")], works("anna", *range(2, 7)), None),
        ([row("anna", n, "night", status="planned") for n in (7, 8)], works("anna", 4, 5, 6, shift="night"),
         "four nights in a row"),
        ([row("anna", n, "day", late=8, status="planned") for n in (7, 8, 9)], works("anna", 3, 4), "hours in a week"),
        ([row("anna", 10, "day", late=40, status="planned")], works("anna", 3, 4, 5), None),
    ],
    ids=[
        "overtime", "less-overtime", "doubles", "rest-after-overtime", "rest-after-none", "an-evening-is-no-night",
        "nights", "nights-elsewhere", "rest-after-elsewhere", "rest-before-elsewhere", "run-into-elsewhere",
        "no-run-into-elsewhere", "another-week", "rest-before-the-next-period", "rest-before-elsewhere-next-period",
        "rest-enough-before-it", "run-into-it", "no-run-into-it", "nights-into-it", "hours-of-its-week",
        "hours-of-another-week",
    ],
)  # fmt: skip
def test_solver_and_judge_count_alike(history: list[Row], made: Roster, broken: str | None) -> None:
    declared = quick()
    solver, judge = both(unit_of(history, declared), made, declared)
    assert solver == judge == ({("anna", broken)} if broken else set())


def test_a_duty_beside_one_on_another_unit_is_found_by_both() -> None:
    declared = quick()
    unit = unit_of([row("anna", 1, "day", OTHER, status="planned")], declared)
    solver, judge = both(unit, works("anna", 1, shift="night"), declared)
    assert ("anna", "duty on another unit") in solver
    assert any(said.startswith(f"works on {OTHER} on") for _, said in judge)


def test_a_planned_duty_on_the_unit_takes_nothing_from_one_on_another() -> None:
    unit = unit_of(
        [
            row("anna", 1, "day", status="planned"),
            row("anna", 1, "day", OTHER, late=4, status="planned"),
            row("anna", 3, "day", status="planned", late=4),
            row("anna", 3, "day", OTHER, status="planned"),
        ],
        quick(),
    )
    settled = [(one.date, one.starts_at, one.ends_at) for one in on_other_units(PLACE, unit)]
    spans = [span_of(PLACE, TODAY + timedelta(days=day), "day") for day in (1, 3)]
    late = [timedelta(hours=4), timedelta()]
    assert settled == [
        (TODAY + timedelta(days=day), span.starts_at, span.ends_at + more)
        for day, span, more in zip((1, 3), spans, late, strict=True)
    ]


EXTRA = [
    {"name": "five days", "kind": "hours", "parameters": {"max_hours": 30, "days": 5}},
    {"name": "weekends", "kind": "weekends", "parameters": {"max": 0}},
    {"name": "every second weekend", "kind": "weekends", "parameters": {"max_in_row": 1}},
]


def test_solver_and_judge_agree_on_drawn_work_before_elsewhere_and_now() -> None:
    shipped, draw, seen = quick(), random.Random(11), set[str]()
    head = {"source": "policy", "hard": True, "owner": "nursing_lead", "date": date(2026, 11, 27), "rationale": "test"}
    declared = shipped.model_copy(
        update={"rules": (*shipped.rules, *(RosterRule.model_validate(head | one) for one in EXTRA))}
    )
    assert {one.kind for one in declared.rules if one.hard} == set(JUDGES), "every kind that is judged is drawn"
    for _ in range(40):
        rows = [
            row("anna", day, draw.choice(SHIFTS), draw.choice([UNIT, OTHER]), draw.choice([0, 0, 1, 2.5]))
            for day in range(-HISTORY_DAYS, 0)
            for _ in range(draw.choice([0, 1, 1, 1, 2]))
        ]
        away = draw.sample(range(7), draw.choice([0, 1, 2]))
        rows += [row("anna", day, draw.choice(SHIFTS), OTHER, draw.choice([0, 1]), "planned") for day in away]
        days = [day for day in range(7) if day not in away and draw.random() < 0.6]
        roster = Roster({("anna", day): Duty(UNIT, draw.choice(SHIFTS), "rn") for day in days})
        solver, judge = both(unit_of(rows, declared), roster, declared)
        assert solver == judge
        seen |= {rule for _, rule in solver}
    assert len(seen) >= 5, seen


def test_time_that_two_duties_share_counts_once_and_a_night_is_the_shifts_and_not_the_hours() -> None:
    unit = unit_of(
        [row("anna", -1, "day", late=3), row("anna", -1, "evening"), row("anna", -2, "evening", late=2)], quick()
    )
    mine = [one for one in before_period(PLACE, unit) if one.date >= TODAY - timedelta(days=2)]
    hours = [(one.ends_at - one.starts_at) / timedelta(hours=1) for one in mine]
    usual = span_of(PLACE, TODAY, "day").hours
    assert sum(hours[1:]) == pytest.approx(usual + span_of(PLACE, TODAY, "evening").hours)
    assert [one.is_night for one in mine] == [False] * 3
    strange = row("anna", -1, "night")
    strange = Row(*[getattr(strange, name) if name != "shift" else "twilight" for name in Row.__dataclass_fields__])
    assert [one.is_night for one in before_period(PLACE, unit_of([strange], quick()))][-1]


def test_nobody_is_on_another_unit_while_on_leave(settings: Settings) -> None:
    from tests.unit.orchestration.steps.rostered import contract, leave

    rural = Rostered.at(settings)
    name = sorted({one["staff_key"] for one in duties() if one["skill"] == "rn"})[0]
    told = [*duties(), *(moved(one, OTHER) for one in duties() if one["staff_key"] == name and one["date"] > TODAY)]
    rural.publish(told, people=([contract(name)], [leave(name, TODAY, TODAY + timedelta(days=9))], []))
    unit = the_unit(rural)
    assert [one for one in on_other_units(PLACE, unit) if one.staff == name] == []


def moved(one: dict[str, object], unit: str) -> dict[str, object]:
    return {**one, "unit": unit, "shift_key": f"{one['shift_key']}-{unit}"}


def the_unit(rural: Rostered) -> Unit:
    from orchestration.steps.rosters.roster_inputs import read_rows
    from orchestration.steps.rosters.roster_people import read_personnel

    rows, people = (read(rural.settings, quick(), PLACE, NOW) for read in (read_rows, read_personnel))
    return next(one for one in units_of(quick(), PLACE, rows, TODAY, 7, people) if one.name == UNIT)  # type: ignore[arg-type]


def test_a_float_workers_duties_stay_count_and_are_named_in_a_conflict() -> None:
    declared = quick()
    away = [row("anna", day, "night", OTHER, status="planned") for day in (0, 2, 4)]
    unit = unit_of(away, declared)
    problem = problem_of(unit, declared)
    answer = solve(problem, 3)
    assert answer.roster is not None
    assert judge_roster(declared, PLACE, unit, answer.roster) == []
    made = {day: duty.shift for (_, day), duty in answer.roster.duties.items()}
    assert made, "there is room beside them"
    assert not {0, 2, 4} & made.keys()
    assert "day" not in {made.get(1), made.get(3), made.get(5)}, "no rest after a night elsewhere"
    [cover] = [one for one in declared.rules if one.kind == "cover"]
    hard = declared.model_copy(update={"rules": (cover.model_copy(update={"hard": True, "weight": None}),)})
    answer = solve(problem_of_unit(hard, PLACE, unit, {(TODAY, "day", "rn"): 1}, None, keep=False), 5)
    assert answer.roster is None
    assert ("duty on another unit", f"anna works night on {OTHER} on {TODAY}") in {
        (one.rule, one.sentence) for one in answer.conflict
    }


def test_people_of_other_units_who_have_a_duty_here_cover_it(settings: Settings) -> None:
    rural = Rostered.at(settings)
    rural.staffing_says(3.0)
    bare = rural.plan()
    floats = [
        {**one, "staff_key": "float-1", "shift_key": "float-1", "status": "planned"}
        for one in duties()
        if (one["date"], one["shift"], one["skill"]) == (TODAY + timedelta(days=2), "day", "rn")
    ][:1]
    rural.publish([*duties(), *floats])
    plan = rural.plan(NOW + timedelta(minutes=1))
    assert any("1 duties of other people here count as cover" in note for note in plan.notes)
    there = next(
        one for one in plan.lines if (one.date, one.shift, one.target) == (TODAY + timedelta(days=2), "day", "rn")
    )
    own = sum(
        (one["date"], one["shift"], one["skill"]) == ((TODAY + timedelta(days=2)).isoformat(), "day", "rn")
        for one in rural.rosters()["assignments"]
    )
    assert there.planned == own + 1
    assert not any("count as cover" in note for note in bare.notes)
    assert "float-1" not in str(rural.rosters()["assignments"])
