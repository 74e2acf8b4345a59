"""The plan for going down: every use case that is released has one, in words that a clinician can act upon."""

from typing import Any

import pytest
import yaml

from evaluation.policies import PolicyError, load_policy, parse_policy
from evaluation.policies.load import FOLDER

USE_CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def changed(**members: Any) -> str:
    document = yaml.safe_load((FOLDER / "triage.yaml").read_text("utf-8"))
    for path, value in members.items():
        *inner, last = path.split("__")
        place = document
        for step in inner:
            place = place[step]
        place[last] = value
        if value is None:
            del place[last]
    return yaml.safe_dump(document)


@pytest.mark.parametrize("use_case", USE_CASES)
def test_every_use_case_says_who_decides_what_is_told_and_what_is_done(use_case: str) -> None:
    policy = load_policy(use_case)
    plan = policy.rollback
    assert set(plan.decides) <= set(policy.rights.step_down_roles)
    assert len(plan.message.withdrawn) > 60 and len(plan.message.lowered) > 60
    assert plan.message.withdrawn_summary != plan.message.withdrawn
    assert plan.steps[0].id == "stop" and plan.steps[-1].id == "find-the-cause"
    assert len(plan.rationale) > 40 and plan.owner


def test_where_no_card_could_be_read_as_no_risk_the_message_says_that_it_is_none() -> None:
    message = load_policy("triage").rollback.message
    for words in (message.withdrawn_summary, message.withdrawn, message.lowered):
        assert "No card does not mean low risk" in words


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rollback": None}, "rollback"),
        ({"rollback__message": None}, "rollback.message"),
        ({"rollback__message__withdrawn_summary": "x" * 140}, "withdrawn_summary"),
        ({"rollback__steps": []}, "rollback.steps"),
        ({"rollback__pace": "some day"}, "rollback.pace"),
        ({"rollback__decides": ["barber"]}, "may not step down"),
        ({"rollback__rationale": " "}, "rollback.rationale"),
        ({"rollback__owner": None}, "rollback.owner"),
        ({"rollback__surprise": 1}, "rollback.surprise"),
        ({"break_glass__at_most_hours": 73}, "break_glass.at_most_hours"),
        ({"break_glass__at_most_hours_in_7_days": 11.9}, "less than at_most_hours"),
        ({"break_glass__at_most_hours_in_7_days": 169}, "break_glass.at_most_hours_in_7_days"),
        ({"break_glass__roles": []}, "break_glass.roles"),
    ],
    ids=lambda one: one if isinstance(one, str) else next(iter(one)),
)
def test_a_plan_that_leaves_something_open_is_no_policy(change: dict[str, Any], named: str) -> None:
    with pytest.raises(PolicyError, match=named):
        parse_policy(changed(**change), "test.yaml")


def test_glasses_of_a_week_need_no_limit_and_every_shipped_policy_has_one() -> None:
    without = parse_policy(changed(break_glass__at_most_hours_in_7_days=None), "test.yaml")
    assert without.break_glass.at_most_hours_in_7_days is None
    same = parse_policy(changed(break_glass__at_most_hours_in_7_days=12), "test.yaml")
    assert same.break_glass.at_most_hours_in_7_days == same.break_glass.at_most_hours
    assert all(load_policy(one).break_glass.at_most_hours_in_7_days for one in USE_CASES)


def test_a_step_is_given_once() -> None:
    steps = yaml.safe_load((FOLDER / "triage.yaml").read_text("utf-8"))["rollback"]["steps"]
    with pytest.raises(PolicyError, match="step of the rollback given twice: stop"):
        parse_policy(changed(rollback__steps=[steps[0], steps[0]]), "test.yaml")
