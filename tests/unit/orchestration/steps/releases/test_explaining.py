"""The gate, explained: approvals and the rehearsal are told beside the clauses; what is signed is met."""

from collections.abc import Callable

import pytest

from evaluation.policies import Stage, load_policy
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, save_candidate
from orchestration.steps.record.people import new_person
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.explaining import explain_step


@pytest.fixture
def proposed(settings: Settings, record: Callable[..., CandidateRecord]) -> Settings:
    save_candidate(settings, record())
    new_person(settings, "ada", ("clinical_safety_lead",), settings.home / "ada.pem")
    return settings


def test_it_tells_every_approval_and_the_rehearsal_and_what_would_meet_them(proposed: Settings) -> None:
    answer = explain_step(proposed, "triage", "city", "shadow")
    approvals = {one["kind"]: one for one in answer.document["approvals"]}
    assert set(approvals) == set(load_policy("triage").approvals_for(Stage.SHADOW))
    assert not any(one["met"] for one in approvals.values())
    assert "registered: ada" in approvals["model"]["to_meet"]
    [rehearsal] = answer.document["rehearsal"]
    assert (rehearsal["clause"], rehearsal["met"]) == ("rollback-rehearsed", False) and "drill" in rehearsal["to_meet"]
    assert answer.exit_code == 1
    for words in ("approval.model", "approval.workflow", "rollback-rehearsed"):
        assert words in str(answer.text)


def test_what_was_signed_is_met_and_what_was_refused_is_not(proposed: Settings) -> None:
    def told() -> dict[str, bool]:
        document = explain_step(proposed, "triage", "city", "shadow").document
        return {one["kind"]: one["met"] for one in document["approvals"]}

    what = (proposed, "triage", "city", "shadow", "model", "ada", proposed.home / "ada.pem")
    record_verdict(*what, "approve")
    assert told() == {"model": True, "workflow": False}
    record_verdict(*what, "refuse")
    assert told() == {"model": False, "workflow": False}
