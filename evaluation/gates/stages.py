"""The order of rollout: stages and tiers, and the steps between them.

Up one stage at a time; down any number. Which evidence a step up needs is for ``decide.py``, who may take it
for ``authorise.py`` and ``rights.py``.
"""

from typing import Literal

from evaluation.gates.errors import StageError
from evaluation.policies.stage import Stage, Tier


def step(current: Stage, target: Stage) -> Literal["up", "down", "replace"]:
    """The kind of step from ``current`` to ``target``; ``replace`` is another release in the same stage.

    Raises :class:`StageError` for a step that skips a stage, and from off to off.
    """
    if target.rank > current.rank + 1:
        following = tuple(Stage)[current.rank + 1]
        raise StageError(
            f"{target} does not follow {current}: the next stage up is {following}, with its own evidence."
        )
    if target.rank > current.rank:
        return "up"
    if target.rank < current.rank:
        return "down"
    if target is Stage.OFF:
        raise StageError("it is off already.")
    return "replace"


def tier_step(current: Tier, target: Tier) -> Literal["up", "down"]:
    """The kind of step between fallback tiers. A breach may step down by itself; only a person steps up.

    Raises :class:`StageError` when nothing would change.
    """
    if current is target:
        raise StageError(f"the tier is {current} already.")
    return "down" if target.rank > current.rank else "up"
