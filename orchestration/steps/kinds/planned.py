"""What a kind of use case must give that advises a unit by a plan: a draft, from what had arrived by a time.

Publishing, signing, deadlines and the tier that may answer are the same for all of them (`steps/plans`). What does not
belong here: how a draft is made (the kinds), and what other use cases say (`steps/upstream`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from evaluation.policies import Tier
from ml.registry.store import VerifiedRelease
from ml.usecases import Declaration
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.kinds import Kind
from orchestration.steps.planning.upstream import Answered


@dataclass(frozen=True)
class Asked:
    """What a plan is made for: a release at a site, `at` a time in the site's zone, with at most the tier `allowed`.

    `upstream` holds, by name, what every use case that the declaration names as upstream says now.
    """

    declared: Declaration
    site: Site
    release: VerifiedRelease
    allowed: Tier
    at: datetime
    upstream: Mapping[str, Answered]


@dataclass(frozen=True)
class Draft:
    """A plan before it is signed. `lines` and `gave_way` are as in `pilothouse.plan/1`, plain data, in any order.

    `tier` is what answered, never above what was allowed, and `tier_reason` why no higher one did, in a sentence;
    `as_of` when the newest of its data had arrived; `notes` are sentences for the board. A draft of tier manual may
    have no line. `document` is what belongs to the plan and may not be in it, since it names people: whoever publishes
    the plan keeps it beside, and a rehearsal keeps nothing.
    """

    tier: Tier
    tier_reason: str | None
    as_of: datetime
    valid_until: datetime
    lines: tuple[dict[str, Any], ...] = ()
    gave_way: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None


@runtime_checkable
class Planned(Kind, Protocol):
    """A kind whose releases speak through plans."""

    def draft(self, settings: Settings, asked: Asked) -> Draft:
        """Make a plan. What is wrong with its input is a lower tier that says so, and never an exception."""
        ...
