"""The drill: a fault goes in and advice comes back, with the real service, while calls go on and none is dropped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.canonical import document_digest
from evaluation.policies import load_policy
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from orchestration.settings import Settings
from orchestration.steps.drills import calls
from orchestration.steps.drills.calls import Calls, calling
from orchestration.steps.drills.rehearsal import Rehearsal, RehearsalFailed, rehearse
from orchestration.steps.learning.stores import bundle_folder, read_all_evidence, save_candidate
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.records import open_records, verify_ledger
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.conftest import digest

ROLLED_BACK_WITHIN = RESTORED_WITHIN = 5.0
"""Seconds from the trigger, in a running service: until what is wrong is served no more, and until advice is back. The
service looks at its pointer again and again; both took about half a second where nothing else ran."""


@pytest.fixture
def candidate(settings: Settings, record: Any, tmp_path: Path) -> Settings:
    """A home whose city has a candidate with a model that can be served."""
    folder = tmp_path / "bundle"
    write_bundle(tiny_model(), folder)
    made = replace(record(), model=document_digest(model_files(folder)), data=digest("data"))
    save_candidate(settings, made)
    write_bundle(tiny_model(), bundle_folder(settings, made))
    return settings


def test_a_fault_goes_in_and_advice_comes_back_while_every_call_is_answered(candidate: Settings) -> None:
    done = rehearse(candidate, "triage", "city", actor_of("olga", None))
    assert [one["step"] for one in done["steps"]] == [
        "release written, approved, pointed to",
        "service started",
        "model answers",
        "fault in",
        "service steps down",
        "message seen on a card",
        "trigger fires",
        "decided and rolled back",
        "service on the release before",
        "tier stepped up by a person",
        "advice restored",
    ]
    assert done["dropped"] == 0 and done["calls"] >= min(one.min_n for one in load_policy("triage").triggers)
    assert 0 < done["seconds_to_roll_back"] < ROLLED_BACK_WITHIN
    assert done["seconds_to_roll_back"] <= done["seconds_to_restore"] < RESTORED_WITHIN
    seconds = {one["step"]: one["seconds"] for one in done["steps"]}
    last = (
        "decided and rolled back",
        "service on the release before",
        "tier stepped up by a person",
        "advice restored",
    )
    assert done["seconds_to_restore"] == pytest.approx(sum(seconds[name] for name in last), abs=0.002)
    [evidence] = read_all_evidence(candidate, "triage", "city").readable
    assert (evidence.kind, evidence.digest) == ("rehearsal", done["evidence"])
    assert evidence.figures["rehearsal.seconds_to_restore"].value == done["seconds_to_restore"]
    assert evidence.figures["rehearsal.calls_dropped"].value == 0
    assert [entry.kind for entry in open_records(candidate).entries()] == ["rehearsal"], (
        "only that is on the real ledger"
    )
    assert not (candidate.home / "pointers").exists() and not (candidate.home / "events.db").exists()
    assert verify_ledger(candidate).exit_code == 0


def test_a_drill_with_a_dropped_call_does_not_count() -> None:
    Rehearsal(calls=Calls(sent=10)).require_answered()
    with pytest.raises(RehearsalFailed, match=r"1 of 10 calls were not answered .*\(503\)"):
        Rehearsal(calls=Calls(sent=10, dropped=1, faults={"503"})).require_answered()


def test_a_call_that_nobody_answers_counts_as_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PAUSE_SECONDS", 0.001)
    with calling("http://127.0.0.1:9/nobody", None) as called:
        while called.sent < 2:
            pass
    assert called.dropped == called.sent and called.faults == {"URLError"}
