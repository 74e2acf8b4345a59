"""Metrics of a forecast with intervals, against what a person would have said without it.

Columns in, figures of evidence out. Forecast errors of neighbouring days hang together, so every interval is that of a
circular block bootstrap over days (Politis and Romano 1992): whole blocks of days are drawn, all series of a day
together. Which days are judged is the caller's decision, which figures are good enough a policy's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics import intervals
from evaluation.metrics.sample import FloatArray, MetricInputError

BLOCK_DAYS = 14
"""Two weeks: longer than the longest horizon, and a whole number of weekdays."""
REPLICATES = 2000
FEWEST_DAYS = 2 * BLOCK_DAYS


@dataclass(frozen=True, slots=True, eq=False)
class ForecastSample:
    """Forecasts of one target at one horizon, and what came: vectors of one length.

    ``day``: whole days (any origin) that rows are drawn by; ``levels`` rise and hold 0.5 and the interval's ends;
    ``quantiles``: rows x levels; ``baselines``: name -> forecast;
    ``block``: how many days (or whatever ``day`` counts) are drawn together.
    """

    name: str
    day: NDArray[np.int64]
    truth: FloatArray
    levels: tuple[float, ...]
    quantiles: FloatArray
    baselines: Mapping[str, FloatArray]
    block: int = BLOCK_DAYS

    def __post_init__(self) -> None:
        n = len(self.truth)
        if n == 0:
            raise MetricInputError(f"{self.name}: there are no forecasts to judge; widen the window.")
        lengths = {len(self.day), len(self.quantiles), *map(len, self.baselines.values())}
        if lengths != {n} or self.quantiles.shape[1:] != (len(self.levels),):
            raise MetricInputError(f"{self.name}: columns have different lengths.")
        every = [self.truth, self.quantiles, *self.baselines.values()]
        if not all(np.isfinite(values).all() for values in every):
            raise MetricInputError(
                f"{self.name}: a truth or a forecast is missing; leave such rows out and count them."
            )
        if (np.diff(self.quantiles, axis=1) < 0).any():
            raise MetricInputError(f"{self.name}: quantiles cross; expected them to rise with the level.")

    def at(self, level: float) -> FloatArray:
        """The quantile of one level. Raises ``MetricInputError`` when it was not forecast."""
        found = np.flatnonzero(np.isclose(self.levels, level))
        if not found.size:
            raise MetricInputError(f"{self.name}: the quantile {level:g} was not forecast; levels: {self.levels}.")
        return self.quantiles[:, found[0]]


@dataclass(frozen=True, slots=True)
class ForecastEvaluation:
    """One document of evidence, and the plain figures of a backtest by ``<target>_<horizon>d``."""

    evidence: Evidence
    outcomes: Mapping[str, Mapping[str, Json]]


def evaluate_forecasts(
    samples: Sequence[ForecastSample], head: EvidenceHead, *, coverage: float, seed: int
) -> ForecastEvaluation:
    """Judge all targets and horizons."""
    figures: dict[str, Figure] = {}
    outcomes: dict[str, Mapping[str, Json]] = {}
    for sample in samples:
        found = forecast_figures(sample, coverage, seed)
        figures |= {f"{sample.name}.{name}": figure for name, figure in found.items()}
        outcomes[sample.name] = _outcome(found, sample, coverage)
    return ForecastEvaluation(head.evidence("performance", figures, {"method": method_of(samples, seed)}), outcomes)


def method_of(samples: Iterable[ForecastSample], seed: int) -> str:
    """How the bounds of these samples' figures are drawn, in words."""
    blocks = " or ".join(str(block) for block in sorted({sample.block for sample in samples}))
    return f"circular block bootstrap of {blocks} periods, {REPLICATES} replicates, seed {seed}"


def forecast_figures(sample: ForecastSample, coverage: float, seed: int) -> dict[str, Figure]:
    """MAE, mean pinball loss over the levels, coverage and width of the central interval, for every baseline its MAE
    and the skill against it (1 - MAE / MAE of the baseline), and the skill against the better of them."""
    low, high = sample.at((1 - coverage) / 2), sample.at((1 + coverage) / 2)
    inside = (sample.truth >= low) & (sample.truth <= high)
    columns = {
        "mae": np.abs(sample.truth - sample.at(0.5)),
        "pinball": pinball(sample.truth, sample.quantiles, sample.levels),
        "coverage": inside.astype(np.float64),
        "width": high - low,
    }
    columns |= {f"{name}.mae": np.abs(sample.truth - values) for name, values in sample.baselines.items()}
    totals, counts = _by_day(sample.day, np.column_stack(list(columns.values())))
    draws = _drawn_means(totals, counts, seed, sample.block)
    means = totals.sum(axis=0) / counts.sum()
    n, place = len(sample.truth), {name: number for number, name in enumerate(columns)}
    figures = {name: _figure(means[at], draws, lambda d, at=at: d[:, at], n) for name, at in place.items()}
    for name in sample.baselines:
        at = place[f"{name}.mae"]
        value = _skill(means[None, 0], means[None, at])[0]
        figures[f"{name}.skill"] = _figure(value, draws, lambda d, at=at: _skill(d[:, 0], d[:, at]), n)
    return figures | {"skill": _skill_of_better(means, draws, [place[f"{name}.mae"] for name in sample.baselines], n)}


def _skill_of_better(means: FloatArray, draws: FloatArray | None, baselines: Sequence[int], n: int) -> Figure:
    """Skill against whichever baseline is better, in every replicate anew: nobody chose it with the answer in hand."""
    if not baselines:
        return Figure(None, n=n)
    value = _skill(means[None, 0], means[None, baselines].min(axis=1))[0]
    return _figure(value, draws, lambda d: _skill(d[:, 0], d[:, baselines].min(axis=1)), n)


def pinball(truth: FloatArray, quantiles: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Quantile loss (Koenker and Bassett 1978), averaged over the levels, per row."""
    miss = truth[:, None] - quantiles
    level = np.asarray(levels)
    return np.maximum(level * miss, (level - 1) * miss).mean(axis=1)


def _skill(error: FloatArray, baseline: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(baseline > 0, 1 - error / baseline, np.nan)


def _by_day(day: NDArray[np.int64], columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Totals of the columns and counts of rows, per distinct day in order."""
    distinct, place = np.unique(day, return_inverse=True)
    totals = np.zeros((len(distinct), columns.shape[1]))
    np.add.at(totals, place, columns)
    return totals, np.bincount(place).astype(np.float64)


def _drawn_means(totals: FloatArray, counts: FloatArray, seed: int, block: int) -> FloatArray | None:
    """Means of every column per replicate, or None where there are too few days for blocks."""
    days = len(counts)
    if days < 2 * block:
        return None
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, days, (REPLICATES, -(-days // block)))
    weights = np.zeros((REPLICATES, days))
    for offset in range(block):
        within = np.arange(starts.shape[1]) * block + offset < days
        np.add.at(weights, (np.arange(REPLICATES)[:, None], (starts[:, within] + offset) % days), 1.0)
    return (weights @ totals) / (weights @ counts)[:, None]


def _figure(value: float, draws: FloatArray | None, pick: Callable[[FloatArray], FloatArray], n: int) -> Figure:
    if not np.isfinite(value):
        return Figure(None, n=n)
    if draws is None:
        return Figure(float(value), n=n)
    picked = pick(draws)
    if not np.isfinite(picked).all():
        return Figure(float(value), n=n)
    lower, upper = intervals.percentile(picked)
    return Figure(float(value), min(lower, float(value)), max(upper, float(value)), n)


def _outcome(figures: Mapping[str, Figure], sample: ForecastSample, coverage: float) -> Mapping[str, Json]:
    share = f"{100 * coverage:.0f}"
    covered = figures["coverage"]
    return {
        "n": len(sample.truth),
        "mae": figures["mae"].value,
        "pinball": figures["pinball"].value,
        f"coverage_{share}": covered.value,
        f"coverage_{share}_interval": [covered.lower, covered.upper],
        f"width_{share}": figures["width"].value,
        "baselines": {name: {"mae": figures[f"{name}.mae"].value} for name in sample.baselines},
        "skill": {name: _bounds(figures[f"{name}.skill"]) for name in sample.baselines},
    }


def _bounds(figure: Figure) -> Mapping[str, Json]:
    return {"value": figure.value, "lower": figure.lower, "upper": figure.upper}
