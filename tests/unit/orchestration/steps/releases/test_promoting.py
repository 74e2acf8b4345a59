"""Promoting by the gate: two people at the same moment, and a second site beside the first."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure
from evaluation.policies import Stage, load_policy
from ml.registry.store import model_files
from ml.training.bundle import write_bundle
from orchestration.answers import Answer
from orchestration.settings import Settings
from orchestration.steps.learning.stores import (
    CandidateRecord,
    bundle_folder,
    evidence_folder,
    read_candidate,
    save_candidate,
    save_evidence,
)
from orchestration.steps.record.records import now, verify_ledger
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.explaining import explain_step
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.reviewing import Review
from tests.unit.evaluation.gates.conftest import meeting
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.governed import PEOPLE, Governed

Record = Callable[..., CandidateRecord]


@pytest.fixture
def ready(settings: Settings, record: Record, tmp_path: Path) -> Governed:
    """A candidate at two sites that meets every clause, and people to approve it; nothing is released."""
    folder = tmp_path / "bundle"
    write_bundle(tiny_model(), folder)
    one = Governed.at(settings)
    for site in ("city", "rural"):
        made = replace(record(site=site), model=document_digest(model_files(folder)))
        save_candidate(settings, made)
        write_bundle(tiny_model(), bundle_folder(settings, made))
        for kind, figures in meeting(load_policy("triage")).items():
            at = now() - timedelta(hours=1)
            save_evidence(settings, Evidence(kind, "triage", site, made.model, made.data, at, figures, {}))  # type: ignore[arg-type]
    return one


def approve(one: Governed, site: str, stage: str, show: Callable[[Review], None] | None = None) -> None:
    for person in ("ada", "noor"):
        kind = str(PEOPLE[person][1])
        told = {} if show is None else {"show": show}
        record_verdict(one.settings, "triage", site, stage, kind, person, one.key(person), "approve", **told)  # type: ignore[arg-type]


def pointed(one: Governed) -> str | None:
    return one.pointer.release if one.pointer else None


def promoted(one: Governed, site: str, *stages: str) -> Answer:
    answers: list[Answer] = []
    for stage in stages:
        approve(one, site, stage)
        answers.append(promote_release(one.settings, "triage", site, stage, one.signs("ada")))
    return answers[-1]


def test_of_two_promoters_at_the_same_moment_one_releases_and_the_other_is_told_that_it_is_done(
    ready: Governed,
) -> None:
    approve(ready, "city", "shadow")
    together, answers = threading.Barrier(2), list[Answer]()

    def promote() -> None:
        actor = ready.signs("ada")
        together.wait(timeout=30)
        answers.append(promote_release(ready.settings, "triage", "city", "shadow", actor))

    promoters = [threading.Thread(target=promote) for _ in range(2)]
    for one in promoters:
        one.start()
    for one in promoters:
        one.join(timeout=60)
    assert sorted(answer.exit_code for answer in answers) == [0, 1]
    refused = [answer.document["reasons"] for answer in answers if answer.exit_code]
    assert all([one["figure"] for one in reasons] == ["already in shadow"] for reasons in refused)
    assert len(ready.entries("promotion")) == 1 and len(ready.entries("promotion_refused")) == 1
    assert ready.pointer is not None and ready.pointer.generation == 1 and ready.served == "shadow"
    assert verify_ledger(ready.settings).exit_code == 0


def test_the_next_site_is_compared_with_the_first_before_it_shows_anything(ready: Governed) -> None:
    assert promoted(ready, "city", "shadow", "assistive").exit_code == 0
    first: Any = ready.entries("promotion")[-1].payload["detail"]
    assert promoted(ready, "rural", "shadow").exit_code == 0
    worse(ready, "city", "performance")
    shown: list[Review] = []
    approve(ready, "rural", "assistive", shown.append)
    [city] = shown[0].document["across_sites"]
    assert (city["site"], city["stage"], city["release"]) == ("city", "assistive", pointed(ready))
    assert {row["clause"] for row in city["clauses"]} == {
        one.id for one in load_policy("triage").clauses_for(Stage.ASSISTIVE)
    }
    differing = {row["clause"] for row in city["clauses"] if row["met_here"] and not row["met_there"]}
    assert "critical-care-discrimination" in differing
    assert f"beside city (assistive): {len(differing)} clauses not met there" in shown[0].text
    done = promote_release(ready.settings, "triage", "rural", "assistive", ready.signs("ada"))
    assert done.exit_code == 0, done.document
    kept = done.document["payload"]["detail"]["across_sites"]
    assert set(kept["unmet"]["city"]) == differing and kept["digest"] == document_digest({"across_sites": [city]})
    assert "across_sites" not in first, "the first site has no other to be compared with"


def test_a_site_that_cannot_be_compared_with_holds_the_next_up(ready: Governed) -> None:
    promoted(ready, "city", "shadow", "assistive")
    promoted(ready, "rural", "shadow")
    changed = next(evidence_folder(ready.settings, "triage", "city").glob("performance-*.json"))
    changed.write_text(changed.read_text().replace("triage", "triagE"))
    refused = promoted(ready, "rural", "assistive")
    [reason] = refused.document["reasons"]
    assert refused.exit_code == 1 and reason["clause"] == "compared-across-sites"
    assert reason["figure"].startswith("city shows it (assistive) and cannot be compared: ")
    assert changed.name in reason["figure"]
    told = explain_step(ready.settings, "triage", "rural", "assistive")
    assert [one["clause"] for one in told.document["refused_by"]] == ["compared-across-sites"]
    assert "compared-across-sites" in str(told.text)


def worse(one: Governed, site: str, kind: str) -> None:
    """Measure again at a site, and find nothing of the kind good enough."""
    made = read_candidate(one.settings, "triage", site)
    figures = {name: Figure(0.0, 0.0, 0.0, n=9999, n_events=999) for name in meeting(load_policy("triage"))[kind]}
    found = Evidence(kind, "triage", site, made.model, made.data, now(), figures, {})  # type: ignore[arg-type]
    save_evidence(one.settings, found)
