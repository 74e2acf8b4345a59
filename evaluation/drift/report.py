"""Drift between two windows, as evidence beside evidently's page.

Here belongs putting verdicts, figures and page together. The caller chooses the windows and stores the page.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from evaluation.drift.evidently_report import EvidentlyDecision, run_evidently
from evaluation.drift.verdict import (
    FALSE_DISCOVERY_RATE,
    MEANINGFUL_DISTANCE,
    MEANINGFUL_EFFECT,
    MIN_ROWS,
    DriftFeature,
    DriftInputError,
    FeatureDrift,
    judge,
)
from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics.intervals import Z

MAX_ROWS = 20_000
LARGEST_SAMPLE = 100_000
"""More rows than this make evidently take minutes and change nothing in its answer."""


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Verdicts by feature, evidence of kind drift, and evidently's page.

    ``html`` is ``None`` where no feature had enough rows; the figures then have no value and a gate refuses.
    """

    features: tuple[FeatureDrift, ...]
    evidence: Evidence
    html: str | None

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the features that drifted, in the order given."""
        return tuple(f.feature.name for f in self.features if f.verdict == "drifted")


def drift_report(
    reference: pa.Table,
    current: pa.Table,
    features: Sequence[DriftFeature],
    head: EvidenceHead,
    *,
    seed: int,
    max_rows: int = MAX_ROWS,
) -> DriftResult:
    """Compare two windows feature by feature.

    Our verdicts use all rows; evidently gets a sample of at most ``max_rows`` (up to 100,000). Figures:
    ``drift.share`` (drifted among the judged) and ``drift.max_effect`` (largest standardised difference).
    Raises :class:`DriftInputError`.
    """
    if not features:
        raise DriftInputError("there are no features to compare; pass those of the use case.")
    if not 1 <= max_rows <= LARGEST_SAMPLE:
        raise DriftInputError(f"max_rows is {max_rows}; expected 1 to {LARGEST_SAMPLE}.")
    verdicts = judge(reference, current, features)
    shown = [f.feature for f in verdicts if f.values is not None]
    page = run_evidently(reference, current, shown, seed=seed, max_rows=max_rows) if shown else None
    decisions = page.decisions if page else {}
    detail: dict[str, Json] = {
        "reference_rows": reference.num_rows,
        "current_rows": current.num_rows,
        "features": [_row(f, decisions.get(f.feature.name)) for f in verdicts],
        "rule": {
            "min_rows": MIN_ROWS,
            "meaningful_effect": MEANINGFUL_EFFECT,
            "meaningful_distance": MEANINGFUL_DISTANCE,
            "false_discovery_rate": FALSE_DISCOVERY_RATE,
            "seed": seed,
            "evidently_rows": max_rows,
        },
    }
    figures = drift_figures(verdicts, reference.num_rows, current.num_rows)
    return DriftResult(verdicts, head.evidence("drift", figures, detail), page.html if page else None)


def drift_figures(verdicts: Sequence[FeatureDrift], reference_rows: int, current_rows: int) -> dict[str, Figure]:
    """``drift.share`` and ``drift.max_effect``; without a value where nothing could be judged."""
    judged = [f for f in verdicts if f.verdict != "too few rows"]
    effects = [f.effect for f in judged if f.effect is not None]
    if not judged or not effects:
        return {name: Figure(None, n=current_rows) for name in ("drift.share", "drift.max_effect")}
    share = sum(f.verdict == "drifted" for f in judged) / len(judged)
    return {
        "drift.share": Figure(share, n=current_rows),
        "drift.max_effect": _effect_figure(max(effects), reference_rows, current_rows),
    }


def _effect_figure(effect: float, reference_rows: int, current_rows: int) -> Figure:
    """Normal interval of a standardised difference (Hedges & Olkin 1985, section 5.E)."""
    total = reference_rows + current_rows
    error = math.sqrt(total / (reference_rows * current_rows) + effect**2 / (2 * total))
    return Figure(effect, max(0.0, effect - Z * error), effect + Z * error, current_rows)


def _row(drift: FeatureDrift, evidently: EvidentlyDecision | None) -> dict[str, Json]:
    return {
        "feature": drift.feature.name,
        "kind": drift.feature.kind,
        "verdict": drift.verdict,
        "effect": drift.effect,
        "reference_n": drift.reference_n,
        "current_n": drift.current_n,
        "reference_missing": drift.reference_missing,
        "current_missing": drift.current_missing,
        "values": asdict(drift.values) | {"adjusted_p": drift.values_p} if drift.values else None,
        "missing": asdict(drift.missing) | {"adjusted_p": drift.missing_p} if drift.missing else None,
        "evidently": asdict(evidently) if evidently else None,
    }
