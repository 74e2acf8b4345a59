"""A release needs evidence, two people in two roles, and exactly what they signed; everything is on the ledger."""

import sqlite3
from pathlib import Path

import pytest

from evaluation.policies import load_policy
from orchestration.settings import Environment, Settings
from orchestration.steps.releases import proposal
from orchestration.steps.releases.release import promote_release

pytestmark = [pytest.mark.shared_data, pytest.mark.xdist_group("survey")]

TRIAGE = ("triage", "--site", "nhamcs")
ADA, NOOR = ("ada", "clinical_safety_lead"), ("noor", "nursing_lead")


@pytest.fixture
def home(survey, tmp_path):
    """The survey's home up to the gate's decision, to be changed by one test."""
    return survey.copy(tmp_path / "home")


def person(home, name, *roles):
    key = home.path / "keys" / f"{name}.pem"
    home.ok("key", "new", "--as", name, *(word for role in roles for word in ("--role", role)), "--key", key)
    return key


def approve(home, name, key, kind, stage="shadow"):
    return home.ok("approve", *TRIAGE, "--stage", stage, "--kind", kind, "--as", name, "--key", key)


def approve_both(home, stage="shadow"):
    for (name, role), kind in ((ADA, "model"), (NOOR, "workflow")):
        key = home.path / "keys" / f"{name}.pem"
        approve(home, name, key if key.exists() else person(home, name, role), kind, stage)


def refusal(home, stage="shadow"):
    ran = home.run("promote", *TRIAGE, "--to", stage, "--json")
    assert ran.code == 1, ran.out + ran.err
    assert ran.json["refused"] is True
    for reason in ran.json["reasons"]:
        assert {"clause", "figure", "threshold", "to_meet"} <= reason.keys()
    return {reason["clause"]: reason for reason in ran.json["reasons"]}


def settings_of(home):
    return Settings(
        home=home.path,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home.path / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home.path / 'mlflow.db'}",
        events_url=f"sqlite:///{home.path / 'events.db'}",
    )


def test_a_release_is_refused_when_evidence_is_missing(home):
    approve_both(home)
    for path in (home.path / "evidence" / "triage" / "nhamcs").glob("rehearsal-*.json"):
        path.unlink()
    assert set(refusal(home)) == {"rollback-rehearsed"}


def test_a_release_is_refused_when_evidence_was_changed_by_hand(home):
    approve_both(home)
    [path] = (home.path / "evidence" / "triage" / "nhamcs").glob("performance-*.json")
    path.write_text(path.read_text().replace('"value": 0.', '"value": 0.9', 1))
    assert refusal(home)


def test_a_release_is_refused_when_one_approval_is_missing(home):
    approve(home, "ada", person(home, *ADA), "model")
    assert [clause for clause in refusal(home) if "workflow" in clause]


def test_a_release_is_refused_when_one_person_gave_both_approvals(home):
    key = person(home, "ada", "clinical_safety_lead", "nursing_lead")
    approve(home, "ada", key, "model")
    approve(home, "ada", key, "workflow")
    assert refusal(home)


def test_a_release_is_refused_when_an_approval_was_taken_back(home):
    approve_both(home)
    key = home.path / "keys" / "noor.pem"
    home.ok("refuse", *TRIAGE, "--stage", "shadow", "--kind", "workflow", "--as", "noor", "--key", key)
    assert [clause for clause in refusal(home) if "workflow" in clause]


def test_a_release_is_refused_when_the_approvals_name_another_digest(home, monkeypatch):
    """The policy is reworded after people signed: its digest is another, and both approvals are void."""
    approve_both(home)
    reworded = load_policy("triage").model_copy(update={"version": "9.9.9"})
    monkeypatch.setattr(proposal, "load_policy", lambda _: reworded)
    answer = promote_release(settings_of(home), "triage", "nhamcs", "shadow")
    assert answer.exit_code == 1
    clauses = {reason["clause"] for reason in answer.document["reasons"]}
    assert len([clause for clause in clauses if "approval" in clause]) == 2


def test_a_release_is_refused_when_a_threshold_is_not_met(home, monkeypatch):
    policy = load_policy("triage")
    document = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    [clause] = [
        each for each in document["stages"]["shadow"]["clauses"] if each["id"] == "critical-care-discrimination"
    ]
    clause["threshold"] = 0.99
    monkeypatch.setattr(proposal, "load_policy", lambda _: type(policy).model_validate(document))
    answer = promote_release(settings_of(home), "triage", "nhamcs", "shadow")
    refused = {reason["clause"]: reason for reason in answer.document["reasons"]}
    assert "0.99" in refused["critical-care-discrimination"]["threshold"]


def test_two_people_release_into_shadow_and_the_ledger_says_who_and_why(home):
    approve_both(home)
    entry = home.ok("promote", *TRIAGE, "--to", "shadow")
    release = entry["payload"]["release"]
    [row] = home.ok("status")["releases"]
    assert (row["stage"], row["tier"], row["release"], row["open_incidents"]) == ("shadow", "model", release, 0)
    [running] = home.ok("ledger", "at", "--site", "nhamcs", "--time", entry["at"])["running"]
    assert {approval["person"] for approval in running["approvals"]} == {"ada", "noor"}
    chain = home.ok("lineage", release)
    assert chain["files"]["nhamcs_ed"]["landed"] == 54_632
    assert chain["contracts"]["nhamcs_ed"]["version"]
    assert refusal(home, "assistive").keys() >= {"serving-equals-warehouse", "shadow-critical-care"}
    assert refusal(home, "decision_support")


def test_a_rollback_switches_off_and_is_recorded(home):
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")
    entry = home.ok("rollback", *TRIAGE, "--reason", "rehearsal of the acceptance test")
    assert entry["payload"]["stage"] == "off" and entry["payload"]["release"] is None
    assert home.ok("status")["releases"][0]["stage"] == "off"
    again = home.run("rollback", *TRIAGE, "--reason", "there is nothing left", "--json")
    assert again.code == 1 and "error" in again.json
    assert len([clause for clause in refusal(home) if "approval" in clause]) == 2, "what was approved before is void"
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")


def test_a_tier_steps_down_by_anyone_and_up_only_by_a_named_person_who_signs(home):
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")
    down = home.ok("tier", *TRIAGE, "--to", "rule", "--reason", "the model looks wrong")
    assert down["proof"] == "none" and down["recorded"] is True
    assert home.ok("status")["releases"][0]["tier"] == "rule"
    up = ("tier", *TRIAGE, "--to", "model", "--reason", "it was the feed")
    noor = home.path / "keys" / "noor.pem"
    for who in ([], ["--as", "ada"], ["--as", "ada", "--key", noor]):
        ran = home.run(*up, *who, "--json")
        assert ran.code == 1 and ran.json["refused"] is True
        assert [reason["clause"] for reason in ran.json["reasons"]] == ["who-may-step-up"]
    entry = home.ok(*up, "--as", "noor", "--key", noor)
    assert (entry["actor"], entry["proof"]) == ("noor", "signature")
    [row] = home.ok("status")["releases"]
    assert (row["tier"], row["by"], row["error"]) == ("model", "noor (signed)", None)
    assert home.ok("ledger", "verify")["ok"] is True


def test_a_promotion_goes_up_and_nothing_is_promoted_twice(home):
    approve_both(home)
    entry = home.ok("promote", *TRIAGE, "--to", "shadow", "--as", "ada", "--key", home.path / "keys" / "ada.pem")
    assert (entry["actor"], entry["proof"]) == ("ada", "signature")
    assert refusal(home, "shadow")["one-stage-at-a-time"]["figure"] == "already in shadow"
    assert "rollback" in refusal(home, "off")["one-stage-at-a-time"]["to_meet"]
    kinds = [each["kind"] for each in home.ok("ledger", "show")["entries"]]
    assert kinds.count("promotion") == 1 and home.ok("status")["releases"][0]["stage"] == "shadow"


def test_the_stop_switch_works_over_a_broken_ledger_and_is_recorded_when_it_works_again(home):
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")
    ledger = home.path / "ledger.db"
    sound = ledger.read_bytes()
    _flip_a_byte(ledger, seq=2)
    order = home.ok(
        "rollback", *TRIAGE, "--reason", "it looks wrong", "--as", "noor", "--key", home.path / "keys/noor.pem"
    )
    assert order["recorded"] is False and "NOT ON THE LEDGER YET" in order["warnings"][0]
    told = home.run("status", "--json")
    assert told.code == 1, "what is shown may be another's word"
    assert told.json["releases"][0]["stage"] == "off" and "THE LEDGER IS BROKEN" in told.json["problems"][0]
    assert home.run("promote", *TRIAGE, "--to", "shadow", "--json").code == 1
    assert home.ok("report")["reports"]
    ledger.write_bytes(sound)
    entry = home.ok("ledger", "show")["entries"][-1]
    assert (entry["kind"], entry["actor"], entry["proof"]) == ("rollback", "noor", "signature")
    assert home.ok("ledger", "verify") == {
        "ok": True,
        "entries": entry["seq"],
        "first_bad": None,
        "reason": "",
        "problems": [],
    }


def test_the_stop_switch_works_over_a_changed_model_and_a_lost_pointer(home):
    approve_both(home)
    release = home.ok("promote", *TRIAGE, "--to", "shadow")["payload"]["release"]
    for path in (home.path / "releases" / release / "model").iterdir():
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b" ")
    assert "is changed" in home.ok("status")["problems"][0]
    assert home.ok("tier", *TRIAGE, "--to", "manual", "--reason", "x")["recorded"] is True
    (home.path / "pointers" / "triage" / "nhamcs.json").unlink()
    assert "the pointer is gone" in home.ok("status")["problems"][0]
    assert home.ok("rollback", *TRIAGE, "--reason", "x")["payload"]["stage"] == "off"
    assert home.ok("ledger", "verify")["ok"] is True


def test_an_old_pointer_that_is_put_back_is_told_and_leads_nowhere(home):
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")
    pointer = home.path / "pointers" / "triage" / "nhamcs.json"
    old = pointer.read_bytes()
    home.ok("rollback", *TRIAGE, "--reason", "it looks wrong")
    pointer.write_bytes(old)
    assert "POINTER AND LEDGER DIFFER" in home.ok("status")["problems"][0]
    verified = home.run("ledger", "verify", "--json")
    assert (verified.code, verified.json["ok"], verified.json["first_bad"]) == (1, False, None)
    assert set(refusal(home, "assistive")) == {"pointer-agrees-with-ledger"}
    home.ok("rollback", *TRIAGE, "--to", "off", "--reason", "set right")
    assert home.ok("ledger", "verify")["ok"] is True and home.ok("status")["problems"] == []


def test_one_changed_byte_is_found_at_the_right_entry(home):
    approve_both(home)
    home.ok("promote", *TRIAGE, "--to", "shadow")
    assert home.ok("ledger", "verify")["ok"] is True
    _flip_a_byte(home.path / "ledger.db", seq=2)
    ran = home.run("ledger", "verify", "--json")
    assert ran.code == 1
    assert (ran.json["ok"], ran.json["first_bad"]) == (False, 2)


def _flip_a_byte(path: Path, seq: int) -> None:
    """As somebody with the file would: the triggers are dropped first."""
    with sqlite3.connect(path) as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        [table] = [
            name
            for (name,) in database.execute("select name from sqlite_master where type = 'table'").fetchall()
            if "payload" in {row[1] for row in database.execute(f"pragma table_info({name})")}
        ]
        [(payload,)] = database.execute(f"select payload from {table} where seq = ?", (seq,)).fetchall()
        assert "approve" in payload
        database.execute(
            f"update {table} set payload = ? where seq = ?", (payload.replace("approve", "bpprove", 1), seq)
        )
