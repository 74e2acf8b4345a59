"""A challenger beside the release that is served: how it comes, what it leaves alone, and how it goes."""

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from evaluation.canonical import document_digest
from evaluation.evidence import Figure
from evaluation.policies import Stage, load_policy
from ml.registry.challenger import challenger_path
from ml.serving.export import export_events
from ml.usecases import load_use_case
from orchestration.cli import main
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.learning import challenger as judging
from orchestration.steps.learning import shadow
from orchestration.steps.learning.challenger import judge_challenger, share_of_calls
from orchestration.steps.learning.shadow import served_visits
from orchestration.steps.learning.stores import (
    candidate_folder,
    read_all_evidence,
    read_candidate,
    save_evidence,
)
from orchestration.steps.record.records import ledger_at_time, now, open_records, verify_ledger
from orchestration.steps.releases import held, planning_changes, proposal, replaced, replacing
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.going_down import NothingToTakeBack, roll_back
from orchestration.steps.releases.planning_changes import NotPlanned, list_changes, plan_change
from orchestration.steps.releases.proposal import NoChallenger, propose
from orchestration.steps.releases.withdrawing import leave_if_promoted, withdraw
from orchestration.steps.warehouse.tables import Snapshot
from orchestration.steps.watching.status import status_of
from tests.unit.ml.serving.homes import NOW, SERVICE, Home, call_about
from tests.unit.orchestration.steps.governed import (
    PEOPLE,
    Damage,
    Governed,
    break_entry,
    remove_ledger_key,
    remove_release_key,
)

from .challenged import approve, candidate, city_record, lane, promote, served, side_by_side


def refused_by(one: Governed) -> list[dict[str, str]]:
    """What stands in the way of the challenger, but for approvals."""
    told = explain_step(one.settings, "triage", "city", "assistive", challenger=True).document["refused_by"]
    return [each for each in told if not each["clause"].startswith("approval.")]


def test_a_challenger_comes_while_what_is_served_stays_as_it_is(one: Governed) -> None:
    before = served(one)
    approve(one, "shadow", challenger=True)
    answer = promote(one, "shadow", challenger=True)
    assert (answer.exit_code, answer.document["kind"]) == (0, "challenger")
    assert served(one) == before
    entry = one.entries("challenger")[-1]
    assert entry.payload["beside"] == before[0] and entry.payload["generation"] == 1
    found = lane(one)
    assert (found.problem, found.release) == ("", entry.payload["release"])
    assert found.pointer is not None and found.pointer.ledger_hash == entry.hash
    assert verify_ledger(one.settings).exit_code == 0
    assert open_records(one.settings).in_force()["triage", "city"].release == before[0]


def test_what_ran_then_names_the_challenger_and_who_approved_it(beside: Governed) -> None:
    [running] = ledger_at_time(beside.settings, "city", now().isoformat())["running"]
    assert running["stage"] == "assistive" and running["release"] == served(beside)[0]
    told = running["challenger"]
    assert told["release"] == lane(beside).release and told["beside"] == running["release"]
    assert {one["person"] for one in told["approvals"]} == {"ada", "noor"}
    [before] = ledger_at_time(
        beside.settings, "city", (beside.entries("challenger")[0].at - timedelta(milliseconds=1)).isoformat()
    )["running"]
    assert before["challenger"] is None


def test_status_names_the_challenger_beside_the_release_each_with_its_own_drift(beside: Governed) -> None:
    newer = [one for one in read_all_evidence(beside.settings, "triage", "city").readable if one.kind == "drift"][-1]
    other, figures = document_digest({"model": "none"}), {"drift.share": Figure(0.9, n=10)}
    later = newer.created_at + timedelta(days=1)
    save_evidence(beside.settings, replace(newer, subject_model=other, figures=figures, created_at=later))
    [row] = status_of(beside.settings, "city").document["releases"]
    assert (row["model_version"], row["drift"]) == ("12", 0.3)
    assert row["challenger"] == {"release": lane(beside).release, "model_version": "13", "drift": 0.3}


@pytest.mark.parametrize("approvers", [(), ("ada",)])
def test_a_challenger_needs_every_approval_of_shadow_for_its_own_digests(
    one: Governed, approvers: tuple[str, ...]
) -> None:
    for person in approvers:
        kind = str(PEOPLE[person][1])
        record_verdict(one.settings, "triage", "city", "shadow", kind, person, one.key(person), "approve")
    refused = promote(one, "shadow", challenger=True)
    assert refused.exit_code == 1
    missing = {each["clause"] for each in refused.document["reasons"]}
    assert missing == {f"approval.{kind}" for person, (_, kind) in PEOPLE.items() if kind and person not in approvers}
    assert lane(one).pointer is None


def test_a_challenger_needs_a_release_that_is_served(one: Governed) -> None:
    roll_back(one.settings, "triage", "city", "off", "test", one.signs("olga"))
    approve(one, "shadow", challenger=True)
    refused = promote(one, "shadow", challenger=True)
    [reason] = refused.document["reasons"]
    assert reason["clause"] == "challenger-beside-a-release" and "serves no release" in reason["figure"]


def test_the_model_that_is_served_does_not_challenge_itself(one: Governed) -> None:
    release = json.loads((one.settings.home / "releases" / str(served(one)[0]) / "manifest.json").read_bytes())
    current = candidate_folder(one.settings, "triage", "city") / "current.json"
    current.write_text(json.dumps({"model": release["subject"]["model"]}))
    approve(one, "shadow", challenger=True)
    refused = promote(one, "shadow", challenger=True)
    assert [each["clause"] for each in refused.document["reasons"]] == ["challenger-beside-a-release"]
    assert "is the model that is served" in refused.document["reasons"][0]["figure"]


def test_the_same_challenger_does_not_come_twice_and_another_takes_its_place(beside: Governed, tmp_path: Path) -> None:
    again = promote(beside, "shadow", challenger=True)
    assert [each["figure"] for each in again.document["reasons"]] == ["already in shadow"]
    before = lane(beside).release
    candidate(beside.settings, city_record(), 14, tmp_path / "third")
    approve(beside, "shadow", challenger=True)
    assert promote(beside, "shadow", challenger=True).exit_code == 0
    entry = beside.entries("challenger")[-1]
    assert (entry.payload["previous"], entry.payload["generation"]) == (before, 2)
    assert lane(beside).release == entry.payload["release"] != before


def test_a_challenger_goes_into_service_and_leaves_its_place_in_the_same_step(beside: Governed) -> None:
    challenger, incumbent = lane(beside).pointer, served(beside)
    assert challenger is not None
    evidence = side_by_side(beside)
    approve(beside, "assistive", challenger=True)
    answer = promote(beside, "assistive", challenger=True)
    assert answer.exit_code == 0, answer.document
    release, stage, generation = served(beside)
    assert (stage, generation) == ("assistive", incumbent[2] + 1) and release not in (incumbent[0], challenger.release)
    entry = beside.entries("promotion")[-1]
    detail: Any = entry.payload["detail"]
    assert (entry.payload["previous"], detail["model_version"]) == (incumbent[0], "13")
    assert detail["side_by_side"] == evidence.digest
    left = lane(beside)
    assert left.problem == "" and left.pointer is not None
    assert (left.pointer.release, left.pointer.generation, left.pointer.ledger_hash) == (None, 2, entry.hash)
    assert verify_ledger(beside.settings).exit_code == 0
    assert ledger_at_time(beside.settings, "city", now().isoformat())["running"][0]["challenger"] is None
    roll_back(beside.settings, "triage", "city", None, "worse after all", beside.signs("olga"))
    assert served(beside)[0] == incumbent[0], "the release before the challenger comes back"


@pytest.mark.parametrize(
    ("worse", "figure", "threshold"),
    [
        ({"auroc": -0.021}, "AUROC of critical_care: -0.011 (-0.021 to -0.001)", "a lower bound of at least -0.02"),
        ({"alerts": 3.1}, "cards per 100: 2.1 (1.1 to 3.1)", "an upper bound of at most 3 more per 100"),
        ({"visits": 499}, "499 visits that both scored", "at least 500"),
        ({"visits": 380}, "19 events of critical_care", "at least 20 on visits of both"),
        (
            {"share": 0.949},
            "share of the calls since it came that it scored, too: 0.949 (0.939 to 0.949)",
            "at least 0.95",
        ),
        ({"days": 31.5}, "side_by_side evidence of 31 days ago", "at most 30 days old"),
        ({"beside": "f" * 64}, "both side by side, with a model that is not served (ffffffffffff)", ""),
    ],
    ids=["auroc", "alerts", "visits", "events", "share", "age", "another"],
)
def test_what_people_see_is_not_replaced_by_what_is_worse_or_hardly_compared(
    beside: Governed, worse: dict[str, Any], figure: str, threshold: str
) -> None:
    side_by_side(beside, **worse)
    told = refused_by(beside)
    assert {each["clause"] for each in told} == {"beside-the-release-it-replaces"}
    [mine] = [each for each in told if each["figure"] == figure]
    assert threshold in mine["threshold"] and "--to shadow --challenger" in mine["to_meet"]


def test_at_the_margin_a_challenger_may_go_into_service(beside: Governed) -> None:
    assert [each["figure"] for each in refused_by(beside)] == ["no side_by_side evidence of this model"]
    side_by_side(beside, auroc=-0.02, alerts=3.0, visits=500, share=0.95)
    assert refused_by(beside) == []
    approve(beside, "assistive", challenger=True)
    shown = explain_step(beside.settings, "triage", "city", "assistive", challenger=True)
    assert "beside version 12, which is served, on the same visits:" in str(shown.text)
    assert "side_by_side.alerts_per_100_difference: 2 (1 to 3)" in str(shown.text)


@pytest.mark.parametrize("damage", [lambda card: card.write_text("# x\n"), Path.unlink], ids=["changed", "gone"])
def test_damage_to_what_is_served_spares_its_challenger_no_comparison(
    beside: Governed, damage: Callable[[Path], object]
) -> None:
    card = beside.settings.home / "releases" / str(served(beside)[0]) / "card.yaml"
    card.chmod(0o600)
    damage(card)
    assert [each["figure"] for each in refused_by(beside)] == ["no side_by_side evidence of this model"]


def test_stepping_down_before_spares_a_challenger_no_comparison(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll_back(beside.settings, "triage", "city", "shadow", "for a minute", beside.signs("olga"))
    assert [each["figure"] for each in refused_by(beside)] == ["no side_by_side evidence of this model"]
    side_by_side(beside)
    assert refused_by(beside) == []
    side_by_side(beside, beside="f" * 64, days=0.1)
    assert refused_by(beside) == [], "of what people saw last, and not of what is newest"
    proposal, moment = propose(beside.settings, "triage", "city", Stage.ASSISTIVE, challenger=True), now()
    for module in (replaced, replacing):
        monkeypatch.setattr(module, "now", lambda: moment + timedelta(days=40))
    assert replacing.why_not_replacing(beside.settings, proposal), "people saw it since the challenger came"


@pytest.mark.parametrize(("days", "is_compared"), [(29.9, True), (30.1, False)])
def test_a_challenger_that_came_after_is_compared_for_as_long_as_evidence_counts(
    one: Governed, monkeypatch: pytest.MonkeyPatch, days: float, is_compared: bool
) -> None:
    roll_back(one.settings, "triage", "city", "shadow", "test", one.signs("olga"))
    approve(one, "shadow", challenger=True)
    assert promote(one, "shadow", challenger=True).exit_code == 0
    proposal, moment = propose(one.settings, "triage", "city", Stage.ASSISTIVE, challenger=True), now()
    monkeypatch.setattr(replaced, "now", lambda: moment + timedelta(days=days))
    assert bool(replacing.why_not_replacing(one.settings, proposal)) is is_compared


def test_without_the_word_a_promotion_is_of_what_is_served(beside: Governed) -> None:
    told = explain_step(beside.settings, "triage", "city", "assistive").document
    asked = explain_step(beside.settings, "triage", "city", "assistive", challenger=True).document
    assert told["subject"]["model"] != asked["subject"]["model"]
    assert "already in assistive" in [one["figure"] for one in told["refused_by"]]


def test_a_challenger_skips_no_stage(beside: Governed) -> None:
    told = explain_step(beside.settings, "triage", "city", "decision_support", challenger=True).document
    assert "shadow to decision_support" in [one["figure"] for one in told["refused_by"]]


def test_there_is_no_challenger_to_promote_before_one_came(one: Governed) -> None:
    with pytest.raises(NoChallenger, match="--to shadow --challenger"):
        promote(one, "assistive", challenger=True)


def test_a_challenger_is_taken_away_and_nobody_sees_a_difference(beside: Governed) -> None:
    before, there = served(beside), lane(beside).release
    answer = withdraw(beside.settings, "triage", "city", "it scores nonsense", beside.signs("mia"))
    assert answer["recorded"] and answer["kind"] == "challenger_withdrawn" and answer["payload"]["release"] == there
    assert served(beside) == before and lane(beside).release is None and lane(beside).problem == ""
    with pytest.raises(NothingToTakeBack):
        withdraw(beside.settings, "triage", "city", "again")
    refused = promote(beside, "shadow", challenger=True)
    assert {each["clause"] for each in refused.document["reasons"]} == {"approval.model", "approval.workflow"}
    assert all("was given before" in each["figure"] for each in refused.document["reasons"])


def test_taking_a_challenger_away_takes_back_no_approval_of_the_release_that_is_served(beside: Governed) -> None:
    def unmet() -> set[str]:
        told = explain_step(beside.settings, "triage", "city", "decision_support").document["refused_by"]
        return {each["clause"] for each in told if each["clause"] in ("approval.model", "approval.workflow")}

    assert unmet() == {"approval.model", "approval.workflow"}
    approve(beside, "decision_support")
    assert unmet() == set()
    withdraw(beside.settings, "triage", "city", "it scores nonsense", beside.signs("mia"))
    assert unmet() == set()


def test_what_was_taken_away_as_a_challenger_is_signed_anew_to_be_released_without_the_word(beside: Governed) -> None:
    roll_back(beside.settings, "triage", "city", "shadow", "test", beside.signs("olga"))
    approve(beside, "shadow")
    withdraw(beside.settings, "triage", "city", "it scores nonsense", beside.signs("mia"))
    refused = promote(beside, "shadow")
    assert {each["clause"] for each in refused.document["reasons"]} == {"approval.model", "approval.workflow"}
    assert all("of this challenger" in each["figure"] for each in refused.document["reasons"])


def test_the_challenger_stays_when_what_is_served_goes_down(beside: Governed) -> None:
    there = lane(beside).release
    for stage in ("shadow", "off"):
        roll_back(beside.settings, "triage", "city", stage, "test", beside.signs("olga"))
        assert lane(beside).release == there and lane(beside).problem == ""


@pytest.mark.parametrize("damage", [break_entry, remove_ledger_key, remove_release_key], ids=lambda each: each.__name__)
def test_whatever_is_damaged_a_challenger_is_taken_away(beside: Governed, damage: Damage) -> None:
    damage(beside)
    withdraw(beside.settings, "triage", "city", "stop it", beside.signs("mia"))
    path = challenger_path(beside.settings.home, "triage", "city")
    assert not path.exists() or json.loads(path.read_bytes())["release"] is None


def test_an_order_that_the_ledger_could_not_take_is_recorded_later(beside: Governed) -> None:
    ledger = beside.settings.home / "ledger.db"
    held = ledger.read_bytes()
    ledger.write_bytes(b"no database" * 500)
    open_records.cache_clear()
    answer = withdraw(beside.settings, "triage", "city", "stop it", beside.signs("mia"))
    assert not answer["recorded"]
    ledger.write_bytes(held)
    assert lane(beside).problem == "" and lane(beside).release is None
    assert len(beside.entries("challenger_withdrawn")) == 1


def test_a_challenger_that_nobody_recorded_is_told_and_judged_by_nobody(beside: Governed) -> None:
    path = challenger_path(beside.settings.home, "triage", "city")
    old = path.read_bytes()
    withdraw(beside.settings, "triage", "city", "stop it")
    path.write_bytes(old)
    found = lane(beside)
    assert "generation: ledger 2, pointer 1" in found.problem and found.release is None
    assert verify_ledger(beside.settings).exit_code == 1
    assert any("CHALLENGER AND LEDGER DIFFER" in each for each in status_of(beside.settings).document["problems"])
    refused = promote(beside, "shadow", challenger=True)
    assert "challenger-beside-a-release" in {each["clause"] for each in refused.document["reasons"]}
    withdraw(beside.settings, "triage", "city", "set it right")
    assert lane(beside).problem == ""


def test_a_changed_challenger_is_told(beside: Governed) -> None:
    path = challenger_path(beside.settings.home, "triage", "city")
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "reason": "another"}))
    assert "cannot be trusted" in lane(beside).problem and lane(beside).release is None
    withdraw(beside.settings, "triage", "city", "set it right")
    assert lane(beside).problem == ""


def test_a_challenger_that_was_recorded_and_never_pointed_to_comes_when_it_is_asked_for_again(
    one: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(one, "shadow", challenger=True)
    with monkeypatch.context() as patch:
        patch.setattr("orchestration.steps.releases.challenging.publish_challenger", _power_cut)
        with pytest.raises(OSError, match="power"):
            promote(one, "shadow", challenger=True)
    assert "the pointer is gone" in lane(one).problem
    assert promote(one, "shadow", challenger=True).exit_code == 0
    assert lane(one).problem == "" and lane(one).release is not None


def test_a_promotion_whose_challenger_was_left_behind_is_told(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    side_by_side(beside)
    approve(beside, "assistive", challenger=True)
    with monkeypatch.context() as patch:
        patch.setattr("orchestration.steps.releases.withdrawing.withdraw_challenger", _power_cut)
        with pytest.raises(Exception, match="is in service, recorded as entry"):
            promote(beside, "assistive", challenger=True)
    assert lane(beside).problem and served(beside)[1] == "assistive"
    withdraw(beside.settings, "triage", "city", "left behind")
    assert lane(beside).problem == "" and verify_ledger(beside.settings).exit_code == 0


def test_a_pointer_that_is_torn_when_its_challenger_goes_into_service_agrees_with_the_ledger_after(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    side_by_side(beside)
    approve(beside, "assistive", challenger=True)

    def torn(*words: Any) -> None:
        challenger_path(beside.settings.home, "triage", "city").write_bytes(b"x")
        leave_if_promoted(*words)

    monkeypatch.setattr("orchestration.steps.releases.putting_up.leave_if_promoted", torn)
    assert promote(beside, "assistive", challenger=True).exit_code == 0
    assert lane(beside).problem == "" and lane(beside).generation == 2


def _power_cut(*_: Any, **__: Any) -> None:
    raise OSError("power")


def test_from_a_call_to_the_refusal_of_a_challenger_that_scored_too_little(
    beside: Governed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service scores with both, their events come out as a feed, are parted as staging parts them, and compared;
    the gate says what is missing."""
    visits, home = [f"e{n}" for n in range(12)], Home.at(beside.settings.home)
    with home.serving(events_url=beside.settings.events_url) as client:
        client.portal.call(client.app.state.running.hooks["triage"].challengers.look, "city")
        for n, visit in enumerate(visits):
            assert client.post(SERVICE, json=call_about(visit, 50.0 + 3 * n)).status_code == 200
        client.portal.call(client.app.state.running.hooks["triage"].challengers.finish)
    snapshot = as_snapshot(beside.settings, tmp_path)
    monkeypatch.setattr(shadow, "current_snapshot", lambda _: snapshot)
    monkeypatch.setattr(judging, "keep_served", lambda *_: [])
    since_then = functools.partial(share_of_calls, since=NOW)  # the service's clock stands before the challenger came
    monkeypatch.setattr(judging, "share_of_calls", lambda new, old, _: since_then(new, old))
    [evidence] = judge_challenger(beside.settings, "triage", "city")
    assert evidence.figures["side_by_side.visits"].value == len(visits)
    assert evidence.figures["side_by_side.share_of_calls"].value == 1.0
    assert (
        evidence.detail["beside_version"] == "12"
        and evidence.subject_model == read_candidate(beside.settings, "triage", "city").model
    )
    events = served_visits(beside.settings, "triage", "city").rows
    assert set(events["is_displayed"].to_pylist()) >= {True}, "the one in service goes on to show cards"
    told = [each["figure"] for each in refused_by(beside)]
    assert "12 visits that both scored" in told and "4 events of critical_care" in told


def as_snapshot(settings: Settings, folder: Path) -> Snapshot:
    """Events as the service hands them out, parted by kind; and a mart in which every third visit had every outcome."""
    use_case = load_use_case("triage")
    [file] = export_events(settings.events_url, folder, site="city").files
    kinds = {"serving_event": "kind <> 'challenger'", "serving_challenger": "kind = 'challenger'"}
    ready_at, practice = use_case.grain.ready_at, use_case.practice.column
    labels = ", ".join(f"n % 3 = 0 as {each.label_column}" for each in use_case.outcomes)
    mart = (
        f"select site, visit_key, {ready_at}, 3 as {practice}, {labels} from (select "
        f"site, visit_key, \"at\" as {ready_at}, row_number() over (order by event_id) as n from '{file}' "
        "where kind = 'call')"
    )
    queries = {**{name: f"select * from '{file}' where {what}" for name, what in kinds.items()}, "triage_mart": mart}
    queries["card_response"] = (
        "select 'city' as site, 'triage' as use_case, '' as visit_key, 'waiting' as response, '' as reason_code, '' as "
        "unit, '' as shift, now() as shown_at, '' as card_uuid, '' as release_digest"
    )
    rows: dict[str, int] = {}
    with duckdb.connect() as connection:
        for name, query in queries.items():
            connection.sql(query).write_parquet(str(folder / f"{name}.parquet"))
            rows[name] = len(connection.sql(query).fetchall())
    return Snapshot("a" * 64, now().isoformat(), folder, rows)


def test_a_challenger_has_no_stage_to_go_down_to() -> None:
    words = ["rollback", "triage", "--site", "city", "--challenger", "--to", "shadow", "--reason", "x"]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 2 and "leave --to out" in refused.output


PLANNED = {"owner": "change_manager", "rationale": "A test.", "date": "2026-11-28"}


def ask_for_plans(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    plain = load_policy("triage").model_dump(mode="json", by_alias=True, exclude_unset=True)
    control = {"stages": [stage], "notice_hours": 0, **PLANNED}
    asking = type(load_policy("triage")).model_validate({**plain, "change_control": control})
    monkeypatch.setattr(proposal, "load_policy", lambda _: asking)


def plan(one: Governed, stage: str, start: datetime, *, challenger: bool = True) -> dict[str, Any]:
    told = (start.isoformat(), (start + timedelta(hours=2)).isoformat(), "swap")
    return plan_change(one.settings, "triage", "city", stage, *told, one.signs("ada"), challenger=challenger)


def clauses(answer: Answer) -> list[str]:
    return [reason["clause"] for reason in answer.document.get("reasons", [])]


def test_a_challenger_that_was_planned_comes_and_its_plan_is_done(
    one: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_plans(monkeypatch, "shadow")
    start = now() + timedelta(minutes=5)
    made = plan(one, "shadow", start)
    assert made["payload"]["challenger"] is True and made["warnings"] == []
    approve(one, "shadow", challenger=True)
    assert clauses(promote(one, "shadow", challenger=True)) == ["planned-change"]
    monkeypatch.setattr(held, "now", lambda: start + timedelta(hours=1))
    assert promote(one, "shadow", challenger=True).exit_code == 0
    monkeypatch.setattr(planning_changes, "now", lambda: start + timedelta(hours=3))
    told = list_changes(one.settings, "city").document
    assert [(each["outcome"], each["challenger"]) for each in told["planned"]] == [("done", True)]
    assert told["warnings"] == [] and told["done"][-1]["kind"] == "challenger"


def test_a_challenger_is_planned_into_the_place_of_what_is_shown(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_plans(monkeypatch, "assistive")
    start = now() + timedelta(minutes=5)
    made = plan(beside, "assistive", start)
    assert made["payload"]["subject"]["model"] == beside.entries("challenger")[-1].payload["subject"]["model"]
    monkeypatch.setattr(held, "now", lambda: start + timedelta(hours=1))
    approve(beside, "assistive", challenger=True)
    side_by_side(beside)
    answer = promote(beside, "assistive", challenger=True)
    assert (answer.exit_code, clauses(answer)) == (0, [])
    assert list_changes(beside.settings, "city").document["planned"][0]["outcome"] == "done"


def test_a_plan_without_a_challenger_lets_none_come(one: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_plans(monkeypatch, "shadow")
    start = now() + timedelta(minutes=5)
    plan(one, "shadow", start, challenger=False)
    approve(one, "shadow", challenger=True)
    monkeypatch.setattr(held, "now", lambda: start + timedelta(hours=1))
    [reason] = promote(one, "shadow", challenger=True).document["reasons"]
    assert reason["clause"] == "planned-change" and "is not for a challenger" in reason["figure"]


def freeze(one: Governed, days: int) -> None:
    zone, at = planning_changes.load_site("city").zone, now()
    begin, until = (
        (at + timedelta(days=each)).astimezone(zone).replace(tzinfo=None, microsecond=0) for each in (-1, days)
    )
    rule = {"id": "ehr", "title": "EHR", "once": {"from": begin.isoformat(), "until": until.isoformat()}, **PLANNED}
    text = json.dumps({"schema": "pilothouse.calendar/1", "version": "1.0.0", **PLANNED, "freezes": [rule]})
    (one.settings.home / "calendar.yaml").write_text(text)


def test_no_challenger_is_planned_where_all_is_frozen_and_a_step_down_there_is_told_that_nothing_goes_up(
    one: Governed,
) -> None:
    freeze(one, days=3)
    with pytest.raises(NotPlanned, match="is closed: EHR"):
        plan(one, "shadow", now() + timedelta(hours=1))
    [warning] = plan(one, "shadow", now() + timedelta(hours=1), challenger=False)["warnings"]
    assert "closed" in warning and "--challenger" in warning


def test_a_challenger_is_not_planned_to_be_off(one: Governed) -> None:
    with pytest.raises(NotPlanned, match="rollback triage --site city --challenger"):
        plan(one, "off", now() + timedelta(hours=1))


def test_a_challenger_goes_up_whatever_higher_stage_is_shown_so_that_a_freeze_holds_it(
    beside: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(beside, days=3)
    monkeypatch.setattr(proposal, "earned_stage", lambda _: Stage.DECISION_SUPPORT)
    with pytest.raises(NotPlanned, match="is closed: EHR"):
        plan(beside, "assistive", now() + timedelta(hours=1))
