"""The stages of a rollout and the tiers of a fallback, in their order.

Only the names and the order belong here; which step is allowed is decided in ``gates/transitions.py``.
"""

from enum import StrEnum


class Stage(StrEnum):
    """How far a use case has come at a site. Nothing is shown to anybody before ``ASSISTIVE``."""

    OFF = "off"
    SHADOW = "shadow"
    ASSISTIVE = "assistive"
    DECISION_SUPPORT = "decision_support"

    @property
    def rank(self) -> int:
        """0 for ``off``, rising by one per stage."""
        return tuple(Stage).index(self)


class Tier(StrEnum):
    """What answers a request, from the model down to people alone."""

    MODEL = "model"
    REDUCED = "reduced"
    RULE = "rule"
    HISTORY = "history"
    REFERENCE = "reference"
    MANUAL = "manual"

    @property
    def rank(self) -> int:
        """0 for the model, rising by one with every step down."""
        return tuple(Tier).index(self)
