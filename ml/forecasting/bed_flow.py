"""How stays flow through a hospital, learned from its own past, and the beds that follow from who is there now.

Here belongs what turns stays and admission risks into the parts of `bed_demand.py`: how long those who are admitted
wait, how many come in which hour, who leaves. Only what lies before `now` is read. Times are seconds since 1970 and
hours of the site's clock; an inpatient is whoever is on a unit that is no emergency department (`bed_stays.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.forecasting import NotEnoughHistory
from ml.forecasting.bed_demand import Distribution, minus, negative_binomial, plus, poisson_binomial
from ml.forecasting.bed_stays import DAY, FEWEST_DAYS, HOUR, PAST_DAYS, LocalHour, Stays, same_hour
from ml.forecasting.history import Floats

FEWEST_OF_A_BAND = 30
STAYED_DAYS = (0.0, 1.0, 3.0, 7.0)
"""Lower ends of the classes of how long an inpatient has been there."""
PRIOR = 10.0
"""Patients' worth of the hospital's own share, with which a class of few is filled up."""


@dataclass(frozen=True)
class Present:
    """One person in the emergency department: the risk of admission, and hours there so far.

    `told` is the risk as triage said it, by which bands are told apart; None where it said none.
    """

    risk: float
    hours: float
    told: float | None = None


@dataclass(frozen=True)
class Band:
    """People of risks up to `upper`: hours in the department of those who were admitted, and of the others, sorted.

    Who is at high risk stays longer, admitted or not: one clock for all would take a long stay for an admission.
    """

    upper: float
    admitted: Floats
    others: Floats


@dataclass(frozen=True)
class Flow:
    """What was learned at `now`, a moment of local hour `hour`. `bands` rise and end with one for any risk."""

    now: float
    hour: int
    bands: tuple[Band, ...]
    waited_admitted: Floats
    admitted_share: float
    by_hour: Floats
    dispersion: float
    stays: Stays
    local_hour: LocalHour

    def demand(self, present: Sequence[Present], hours: int) -> Distribution:
        """Net beds needed `hours` after `now`: admissions of who is there and of who will come, less who leaves."""
        here = poisson_binomial([self._moves(one, hours) for one in present])
        later = negative_binomial(self._later(hours), self.dispersion)
        return minus(plus(here, later), poisson_binomial(self._leaves(hours)))

    def _moves(self, one: Present, hours: float) -> float:
        """Probability that somebody who is still in the department is admitted to a bed within the window."""
        told = self.bands[-1].upper if one.told is None else one.told
        band = next(band for band in self.bands if told <= band.upper)
        stay, other = _beyond(band.admitted, one.hours), _beyond(band.others, one.hours)
        admitted, not_admitted = one.risk * stay, (1 - one.risk) * other
        if admitted <= 0:
            return 0.0
        later = _beyond(band.admitted, one.hours + hours)
        return float(admitted / (admitted + not_admitted) * (1 - later / stay))

    def _later(self, hours: int) -> float:
        """Expected admissions to beds, within the window, of those who are not there yet."""
        starts = np.arange(hours)
        expected = self.by_hour[(self.hour + starts) % 24]
        in_time = np.array([1 - _beyond(self.waited_admitted, hours - start - 0.5) for start in starts])
        return float((expected * in_time).sum() * self.admitted_share)

    def _leaves(self, hours: float) -> list[float]:
        """Probability of leaving within the window, per inpatient, by how long each has been there."""
        classes = np.searchsorted(STAYED_DAYS, _inpatients(self.stays, self.now) / DAY, "right") - 1
        seen, left = np.zeros(len(STAYED_DAYS)), np.zeros(len(STAYED_DAYS))
        for then in same_hour(self.now, hours, self.local_hour):
            beds = ~self.stays.is_ed & (self.stays.entered <= then) & ~(self.stays.left <= then)
            stayed = (then - self.stays.entered[beds]) / DAY
            place = np.searchsorted(STAYED_DAYS, stayed, "right") - 1
            seen += np.bincount(place, minlength=len(seen))
            gone = (self.stays.left[beds] <= then + hours * HOUR) & self.stays.is_last[beds]
            left += np.bincount(place, gone, len(left))
        usual = left.sum() / max(seen.sum(), 1.0)
        return list(((left + PRIOR * usual) / (seen + PRIOR))[classes])


def learn(stays: Stays, now: float, local_hour: LocalHour, risks: Mapping[str, float] | None = None) -> Flow:
    """Learn from the eight weeks before `now`. Raises `NotEnoughHistory` below three weeks, or without admissions."""
    known = stays.at(now)
    since = now - PAST_DAYS * DAY
    days = min(PAST_DAYS, (now - known.entered.min()) / DAY) if known.entered.size else 0.0
    done = known.is_ed & (known.left <= now) & (known.entered >= since)
    hours = (known.left[done] - known.entered[done]) / HOUR
    moved = ~known.is_last[done]
    if days < FEWEST_DAYS or not moved.any() or moved.all():
        raise NotEnoughHistory(
            f"{days:.0f} days of stays are known, {int(moved.sum())} of them in the emergency department and then "
            f"admitted; at least {FEWEST_DAYS} days, with people who were admitted and who were not, are needed."
        )
    came = known.is_ed & known.is_first & (known.entered >= since)
    local = np.array([local_hour(at) for at in known.entered[came]], dtype=np.int64)
    by_hour = np.bincount(local, minlength=24) / days
    share = float(moved.mean())
    given = np.array([(risks or {}).get(visit, np.nan) for visit in known.visit[done]], np.float64)
    bands = _bands(given, hours, moved)
    return Flow(now, local_hour(now), bands, np.sort(hours[moved]), share, by_hour,
                _dispersion(known.entered[came], now, int(days)), known, local_hour)  # fmt: skip


def _bands(risks: Floats, hours: Floats, moved: npt.NDArray[np.bool_]) -> tuple[Band, ...]:
    """Thirds of the risks that are known, each with enough of either fate, and one band for any risk above them."""
    told = np.isfinite(risks)
    found: list[Band] = []
    lower = -np.inf
    for upper in np.unique(np.quantile(risks[told], (1 / 3, 2 / 3, 1))) if told.any() else ():
        here = told & (risks > lower) & (risks <= upper)
        if min((here & moved).sum(), (here & ~moved).sum()) >= FEWEST_OF_A_BAND:
            found.append(Band(float(upper), np.sort(hours[here & moved]), np.sort(hours[here & ~moved])))
            lower = upper
    return (*found, Band(1.0, np.sort(hours[moved]), np.sort(hours[~moved])))


def recalibrated(risks: Floats, past: Floats, outcomes: Floats) -> Floats:
    """Risks shifted on the logit scale so that those of the past would have added up to what came (Steyerberg 2004)."""
    if len(past) < 10 * FEWEST_DAYS or not 0 < outcomes.sum() < len(outcomes):
        return risks
    logits, shift = _logit(past), 0.0
    for _ in range(25):
        expected = 1 / (1 + np.exp(-(logits + shift)))
        shift += float((outcomes - expected).sum() / max((expected * (1 - expected)).sum(), 1e-9))
    return 1 / (1 + np.exp(-(_logit(risks) + shift)))


def _logit(risks: Floats) -> Floats:
    kept = np.clip(risks, 1e-4, 1 - 1e-4)
    return np.log(kept / (1 - kept))


def _beyond(durations: Floats, hours: float) -> float:
    """Share of durations longer than `hours`, never quite nothing."""
    return float((len(durations) - np.searchsorted(durations, hours, "right") + 0.5) / (len(durations) + 1))


def _inpatients(stays: Stays, now: float) -> Floats:
    beds = ~stays.is_ed & (stays.entered <= now) & np.isnan(stays.left)
    return now - stays.entered[beds]


def _dispersion(arrivals: Floats, now: float, days: int) -> float:
    """How much more daily arrivals vary than chance, as the square of a coefficient of variation; 0 for pure chance.

    Against the mean of the same weekday, so that a busy Monday is no surprise.
    """
    day = np.floor((now - arrivals) / DAY).astype(np.int64)
    counts = np.bincount(day[day < days], minlength=days).astype(np.float64)
    weekday = np.arange(days) % 7
    means = np.bincount(weekday, counts, 7) / np.maximum(np.bincount(weekday, minlength=7), 1)
    variance = float(((counts - means[weekday]) ** 2).sum() / max(days - 7, 1))
    mean = float(counts.mean())
    return max(0.0, (variance - mean) / mean**2) if mean else 0.0
