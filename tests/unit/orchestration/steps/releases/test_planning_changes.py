"""Planning a change in a home, and the gate that asks for it: bound to the proposal, told of conflicts, never for going
down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.calendar import SHIPPED, CalendarError, read_calendar
from evaluation.canonical import document_digest
from evaluation.evidence import Evidence
from evaluation.policies import load_policy
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, bundle_folder, save_candidate, save_evidence
from orchestration.steps.record.changes import calendar_in_force
from orchestration.steps.record.records import now, verify_ledger
from orchestration.steps.releases import held, planning_changes, proposal
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.breaking import break_glass
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.planning_changes import NotPlanned, cancel_change, list_changes, plan_change
from orchestration.steps.releases.release import promote_release
from tests.unit.evaluation.gates.conftest import meeting
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.governed import PEOPLE, Governed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SIGNED = {"owner": "change_manager", "rationale": "A test.", "date": "2026-11-28"}


@pytest.fixture
def ready(settings: Settings, record: Callable[..., CandidateRecord], tmp_path: Path) -> Governed:
    """A candidate of the city that meets every clause and is approved for shadow; nothing is released."""
    folder = tmp_path / "bundle"
    write_bundle(tiny_model(), folder)
    one = Governed.at(settings)
    made = replace(record(), model=document_digest(model_files(folder)))
    save_candidate(settings, made)
    write_bundle(tiny_model(), bundle_folder(settings, made))
    for kind, figures in meeting(load_policy("triage")).items():
        found = Evidence(kind, "triage", "city", made.model, made.data, now() - HOUR, figures, {})  # type: ignore[arg-type]
        save_evidence(settings, found)
    return one


def approve(one: Governed) -> None:
    for person in ("ada", "noor"):
        told = (str(PEOPLE[person][1]), person, one.key(person), "approve")
        record_verdict(one.settings, "triage", "city", "shadow", *told)


def ask_for_plans(monkeypatch: pytest.MonkeyPatch, notice_hours: float = 0) -> None:
    """Let the policy of triage ask for a planned change in shadow."""
    plain = load_policy("triage").model_dump(mode="json", by_alias=True, exclude_unset=True)
    control = {"stages": ["shadow"], "notice_hours": notice_hours, **SIGNED}
    asking = type(load_policy("triage")).model_validate({**plain, "change_control": control})
    monkeypatch.setattr(proposal, "load_policy", lambda _: asking)


def freeze(one: Governed, start: datetime, until: datetime, title: str = "EHR upgrade", **scope: Any) -> None:
    """Write a calendar of the home's own, in UTC as the city's clock has it."""
    zone = planning_changes.load_site("city").zone
    told = {
        name: at.astimezone(zone).replace(tzinfo=None, microsecond=0).isoformat()
        for name, at in (("from", start), ("until", until))
    }
    rule = {"id": "ehr", "title": title, "once": told, "scope": scope, **SIGNED}
    text = yaml.safe_dump({"schema": "pilothouse.calendar/1", "version": "1.0.0", **SIGNED, "freezes": [rule]})
    (one.settings.home / "calendar.yaml").write_text(text)


def plan(one: Governed, start: datetime, until: datetime, site: str = "city", stage: str = "shadow") -> dict[str, Any]:
    told = (start.isoformat(), until.isoformat(), "go live")
    return plan_change(one.settings, "triage", site, stage, *told, one.signs("ada"))


def promote(one: Governed) -> Any:
    return promote_release(one.settings, "triage", "city", "shadow", one.signs("ada"))


def clauses(answer: Any) -> list[str]:
    return [reason["clause"] for reason in answer.document.get("reasons", [])]


def test_without_a_calendar_of_its_own_a_home_promotes_at_any_hour_and_keeps_which_calendar_it_was(
    ready: Governed,
) -> None:
    approve(ready)
    answer = promote(ready)
    assert answer.exit_code == 0, answer.document
    kept = answer.document["payload"]["detail"]["change_control"]
    assert kept == {"calendar": read_calendar(SHIPPED).digest, "change": None}
    [done] = list_changes(ready.settings, "city").document["done"]
    assert (done["kind"], done["planned"], done["change"]) == ("promotion", False, None)


def test_a_freeze_holds_a_promotion_up_and_no_rollback_and_a_glass_goes_past_it_aloud(ready: Governed) -> None:
    approve(ready)
    freeze(ready, now() - HOUR, now() + 5 * HOUR, sites=["city"])
    refused = promote(ready)
    assert refused.exit_code == 1 and clauses(refused) == ["change-freeze"]
    told = explain_step(ready.settings, "triage", "city", "shadow")
    assert [one["clause"] for one in told.document["refused_by"]] == ["change-freeze"] and "EHR upgrade" in str(
        told.text
    )
    why = "Forty are waiting, and the upgrade took the triage board away."
    broken = break_glass(ready.settings, "triage", "city", "shadow", 2, why, ready.signs("ada"))
    assert broken.exit_code == 0, broken.document
    payload = broken.document["payload"]
    assert payload["unmet"] == ["change-freeze"]
    [past] = payload["detail"]["change_control"]["past"]
    assert "lies in EHR upgrade (ehr), which ends" in past
    assert payload["reason"] == f"{why} (Past the release calendar: {past}.)"
    assert ready.pointer is not None and ready.pointer.glass is not None
    assert past in ready.pointer.glass.sentence
    assert [one["past"] for one in list_changes(ready.settings, None).document["done"]] == [[past]]
    roll_back(ready.settings, "triage", "city", None, "the upgrade is over", ready.signs("ada"))
    assert ready.served == "off" and verify_ledger(ready.settings).exit_code == 0


def test_a_reason_that_is_long_is_not_cut_where_nothing_is_passed(ready: Governed) -> None:
    why = "w" * 1000
    broken = break_glass(ready.settings, "triage", "city", "shadow", 2, why, ready.signs("ada"))
    assert broken.document["payload"]["reason"] == why
    assert "past" not in broken.document["payload"]["detail"]["change_control"]


def test_a_freeze_elsewhere_holds_nothing_up_here(ready: Governed) -> None:
    approve(ready)
    freeze(ready, now() - HOUR, now() + HOUR, sites=["rural"])
    assert promote(ready).exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "is not YAML"), ("schema: pilothouse.calendar/2\n", "schema"), (None, "names the site 'citty'")],
)
def test_a_calendar_that_cannot_be_read_holds_up_and_a_glass_still_breaks(
    ready: Governed, text: str | None, says: str
) -> None:
    approve(ready)
    freeze(ready, now() + DAY, now() + 2 * DAY, sites=["citty"])
    if text is not None:
        (ready.settings.home / "calendar.yaml").write_text(text)
    with pytest.raises(CalendarError, match=says):
        calendar_in_force(ready.settings)
    refused = promote(ready)
    assert clauses(refused) == ["calendar-readable"] and says in refused.document["reasons"][0]["figure"]
    why = "Forty are waiting, and nobody can mend the calendar now."
    broken = break_glass(ready.settings, "triage", "city", "shadow", 2, why, ready.signs("ada"))
    assert broken.document["payload"]["detail"]["change_control"]["calendar"] is None
    assert "Past the release calendar: the calendar cannot be read" in broken.document["payload"]["reason"]


def test_a_promotion_fulfils_the_plan_that_the_policy_asks_for(
    ready: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_plans(monkeypatch)
    approve(ready)
    assert clauses(promote(ready)) == ["planned-change"]
    made = plan(ready, now() + HOUR, now() + 2 * HOUR)
    monkeypatch.setattr(held, "now", lambda: now() + HOUR)
    assert (made["kind"], made["proof"], made["conflicts"], made["warnings"]) == ("change_planned", "signature", [], [])
    answer = promote(ready)
    assert answer.exit_code == 0, answer.document
    assert answer.document["payload"]["detail"]["change_control"]["change"] == made["change"]
    monkeypatch.undo()
    listed = list_changes(ready.settings, "city")
    [one] = listed.document["planned"]
    assert (one["outcome"], one["done_by"]) == ("done", answer.document["seq"]) and made["change"] in str(listed.text)
    assert verify_ledger(ready.settings).exit_code == 0


def test_a_plan_is_void_once_anything_of_the_proposal_changes(
    ready: Governed, monkeypatch: pytest.MonkeyPatch, record: Callable[..., CandidateRecord]
) -> None:
    ask_for_plans(monkeypatch)
    made = plan(ready, now() - HOUR, now() + HOUR)
    assert made["warnings"] == ["The gate will not count it: -1.0 hours of notice, and the policy asks for 0."]
    save_candidate(ready.settings, record("another"))
    [reason] = [one for one in promote(ready).document["reasons"] if one["clause"] == "planned-change"]
    assert f"{made['change']} is for another model (" in reason["figure"]


def test_changes_at_one_hour_are_told_as_a_conflict_and_a_missed_one_as_missed(
    ready: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = plan(ready, now() + DAY, now() + DAY + 2 * HOUR)
    second = plan(ready, now() + DAY + HOUR, now() + DAY + 3 * HOUR, stage="assistive")
    assert second["conflicts"] == [first["change"]]
    assert second["warnings"][0].startswith(f"CONFLICT: {first['change']} (triage to shadow) is planned at city from ")
    listed = list_changes(ready.settings, "city").document
    assert listed["conflicts"] == [{"site": "city", "changes": [first["change"], second["change"]]}]
    assert list_changes(ready.settings, "rural").document["planned"] == []
    cancelled = cancel_change(ready.settings, second["change"], "the trainer is ill", ready.signs("noor"))
    assert (cancelled["kind"], cancelled["actor"]) == ("change_cancelled", "noor")
    with pytest.raises(NotPlanned, match=rf"{second['change']} was cancelled\. Planned: {first['change']}\."):
        cancel_change(ready.settings, second["change"], "again", ready.signs("noor"))
    later = now() + DAY + 2 * HOUR
    monkeypatch.setattr(planning_changes, "now", lambda: later)
    told = list_changes(ready.settings, None)
    assert [one["outcome"] for one in told.document["planned"]] == ["missed", "cancelled"]
    assert told.document["warnings"] == [
        f"{first['change']} (triage at city to shadow) was planned and did not happen."
    ]
    with pytest.raises(NotPlanned, match="was missed"):
        cancel_change(ready.settings, first["change"], "too late", ready.signs("noor"))


def test_a_plan_that_could_never_be_kept_is_refused(ready: Governed) -> None:
    start = now() + DAY
    with pytest.raises(NotPlanned, match="Give --until a later time"):
        plan(ready, start, start)
    with pytest.raises(NotPlanned, match="Plan what is ahead"):
        plan(ready, start - 3 * DAY, now() - HOUR)
    freeze(ready, start, start + 4 * HOUR)
    with pytest.raises(NotPlanned, match=r"is closed: EHR upgrade \(ehr\)\. Plan it for"):
        plan(ready, start + HOUR, start + 2 * HOUR)
    assert plan(ready, start + HOUR, start + 2 * HOUR, stage="off")["warnings"] == []
    assert len(ready.entries("change_planned")) == 1
    approve(ready)
    assert promote(ready).exit_code == 0
    [told] = plan(ready, start + HOUR, start + 5 * HOUR, stage="assistive")["warnings"][1:]
    assert told.startswith("It begins in closed time: the calendar is open from ")
    with pytest.raises(NotPlanned, match="change-7 is not on the ledger"):
        cancel_change(ready.settings, "change-7", "no such", ready.signs("ada"))
