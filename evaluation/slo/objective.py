"""One objective: what is counted, how much of it must be good over how long, and which burn of its budget alerts.

Here belong the values; reading them from OpenSLO YAML belongs in ``load.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

LEAST_BAD = 3
"""An alert wants this many failures in its long window: one failure among few events is no rate."""


@dataclass(frozen=True)
class Alert:
    """A burn rate that is told: reached over ``long`` and still going on over ``short`` (multi-window, Google SRE
    Workbook, chapter 5). A burn of 1 spends the whole budget in exactly the objective's window."""

    name: str
    severity: str
    burn: float
    long: timedelta
    short: timedelta


@dataclass(frozen=True)
class Objective:
    """A promise about the events of one ``measure``: good is what took at most ``at_most``; a share of at least
    ``target`` is good over ``window``. ``weights`` say by the value of the column ``weigh_by`` how much heavier than
    1 an event counts against the budget; what the events are is up to the measure."""

    name: str
    title: str
    use_case: str
    measure: str
    at_most: timedelta
    target: float
    window: timedelta
    owner: str
    rationale: str
    date: str
    alerts: tuple[Alert, ...]
    weigh_by: str | None = None
    weights: Mapping[str, float] | None = None

    @property
    def allowed(self) -> float:
        """The share that may be bad."""
        return 1 - self.target

    def weight(self, value: str | None) -> float:
        """How much an event with that value of ``weigh_by`` counts."""
        return (self.weights or {}).get(str(value), 1.0)
