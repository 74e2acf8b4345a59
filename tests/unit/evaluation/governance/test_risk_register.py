from pathlib import Path

import pytest
import yaml

from evaluation.policies import load_policy

ROOT = Path(__file__).parents[4]
REGISTER = yaml.safe_load((ROOT / "evaluation/governance/risk_register.yaml").read_text("utf-8"))
HAZARDS = REGISTER["hazards"]
ids = [hazard["id"] for hazard in HAZARDS]


@pytest.mark.parametrize("hazard", HAZARDS, ids=ids)
def test_every_control_points_to_something_that_exists(hazard):
    for control in hazard["controls"]:
        assert control["type"] in ("design", "protective", "information")
        assert ("module" in control) != ("duty" in control)
        assert "duty" in control or (ROOT / control["module"]).exists(), control
    for tests in hazard["tested_by"]:
        assert (ROOT / tests).exists(), tests


@pytest.mark.parametrize("hazard", HAZARDS, ids=ids)
def test_controls_lower_every_risk_to_what_is_acceptable(hazard):
    inherent, residual = (hazard["probability"][name] for name in ("inherent", "residual"))
    assert 1 <= residual < inherent <= 5
    assert 1 <= hazard["severity"] <= 5
    assert hazard["severity"] * residual <= REGISTER["acceptable_residual"]


def test_hazards_are_named_once_and_owned_by_roles_the_policy_knows():
    policy = load_policy(REGISTER["use_case"])
    roles = {role for kind in policy.approvals.kinds for role in kind.roles} | set(policy.rights.step_down_roles)
    assert len(set(ids)) == len(ids)
    assert {hazard["owner"] for hazard in HAZARDS} <= roles | {policy.approvals.owner}
