"""A verdict: what is signed is shown first, and exactly that is signed; a certificate belongs to a regulatory one."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evaluation.ledger import recorded
from evaluation.policies import KINDS, Stage
from ml.usecases import load_declaration, load_use_case
from ml.usecases.declaration import Population
from orchestration.cli import main
from orchestration.commands.releases import KINDS as NAMED
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, save_candidate
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.approval import CertificateNotUsable, Certified, UnknownApprover, record_verdict
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.proposal import NothingServed, propose
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.reviewing import Review
from tests.unit.orchestration.steps.governed import Governed

Record = Callable[..., CandidateRecord]


@pytest.fixture
def proposed(settings: Settings, record: Record) -> Settings:
    """A home with a candidate and somebody for each of two kinds."""
    save_candidate(settings, record())
    new_person(settings, "ada", ("clinical_safety_lead",), settings.home / "ada.pem")
    new_person(settings, "rita", ("regulatory_affairs_lead",), settings.home / "rita.pem")
    return settings


def sign(settings: Settings, person: str, kind: str, stage: str = "shadow", **more: Any) -> dict[str, Any]:
    key = settings.home / f"{person}.pem"
    return record_verdict(settings, "triage", "city", stage, kind, person, key, more.pop("verdict", "approve"), **more)


def test_what_is_shown_is_what_is_signed_and_it_is_shown_first(proposed: Settings) -> None:
    shown: list[tuple[Review, int]] = []
    entry = sign(
        proposed, "ada", "model", show=lambda review: shown.append((review, len(open_records(proposed).entries())))
    )
    [(review, before)] = shown
    assert before == entry["seq"] - 1
    assert review.document["statement"] == entry["payload"]["statement"] and entry["reviewed"] == review.document


def test_every_digest_is_shown_with_what_stands_behind_it_and_what_the_gate_says(proposed: Settings) -> None:
    shown: list[Review] = []
    sign(proposed, "ada", "model", show=shown.append, note="seen on monday")
    text, subject = shown[0].text, shown[0].document["statement"]["subject"]
    for name, digest in subject.items():
        assert f"{name:<12}  {digest[:16]}" in text and shown[0].document["behind"][name] in text
    assert f"scope         {subject['scope'][:16]}  units ED; shifts all" in text
    assert load_declaration("triage").intended_use in text and "seen on monday" in text
    assert "nothing is released here" in text and "rollback-rehearsed" in text
    assert "ada (clinical_safety_lead) signs: approve, kind model, of triage at city for shadow." in text


def test_who_does_not_agree_signs_nothing(proposed: Settings) -> None:
    def no(_: Review) -> None:
        raise KeyboardInterrupt

    before = len(open_records(proposed).entries())
    with pytest.raises(KeyboardInterrupt):
        sign(proposed, "ada", "model", show=no)
    assert len(open_records(proposed).entries()) == before


def test_a_regulatory_approval_carries_its_certificate_for_this_use_in_this_region(proposed: Settings) -> None:
    sign(proposed, "rita", "regulatory", "decision_support", certified=Certified("K-1", date(2027, 1, 31)))
    (entry,) = open_records(proposed).entries(kinds=("approval",))
    found, proposal = recorded(entry).statement.certificate, propose(proposed, "triage", "city", Stage.SHADOW)
    assert found is not None
    assert (found.number, found.region, found.expires_on) == ("K-1", proposal.site.region, date(2027, 1, 31))
    assert found.intended_use == proposal.use_case.intended_use
    assert open_records(proposed).verify().ok


@pytest.mark.parametrize("given", [Certified(), Certified("K-1"), Certified(None, date(2027, 1, 1))])
def test_without_number_or_last_day_it_is_said_what_to_give(proposed: Settings, given: Certified) -> None:
    with pytest.raises(CertificateNotUsable, match=r"--certificate NUMBER and --expires YYYY-MM-DD.*It is for US"):
        sign(proposed, "rita", "regulatory", certified=given)


@pytest.mark.parametrize(("person", "kind", "verdict"), [("ada", "model", "approve"), ("rita", "regulatory", "refuse")])
def test_elsewhere_a_certificate_is_refused(proposed: Settings, person: str, kind: str, verdict: str) -> None:
    with pytest.raises(CertificateNotUsable, match="and nowhere else"):
        sign(proposed, person, kind, verdict=verdict, certified=Certified("K-1", date(2027, 1, 1)))


def test_refusing_a_regulatory_approval_needs_none(proposed: Settings) -> None:
    assert sign(proposed, "rita", "regulatory", verdict="refuse")["kind"] == "refusal"


@pytest.mark.parametrize("kind", ["workflow", "privacy"])
def test_who_holds_no_role_for_a_kind_is_told_which(proposed: Settings, kind: str) -> None:
    with pytest.raises(UnknownApprover, match=f"ada holds clinical_safety_lead; a {kind} approval needs one of"):
        sign(proposed, "ada", kind)


def test_the_command_knows_every_kind_of_a_policy() -> None:
    assert tuple(NAMED.choices) == KINDS


def test_the_command_shows_on_standard_error_and_prints_the_entry(
    proposed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "PILOTHOUSE_HOME": str(proposed.home)})
    key = str(proposed.home / "ada.pem")
    words = ("approve", "triage", "--site", "city", "--stage", "shadow", "--kind", "model", "--as", "ada", "--key", key)
    for more in ((), ("--yes",)):
        answer = CliRunner().invoke(main, [*words, *more, "--json"])
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["kind"] == "approval"
        assert "ada (clinical_safety_lead) signs" in answer.stderr


@pytest.mark.parametrize(("said", "code", "kinds"), [("n\n", 1, []), ("y\n", 0, ["approval"])])
def test_at_a_terminal_it_asks(
    proposed: Settings, monkeypatch: pytest.MonkeyPatch, said: str, code: int, kinds: list[str]
) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "PILOTHOUSE_HOME": str(proposed.home)})
    monkeypatch.setattr("orchestration.commands.releases.at_terminal", lambda: True)
    key = str(Path(proposed.home / "ada.pem"))
    words = ("approve", "triage", "--site", "city", "--stage", "shadow", "--kind", "model", "--as", "ada", "--key", key)
    assert CliRunner().invoke(main, words, input=said).exit_code == code
    open_records.cache_clear()
    assert [entry.kind for entry in open_records(proposed).entries(kinds=("approval",))] == kinds


def test_a_refusal_names_each_missing_kind_and_who_may_give_it_and_what_was_signed_is_missing_no_more(
    proposed: Settings,
) -> None:
    new_person(proposed, "noor", ("nursing_lead",), proposed.home / "noor.pem")

    def missing() -> dict[str, str]:
        reasons = promote_release(proposed, "triage", "city", "shadow").document["reasons"]
        return {one["clause"]: one["to_meet"] for one in reasons if one["clause"].startswith("approval")}

    before = missing()
    assert set(before) == {"approval.model", "approval.workflow"}
    assert before["approval.workflow"].endswith("registered: noor.")
    sign(proposed, "noor", "workflow")
    assert set(missing()) == {"approval.model"}
    sign(proposed, "ada", "model")
    answer = promote_release(proposed, "triage", "city", "shadow")
    assert missing() == {} and answer.exit_code == 1, "evidence is missing still"


def test_a_rollback_takes_back_approvals_and_no_refusal(city: Governed, record: Record) -> None:
    save_candidate(city.settings, record())
    sign(city.settings, "noor", "workflow", verdict="refuse")
    sign(city.settings, "ada", "model")
    roll_back(city.settings, "triage", "city", "off", "test")
    reasons = promote_release(city.settings, "triage", "city", "shadow").document["reasons"]
    told = [f"{one['clause']}: {one['figure']}" for one in reasons if one["clause"].startswith("approval")]
    assert "approval.workflow: noor (nursing_lead) refused it" in told
    assert any(one.startswith("approval.model: no valid") and "before the last rollback" in one for one in told)


def test_in_shadow_a_renewal_is_of_what_is_served_and_not_of_what_was_trained_since(
    city: Governed, record: Record
) -> None:
    released = open_records(city.settings).entries(kinds=("promotion",))[-1].payload["subject"]
    roll_back(city.settings, "triage", "city", "shadow", "a test")
    save_candidate(city.settings, replace(record(), model=str(released["model"])))  # type: ignore[call-overload, index]
    save_candidate(city.settings, record("trained since"))
    entry = sign(city.settings, "ada", "model", served=True)
    assert entry["payload"]["statement"]["subject"] == released
    assert sign(city.settings, "ada", "model")["payload"]["statement"]["subject"] != released


def test_where_nothing_is_served_nothing_is_renewed(proposed: Settings) -> None:
    with pytest.raises(NothingServed, match="serves no release at city; leave --served out"):
        sign(proposed, "ada", "model", served=True)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "intended use": ({"intended_use": "Decides by itself."}, "intended use"),
    "population": ({"population": Population(text="Everybody.", minimum_age_years=0)}, "intended use"),
    "contraindications": ({"contraindications": ("None.",)}, "intended use"),
    "non-goals": ({"non_goals": ("None.",)}, "intended use"),
    "features": ({"features": load_use_case("triage").features[1:]}, "features"),
    "a word of the card": (
        {"card": load_use_case("triage").card.model_copy(update={"ignore_when": "Never."})},
        "card",
    ),
}
"""What is written otherwise after the signature, and the digest that a refusal must name for it."""


@pytest.mark.parametrize(("change", "digest"), CHANGES.values(), ids=CHANGES)
def test_what_is_written_otherwise_after_an_approval_voids_it_and_the_refusal_names_the_digest(
    proposed: Settings, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], digest: str
) -> None:
    sign(proposed, "ada", "model")
    assert "approval.model" not in refused_clauses(proposed)
    declared = load_use_case("triage").model_copy(update=change)
    monkeypatch.setattr("orchestration.steps.releases.proposal.load_declaration", lambda _: declared)
    assert f"that of ada names another {digest} digest" in refused_clauses(proposed)["approval.model"]


def refused_clauses(settings: Settings) -> dict[str, str]:
    answer = promote_release(settings, "triage", "city", "shadow")
    return {one["clause"]: one["figure"] for one in answer.document["reasons"]}
