"""How people flow through a session: expected waiting, idle time and overtime, exactly, and their spread, simulated.

Whoever comes, comes at the start of their slot; they are seen in the order of slots, and within a slot in the order of
booking, an extra booking last. One clinician sees them without a pause. Coming or not, and how long it takes, are
independent from one to the next. Under these assumptions the minutes of work ahead of the clinician form a Markov chain
over whole minutes, and expectations follow by convolution (Cayirli and Veral 2003; Muthuraman and Lawley, IIE
Transactions 40 (2008) 820). Waiting and idle time depend on the whole path, so their quantiles are simulated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.forecasting.bed_demand import Distribution, poisson_binomial

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """One slot as the flow sees it: when (minutes from the start), planned minutes, and who comes how likely."""

    offset: int
    minutes: int
    attendance: tuple[float, ...]


@dataclass(frozen=True)
class Expected:
    """Expectations in minutes; `waiting` is of all who come together. `overtime` and `attending` are distributions."""

    waiting: float
    idle: float
    attending: Distribution
    overtime: Distribution

    @property
    def waiting_each(self) -> float:
        """Minutes per person who comes: expected waiting over expected attendance."""
        return self.waiting / self.attending.mean if self.attending.mean else 0.0


@dataclass(frozen=True)
class Spread:
    """5 % and 95 % quantiles, and the standard error of the simulated mean (minutes)."""

    lower: float
    upper: float
    mean: float
    standard_error: float


@dataclass(frozen=True)
class Simulated:
    """Waiting per person who comes, and idle time, over `sessions` simulated ones."""

    waiting_each: Spread
    idle: Spread
    sessions: int


def lengths(minutes: int, shares: Mapping[float, float]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Possible lengths of a consultation in whole minutes, at least one, and their probabilities."""
    found: dict[int, float] = {}
    for factor, share in shares.items():
        whole = max(1, round(minutes * factor))
        found[whole] = found.get(whole, 0.0) + share
    values = sorted(found)
    return np.array(values, dtype=np.int64), np.array([found[value] for value in values])


def expected(turns: Sequence[Turn], session_minutes: int, shares: Mapping[float, float]) -> Expected:
    """Expectations of a session, exactly. `turns` are in order and inside the session."""
    ahead, waiting, idle, now = np.ones(1), 0.0, 0.0, 0
    services = {turn.minutes: _service(turn.minutes, shares) for turn in turns}
    for turn in turns:
        ahead, resting = _worked(ahead, turn.offset - now)
        idle, now = idle + resting, turn.offset
        for comes in turn.attendance:
            waiting += comes * float(ahead @ np.arange(len(ahead)))
            seen = comes * np.convolve(ahead, services[turn.minutes])
            seen[: len(ahead)] += (1 - comes) * ahead
            ahead = seen
    ahead, resting = _worked(ahead, session_minutes - now)
    attending = poisson_binomial([comes for turn in turns for comes in turn.attendance])
    return Expected(waiting, idle + resting, attending, Distribution(0, ahead))


def overtime_if_all_come(turns: Sequence[Turn], session_minutes: int) -> int:
    """Minutes past the end when everybody comes and every consultation takes as long as planned."""
    ahead, now = 0, 0
    for turn in turns:
        ahead, now = max(0, ahead - (turn.offset - now)), turn.offset
        ahead += turn.minutes * len(turn.attendance)
    return max(0, ahead - (session_minutes - now))


def simulate(
    turns: Sequence[Turn], session_minutes: int, shares: Mapping[float, float], *, seed: int, sessions: int
) -> Simulated:
    """The spread of waiting and idle time over simulated sessions. Needs somebody booked."""
    rng = np.random.default_rng(seed)
    ahead, waiting, idle = np.zeros(sessions), np.zeros(sessions), np.zeros(sessions)
    came, now = np.zeros(sessions), 0
    for turn in turns:
        idle += np.maximum(0.0, turn.offset - now - ahead)
        ahead, now = np.maximum(0.0, ahead - (turn.offset - now)), turn.offset
        values, probabilities = lengths(turn.minutes, shares)
        for comes in turn.attendance:
            is_there = rng.random(sessions) < comes
            waiting += np.where(is_there, ahead, 0.0)
            ahead = ahead + np.where(is_there, rng.choice(values, size=sessions, p=probabilities), 0)
            came += is_there
    idle += np.maximum(0.0, session_minutes - now - ahead)
    each = np.divide(waiting, came, out=np.zeros(sessions), where=came > 0)
    return Simulated(_spread(each, *_ratio(waiting, came)), _spread(idle, *_ratio(idle, np.ones(sessions))), sessions)


def _service(minutes: int, shares: Mapping[float, float]) -> Floats:
    values, probabilities = lengths(minutes, shares)
    service = np.zeros(int(values[-1]) + 1)
    service[values] = probabilities
    return service


def _worked(ahead: Floats, minutes: int) -> tuple[Floats, float]:
    """The work ahead some minutes later, and the expected minutes without any."""
    if minutes <= 0:
        return ahead, 0.0
    resting = float(ahead[:minutes] @ (minutes - np.arange(min(minutes, len(ahead)))))
    left = np.concatenate(([float(ahead[: minutes + 1].sum())], ahead[minutes + 1 :]))
    return left, resting


def _ratio(of: Floats, per: Floats) -> tuple[float, float]:
    """The ratio of two means and its standard error (delta method)."""
    if not per.any():
        return 0.0, 0.0
    ratio = float(of.mean() / per.mean())
    return ratio, float((of - ratio * per).std(ddof=1) / (per.mean() * np.sqrt(len(of))))


def _spread(values: Floats, mean: float, error: float) -> Spread:
    low, high = np.quantile(values, (0.05, 0.95))
    return Spread(float(low), float(high), mean, error)
