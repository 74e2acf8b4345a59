"""Another model than people saw last comes before them by being compared with it, whichever way it comes."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from evaluation.policies import Stage, load_policy
from orchestration.steps.record.records import now, verify_ledger
from orchestration.steps.releases import proposal, replaced, replacing
from orchestration.steps.releases.breaking import break_glass
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.proposal import propose
from orchestration.steps.releases.replacing import CLAUSE
from tests.unit.orchestration.steps.governed import Governed

from .challenged import approve, lane, promote, served, side_by_side

WHY = "A surge: forty are waiting, and the board meets on Monday."


def down(one: Governed, to: str | None) -> None:
    roll_back(one.settings, "triage", "city", to, "test", one.signs("olga"))


def model(one: Governed) -> str:
    """The model that is pointed to."""
    manifest = one.settings.home / "releases" / str(served(one)[0]) / "manifest.json"
    return str(json.loads(manifest.read_bytes())["subject"]["model"])


def refused(one: Governed, stage: str = "assistive", *, challenger: bool = False) -> list[dict[str, str]]:
    """What the comparison says against it."""
    told = explain_step(one.settings, "triage", "city", stage, challenger=challenger).document["refused_by"]
    return [each for each in told if each["clause"] == CLAUSE]


def swap(one: Governed, by_way_of: str = "shadow") -> str:
    """Take down what people see and let the newer model into shadow by itself; returns the model that people saw."""
    seen = model(one)
    down(one, by_way_of)
    approve(one, "shadow")
    assert promote(one, "shadow").exit_code == 0 and model(one) != seen
    return seen


def test_another_model_than_people_saw_last_is_refused_after_a_step_down(one: Governed) -> None:
    seen = swap(one)
    approve(one, "assistive")
    [reason] = promote(one, "assistive").document["reasons"]
    assert (reason["clause"], reason["figure"]) == (CLAUSE, "no side_by_side evidence of this model")
    assert seen[:12] in reason["threshold"]
    assert served(one)[1] == "shadow"


@pytest.mark.parametrize(
    ("worse", "figure"),
    [({"auroc": -0.021}, "AUROC of critical_care"), ({"alerts": 3.1}, "cards per 100"), ({"days": 31.5}, "31 days")],
    ids=["auroc", "alerts", "age"],
)
def test_it_is_held_to_the_margins_of_a_challenger(one: Governed, worse: dict[str, float], figure: str) -> None:
    side_by_side(one, beside=swap(one), **worse)  # type: ignore[arg-type]
    assert any(figure in each["figure"] for each in refused(one))


def test_a_comparison_inside_the_margins_lets_it_up_and_is_on_record(one: Governed) -> None:
    evidence = side_by_side(one, beside=swap(one), auroc=-0.02, alerts=3.0, visits=500, share=0.95)
    assert refused(one) == []
    shown = explain_step(one.settings, "triage", "city", "assistive").text
    assert "beside version 12, which people saw last, on the same visits:" in str(shown)
    approve(one, "assistive")
    assert promote(one, "assistive").exit_code == 0
    detail = one.entries("promotion")[-1].payload["detail"]
    assert detail["side_by_side"] == evidence.digest  # type: ignore[index, call-overload]
    approve(one, "decision_support")
    assert refused(one, "decision_support") == [], "it is what people see now"


def test_what_the_refusal_says_leads_there(one: Governed) -> None:
    """The way that it names is walked to its end: back, beside, compared, up."""
    seen = swap(one)
    [reason] = refused(one)
    assert "pilothouse rollback triage --site city" in reason["to_meet"]
    assert "--to shadow --challenger" in reason["to_meet"]
    down(one, None)
    assert (model(one), served(one)[1]) == (seen, "shadow"), "what people saw scores again, shown to nobody"
    approve(one, "shadow", challenger=True)
    assert promote(one, "shadow", challenger=True).exit_code == 0
    side_by_side(one)
    approve(one, "assistive", challenger=True)
    assert promote(one, "assistive", challenger=True).exit_code == 0
    assert (served(one)[1], model(one) != seen, lane(one).release) == ("assistive", True, None)
    assert verify_ledger(one.settings).exit_code == 0


def gone(one: Governed) -> None:
    """The files of what people saw are lost: of the release that is not pointed to any more."""
    for path in (one.settings.home / "releases").iterdir():
        if path.name != served(one)[0]:
            shutil.rmtree(path)


def test_where_what_people_saw_cannot_come_back_the_refusal_names_the_day_on_which_nothing_is_compared(
    one: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap(one)
    gone(one)
    [reason] = refused(one)
    over = one.entries("rollback")[-1].at + timedelta(days=30)
    assert "cannot be brought back" in reason["to_meet"] and f"from {over:%Y-%m-%d %H:%M} UTC on" in reason["to_meet"]
    proposed = propose(one.settings, "triage", "city", Stage.ASSISTIVE)
    for moment, is_refused in ((over - timedelta(seconds=1), True), (over, False)):
        for module in (replaced, replacing):
            monkeypatch.setattr(module, "now", lambda at=moment: at)
        assert bool(replacing.why_not_replacing(one.settings, proposed)) is is_refused


def test_switched_off_before_it_is_refused_as_well_and_told_until_when(one: Governed) -> None:
    swap(one, by_way_of="off")
    [reason] = refused(one)
    assert "cannot be brought back" in reason["to_meet"] and " UTC on people will not have seen it" in reason["to_meet"]


def test_the_same_model_steps_up_again_uncompared(one: Governed) -> None:
    """A fault, a rollback, and the same model again: what the demo plays."""
    down(one, "shadow")
    approve(one, "assistive")
    assert refused(one) == []
    assert promote(one, "assistive").exit_code == 0 and served(one)[1] == "assistive"


def test_a_model_that_only_a_glass_showed_is_compared_with_what_the_gate_let_people_see(one: Governed) -> None:
    seen = swap(one)
    answer = break_glass(one.settings, "triage", "city", "assistive", 2, WHY, one.signs("ada"))
    assert answer.exit_code == 0 and served(one)[1] == "assistive"
    assert CLAUSE in answer.document["payload"]["unmet"]
    [reason] = refused(one)
    assert seen[:12] in reason["threshold"]


def test_a_glass_is_broken_where_the_comparison_alone_is_missing(one: Governed) -> None:
    swap(one)
    approve(one, "assistive")
    answer = break_glass(one.settings, "triage", "city", "assistive", 2, WHY, one.signs("ada"))
    assert (answer.exit_code, answer.document["payload"]["unmet"]) == (0, [CLAUSE])


def test_a_policy_without_margins_lets_no_other_model_up_however_long_ago(
    one: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap(one)
    plain = load_policy("triage").model_dump(mode="json", by_alias=True, exclude_unset=True)
    del plain["replacing"]
    bare = type(load_policy("triage")).model_validate(plain)
    monkeypatch.setattr(proposal, "load_policy", lambda _: bare)
    moment = now() + timedelta(days=400)
    monkeypatch.setattr(replaced, "now", lambda: moment)
    proposed = propose(one.settings, "triage", "city", Stage.ASSISTIVE)
    [reason] = replacing.why_not_replacing(one.settings, proposed)
    assert "margins in the policy" in reason.threshold and "owner" in reason.to_meet


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{}")], ids=["gone", "changed"])
def test_damage_to_what_is_served_now_raises_nothing_in_the_refusal(
    one: Governed, damage: Callable[[Path], object]
) -> None:
    swap(one)
    proposed = propose(one.settings, "triage", "city", Stage.ASSISTIVE)
    manifest = one.settings.home / "releases" / str(served(one)[0]) / "manifest.json"
    manifest.chmod(0o600)
    damage(manifest)
    [reason] = replacing.why_not_replacing(one.settings, proposed)
    assert "cannot be brought back" in reason.to_meet
