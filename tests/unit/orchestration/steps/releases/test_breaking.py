"""Breaking the glass in a home: signed, loud wherever somebody looks, over by itself, and never a way around people."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from evaluation.canonical import document_digest
from evaluation.ledger import RefusedEntryError
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from orchestration.answers import Answer
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, bundle_folder, save_candidate
from orchestration.steps.record import incidents, records
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.record.people import revoke_person
from orchestration.steps.record.records import now, open_records, verify_ledger
from orchestration.steps.releases import breaking
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.breaking import break_glass
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching import trigger_incidents
from orchestration.steps.watching.status import status_of
from orchestration.steps.watching.trigger_watch import watch_triggers
from tests.unit.ml.serving.homes import Clocks, Home, tiny_model
from tests.unit.orchestration.steps.governed import Governed

from .rollout import Clock

WHY = "A surge: forty are waiting, and the board meets on Monday."
HOUR = timedelta(hours=1)


@pytest.fixture
def governed(settings: Settings, record: Callable[..., CandidateRecord], tmp_path: Path) -> Governed:
    """A home with people and a candidate that can be served; nothing is released."""
    folder = tmp_path / "bundle"
    write_bundle(tiny_model(), folder)
    made = replace(record(), model=document_digest(model_files(folder)))
    save_candidate(settings, made)
    write_bundle(tiny_model(), bundle_folder(settings, made))
    return Governed.at(settings)


def broken(
    one: Governed, to: str = "shadow", hours: float = 2, reason: str = WHY, actor: Actor | None = None
) -> Answer:
    return break_glass(one.settings, "triage", one.site, to, hours, reason, actor or one.signs("ada"))


def test_it_serves_and_says_so_wherever_somebody_looks(governed: Governed) -> None:
    answer = broken(governed)
    assert answer.exit_code == 0, answer.document
    entry, pointer = answer.document, governed.pointer
    assert (entry["kind"], entry["actor"], entry["proof"]) == ("break_glass", "ada", "signature")
    assert {"approval.model", "approval.workflow", "rollback-rehearsed"} <= set(entry["payload"]["unmet"])
    assert pointer is not None and pointer.glass is not None and pointer.glass.person == "ada"
    assert governed.served == "shadow"
    [row] = [one for one in status_of(governed.settings, "city").document["releases"] if one["use_case"] == "triage"]
    assert WHY in row["break_glass"] and row["break_glass"] in status_of(governed.settings).document["warnings"]
    assert row["open_incidents"] == 1 and row["error"] is None
    [incident] = list_incidents(governed.settings)
    assert incident["severity"] == "high" and "BREAK-GLASS: ada released this without its evidence" in incident["what"]
    with Home.at(governed.settings.home).serving() as client:
        assert WHY in client.get("/api/v1/board/city/ED").json()["break_glass"]
        assert "Released without its evidence" in client.get("/board/city/ED").text
    assert verify_ledger(governed.settings).exit_code == 0


@pytest.mark.parametrize(
    ("given", "clause"),
    [
        ({"actor": Actor("ada")}, "break-glass.signed"),
        ({"hours": 13}, "break-glass.hours"),
        ({"reason": "please"}, "break-glass.reason"),
        ({"to": "assistive"}, "one-stage-at-a-time"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_without_any_of_it_it_is_refused_on_the_record_and_nothing_serves(
    governed: Governed, given: dict[str, Any], clause: str
) -> None:
    answer = broken(governed, **given)
    assert answer.exit_code == 1 and clause in {one["clause"] for one in answer.document["reasons"]}
    assert governed.pointer is None and [one.kind for one in governed.entries("break_glass", "promotion_refused")] == [
        "promotion_refused"
    ]


def test_what_a_person_refused_nobody_lets_through(governed: Governed) -> None:
    record_verdict(
        governed.settings, "triage", "city", "shadow", "workflow", "noor", governed.key("noor"), "refuse", "unsafe"
    )
    answer = broken(governed)
    assert answer.exit_code == 1 and governed.pointer is None
    assert [one["figure"] for one in answer.document["reasons"]] == ["noor (nursing_lead) refused it"]


def test_it_is_over_by_itself_not_a_moment_earlier_and_nothing_comes_back(governed: Governed) -> None:
    broken(governed, hours=2)
    pointer = governed.pointer
    assert pointer is not None and pointer.glass is not None
    assert watch_triggers(governed.settings, pointer.glass.until - timedelta(microseconds=1)).is_quiet
    [entry] = watch_triggers(governed.settings, pointer.glass.until).stepped_down
    assert "time of a broken glass is over" in entry["payload"]["reason"] and entry["actor"] == "pilothouse"
    assert governed.served == "off" and verify_ledger(governed.settings).exit_code == 0


def test_no_glass_is_broken_upon_a_glass_and_a_promotion_starts_from_what_was_earned(governed: Governed) -> None:
    broken(governed)
    before = governed.pointer
    for again in (broken(governed, to="assistive"), broken(governed)):
        assert "break-glass.once" in {one["clause"] for one in again.document["reasons"]}
    further = promote_release(governed.settings, "triage", "city", "assistive", governed.signs("ada"))
    refused = {one["clause"]: one["figure"] for one in further.document["reasons"]}
    assert refused["one-stage-at-a-time"] == "off to assistive", "a glass earns no stage"
    assert governed.pointer == before


def test_glasses_one_after_another_are_counted_for_seven_days_by_the_time_that_they_stood(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(now())
    monkeypatch.setattr(records, "datetime", clock)
    first = clock.at
    for stands, hours in ((12, 12), (1, 12), (12, 12), (10.9, 10.9)):
        assert broken(governed, hours=hours).exit_code == 0
        clock.at += stands * HOUR
        roll_back(governed.settings, "triage", "city", "off", "a test")
    refused = broken(governed, hours=1)
    [reason] = refused.document["reasons"]
    assert reason["clause"] == "break-glass.hours-in-7-days" and "35.9 hours" in reason["figure"]
    assert reason["threshold"] == "at most 36 in any 7 days" and governed.served == "off"
    assert verify_ledger(governed.settings).exit_code == 0
    clock.at = first + timedelta(days=7)
    assert broken(governed, hours=6).exit_code == 0, "what stood a week ago leaves room, hour by hour"


def test_whoever_is_killed_after_breaking_it_hides_it_from_nobody(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    told: list[str] = []
    monkeypatch.setattr("orchestration.steps.record.incidents.notify", lambda *given: told.append(given[-1]))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("orchestration.steps.releases.breaking.open_incident", killed)
        broken(governed)
    assert governed.served == "shadow" and list_incidents(governed.settings) == []
    [incident] = watch_triggers(governed.settings, now()).incidents
    assert WHY in incident["payload"]["what"] and watch_triggers(governed.settings, now()).is_quiet
    [message] = told
    assert "BREAK-GLASS" in message and WHY not in message and "ada" not in message


def test_the_watch_that_looks_while_a_glass_is_told_opens_and_tells_nothing_again(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("orchestration.steps.record.incidents.notify", lambda *given: told.append(given[-1]))
    opens = breaking.open_incident
    watch = Thread(target=lambda: watch_triggers(governed.settings, now()))

    def slowly(*given: Any, **named: Any) -> dict[str, Any]:
        if watch.ident is None:
            watch.start()
            watch.join(0.5)
        return opens(*given, **named)

    monkeypatch.setattr(breaking, "open_incident", slowly)
    broken(governed)
    watch.join(10)
    assert len(governed.entries("incident_opened")) == len(told) == 1


def test_a_second_glass_is_told_while_the_incident_of_the_first_is_open(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    for module in (incidents, trigger_incidents):
        monkeypatch.setattr(module, "notify", lambda *given: told.append(given[-1]))
    named = breaking.incident_label  # names hold seconds, and people take longer than a test between two glasses
    monkeypatch.setattr(breaking, "incident_label", lambda *parts: named(*parts, str(len(told))))
    broken(governed)
    pointer = governed.pointer
    assert pointer is not None and pointer.glass is not None
    watch_triggers(governed.settings, pointer.glass.until)
    broken(governed)
    assert [("BREAK-GLASS" in one, "is over" in one) for one in told] == [(True, False), (False, True), (True, False)]
    assert not any(WHY in one or "ada" in one for one in told)
    assert [one["is_open"] for one in list_incidents(governed.settings)] == [True, True]


@pytest.mark.parametrize("is_ended_by_a_person", [False, True])
def test_what_comes_back_stands_no_higher_than_before_the_glass(governed: Governed, is_ended_by_a_person: bool) -> None:
    first = governed.release("assistive")
    roll_back(governed.settings, "triage", "city", "shadow", "a test")
    change_tier(governed.settings, "triage", "city", "rule", "a test")
    broken(governed, to="assistive")
    pointer = governed.pointer
    assert pointer is not None and pointer.glass is not None and pointer.glass.before is not None
    assert pointer.tier.value == "model" and pointer.release != first
    if is_ended_by_a_person:
        roll_back(governed.settings, "triage", "city", None, "a person ends it")
    else:
        watch_triggers(governed.settings, pointer.glass.until)
    after = governed.pointer
    assert after is not None and (after.release, after.stage.value, after.tier.value) == (first, "shadow", "rule")
    assert after.glass is None and verify_ledger(governed.settings).exit_code == 0


def test_nothing_comes_back_whose_approvals_were_voided_meanwhile(governed: Governed) -> None:
    governed.release("assistive")
    asked = broken(governed, to="decision_support")
    assert asked.exit_code == 0, asked.document
    pointer = governed.pointer
    assert pointer is not None and pointer.glass is not None
    stolen = (pointer.issued_at - HOUR).isoformat()
    revoke_person(governed.settings, "noor", "stolen", Actor("os.tester"), stolen)
    [entry] = watch_triggers(governed.settings, pointer.glass.until).stepped_down
    assert governed.served == "off" and "approvals do not stand for assistive" in " ".join(entry["warnings"])


def test_stepping_down_under_a_broken_glass_does_not_make_it_last(governed: Governed) -> None:
    governed.release("assistive")
    broken(governed, to="decision_support")
    roll_back(governed.settings, "triage", "city", "shadow", "a test")
    pointer = governed.pointer
    assert pointer is not None and pointer.stage.value == "shadow" and pointer.glass is not None
    watch_triggers(governed.settings, pointer.glass.until)
    assert governed.served == "shadow" and governed.pointer is not None and governed.pointer.glass is None


def test_a_glass_of_an_earlier_version_leads_to_off(governed: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    governed.release("assistive")
    monkeypatch.setattr("orchestration.steps.releases.breaking._before", lambda *_: None)
    broken(governed, to="decision_support")
    pointer = governed.pointer
    assert pointer is not None and pointer.glass is not None and "before" not in pointer.to_json()["glass"]
    watch_triggers(governed.settings, pointer.glass.until)
    assert governed.served == "off", "nobody can say what stood there"


def test_serving_ends_it_by_its_own_clock_whoever_acts_or_not(governed: Governed) -> None:
    broken(governed)
    clocks = Clocks(now())
    with Home.at(governed.settings.home).serving(steady_clock=clocks.steady()) as client:

        def stage() -> str:
            return str(client.get("/api/v1/status").json()["releases"][0]["stage"])

        assert stage() == "shadow"
        clocks.wall += 3 * 3600
        clocks.passed += 3 * 3600
        assert stage() == "off"
        assert "its time is over" in client.get("/api/v1/status").json()["releases"][0]["reason"]


def test_the_ledger_takes_no_broken_glass_that_nobody_signed_or_that_never_ends(governed: Governed) -> None:
    payload = dict(broken(governed).document["payload"])
    del payload["actor_proof"]
    ada = governed.signs("ada")
    for changes, fault in (
        ({}, "without their own signature"),
        ({"until": "2099-01-01T00:00:00.000000Z"}, "three days"),
    ):
        asked = {**payload, **changes}
        signed = asked if not changes else ada.act("break_glass", asked, now())
        with pytest.raises(RefusedEntryError, match=fault):
            open_records(governed.settings).append("break_glass", "ada", signed, at=now())
