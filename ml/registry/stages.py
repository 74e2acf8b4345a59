"""The words of a release: stages and tiers, and their order.

`evaluation/policies` has its own copy, since the two rooms never import each other; the words are the
interface. What does not belong here: who may move a release from one to the other.
"""

from enum import StrEnum
from functools import cached_property


class Stage(StrEnum):
    """How far advice is let out; each one includes the limits of the one before."""

    OFF = "off"
    SHADOW = "shadow"
    ASSISTIVE = "assistive"
    DECISION_SUPPORT = "decision_support"

    @cached_property
    def rank(self) -> int:
        return list(Stage).index(self)


class Tier(StrEnum):
    """What answers: the model, or what stands in for it. A higher rank is a lower service."""

    MODEL = "model"
    REDUCED = "reduced"
    RULE = "rule"
    HISTORY = "history"
    REFERENCE = "reference"
    MANUAL = "manual"

    @cached_property
    def rank(self) -> int:
        return list(Tier).index(self)
