"""Serving held against the warehouse: equal within the tolerance, shares with their interval, waits in time."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from orchestration.settings import Settings
from orchestration.steps.learning import shadow
from orchestration.steps.learning.overrides import Shown
from orchestration.steps.learning.shadow import TOLERANCE, NothingServed, Served, served_visits, share
from orchestration.steps.learning.stores import CandidateRecord
from tests.unit.orchestration.steps.conftest import NOON

Record = Callable[..., CandidateRecord]

NOTHING_SHOWN = Shown(
    pa.table({name: pa.array([], pa.string()) for name in ("response", "reason_code", "unit", "shift")})
)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, None),
        (1.0, 1),
        (True, True),
        ("female", "female"),
        (36.5, 36.5 + TOLERANCE / 2),
        (-1.0, -1.0 - TOLERANCE / 2),
    ],
)
def test_values_within_the_tolerance_or_missing_on_both_sides_are_equal(asked: object, stored: object) -> None:
    assert shadow._equal(asked, stored) and shadow._equal(stored, asked)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, 0),
        (None, False),
        (None, ""),
        ("1", 1),
        ("female", "male"),
        (True, False),
        (0.0, float("nan")),
        (36.5, 36.5 + TOLERANCE * 2),
        (-1.0, 1.0),
    ],
)
def test_a_missing_value_another_kind_or_another_number_is_a_difference(asked: object, stored: object) -> None:
    assert not shadow._equal(asked, stored) and not shadow._equal(stored, asked)


@pytest.mark.parametrize(
    ("hits", "value"), [([True] * 4, 1.0), ([False] * 4, 0.0), ([True, False], 0.5), ([True], 1.0)]
)
def test_a_share_counts_and_has_an_interval_around_it(hits: list[bool], value: float) -> None:
    figure = share(np.array(hits))
    assert (figure.value, figure.n, figure.n_events) == (value, len(hits), sum(hits))
    assert figure.lower is not None and figure.upper is not None
    assert 0 <= figure.lower <= value <= figure.upper <= 1


def test_a_share_of_more_visits_has_a_narrower_interval() -> None:
    few, many = share(np.array([True, False] * 5)), share(np.array([True, False] * 500))
    assert many.upper - many.lower < few.upper - few.lower  # type: ignore[operator]


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


def test_a_visit_agrees_only_when_every_feature_does(record: Record) -> None:
    requests = [
        {"heart_rate": 80.0, "sex": "female"},
        {"heart_rate": 80.0, "sex": "male"},
        {"heart_rate": None, "sex": None},
    ]
    found = shadow._parity(served(record(), requests, heart_rate=[80.0, 81.0, None], sex=["female", "female", None]))
    figure = found.figures["parity.agreement"]
    assert (found.kind, figure.n, figure.n_events) == ("parity", 3, 2)
    assert found.detail["differing"] == {"heart_rate": 1, "sex": 1}
    assert found.detail["features_compared"] == 2
    assert (found.subject_model, found.subject_data) == (record().model, record().data)


def test_a_feature_that_the_mart_does_not_have_is_named_in_the_evidence(record: Record) -> None:
    found = shadow._parity(served(record(), [{"heart_rate": 80.0, "lost": 1}], heart_rate=[80.0]))
    assert list(found.detail["features_not_in_mart"]) == ["lost"]  # type: ignore[arg-type]


def test_a_feature_that_the_mart_does_not_have_is_no_agreement(record: Record) -> None:
    """What was not compared cannot agree: a gate that reads the figure alone must not pass it."""
    found = shadow._parity(served(record(), [{"heart_rate": 80.0, "lost": 1}], heart_rate=[80.0]))
    assert found.figures["parity.agreement"].value == 0.0


@pytest.mark.parametrize(("waited", "in_time"), [(29.997, 1.0), (29.998, 1.0), (29.999, 0.0), (31, 0.0)])
def test_the_wait_runs_from_charting_to_the_answer(record: Record, waited: float, in_time: float) -> None:
    at = [NOON + timedelta(seconds=waited)]
    found = shadow._slo(served(record(), [{}], at=at))  # and 2 ms in the service
    assert found.figures["slo.share_within_30s"].value == in_time
    assert found.figures["slo.latency_ms_p50"].value == found.figures["slo.latency_ms_p99"].value == 2.0


def test_without_a_release_there_is_nothing_to_judge(settings: Settings) -> None:
    with pytest.raises(NothingServed, match="serves no release at city"):
        served_visits(settings, "triage", "city")
