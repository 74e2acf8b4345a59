"""The evidently report of two windows: its page and its own decision per feature.

Here, and nowhere else, belongs evidently (0.7, new API only). It needs pandas, takes seconds to import and to
run, and warns on import; all of that stays inside these functions.
"""

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from evaluation.drift.verdict import DriftFeature, category

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class EvidentlyDecision:
    """What evidently found for one feature, by a method it chose itself."""

    method: str
    score: float
    threshold: float
    drifted: bool


@dataclass(frozen=True, slots=True)
class EvidentlyReport:
    """A self-contained page (about 4 MB, aggregates only, no rows) and the decisions by feature name."""

    html: str
    decisions: dict[str, EvidentlyDecision]


def run_evidently(
    reference: pa.Table, current: pa.Table, features: Sequence[DriftFeature], *, seed: int, max_rows: int
) -> EvidentlyReport:
    """Run evidently's drift preset on at most ``max_rows`` rows of each window, drawn with ``seed``."""
    os.environ.setdefault("DO_NOT_TRACK", "true")  # evidently reads its telemetry switch on import
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # evidently's imports use deprecated numpy and litestar names
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(
            numerical_columns=[f.name for f in features if f.kind == "numeric"],
            categorical_columns=[f.name for f in features if f.kind != "numeric"],
        )
        new, old = (
            Dataset.from_pandas(_frame(_sampled(table, seed, max_rows), features), data_definition=definition)
            for table in (current, reference)
        )
        report = Report([DataDriftPreset(columns=[f.name for f in features])], include_tests=True)
        snapshot = report.run(new, old)
        return EvidentlyReport(snapshot.get_html_str(as_iframe=False), _decisions(json.loads(snapshot.json())))


def _sampled(table: pa.Table, seed: int, max_rows: int) -> pa.Table:
    if table.num_rows <= max_rows:
        return table
    picked = np.random.default_rng(seed).choice(table.num_rows, size=max_rows, replace=False)
    return table.take(pa.array(np.sort(picked)))


def _frame(table: pa.Table, features: Sequence[DriftFeature]) -> "pd.DataFrame":
    """Numbers as float64 and everything else as text, so that evidently has no type left to guess."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for feature in features:
        column = table.column(feature.name)
        if feature.kind == "numeric":
            columns[feature.name] = column.cast(pa.float64()).to_numpy()
        else:
            columns[feature.name] = [None if v is None else category(v) for v in column.to_pylist()]
    return pd.DataFrame(columns)


def _decisions(snapshot: dict[str, Any]) -> dict[str, EvidentlyDecision]:
    """Read the decisions from the tests and the scores from the metrics of a snapshot's JSON."""
    failed = {test["metric_config"]["params"].get("column"): test["status"] == "FAIL" for test in snapshot["tests"]}
    found: dict[str, EvidentlyDecision] = {}
    for metric in snapshot["metrics"]:
        config = metric["config"]
        if config["type"].endswith(":ValueDrift"):
            found[config["column"]] = EvidentlyDecision(
                config["method"], float(metric["value"]), float(config["threshold"]), failed[config["column"]]
            )
    return found
