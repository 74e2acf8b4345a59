"""The stays of a simulated hospital as the staffing mart would tell them, for tests and the benchmark.

What does not belong here: expectations.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from orchestration.simulator.charts import Chart

RISK_OF_PRIORITY: Mapping[str | None, float] = {"EM": 0.5, "UR": 0.25, "R": 0.1, None: 0.2}
"""What a crude triage would say: right in order, and wrong in size until it is held against what came."""


def stay_table(charts: Sequence[Chart]) -> pa.Table:
    """One row per stay of every visit, known from its beginning on."""
    rows = [
        {
            "visit_key": chart.visit.id,
            "unit": stay.unit,
            "entered_at": datetime.fromtimestamp(stay.entered, UTC),
            "left_at": datetime.fromtimestamp(stay.left, UTC) if stay.left is not None else None,
            "is_first": n == 0,
            "is_last": n == len(chart.visit.stays) - 1,
            "triage_level": None,
            "known_at": datetime.fromtimestamp(stay.entered, UTC),
        }
        for chart in charts
        for n, stay in enumerate(chart.visit.stays)
    ]
    instant = pa.timestamp("us", "UTC")
    kinds = {"entered_at": instant, "left_at": instant, "known_at": instant, "triage_level": pa.int32()}
    return pa.table({name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]})
