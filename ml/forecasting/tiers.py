"""Which tier may answer: model, weekday's average, yesterday, or the manager's own figure.

A pure function of how old and how whole the input is. A tier steps down by itself and says why; only a person steps up
the release again. Limits are the use case's (`fallback`).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ml.usecases.forecast import FreshnessLimits
from ml.usecases.ladder import TierName

Tier = Literal["model", "rule", "history", "manual"]
ORDER: Mapping[Tier, tuple[Tier, ...]] = {
    "model": ("model", "rule", "history", "manual"),
    "rule": ("rule", "history", "manual"),
    "history": ("history", "manual"),
    "manual": ("manual",),
}
"""The tier that is allowed -> those that may answer, best first."""
NEXT_BELOW: Mapping[TierName, Tier] = {"reduced": "rule", "reference": "manual"}
"""A forecast has no smaller model and no guideline: what answers where a person stepped it down to one."""
SAID: Mapping[Tier, str] = {
    "model": "the model",
    "rule": "the average of the same weekday",
    "history": "the last known figure",
    "manual": "the manager's own figure",
}


@dataclass(frozen=True)
class Health:
    """What is known of the input of one series.

    `known_until`: end of the last known day, or None; `is_dense`: nearly all of the last two weeks is known;
    `weekdays`: how many of the last six same weekdays are; `fault`: why the model cannot answer, or empty.
    """

    known_until: dt.datetime | None
    is_dense: bool
    weekdays: int
    fault: str = ""


@dataclass(frozen=True)
class Answering:
    """The tier that answers, and why no higher one does (empty for the one allowed)."""

    tier: Tier
    why: str


def answering(health: Health, now: dt.datetime, limits: FreshnessLimits, allowed: TierName = "model") -> Answering:
    """The highest tier that may answer, starting from the one that is released."""
    first = ""
    for tier in ORDER[_of_a_forecast(allowed)]:
        why = _unfit(tier, health, now, limits)
        if not why:
            return Answering(tier, f"{first}; {SAID[tier]} is given instead." if first else "")
        first = first or why
    raise AssertionError("the manager's own figure is always allowed")


def _of_a_forecast(tier: TierName) -> Tier:
    return NEXT_BELOW[tier] if tier == "reduced" or tier == "reference" else tier


def _unfit(tier: Tier, health: Health, now: dt.datetime, limits: FreshnessLimits) -> str:
    if tier == "manual":
        return ""
    if health.known_until is None:
        return "Nothing is known of this unit and shift"
    hours = (now - health.known_until).total_seconds() / 3600
    limit = {"model": limits.model_hours, "rule": limits.rule_hours, "history": limits.history_hours}[tier]
    if hours < 0:
        return "The newest figure is dated in the future; the feed's clock is wrong"
    if hours > limit:
        return f"The newest figure is {hours:.0f} hours old, more than {limit:.0f}"
    if tier == "model" and health.fault:
        return health.fault
    if tier == "model" and not health.is_dense:
        return "Days of the last two weeks are missing"
    if tier == "rule" and health.weekdays < 2:
        return "Fewer than two of the last six same weekdays are known"
    return ""
