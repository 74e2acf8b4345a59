"""Pointer and ledger are held against each other: what was put back, taken away or never recorded is told."""

from collections.abc import Callable

import pytest

from orchestration.steps.errors import Refused
from orchestration.steps.record.agreement import Agreement, agreement_at, agreements
from orchestration.steps.record.records import believed_records, open_records, verify_ledger
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching.status import overview, status_of
from tests.unit.ml.serving.homes import Home
from tests.unit.orchestration.steps.governed import (
    POINTER_DAMAGES,
    Governed,
    change_pointer,
    empty_pointer,
    link_pointer,
    remove_pointer,
)


def found(one: Governed) -> list[Agreement]:
    return agreements(one.settings, believed_records(one.settings)[1])


def problems(one: Governed) -> list[str]:
    return [each.problem for each in found(one) if each.problem]


def test_what_was_recorded_and_pointed_to_agrees(city: Governed) -> None:
    assert problems(city) == [] and verify_ledger(city.settings).document["ok"] is True
    change_tier(city.settings, "triage", "city", "rule", "x")
    roll_back(city.settings, "triage", "city", "shadow", "x")
    roll_back(city.settings, "triage", "city", "off", "x")
    assert problems(city) == []


def put_back(one: Governed) -> None:
    old = one.pointer_file.read_bytes()
    roll_back(one.settings, "triage", "city", "off", "x")
    one.pointer_file.write_bytes(old)


def put_back_a_higher_tier(one: Governed) -> None:
    old = one.pointer_file.read_bytes()
    change_tier(one.settings, "triage", "city", "manual", "x")
    one.pointer_file.write_bytes(old)


def put_back_one_that_says_the_same(one: Governed) -> None:
    old = one.pointer_file.read_bytes()
    for tier, actor in (("rule", None), ("model", one.signs("ada"))):
        change_tier(one.settings, "triage", "city", tier, "x", actor)
    one.pointer_file.write_bytes(old)


def point_without_a_record(one: Governed) -> None:
    home = Home.at(one.settings.home)
    home.point(one.releases[0], site="city")


def take_away(one: Governed) -> None:
    one.release("assistive")
    remove_pointer(one)


CHANGES: list[tuple[Callable[[Governed], None], str]] = [
    (put_back, "stage: ledger off, pointer assistive"),
    (put_back_a_higher_tier, "tier: ledger manual, pointer model"),
    (put_back_one_that_says_the_same, "generation: ledger 3, pointer 1"),
    (point_without_a_record, "generation: ledger 1, pointer 2"),
    (take_away, "the pointer is gone"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=lambda one: getattr(one, "__name__", "words"))
def test_a_pointer_that_says_something_else_is_told_wherever_one_looks_and_nothing_goes_up(
    city: Governed, change: Callable[[Governed], None], words: str
) -> None:
    change(city)
    [problem] = problems(city)
    assert words in problem and "triage at city" in problem and "rollback" in problem
    verdict = verify_ledger(city.settings)
    assert (verdict.exit_code, verdict.document["ok"], verdict.document["first_bad"]) == (1, False, None)
    assert problem in verdict.document["problems"]
    answer = status_of(city.settings)
    assert answer.document["problems"] == [problem] and answer.document["releases"][0]["error"] == problem
    refused = promote_release(city.settings, "triage", "city", "decision_support")
    assert refused.exit_code == 1
    assert [one["clause"] for one in refused.document["reasons"]] == ["pointer-agrees-with-ledger"]
    with pytest.raises(Refused, match="pointer-agrees-with-ledger"):
        change_tier(city.settings, "triage", "city", "model", "x", city.signs("ada"))
    roll_back(city.settings, "triage", "city", "off", "set right")
    assert problems(city) == [] and verify_ledger(city.settings).exit_code == 0


@pytest.mark.parametrize("damage", [empty_pointer, change_pointer, link_pointer], ids=lambda one: one.__name__)
def test_what_is_no_pointer_any_more_is_told_with_the_reason(
    city: Governed, damage: Callable[[Governed], object]
) -> None:
    damage(city)
    [problem] = problems(city)
    assert "cannot be trusted and nothing is served" in problem
    assert verify_ledger(city.settings).exit_code == 1


def test_a_promotion_that_was_recorded_and_never_took_effect_is_told_and_can_be_asked_for_again(city: Governed) -> None:
    before = city.pointer_file.read_bytes()
    city.release("decision_support")
    city.pointer_file.write_bytes(before)
    assert len(problems(city)) == 1
    assert not agreement_at(city.settings, open_records(city.settings), "triage", "city").problem
    roll_back(city.settings, "triage", "city", "shadow", "x")
    assert city.served == "shadow" and problems(city) == []


def test_a_first_pointer_that_is_gone_is_told_and_can_be_asked_for_again(city: Governed) -> None:
    """It looks as if the promotion had never taken effect, and asking again leads no further than it had led."""
    remove_pointer(city)
    assert "the pointer is gone" in problems(city)[0]
    assert agreement_at(city.settings, open_records(city.settings), "triage", "city").problem == ""


def test_what_is_off_may_have_no_pointer(city: Governed) -> None:
    roll_back(city.settings, "triage", "city", "off", "x")
    city.pointer_file.unlink()
    assert problems(city) == []


@pytest.mark.parametrize("damage", POINTER_DAMAGES, ids=lambda one: one.__name__)
def test_one_bad_pointer_hides_no_other_site(city: Governed, damage: Callable[[Governed], object]) -> None:
    rural = Governed.at(city.settings, "rural")
    rural.release("shadow")
    damage(city)
    rows = {row["site"]: row for row in overview(city.settings).rows}
    assert (rows["rural"]["stage"], rows["rural"]["error"], rows["rural"]["model_version"]) == ("shadow", None, "3")
    assert rows["city"]["error"] and rows["city"]["stage"] == "off"


def test_a_pointer_of_a_site_that_nobody_declared_is_seen_and_can_be_taken_back(city: Governed) -> None:
    for folder in ("unknown_use", "triage"):
        path = city.settings.home / "pointers" / folder / "closed.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    rows = {(row["use_case"], row["site"]): row for row in overview(city.settings).rows}
    assert rows["triage", "closed"]["error"] and rows["unknown_use", "closed"]["error"]
    assert rows["triage", "city"]["error"] is None
    assert roll_back(city.settings, "triage", "closed", None, "x")["recorded"]
