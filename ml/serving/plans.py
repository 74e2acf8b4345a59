"""A release that advises a unit, as it is served: the signed plan that was published under it.

Here belongs the way from a verified release to the plan beside it, or to why there is none to show. Making plans is
the graph's business; what a board says of them is `board/`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ml.registry import RegistryError
from ml.registry.plan import CURRENT, Plan, is_current, plan_folder, read_plan
from ml.registry.pointer import Pointer
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving.config import ServingConfig
from ml.serving.releases import Idle

NONE_YET = "no plan was published yet"


@dataclass(frozen=True)
class Planning:
    """A verified release and the plan made under it; `problem` says why there is no plan that could be shown."""

    pointer: Pointer
    release: VerifiedRelease
    tier: Tier
    tier_reason: str | None
    plan: Plan | None
    problem: str | None

    @property
    def stage(self) -> Stage:
        return self.pointer.stage

    def shown(self, now: datetime) -> Plan | None:
        """The plan, where it may be shown to people now."""
        return self.plan if self.why_not(now) is None else None

    def why_not(self, now: datetime) -> str | None:
        """Why no plan is shown now; None where one is."""
        if self.stage.rank < Stage.ASSISTIVE.rank:
            return "the model is being observed; its plans are shown to nobody"
        if self.plan is None:
            return self.problem or NONE_YET
        if self.tier is Tier.MANUAL:
            return self.tier_reason or "switched to manual: people plan by themselves"
        if self.plan.tier.rank < self.tier.rank:
            return f"it was made by the {self.plan.tier}, which has since been stepped down from"
        return is_current(self.plan, self.release.digest, now)


PlanningState = Idle | Planning


@dataclass(frozen=True)
class PlanOpener:
    """Opens releases of a use case that publishes plans."""

    config: ServingConfig
    use_case: str

    def files(self, site: str) -> tuple[Path, ...]:
        """The current plan: a new one is shown without the pointer moving."""
        return (plan_folder(self.config.home, self.use_case, site) / CURRENT,)

    def open(self, site: str, pointer: Pointer, release: VerifiedRelease, tier: Tier, reason: str | None) -> Planning:
        """The release with its plan. Raises `ReleaseError` for a release whose layout is no board's."""
        _ = release.board
        try:
            public_key = load_public_key(self.config.home / RELEASE_PUBLIC_KEY)
            plan, problem = read_plan(self.config.home, self.use_case, site, public_key), None
            if plan is not None:
                _ = plan.digest, plan.of_unit("")  # computed here, once, and not while somebody waits
        except RegistryError as error:
            plan, problem = None, str(error)
        return Planning(pointer, release, tier, reason, plan, problem)
