"""When a release steps down by itself: what its last calls came to, and where that leads.

Here belongs counting the signals of one release. Acting on a step down (`tending.py`) and what orchestration watches
(drift, service levels, late feeds: a lower tier in the signed pointer) do not.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ml.registry.stages import Tier
from ml.serving.advice import Advice, tiers_below
from ml.serving.live import Live
from ml.usecases.ladder import Step

WORDS: Mapping[str, str] = {
    "failing": "the model failed",
    "slow": "the model was not there within its time",
    "inputs": "too little was known, or it was stale",
}


@dataclass(frozen=True)
class StepDown:
    """Where a release steps down to, and why."""

    tier: Tier
    reason: str


@dataclass
class Health:
    """The last calls of one release under one pointer."""

    failures: dict[Tier, int] = field(default_factory=dict[Tier, int])
    last: dict[str, deque[bool]] = field(default_factory=dict[str, "deque[bool]"])

    def after(self, live: Live, advice: Advice, in_a_row: int) -> StepDown | None:
        """Take one call; where the release steps down to, if it does."""
        if not advice.was_tried:
            return None
        self._count(advice)
        fault = advice.faults.get(live.tier)
        if fault is not None and self.failures.get(live.tier, 0) >= in_a_row:
            below = [tier for tier in tiers_below(live.release, live.tier) if not self.failures.get(tier)]
            said = f"{self.failures[live.tier]} calls in a row: {fault.reason}"
            return StepDown(below[0] if below else Tier.MANUAL, said)
        found = [self._by_share(live, step, advice) for step in live.steps]
        return max((one for one in found if one), key=lambda one: one.tier.rank, default=None)

    def _count(self, advice: Advice) -> None:
        for tier, fault in advice.faults.items():
            if fault.signal in ("failing", "slow") and fault.was_asked:
                self.failures[tier] = self.failures.get(tier, 0) + 1
        if advice.probabilities is not None:
            self.failures.pop(advice.tier, None)

    def _by_share(self, live: Live, step: Step, advice: Advice) -> StepDown | None:
        if step.signal not in WORDS:
            return None
        shown = any(fault.signal == step.signal and fault.was_asked for fault in advice.faults.values())
        calls = self.last.setdefault(step.signal, deque(maxlen=step.of_last))
        calls.append(shown)
        share, lower = sum(calls) / step.of_last, Tier(step.to)
        if not shown or share < step.share or lower.rank <= live.tier.rank:
            return None
        return StepDown(lower, f"in {sum(calls)} of the last {step.of_last} calls {WORDS[step.signal]}")


def because_silent(live: Live, longest_seconds: float) -> StepDown | None:
    """A step down from a model that has not been asked for so long, since it does not come back."""
    asked = live.asked.get(live.tier)
    if asked is None or asked.silent_seconds < longest_seconds:
        return None
    below = [tier for tier in tiers_below(live.release, live.tier) if not _is_silent(live, tier)]
    lower = below[0] if below else Tier.MANUAL
    return StepDown(lower, f"the model has not answered for {asked.silent_seconds:.0f} seconds")


def because_of_the_clock(live: Live, jumped_seconds: float) -> StepDown | None:
    """A step down where the service's clock jumped and the use case says what then."""
    lower = clock_tier(live)
    if lower is None or not jumped_seconds or lower.rank <= live.tier.rank:
        return None
    side = "ahead" if jumped_seconds > 0 else "back"
    return StepDown(lower, f"the clock of the service jumped {side} by {abs(jumped_seconds):.0f} seconds")


def clock_tier(live: Live) -> Tier | None:
    """Where a jump of the clock steps down to; None where the use case does not say."""
    return next((Tier(step.to) for step in live.steps if step.signal == "clock"), None)


def _is_silent(live: Live, tier: Tier) -> bool:
    return tier in live.asked and live.asked[tier].silent_seconds > 0
