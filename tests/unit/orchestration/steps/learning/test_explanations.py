"""Whether the reasons on cards hold: counted on a real model, visit by visit, with the counts made by hand."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest

from evaluation.evidence import Evidence
from ml.training.explain import NOTHING, Reason
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning import explanations
from orchestration.steps.learning.explanations import explanations_evidence
from orchestration.steps.learning.stores import CandidateRecord
from tests.unit.ml.serving.homes import tiny_model

TRIAGE = load_use_case("triage")
WINDOW = {"served_from": "a", "served_until": "b"}
LOW, USUAL = {"oxygen_saturation": 50.0}, {"oxygen_saturation": 98.0}
THRESHOLD = 0.3
Look = Callable[[list[dict[str, Any]]], Evidence]


@pytest.fixture
def look(settings: Settings, record: Callable[..., CandidateRecord], monkeypatch: pytest.MonkeyPatch) -> Look:
    monkeypatch.setattr(explanations, "load_bundle", lambda folder, digest: tiny_model())

    def evidence(visits: list[dict[str, Any]]) -> Evidence:
        empty = dict.fromkeys(one.name for one in tiny_model().features)
        rows = pa.table({"features": pa.array([json.dumps({**empty, **one}) for one in visits], pa.string())})
        return explanations_evidence(settings, record(), rows, TRIAGE, THRESHOLD, WINDOW)

    return evidence


def test_a_finding_that_the_model_has_learned_holds_on_every_visit(look: Look) -> None:
    found = look([LOW] * 6 + [USUAL] * 4)
    holding, explained = (
        found.figures[f"explanations.{name}"] for name in ("share_holding", "share_of_cards_explained")
    )
    assert (holding.value, holding.n) == (1.0, 6)
    assert (explained.value, explained.n) == (1.0, 6)
    assert (found.kind, found.detail["visits"], found.detail["of"]) == ("explanations", 10, 10)


def test_a_finding_that_does_not_hold_counts_against_it(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_way(model: object, outcome: str, row: Mapping[str, Any]) -> Reason:
        return Reason(NOTHING, None, 2)

    monkeypatch.setattr(explanations, "checked_reason", gives_way)
    found = look([LOW] * 5 + [USUAL] * 5)
    holding, explained = (
        found.figures[f"explanations.{name}"] for name in ("share_holding", "share_of_cards_explained")
    )
    assert (holding.value, holding.n, holding.n_events) == (0.0, 10, 0)
    assert (explained.value, explained.n) == (0.0, 5)
    assert holding.upper is not None and holding.upper > 0


def test_no_visit_is_no_share(look: Look) -> None:
    found = look([])
    assert [(figure.value, figure.n) for figure in found.figures.values()] == [(None, 0)] * 2


def test_many_visits_are_looked_at_evenly_over_the_time(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "MOST_CHECKED", 10)
    found = look([USUAL] * 500 + [LOW] * 500)
    assert found.figures["explanations.share_of_cards_explained"].n == 5
    assert (found.detail["visits"], found.detail["of"]) == (10, 1000)
