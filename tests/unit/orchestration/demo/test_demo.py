"""The demo acts for its people and its hospital only; everything else is a step that a hospital uses."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.evidence import Evidence
from evaluation.policies import Stage, load_policy
from orchestration.demo import course, run_demo
from orchestration.demo.people import APPROVERS
from orchestration.demo.replay import Replayed
from orchestration.demo.run import DemoStopped
from orchestration.demo.summary import served_evidence, summarise
from orchestration.demo.summary_words import CAVEAT
from orchestration.demo.tour import DemoHomeTaken
from orchestration.settings import Environment, Settings
from orchestration.simulator import simulated_sites
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json
from orchestration.steps.learning.stores import save_evidence
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.proposal import released_subject
from tests.unit.orchestration.steps.governed import Governed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    return Settings(tmp_path, Environment.DEVELOPMENT, *urls)


def test_two_people_in_two_roles_approve_what_the_policy_asks_of_the_demos_stages() -> None:
    assert len({person for person, _ in APPROVERS.values()}) == len(APPROVERS)
    for policy in map(load_policy, ("triage", "staffing", "roster")):
        for kind, (_, role) in APPROVERS.items():
            assert role in policy.approvals.roles_for(kind)
        stages = (Stage.SHADOW,) if policy.use_case == "roster" else (Stage.SHADOW, Stage.ASSISTIVE)
        for stage in stages:
            assert set(policy.approvals_for(stage)) <= set(APPROVERS)


def test_the_demo_plays_the_simulated_sites_and_pilots_one_of_them() -> None:
    assert set(course.GROUP) == set(simulated_sites()) and course.GROUP[0] == course.PILOT


def test_a_home_of_another_demo_is_left_as_it_is(settings: Settings) -> None:
    write_json(settings.home / "state" / "demo.json", {"seed": 7, "days": 90, "sites": ["city"]})
    before = sorted(settings.home.rglob("*"))
    for options in ({"seed": 8}, {"days": 91}, {"sites": 2}):
        with pytest.raises(DemoHomeTaken, match="same options"):
            run_demo(settings, **{"seed": 7, "days": 90, "sites": 1, **options}, progress=print)
    assert sorted(settings.home.rglob("*")) == before


def test_what_stops_the_demo_is_said_in_a_sentence() -> None:
    assert issubclass(DemoHomeTaken, StepError) and issubclass(DemoStopped, StepError)


def test_the_summary_says_what_it_is_worth_what_was_refused_and_what_to_open(settings: Settings) -> None:
    replayed = {"shadow": Replayed(3, 1, {"accepted": 1}, [3.0, 1.0, 2.0])}
    refused = {"rural": ["rural has too few visits"]}
    answer = summarise(settings, ("city", "rural"), "triage", "city", {"total": 61.2}, replayed, refused)
    open_records.cache_clear()
    document = answer.document
    assert document["note"] == CAVEAT and "never a clinical claim" in CAVEAT
    assert document["use_cases"] == {"triage": {}, "staffing": {}, "roster": {}}
    assert document["sites"] == ["city", "rural"]
    assert document["requests"]["shadow"] == {
        "requests": 3, "cards": 1, "feedback": {"accepted": 1}, "p50_ms": 2.0, "p99_ms": 3.0,
    }  # fmt: skip
    assert document["ledger"] == {"entries": 0, "ok": True}
    assert answer.text is not None
    for said in (CAVEAT, "rural has too few visits", "61 s", "index.html", "3 live requests", "make ui"):
        assert said in answer.text


def test_the_story_of_the_fault_is_told_with_its_times(settings: Settings) -> None:
    found = {"incident": "drift-x", "seconds": 2.0, "sentence": "breaths jumped at the whole site on 2026-04-20."}
    followed = {"seconds": 0.7, "requests": 20, "risk_cards": 0, "told_on_cards": 20, "told_on_board": True}
    fault = {
        "what": "Half (simulated).", "site": "city", "since": "2026-04-20", "found": found, "rolled_back": followed,
        "contained": {"seconds": 0.31, "stage": "shadow"}, "affected": {"patients": 210, "cards": 7},
        "gate_meanwhile": [{"clause": "no-input-jumped"}], "corrected": {"seconds": 41.2, "sent_again": 300},
        "judged_anew": {
            "seconds": 9.0, "agreement": 0.999, "visits": 1800, "set_apart": 240, "agreement_set_apart": 0.05
        },
        "restored": {"seconds": 2.5, "by": "demo.lead", "stage": "assistive", "risk_cards": 4, "requests": 120},
        "others": {"triage at district": "shadow as before"},
    }  # fmt: skip
    answer = summarise(settings, (), "triage", "city", {"total": 1.0}, {}, {}, fault)
    open_records.cache_clear()
    assert answer.document["fault"] == fault and answer.text is not None
    for said in (
        "found in 2.0 s", "contained in 0.31 s", "back to shadow", "rolled back in 0.70 s", "20 of 20 answers and the",
        "breaths jumped", "210 patients and 7 cards", "no-input-jumped", "300 readings", "by demo.lead",
        "agree in 99.9% of 1800 visits; 240 of the fault stand apart and agree in 5.0%",
        "meanwhile triage at district: shadow as before", "(simulated)",
    ):  # fmt: skip
        assert said in answer.text
    quiet = summarise(settings, (), "triage", "city", {"total": 1.0}, {}, {})
    open_records.cache_clear()
    assert quiet.text is not None and "contained in" not in quiet.text


def test_figures_are_those_of_the_model_that_is_served_also_once_another_was_judged(settings: Settings) -> None:
    city = Governed.at(settings)
    city.release()
    served = released_subject(settings, read_present(settings, "triage", "city").pointer)
    assert served is not None
    for minutes, model in enumerate((served.model, "f" * 64)):
        at = datetime(2026, 3, 1, 0, minutes, tzinfo=UTC)
        save_evidence(settings, Evidence("parity", "triage", "city", model, served.data, at, {}, {}))
    open_records.cache_clear()
    assert [one.subject_model for one in served_evidence(settings, "triage", "city")] == [served.model]


def test_a_stage_without_a_request_has_no_times(settings: Settings) -> None:
    answer = summarise(settings, (), "triage", "city", {"total": 1.0}, {"shadow": Replayed()}, {})
    open_records.cache_clear()
    assert answer.document["requests"]["shadow"]["p99_ms"] == 0.0
