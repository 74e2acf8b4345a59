"""A release that scores one case at a time, as it is served: rules, scorer and tier of one site.

Here belongs the way from a verified release to a scorer, or to the tier below when its model cannot be read. Verifying
(`releases.py`) and what is said (`advice.py`) do not.
"""

from dataclasses import dataclass
from pathlib import Path

from ml.registry.pointer import Pointer
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving.advice import next_tier
from ml.serving.config import ServingConfig
from ml.serving.releases import Idle
from ml.serving.scoring import Scorer
from ml.serving.services import SERVICES, Rules


@dataclass
class Live:
    """A verified release being served. `tier` and `failures` change as it is; everything else is fixed."""

    pointer: Pointer
    release: VerifiedRelease
    rules: Rules
    scorer: Scorer | None
    tier: Tier
    tier_reason: str | None = None
    model_fault: str | None = None
    failures: int = 0

    @property
    def stage(self) -> Stage:
        return self.pointer.stage


SiteState = Idle | Live


@dataclass(frozen=True)
class ScorerOpener:
    """Opens releases of a use case that scores one case at a time."""

    config: ServingConfig
    use_case: str

    def files(self, site: str) -> tuple[Path, ...]:  # noqa: ARG002 - a scorer depends on its release alone
        """Nothing beside the pointer."""
        return ()

    def open(self, site: str, pointer: Pointer, release: VerifiedRelease, tier: Tier, reason: str | None) -> Live:
        """The scorer of a release; a model that cannot be read is stepped down from."""
        zone, service = self.config.sites[site].zone, SERVICES[self.use_case]
        try:
            scorer = Scorer.load(release)
            rules = service.rules(scorer.model.feature_names, scorer.model.vocabulary, zone)
        except Exception as error:  # noqa: BLE001 - a verified model that cannot be read steps down, whatever it raises
            fault = f"the model cannot be read: {type(error).__name__}"
            lower = max(tier, next_tier(release, Tier.MODEL), key=lambda candidate: candidate.rank)
            return Live(pointer, release, service.bare_rules(zone), None, lower, reason or fault, fault)
        return Live(pointer, release, rules, scorer, tier, reason)
