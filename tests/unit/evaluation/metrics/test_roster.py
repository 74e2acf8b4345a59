"""Rosters judged: each hard rule found broken by walking over days, figures of a week that can be counted by hand."""

import datetime as dt
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from evaluation.evidence import EvidenceHead
from evaluation.metrics.roster import UnitWeek, evaluate_rosters
from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules
from evaluation.metrics.sample import MetricInputError

ZONE = ZoneInfo("Europe/Dublin")
MONDAY = dt.date(2026, 3, 23)
HOURS = {"day": (7, 15), "evening": (15, 23), "night": (23, 31)}
ANNA = Staff("anna", frozenset({"rn"}), frozenset({"W1"}), frozenset({MONDAY + dt.timedelta(days=4)}))
RULES = [
    HardRule("rest", "rest", {"min_hours": 11}),
    HardRule("week", "hours", {"max_hours": 40, "over": "week"}),
    HardRule("days", "consecutive_shifts", {"max": 5}),
    HardRule("nights", "consecutive_nights", {"max": 2}),
    HardRule("weekends", "weekends", {"max": 0}),
]


def duty(day: int, shift: str = "day", person: str = "anna", skill: str = "rn", unit: str = "W1") -> Duty:
    date = MONDAY + dt.timedelta(days=day)
    midnight = dt.datetime.combine(date, dt.time(), ZONE)
    starts, ends = ((midnight + dt.timedelta(hours=hour)).astimezone(dt.UTC) for hour in HOURS[shift])
    return Duty(person, date, unit, shift, skill, starts, ends, shift == "night")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([duty(0), duty(1)], []),
        ([duty(0, "evening"), duty(1)], ["anna: rest: 8 h of rest before 2026-03-24"]),
        ([duty(0), duty(0, "evening")], ["anna: two duties on 2026-03-23", "anna: rest: 0 h of rest"]),
        ([duty(4)], ["anna: is away on 2026-03-27"]),
        ([duty(0, skill="lpn")], ["anna: does not have lpn"]),
        ([duty(0, unit="W2")], ["anna: does not belong to W2"]),
        ([duty(0, person="bob")], ["bob: is nobody who is known"]),
        ([duty(day, "night") for day in range(3)], ["anna: nights: 3 nights in a row on 2026-03-25"]),
        ([duty(5)], ["anna: weekends: 1 weekends"]),
    ],
)
def test_each_hard_rule_is_found_broken(made: list[Duty], said: list[str]) -> None:
    found = broken_rules(made, [], [ANNA], RULES)
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))


def test_what_came_before_counts_for_rest_and_runs() -> None:
    before = [duty(day) for day in range(-5, 0)]
    assert broken_rules([duty(0)], before, [ANNA], RULES) == ["anna: days: 6 days in a row on 2026-03-23"]
    assert broken_rules([duty(0)], [duty(-1, "night")], [ANNA], RULES)[0].startswith("anna: rest: 0 h")


@pytest.mark.parametrize(
    ("before", "made", "said"),
    [
        ([0, 1, 2], [3, 4], []),
        ([0, 1, 2], [3, 4, 5], ["anna: week: 48 h in week (2026, 13)"]),
        ([0, 1, 2, 3, 4, 5], [], []),
        ([-1, -2], [0, 1, 2, 3, 4], []),
    ],
)
def test_hours_worked_in_the_week_before_the_roster_begins_count(
    before: list[int], made: list[int], said: list[str]
) -> None:
    free = Staff("anna", frozenset({"rn"}), frozenset({"W1"}))
    week = [one for one in RULES if one.kind == "hours"]
    assert broken_rules([duty(day) for day in made], [duty(day) for day in before], [free], week) == said


def test_hours_of_any_days_in_a_row_are_judged_across_the_start() -> None:
    free = Staff("anna", frozenset({"rn"}), frozenset({"W1"}))
    rule = [HardRule("five days", "hours", {"max_hours": 24, "days": 5})]
    before = [duty(day) for day in (-1, -2)]
    assert broken_rules([duty(0)], before, [free], rule) == []
    assert broken_rules([duty(0), duty(1)], before, [free], rule) == ["anna: five days: 32 h in 5 days to 2026-03-24"]
    assert broken_rules([duty(2), duty(3)], before, [free], rule) == []


def test_hours_of_the_period_are_those_of_the_roster_alone() -> None:
    period = HardRule("all", "hours", {"max_hours": 23})
    assert broken_rules([duty(0), duty(1), duty(2)], [], [ANNA], [period]) == ["anna: all: 24 h in the period"]
    assert broken_rules([duty(0), duty(1)], [duty(-1)], [ANNA], [period]) == []


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("hours", {"max_hours": 40, "min_hours": 8}, "few: min_hours of a hard rule of kind hours cannot be judged"),
        ("hours", {"max_hours": 40, "weeks": 2}, "it takes days, max_hours, over"),
        ("hours", {"max_hours": 40, "over": "month"}, "over is 'month'; expected week or period"),
        ("hours", {"over": "week"}, "few: a hard rule of kind hours needs max_hours"),
        ("consecutive_shifts", {"max": 5, "min": 2}, "min of a hard rule of kind consecutive_shifts cannot be judged"),
        ("rest", {}, "needs min_hours"),
        ("weekends", {}, "few: a hard rule of kind weekends needs max or max_in_row"),
    ],
)
def test_a_number_of_a_hard_rule_that_would_not_be_judged_is_refused(
    kind: str, parameters: dict[str, object], said: str
) -> None:
    with pytest.raises(MetricInputError, match=re.escape(said)):
        broken_rules([], [], [], [HardRule("few", kind, parameters)])


def test_a_credential_that_has_ended_does_not_count_and_a_contract_has_its_own_most_hours() -> None:
    nurse = Staff("anna", frozenset({"rn"}), frozenset({"W1"}), until={"rn": MONDAY}, most_hours=16)
    most = [HardRule("contract", "contract_hours", {"bound": "max"})]
    assert broken_rules([duty(0)], [duty(-1), duty(-2)], [nurse], most) == []
    assert broken_rules([duty(0), duty(1)], [], [nurse], most) == ["anna: has no valid rn any more, on 2026-03-24"]
    valid = Staff("anna", frozenset({"rn"}), frozenset({"W1"}), most_hours=16)
    said = ["anna: contract: 24 h in week (2026, 13)"]
    assert broken_rules([duty(2)], [duty(0), duty(1)], [valid], most) == said
    with pytest.raises(MetricInputError, match="least hours of a contract cannot be judged"):
        broken_rules([duty(2)], [], [valid], [HardRule("contract", "contract_hours", {"bound": "min"})])


def test_a_hard_rule_that_nobody_can_judge_here_is_refused() -> None:
    with pytest.raises(MetricInputError, match="hard rules of kind mood cannot be judged"):
        broken_rules([], [], [], [HardRule("good mood", "mood", {})])


def test_a_week_is_counted_beside_the_one_that_was_worked() -> None:
    need = {(MONDAY, "day", "rn"): 2, (MONDAY, "night", "rn"): 1}
    bob, carl = (Staff(name, frozenset({"rn"}), frozenset({"W1"})) for name in ("bob", "carl"))
    week = UnitWeek(
        unit="W1",
        first=MONDAY,
        need=need,
        staff=[ANNA, bob, carl],
        history=[],
        made=[duty(0), duty(0, person="bob"), duty(0, "night", person="carl")],
        worked=[duty(0), duty(0, "evening"), duty(0, "night", person="carl")],
        objective=40,
        bound=10,
        changes=2,
        shares={"anna": 1.0, "bob": 0.5, "carl": 1.0},
    )
    head = EvidenceHead("roster", "rural", "0" * 64, "0" * 64, dt.datetime(2026, 4, 1, tzinfo=dt.UTC), {})
    performance, subgroups = evaluate_rosters([week], RULES, head, seed=1)
    values = {name: figure.value for name, figure in performance.figures.items()}
    assert (values["hard_rules_broken"], values["worked.hard_rules_broken"]) == (0, 2)
    assert (values["demand_covered"], values["worked.demand_covered"]) == (1.0, pytest.approx(2 / 3))
    assert (values["gap"], values["above_bound_per_nurse"], values["changes_per_sick_call"]) == (0.75, 10, 2)
    assert values["wishes_kept"] is None, "nobody wished for anything"
    assert subgroups.figures["nights.spread.W1"].value == pytest.approx(0.471, abs=1e-3)
    assert subgroups.figures["nights.widest_spread"].value == pytest.approx(0.471, abs=1e-3)
    unknown = replace(week, unit="W2", shares={})
    _, both = evaluate_rosters([week, unknown], RULES, head, seed=1)
    assert both.figures["nights.spread.W2"].value is None
    assert both.figures["nights.widest_spread"].value is None, "a spread that nobody knows is no narrow one"
