"""Whether what was measured in operation breaches a trigger of the policy, and where the release goes then.

Pure arithmetic over readings. Measuring belongs to those who hold events and evidence, stepping down to those who hold
the pointer; nothing here acts.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evaluation.policies.policy import Trigger
from evaluation.policies.stage import Stage, Tier

_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda found, limit: found >= limit,
    ">": lambda found, limit: found > limit,
    "<=": lambda found, limit: found <= limit,
    "<": lambda found, limit: found < limit,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal as it was measured on ``n`` cases; no value where it could not be. ``columns`` it is about, if any."""

    value: float | None
    n: int
    columns: tuple[str, ...] = ()


NOTHING_READ = Reading(None, 0)


@dataclass(frozen=True, slots=True)
class Breach:
    """A trigger with the reading that breaches it."""

    trigger: Trigger
    reading: Reading

    @property
    def sentence(self) -> str:
        """What was seen, for people."""
        one = self.trigger
        return (
            f"Trigger {one.id}: {one.signal} was {self.reading.value:.4g} on {self.reading.n} {one.counted} within "
            f"{one.window_minutes} minutes; {one.comparison} {one.threshold:g} steps down. {one.rationale}"
        )


def breached(trigger: Trigger, reading: Reading) -> Breach | None:
    """The breach, if there is one. Below ``min_n`` cases, and without a value, nothing acts."""
    value = reading.value
    if value is None or not math.isfinite(value) or reading.n < trigger.min_n:
        return None
    return Breach(trigger, reading) if _COMPARES[trigger.comparison](value, trigger.threshold) else None


def would_lower(trigger: Trigger, stage: Stage, tier: Tier) -> bool:
    """Whether what the trigger does is a step down from where a release stands."""
    target = trigger.steps_down_to
    if stage is Stage.OFF:
        return False
    if target.stage is not None:
        return target.stage.rank < stage.rank
    return target.tier is not None and target.tier.rank > tier.rank


def lowered_by(triggers: Sequence[Trigger], stage: Stage, tier: Tier) -> tuple[Stage, Tier]:
    """Where a release that stands at ``stage`` and ``tier`` goes for these triggers together: as low as any asks."""
    stages = [stage, *(one.steps_down_to.stage for one in triggers if one.steps_down_to.stage is not None)]
    tiers = [tier, *(one.steps_down_to.tier for one in triggers if one.steps_down_to.tier is not None)]
    return min(stages, key=lambda one: one.rank), max(tiers, key=lambda one: one.rank)
