"""Risk registers: one of every use case, each hazard with an owner whom its policy knows, and controls that exist."""

from pathlib import Path

import pytest
import yaml

from evaluation.policies import load_policy
from evaluation.reports.board import ItemsError, risk_register
from evaluation.reports.board.register import RISKS, Hazard, RiskRegister
from ml.usecases import use_case_names

ROOT = Path(__file__).parents[4]
NAMES = use_case_names()
HAZARDS = [(name, one) for name in NAMES if (found := risk_register(name)) for one in found.hazards]
each_hazard = pytest.mark.parametrize(("name", "hazard"), HAZARDS, ids=[f"{name}-{one.id}" for name, one in HAZARDS])


@pytest.mark.parametrize("name", NAMES)
def test_every_use_case_has_a_register_of_its_own(name: str) -> None:
    found = risk_register(name)
    assert found is not None and found.use_case == name
    assert len(found.hazards) >= 8
    assert not found.uncontrolled and not found.above_acceptable


@each_hazard
def test_every_control_points_to_something_that_exists(name: str, hazard: Hazard) -> None:
    assert hazard.controls, name
    for control in hazard.controls:
        assert control.duty or (ROOT / str(control.module)).exists(), control
        assert control.how.endswith("."), "a sentence; a comma without quotes would have cut it"
    assert hazard.tested_by
    for tests in hazard.tested_by:
        assert (ROOT / tests).exists(), tests


@each_hazard
def test_controls_lower_every_risk(name: str, hazard: Hazard) -> None:
    assert hazard.probability.residual < hazard.probability.inherent, name


@each_hazard
def test_hazards_are_owned_by_roles_that_the_policy_knows(name: str, hazard: Hazard) -> None:
    policy = load_policy(name)
    roles = {role for kind in policy.approvals.kinds for role in kind.roles} | set(policy.rights.step_down_roles)
    assert hazard.owner in roles | {policy.approvals.owner}


def changed(folder: Path, **members: object) -> RiskRegister | None:
    """The register of triage with its first hazard changed."""
    document = yaml.safe_load((RISKS / "triage.yaml").read_text("utf-8"))
    document["hazards"] = [document["hazards"][0] | members, *document["hazards"][1:]]
    (folder / "triage.yaml").write_text(yaml.safe_dump(document), "utf-8")
    return risk_register("triage", folder)


def test_a_hazard_without_a_control_or_above_what_is_acceptable_is_named(tmp_path: Path) -> None:
    found = changed(tmp_path, controls=[], probability={"inherent": 4, "residual": 4})
    assert found is not None
    assert (found.uncontrolled, found.above_acceptable) == (("under-triage",), ("under-triage",))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"severity": 6}, r"triage\.yaml: hazards\.0\.severity"),
        ({"probability": {"inherent": 1, "residual": 2}}, "do not raise"),
        ({"controls": [{"type": "design", "how": "Somehow."}]}, "either a module or a duty"),
        ({"id": "alert-fatigue"}, "named twice"),
    ],
)
def test_a_register_that_breaks_the_form_is_refused_by_name_and_place(
    tmp_path: Path, members: dict[str, object], said: str
) -> None:
    with pytest.raises(ItemsError, match=said):
        changed(tmp_path, **members)


def test_a_use_case_that_nobody_thought_about_has_none(tmp_path: Path) -> None:
    assert risk_register("triage", tmp_path) is None
