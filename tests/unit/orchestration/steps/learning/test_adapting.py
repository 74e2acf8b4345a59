"""Which site's model a candidate may start from, and what its file says of that."""

import dataclasses
from contextlib import nullcontext
from datetime import datetime
from types import SimpleNamespace

import pytest

from ml.training.adapt import Source
from orchestration.settings import Settings
from orchestration.sites import InvalidSite, Site, load_site, parse_site
from orchestration.steps.learning import adapting, backtest, candidate
from orchestration.steps.learning.adapting import source_record
from orchestration.steps.learning.backtest import CannotAdapt
from orchestration.steps.learning.stores import CandidateRecord, save_candidate

SITE = """
id: hill
name: Hill
region: US
timezone: America/New_York
units: [{id: ED, kind: ed, name: Emergency, beds: 10}]
shifts: [{id: day, starts: "07:00", ends: "19:00"}]
feeds: [ehr_fhir]
adapts: {triage: %s}
"""


def record(site: str, model: str = "a" * 64) -> CandidateRecord:
    text = dict.fromkeys(("data", "inputs", "run_id", "version", "author", "train_until", "test_from", "as_of"), "x")
    counted = {"seed": 7, "n_train": 1, "n_test": 1, "contracts": {}}
    return CandidateRecord("triage", site, model, **text, **counted, manifest="x", created_at="x")


@pytest.fixture
def hill(monkeypatch: pytest.MonkeyPatch) -> Site:
    site = parse_site("hill", SITE % "city")
    monkeypatch.setattr(adapting, "load_site", lambda name: site if name == "hill" else load_site(name))
    return site


def test_a_site_names_the_one_it_adapts_and_never_itself() -> None:
    assert parse_site("hill", SITE % "city").adapts == {"triage": "city"}
    with pytest.raises(InvalidSite, match="takes triage from the site itself"):
        parse_site("hill", SITE % "hill")


def test_a_site_that_adapts_nothing_starts_from_nothing(settings: Settings) -> None:
    save_candidate(settings, record("district"))
    assert source_record(settings, "triage", "city") is None


def test_a_site_starts_from_the_current_candidate_of_the_one_it_names(settings: Settings, hill: Site) -> None:
    assert source_record(settings, "triage", "hill") is None  # there is none yet
    save_candidate(settings, record("city"))
    save_candidate(settings, newer := record("city", "b" * 64))

    assert source_record(settings, "triage", "hill") == newer
    assert source_record(settings, "staffing", "hill") is None


def test_another_model_at_the_source_makes_the_candidate_stale(
    settings: Settings, hill: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = candidate.load_use_case("triage")
    monkeypatch.setattr(candidate, "read_snapshot", lambda *_: type("Snapshot", (), {"mart": None}))
    monkeypatch.setattr(candidate, "site_rows_digest", lambda *_: "rows")
    monkeypatch.setattr(candidate, "load_site", lambda _: hill)
    monkeypatch.setattr(candidate, "contract_versions", lambda *_: {})
    without = candidate.inputs_digest(settings, declared, "hill")
    save_candidate(settings, record("city"))
    first = candidate.inputs_digest(settings, declared, "hill")
    save_candidate(settings, record("city", "b" * 64))

    assert len({without, first, candidate.inputs_digest(settings, declared, "hill")}) == 3


def test_a_record_from_before_models_were_adapted_still_opens(settings: Settings) -> None:
    old = dataclasses.asdict(record("city"))
    del old["adapted_from"]
    assert CandidateRecord(**old).adapted_from is None


@pytest.mark.parametrize(("day", "looks_ahead"), [("2026-03-21", True), ("2026-03-22", False)])
def test_a_backtest_takes_no_model_that_learned_from_the_time_of_the_test(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, day: str, looks_ahead: bool
) -> None:
    save_candidate(settings, record("city"))
    learned = Source(SimpleNamespace(trained={"until": "2026-03-22T00:00:00-04:00"}), "a" * 64)  # pyright: ignore
    monkeypatch.setattr(backtest, "read_source", lambda *_: learned)
    start = datetime.fromisoformat(f"{day}T00:00:00-04:00")

    with pytest.raises(CannotAdapt, match="look ahead") if looks_ahead else nullcontext():
        assert backtest._source(settings, "triage", "district", "city", start) is learned
    with pytest.raises(CannotAdapt, match="itself"):
        backtest._source(settings, "triage", "city", "city", start)
