"""Rules about a team, each as data: what it costs soft, that it holds hard, and who is named; counted by hand."""

from typing import Any

import pytest

from ml.rostering import Duty, ProblemNotUnderstood, Roster, check, solve
from ml.rostering.form import parse_form
from tests.unit.ml.rostering.wards import SHIFTS, text

DAY = "2026-10-19"
EARLY, FAR, PPE = Duty("u0", "E", "rn"), Duty("u1", "E", "rn"), Duty("u0", "E", "ppe")
COVER = {"name": "cover", "kind": "cover", "source": "policy", "weight": 100}


def rule(kind: str, weight: int | None = 7, **parameters: Any) -> dict[str, Any]:
    hardness = {"hard": True} if weight is None else {"weight": weight}
    return {"name": f"the {kind} rule", "kind": kind, "source": "policy", **hardness, "parameters": parameters}


def ward(*rules: dict[str, Any], beds: int = 0, nurses: int = 1) -> dict[str, Any]:
    """One early shift on two units: anna is new, eva experienced and trained for isolation, finn may float to u1."""
    rn = [{"skill": "rn"}]
    return {
        "schema": "pilothouse.roster/1", "name": "team", "time_zone": "Europe/Berlin", "first_day": DAY, "days": 1,
        "units": ["u0", "u1"], "skills": ["rn", "ppe"], "shifts": SHIFTS,
        "staff": [
            {"id": "anna", "home": "u0", "skills": rn, "level": "novice"},
            {"id": "eva", "home": "u0", "skills": [*rn, {"skill": "ppe"}], "level": "expert"},
            {"id": "finn", "home": "u0", "skills": rn, "floats_to": ["u1"]},
        ],
        "demand": [
            {"unit": "u0", "date": DAY, "shift": "E", "skill": "rn", "nurses": nurses},
            {"unit": "u1", "date": DAY, "shift": "E", "skill": "rn", "nurses": 0},
        ],
        "isolation": [{"unit": "u0", "date": DAY, "shift": "E", "beds": beds}] if beds else [],
        "constraints": [COVER, *rules],
    }  # fmt: skip


def team(**duties: Duty) -> Roster:
    return Roster({(name, 0): duty for name, duty in duties.items()})


CASES = [
    (rule("supervision", novices_per_expert=1), team(anna=EARLY), 7, "an expert for every 1 novices"),
    (rule("supervision", novices_per_expert=1), team(anna=EARLY, eva=EARLY), 0, ""),
    (rule("supervision", novices_per_expert=1), team(finn=EARLY), 0, ""),
    (rule("breaks", min_on_duty=2), team(finn=EARLY), 7, "2 on duty, to relieve breaks"),
    (rule("breaks", min_on_duty=2), team(finn=EARLY, anna=EARLY), 0, ""),
    (rule("skill_mix", skills=["ppe"], at_least=1), team(anna=EARLY), 7, "has 1 with ppe"),
    (rule("skill_mix", skills=["ppe"], at_least=1), team(eva=EARLY), 0, ""),
    (rule("skill_mix", skills=["ppe"], percent=50), team(anna=EARLY, finn=EARLY, eva=EARLY), 7, "50 % have ppe"),
    (rule("skill_mix", skills=["ppe"], percent=50), team(anna=EARLY, eva=EARLY), 0, ""),
    (rule("float_pool"), team(finn=FAR), 7, "finn stays on u0"),
    (rule("float_pool"), team(finn=EARLY), 0, ""),
]


@pytest.mark.parametrize(("data", "roster", "cost", "said"), CASES)
def test_a_rule_about_a_team_costs_its_weight_and_holds_where_it_is_hard(
    data: dict[str, Any], roster: Roster, cost: int, said: str
) -> None:
    found = [one for one in check(parse_form(text(ward(data)), "team"), roster) if one.rule == data["name"]]
    assert (sum(one.cost for one in found), len(found)) == (cost, bool(cost))
    assert all(said in one.sentence and one.source == "policy" for one in found)
    law = data | {"hard": True, "weight": None}
    broken = [one for one in check(parse_form(text(ward(law)), "team"), roster) if one.is_hard]
    assert [one.rule for one in broken] == [data["name"]] * bool(cost)
    answer = solve(parse_form(text(ward(law)), "team"), 2)
    assert answer.roster is not None
    assert answer.hard_violations == ()


def test_an_isolation_bed_takes_a_nurse_of_its_own_who_is_trained_for_it() -> None:
    isolation = rule("isolation", 200, skills=["ppe"])
    problem = parse_form(text(ward(isolation, beds=1)), "team")
    short = {one.rule: one.cost for one in check(problem, team(eva=EARLY))}
    assert short == {"the isolation rule": 200}, "who has the skill and works as somebody else is not there"
    assert check(problem, team(eva=PPE, finn=EARLY)) == []
    best = solve(problem, 2)
    assert (best.objective, (best.roster or Roster({})).duties[("eva", 0)]) == (0, PPE)
    shared = parse_form(text(ward(rule("isolation", 200, skills=["ppe"], beds_per_nurse=2), beds=2)), "team")
    assert check(shared, team(eva=PPE, finn=EARLY)) == [], "one nurse for two beds"
    two = solve(parse_form(text(ward(isolation, beds=2)), "team"), 2)
    assert [(one.rule, one.cost) for one in two.gave_way] == [("nobody has the skill and is free", 200)]


def test_agency_is_the_last_resort_where_it_costs_more_than_a_wish_and_less_than_a_gap() -> None:
    agency = rule("agency", 60, skills=["rn"], max_per_shift=1)
    enough = solve(parse_form(text(ward(agency, nurses=3)), "team"), 2)
    assert (enough.objective, dict((enough.roster or Roster({})).agency)) == (0, {})
    short = solve(parse_form(text(ward(agency, nurses=5)), "team"), 2)
    assert short.objective == 60 + 100, "one is booked, and one is missing all the same"
    alone = ward(agency, rule("skill_mix", skills=["rn"], at_least=1))
    for person in alone["staff"]:
        person["leave"] = [DAY]
    assert solve(parse_form(text(alone), "team"), 2).objective == 60, "who is sent as a nurse is one on the shift"
    with pytest.raises(ProblemNotUnderstood, match="agency has a weight: what each unit of it costs"):
        parse_form(text(ward(rule("agency", None, max_per_shift=1))), "team")
