"""Launch scope is signed over: a changed one voids approvals; a release from before it was bound is served."""

from pathlib import Path
from typing import Any

import pytest

from evaluation.evidence import Subject
from evaluation.policies import Stage
from ml.registry.manifest import Nowhere, Scope
from orchestration.sites import LaunchScope, Site, site_file
from orchestration.steps.record.records import ledger_at_time, now, open_records
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.launching import LaunchFile, narrowing
from orchestration.steps.releases.proposal import SpeaksNowhere, current_pointer, propose, released
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.reviewing import Review
from orchestration.steps.releases.standing import stands_at
from orchestration.steps.watching.service import serving_config
from orchestration.steps.watching.status import status_of
from tests.unit.ml.serving.homes import SERVICE, Home, call
from tests.unit.orchestration.steps.governed import Governed

from .test_promoting import approve, promoted, ready

__all__ = ["ready"]

WIDER = LaunchScope(units=("ED", "MED"))


def rescope(monkeypatch: pytest.MonkeyPatch, scope: LaunchScope) -> None:
    """What the site's file says from now on."""
    monkeypatch.setattr(Site, "scope_of", lambda *_: scope)


def manifest(one: Governed) -> Any:
    release = released(one.settings, current_pointer(one.settings, "triage", one.site))
    assert release is not None
    return release.manifest


def refused(one: Governed, stage: str) -> dict[str, str]:
    answer = promote_release(one.settings, "triage", "city", stage, one.signs("ada"))
    return {reason["clause"]: reason["figure"] for reason in answer.document["reasons"]}


@pytest.mark.parametrize(
    "changed", [WIDER, LaunchScope(units=("MED",)), LaunchScope(), LaunchScope(units=("ED",), shifts=("day",))], ids=str
)
def test_a_scope_that_changed_after_the_approvals_voids_them_and_the_refusal_says_so(
    ready: Governed, monkeypatch: pytest.MonkeyPatch, changed: LaunchScope
) -> None:
    approve(ready, "city", "shadow")
    rescope(monkeypatch, changed)
    found = refused(ready, "shadow")
    assert set(found) == {"approval.model", "approval.workflow"}
    assert all("names another scope digest" in figure for figure in found.values())


def test_the_order_of_units_is_no_change(ready: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    rescope(monkeypatch, WIDER)
    approve(ready, "city", "shadow")
    rescope(monkeypatch, LaunchScope(units=("MED", "ED", "MED")))
    assert promote_release(ready.settings, "triage", "city", "shadow", ready.signs("ada")).exit_code == 0


def test_what_is_signed_is_shown_with_its_digest_and_the_release_and_the_record_carry_it(ready: Governed) -> None:
    shown: list[Review] = []
    approve(ready, "city", "shadow", shown.append)
    digest = str(propose(ready.settings, "triage", "city", Stage.SHADOW).subject.scope)
    assert f"scope         {digest[:16]}  units ED; shifts all" in shown[0].text
    assert shown[0].document["scope"] == {"units": ["ED"], "shifts": []}
    promoted(ready, "city", "shadow")
    made = manifest(ready)
    assert (made.scope.units, made.subject.scope, made.scope.digest) == (("ED",), digest, digest)
    [running] = ledger_at_time(ready.settings, "city", now().isoformat())["running"]
    assert running["scope"] == {"units": ["ED"], "shifts": []} and running["subject"]["scope"] == digest


def test_the_gate_explained_tells_the_scope_and_that_it_changed(
    ready: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(ready, "city", "shadow")
    before = explain_step(ready.settings, "triage", "city", "assistive")
    assert "It would speak in units ED; shifts all." in str(before.text)
    rescope(monkeypatch, WIDER)
    after = explain_step(ready.settings, "triage", "city", "assistive")
    assert "units ED, MED; shifts all; what is released was approved for units ED; shifts all" in str(after.text)
    told: Any = after.document["scope"]
    assert (told["units"], told["released"], told["changed"]) == (["ED", "MED"], {"units": ["ED"], "shifts": []}, True)


@pytest.fixture
def older(ready: Governed, monkeypatch: pytest.MonkeyPatch) -> Governed:
    """A release and its approvals as the version before signed them: their subject has seven digests."""

    def seven(**digests: str) -> Subject:
        return Subject(**{name: digest for name, digest in digests.items() if name != "scope"})

    with monkeypatch.context() as before:
        before.setattr("orchestration.steps.releases.proposal.Subject", seven)
        assert promoted(ready, "city", "shadow", "assistive").exit_code == 0
    open_records.cache_clear()
    return ready


def test_a_release_from_before_scope_was_bound_stands_and_is_served(older: Governed) -> None:
    bound = {"model", "data", "contracts", "policy", "card", "intended_use", "features"}
    assert set(manifest(older).to_json()["subject"]) == bound
    release = released(older.settings, older.pointer)
    assert release is not None
    stands = stands_at(open_records(older.settings), release, Stage.ASSISTIVE, now())
    assert len(stands.every) == 2 and not stands.over
    [running] = ledger_at_time(older.settings, "city", now().isoformat())["running"]
    assert set(running["subject"]) == bound
    with Home.at(older.settings.home).serving(sites=serving_config(older.settings, "http://test").sites) as client:
        assert client.post(SERVICE, json=call()).status_code == 200
        assert str(older.pointer and older.pointer.release) in client.get("/api/v1/status").text


def test_its_approvals_do_not_count_for_the_next_step_until_the_scope_is_signed(older: Governed) -> None:
    approvals = refused(older, "decision_support")
    assert "no valid model approval" in approvals["approval.model"]
    again = refused(older, "assistive")
    assert all("names no scope digest" in again[f"approval.{kind}"] for kind in ("model", "workflow"))


NOWHERE = LaunchScope.model_validate({"units": "none"})


def test_a_file_that_says_nowhere_has_nothing_released_and_what_is_served_told_as_silent(
    ready: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(ready, "city", "shadow")
    assert "silent" not in status_of(ready.settings, "city").document["releases"][0]
    rescope(monkeypatch, NOWHERE)
    with pytest.raises(SpeaksNowhere, match=r"lets triage speak nowhere .*rollback triage --site city"):
        promote_release(ready.settings, "triage", "city", "assistive", ready.signs("ada"))
    told = status_of(ready.settings, "city").document
    assert "is silent: the site's file lets triage speak nowhere" in told["releases"][0]["silent"]
    assert told["releases"][0]["silent"] in told["warnings"]


def test_units_and_shifts_that_the_file_silences_are_named(ready: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    rescope(monkeypatch, WIDER)
    promoted(ready, "city", "shadow")
    assert narrowing(ready.settings, "triage", "city") is None
    rescope(monkeypatch, LaunchScope(units=("MED", "SUR"), shifts=("day", "evening")))
    assert "is silent in units ED; shifts night: the site's file says so." in str(
        narrowing(ready.settings, "triage", "city")
    )
    assert narrowing(ready.settings, "staffing", "city") is None


def test_the_file_is_read_again_when_it_changes_and_a_broken_one_silences(tmp_path: Path) -> None:
    text, path, present = site_file("city").read_text(), tmp_path / "city.yaml", [0.0]
    path.write_text(text)
    launch = LaunchFile("city", path, clock=lambda: present[0])
    assert launch["triage"] == Scope(units=("ED",)) and set(launch) >= {"triage", "staffing"} and len(launch) >= 4
    steps = [
        (text.replace("units: [ED]", "units: none"), "speak nowhere"),
        (
            text.replace("units: [ED]", "units: []"),
            "while the site's file is broken: city.yaml, scope: Value error, an empty",
        ),
        (text.replace("units: [ED]", "units: [MED]"), Scope(units=("MED",))),
        (None, "city.yaml cannot be read"),
        (text, Scope(units=("ED",))),
    ]
    for number, (now_says, expected) in enumerate(steps):
        before = launch["triage"]
        path.unlink() if now_says is None else path.write_text(now_says + "\n" * number)
        assert launch["triage"] == before, "it is looked at once a second"
        present[0] += 1.0
        found = launch["triage"]
        assert (expected in found.why) if isinstance(found, Nowhere) else found == expected
    assert launch["staffing"] == Scope()
