"""Serving held against what happened: waits in time, and nothing to judge where nothing was served."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pyarrow as pa
import pytest

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


def test_without_a_release_there_is_nothing_to_judge(settings: Settings) -> None:
    with pytest.raises(NothingServed, match="serves no release at city"):
        served_visits(settings, "triage", "city")
