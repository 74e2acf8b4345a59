"""Whether acting on the score helps: net benefit, the decision curve, alert burden.

Here belong figures that weigh true against false alarms at a threshold. Net benefit is
TP/n - FP/n * t/(1-t) (Vickers & Elkin, Medical Decision Making 26 (2006) 565): true alarms per patient after
paying for false ones at the exchange rate that the threshold t says is fair. It is compared with flagging
everybody, nobody, and whom the current practice flags.

Everything here depends on the rows only through a table of few cells (event or not, flagged by the model or
not, by the current practice or not or unrecorded). Resampling rows is drawing that table from a multinomial
distribution, so the bootstrap is exact, paired, and costs no time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.evidence import Figure
from evaluation.metrics import intervals
from evaluation.metrics.sample import CurrentPractice, FloatArray, MetricInputError, checked

BOOTSTRAP_REPLICATES = 2000
CURVE_THRESHOLDS: tuple[float, ...] = tuple(round(0.01 * step, 2) for step in range(1, 51))

# The table: event [2] x flagged by the model [2] x current practice [3: not flagged, flagged, unrecorded].
_SHAPE = (2, 2, 3)
_UNRECORDED = 2


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """Net benefit at one threshold.

    ``gain`` is the model's lead over its strongest rival. Treat-all and treat-none are compared on all rows;
    the current practice, and the model against it, on the rows where the practice was recorded.
    """

    threshold: float
    model: Figure
    gain: Figure
    rival: str
    treat_all: float
    current_practice: float | None
    practice_n: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One threshold of the decision curve; treat-none is 0 everywhere."""

    threshold: float
    model: float
    treat_all: float
    current_practice: float | None


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What flagging at a threshold means on the ward: alerts per 100 rows, and shares from 0 to 1.

    ``ppv`` has no value where nothing is flagged, ``sensitivity`` none where there is no event.
    """

    alerts_per_100: Figure
    sensitivity: Figure
    ppv: Figure


def net_benefit(y: ArrayLike, p: ArrayLike, threshold: float) -> float:
    """Net benefit of flagging every row with ``p >= threshold``, in true alarms per row."""
    outcome, score = checked(y, p)
    return float(_of_model(_tables(outcome, score, threshold, None), _odds(threshold)))


def net_benefit_at(
    y: ArrayLike,
    p: ArrayLike,
    threshold: float,
    practice: CurrentPractice | None,
    *,
    seed: int,
    replicates: int = BOOTSTRAP_REPLICATES,
) -> NetBenefit:
    """Net benefit and gain with percentile intervals of a paired bootstrap over rows."""
    outcome, score = checked(y, p)
    odds, table = _odds(threshold), _tables(outcome, score, threshold, practice)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(outcome.size, table.ravel() / outcome.size, size=replicates)
    drawn = draws.reshape(replicates, *_SHAPE)
    n, events = outcome.size, int(outcome.sum())
    leads = _leads(table, odds)
    rival = min(leads, key=lambda name: float(leads[name]))
    drawn_leads = np.min(np.stack(list(_leads(drawn, odds).values())), axis=0)
    recorded = int(table[:, :, :_UNRECORDED].sum())
    return NetBenefit(
        threshold=threshold,
        model=Figure(float(_of_model(table, odds)), *intervals.percentile(_of_model(drawn, odds)), n, events),
        gain=Figure(float(leads[rival]), *intervals.percentile(drawn_leads), n, events),
        rival=rival,
        treat_all=float(_of_everybody(table, odds)),
        current_practice=float(_of_practice(table, odds)) if recorded else None,
        practice_n=recorded,
    )


def decision_curve(
    y: ArrayLike,
    p: ArrayLike,
    practice: CurrentPractice | None = None,
    thresholds: Sequence[float] = CURVE_THRESHOLDS,
) -> tuple[CurvePoint, ...]:
    """Net benefit over thresholds. The current practice is there only if it was recorded on some row."""
    outcome, score = checked(y, p)
    return tuple(_curve_point(outcome, score, threshold, practice) for threshold in thresholds)


def operating_point(y: ArrayLike, p: ArrayLike, threshold: float) -> OperatingPoint:
    """Alert burden, sensitivity and positive predictive value of flagging ``p >= threshold``."""
    outcome, score = checked(y, p)
    _odds(threshold)
    flagged = score >= threshold
    n, events, alerts = outcome.size, int(outcome.sum()), int(flagged.sum())
    hits = int(outcome[flagged].sum())
    burden = _share(alerts, n, n, events)
    assert burden.value is not None and burden.lower is not None and burden.upper is not None
    return OperatingPoint(
        alerts_per_100=Figure(100 * burden.value, 100 * burden.lower, 100 * burden.upper, n, events),
        sensitivity=_share(hits, events, n, events),
        ppv=_share(hits, alerts, n, events),
    )


def _share(hits: int, of: int, n: int, events: int) -> Figure:
    return Figure(hits / of, *intervals.wilson(hits, of), n, events) if of else Figure(None, n=n, n_events=events)


def _curve_point(
    outcome: FloatArray, score: FloatArray, threshold: float, practice: CurrentPractice | None
) -> CurvePoint:
    odds, table = _odds(threshold), _tables(outcome, score, threshold, practice)
    recorded = table[:, :, :_UNRECORDED].any()
    return CurvePoint(
        threshold=threshold,
        model=float(_of_model(table, odds)),
        treat_all=float(_of_everybody(table, odds)),
        current_practice=float(_of_practice(table, odds)) if recorded else None,
    )


def _odds(threshold: float) -> float:
    if not 0 < threshold < 1:
        raise MetricInputError(f"threshold is {threshold}; expected a probability above 0 and below 1.")
    return threshold / (1 - threshold)


def _tables(
    outcome: FloatArray, score: FloatArray, threshold: float, practice: CurrentPractice | None
) -> NDArray[np.int64]:
    """Count the rows in each cell of ``_SHAPE``."""
    by_practice = np.full(outcome.size, _UNRECORDED)
    if practice is not None:
        by_practice[practice.recorded] = practice.flagged[practice.recorded]
    cell = np.ravel_multi_index((outcome.astype(np.int64), (score >= threshold).astype(np.int64), by_practice), _SHAPE)
    return np.bincount(cell, minlength=12).reshape(_SHAPE).astype(np.int64)


def _leads(table: NDArray[np.int64], odds: float) -> dict[str, FloatArray]:
    """The model's lead over each rival, for one table or a stack of tables ([..., 2, 2, 3])."""
    model = _of_model(table, odds)
    leads = {"treat_all": model - _of_everybody(table, odds), "treat_none": model}
    on_record = table[..., :_UNRECORDED]
    if on_record.any():
        leads["current_practice"] = _of_model(on_record, odds) - _of_practice(table, odds)
    return leads


def _of_model(table: NDArray[np.int64], odds: float) -> FloatArray:
    return _weigh(table[..., :, 1, :].sum(axis=-1), table, odds)


def _of_everybody(table: NDArray[np.int64], odds: float) -> FloatArray:
    return _weigh(table.sum(axis=(-2, -1)), table, odds)


def _of_practice(table: NDArray[np.int64], odds: float) -> FloatArray:
    on_record = table[..., :_UNRECORDED]
    return _weigh(on_record[..., :, :, 1].sum(axis=-1), on_record, odds)


def _weigh(flagged: NDArray[np.int64], table: NDArray[np.int64], odds: float) -> FloatArray:
    """Net benefit from counts flagged by outcome ([..., 2]: non-events, events) and the table's size."""
    size = np.maximum(table.sum(axis=(-3, -2, -1)), 1)
    return np.asarray((flagged[..., 1] - odds * flagged[..., 0]) / size, dtype=np.float64)
