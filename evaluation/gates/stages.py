"""The steps between fallback tiers: any number, in both directions.

Those between stages are a table (``transitions.py``); who may take one is for ``rights.py``.
"""

from typing import Literal

from evaluation.gates.errors import StageError
from evaluation.policies.stage import Tier


def tier_step(current: Tier, target: Tier) -> Literal["up", "down"]:
    """The kind of step between fallback tiers. A breach may step down by itself; only a person steps up.

    Raises :class:`StageError` when nothing would change.
    """
    if current is target:
        raise StageError(f"the tier is {current} already.")
    return "down" if target.rank > current.rank else "up"
