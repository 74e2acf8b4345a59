"""Serving held against what happened: waits in time, and nothing to judge where nothing was served."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pyarrow as pa
import pytest

from evaluation.evidence import Figure
from ml.usecases import load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning import shadow
from orchestration.steps.learning.overrides import Shown
from orchestration.steps.learning.shadow import NothingServed, Served, served_visits
from orchestration.steps.learning.stores import CandidateRecord
from tests.unit.orchestration.steps.conftest import NOON

Record = Callable[..., CandidateRecord]

NOTHING_SHOWN = Shown(
    pa.table({name: pa.array([], pa.string()) for name in ("response", "reason_code", "unit", "shift")})
)


def served(record: CandidateRecord, requests: Sequence[dict[str, object]], **columns: Sequence[object]) -> Served:
    n = len(requests)
    table: dict[str, object] = {
        "at": [NOON] * n,
        "charted_at": [NOON] * n,
        "latency_ms": [2.0] * n,
        "features": [json.dumps(request) for request in requests],
        **columns,
    }
    return Served(record, pa.table(table), NOTHING_SHOWN)


@pytest.mark.parametrize(("waited", "in_time"), [(29.997, 1.0), (29.998, 1.0), (29.999, 0.0), (31, 0.0)])
def test_the_wait_runs_from_charting_to_the_answer(record: Record, waited: float, in_time: float) -> None:
    at = [NOON + timedelta(seconds=waited)]
    found = shadow._slo(served(record(), [{}], at=at))  # and 2 ms in the service
    assert found.figures["slo.share_within_30s"].value == in_time
    assert found.figures["slo.latency_ms_p50"].value == found.figures["slo.latency_ms_p99"].value == 2.0


TRIAGE = load_use_case("triage")


@pytest.mark.parametrize("settled", [0, 1], ids=["no outcome settled", "all but one settled"])
def test_an_outcome_that_has_not_settled_for_any_visit_has_no_figure_and_says_so(record: Record, settled: int) -> None:
    first, *others = TRIAGE.outcomes
    happened = {one.label_column: pa.array([True, False] if settled else [None] * 2, pa.bool_()) for one in others}
    labels = {first.label_column: pa.array([None] * 2, pa.bool_()), **happened}
    scores = [json.dumps(dict.fromkeys((one.name for one in TRIAGE.outcomes), p)) for p in (0.9, 0.1)]
    columns = {**labels, "scores": scores, TRIAGE.practice.column: [3, 3]}
    found = shadow._shadow(served(record(), [{}] * 2, **columns), TRIAGE, 0.5)
    assert found.figures[f"shadow.{first.name}.auroc"] == Figure(None, n=0)
    for one in others:
        assert found.figures[f"shadow.{one.name}.auroc"].value == (1.0 if settled else None)
    missing = [first.name] if settled else [one.name for one in TRIAGE.outcomes]
    assert found.detail["not_settled"] == f"No visit that was scored has settled yet for: {', '.join(missing)}."
    assert found.figures["shadow.alerts_per_100"].value == 50.0


def test_without_a_release_there_is_nothing_to_judge(settings: Settings) -> None:
    with pytest.raises(NothingServed, match="serves no release at city"):
        served_visits(settings, "triage", "city")
