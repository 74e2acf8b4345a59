"""Beds needed in the next hours, as a distribution: who is in the emergency department now, who will come, who leaves.

Each patient now in the department is a Bernoulli draw with triage's admission risk (their sum is Poisson-binomial);
those who will come are a Poisson count, of whom a share is admitted in time; discharges free beds. Parts are taken as
independent, given the risks. Exact probabilities by convolution, no simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.forecasting import BadHistory
from ml.forecasting.history import Floats

NEGLIGIBLE = 1e-12
LARGEST_MEAN = 2000.0
SMALLEST_EXCESS = 1e-6


@dataclass(frozen=True)
class Distribution:
    """Probabilities of the whole numbers from `lowest` on; they add up to 1."""

    lowest: int
    probabilities: Floats

    @property
    def values(self) -> Floats:
        """The whole numbers."""
        return np.arange(self.lowest, self.lowest + len(self.probabilities), dtype=np.float64)

    @property
    def mean(self) -> float:
        return float(self.values @ self.probabilities)

    def quantile(self, level: float) -> int:
        """The smallest number that is not exceeded with at least this probability."""
        reached = np.cumsum(self.probabilities) >= level - NEGLIGIBLE
        return self.lowest + (int(np.argmax(reached)) if reached.any() else len(self.probabilities) - 1)

    def below(self, value: int) -> float:
        """Probability of less than `value`."""
        return float(self.probabilities[: max(value - self.lowest, 0)].sum())

    def at(self, value: int) -> float:
        """Probability of exactly `value`."""
        place = value - self.lowest
        return float(self.probabilities[place]) if 0 <= place < len(self.probabilities) else 0.0

    def pit(self, value: int, uniform: float) -> float:
        """Randomised probability integral transform: uniform on 0..1 if the distribution is right (Smith 1985)."""
        return self.below(value) + uniform * self.at(value)


def poisson_binomial(risks: Sequence[float]) -> Distribution:
    """Number of events among independent ones with these probabilities, by exact convolution."""
    probabilities = np.ones(1)
    for risk in risks:
        if not 0 <= risk <= 1:
            raise BadHistory(f"An admission risk is {risk}; expected a probability from 0 to 1.")
        probabilities = np.convolve(probabilities, [1 - risk, risk])
    return Distribution(0, probabilities)


def poisson(mean: float) -> Distribution:
    """Poisson counts, cut where the rest is negligible, and the rest given to the last."""
    if not 0 <= mean <= LARGEST_MEAN:
        raise BadHistory(f"A mean count is {mean}; expected 0 to {LARGEST_MEAN:.0f}.")
    top = int(np.ceil(mean + 10 * np.sqrt(mean) + 20))
    counts = np.arange(top + 1)
    logs = counts * np.log(mean) if mean else np.where(counts == 0, 0.0, -np.inf)
    probabilities = np.exp(logs - mean - np.concatenate(([0.0], np.cumsum(np.log(counts[1:])))))
    probabilities[-1] += max(0.0, 1 - probabilities.sum())
    return Distribution(0, probabilities / probabilities.sum())


def negative_binomial(mean: float, dispersion: float) -> Distribution:
    """Counts that vary more than chance: Poisson with a gamma mean, variance `mean + dispersion * mean ** 2`."""
    if dispersion < 0:
        raise BadHistory(f"A dispersion is {dispersion}; expected 0 or more.")
    if dispersion * mean < SMALLEST_EXCESS:
        return poisson(mean)
    spread = np.sqrt(mean + dispersion * mean**2)
    top = int(np.ceil(mean + 12 * spread + 20))
    size, counts = 1 / dispersion, np.arange(1, top + 1)
    odds = mean / (mean + size)
    logs = np.cumsum(np.log((counts + size - 1) / counts * odds))
    probabilities = np.concatenate(([1.0], np.exp(logs))) * (1 - odds) ** size
    probabilities[-1] += max(0.0, 1 - probabilities.sum())
    return Distribution(0, probabilities / probabilities.sum())


def plus(one: Distribution, other: Distribution) -> Distribution:
    """The sum of two independent counts."""
    return Distribution(one.lowest + other.lowest, np.convolve(one.probabilities, other.probabilities))


def minus(one: Distribution, other: Distribution) -> Distribution:
    """The difference of two independent counts; it may be negative."""
    lowest = one.lowest - (other.lowest + len(other.probabilities) - 1)
    return Distribution(lowest, np.convolve(one.probabilities, other.probabilities[::-1]))


def bed_demand(
    risks: Sequence[float],
    in_time: float,
    arrivals_mean: float,
    arrivals_share: float,
    discharge_risks: Sequence[float],
) -> Distribution:
    """Net beds needed by the end of the window: admissions less discharges.

    `risks`: triage's admission risk of each patient now in the department; `in_time`: share of their admissions that
    happen within the window; `arrivals_mean`: expected arrivals in it; `arrivals_share`: share of those admitted in
    it; `discharge_risks`: probability of leaving within it, per inpatient. Raises `BadHistory` for what is none.
    """
    for name, share in (("in_time", in_time), ("arrivals_share", arrivals_share)):
        if not 0 <= share <= 1:
            raise BadHistory(f"{name} is {share}; expected a share from 0 to 1.")
    admitted = plus(poisson_binomial([risk * in_time for risk in risks]), poisson(arrivals_mean * arrivals_share))
    return minus(admitted, poisson_binomial(discharge_risks))
