"""A release that scores one case at a time, as it is served: rules, scorers and tier of one site.

Here belongs the way from a verified release to its scorers, or to the tier below when its model cannot be read.
Verifying (`releases.py`), asking a model (`asking.py`) and what is said (`advice.py`) do not.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ml.registry.pointer import Pointer
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving import ServingError
from ml.serving.asking import AskedModel, ModelThread
from ml.serving.config import ServingConfig
from ml.serving.loading import Loading, StillRead
from ml.serving.releases import Idle
from ml.serving.scoring import Scorer
from ml.serving.services import SERVICES, Rules
from ml.usecases.ladder import Ladder, Step

DEFAULT_BUDGET_SECONDS = 1.0
"""What the models of a release without a ladder may take together."""
MOST_GIVEN_UP = 4
"""Hanging threads of one model and site: beyond them no more are begun, since each holds its memory."""


class TooManyHang(ServingError):
    """So many threads of a model hang that no other is begun."""


@dataclass
class Live:
    """A verified release being served. `tier` changes as it is; everything else is fixed.

    While its model `is_being_read`, the tier below answers, and the release is opened again.
    """

    pointer: Pointer
    release: VerifiedRelease
    rules: Rules
    scorers: Mapping[Tier, Scorer]
    asked: Mapping[Tier, AskedModel]
    tier: Tier
    tier_reason: str | None = None
    model_fault: str | None = None
    is_being_read: bool = False

    @property
    def stage(self) -> Stage:
        return self.pointer.stage

    @property
    def ladder(self) -> Ladder | None:
        """What the use case declares of its tiers; None for a release from before it could."""
        return self.release.card.fallback

    @property
    def steps(self) -> tuple[Step, ...]:
        return () if self.ladder is None else self.ladder.steps

    @property
    def budget_seconds(self) -> float:
        """What the models of one call may take together."""
        return DEFAULT_BUDGET_SECONDS if self.ladder is None else self.ladder.budget_ms / 1000

    @property
    def each_seconds(self) -> float:
        """What one of the release's models may take."""
        return self.budget_seconds / max(1, len(self.scorers))


SiteState = Idle | Live
Place = tuple[str, Tier]
"""A site's model of one tier."""


@dataclass
class ScorerOpener:
    """Opens releases of a use case that scores one case at a time; its threads outlive the releases."""

    config: ServingConfig
    use_case: str
    _threads: dict[Place, list[ModelThread]] = field(default_factory=dict[Place, list[ModelThread]])
    _asked_now: dict[Place, AskedModel] = field(default_factory=dict[Place, AskedModel])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _loading: Loading = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._loading = Loading(self.config.load_within_seconds, self.config.load_given_up_seconds)

    def files(self, site: str) -> tuple[Path, ...]:  # noqa: ARG002 - a scorer depends on its release alone
        """Nothing beside the pointer."""
        return ()

    def open(self, site: str, pointer: Pointer, release: VerifiedRelease, tier: Tier, reason: str | None) -> Live:
        """The scorers of a release; a model that cannot be read is stepped down from."""
        zone, service = self.config.sites[site].zone, SERVICES[self.use_case]
        try:
            begin = partial(self._thread, site, Tier.MODEL)
            scorers = self._loading.scorers(site, release.digest, begin, partial(Scorer.load, release))
            model = scorers[Tier.MODEL].model
            rules = service.rules(model.feature_names, model.vocabulary, zone)
            asked = {one: self._asked(site, one, scorers[one]) for one in scorers}
        except StillRead as error:
            lower = max(tier, self._unread(release), key=lambda candidate: candidate.rank)
            bare, said = service.bare_rules(zone), reason or str(error)
            return Live(pointer, release, bare, {}, {}, lower, said, is_being_read=True)
        except Exception as error:  # noqa: BLE001 - a verified model that cannot be read steps down, whatever it raises
            fault = f"the model cannot be read: {type(error).__name__}"
            lower = max(tier, self._unread(release), key=lambda candidate: candidate.rank)
            return Live(pointer, release, service.bare_rules(zone), {}, {}, lower, reason or fault, fault)
        return Live(pointer, release, rules, scorers, asked, tier, reason)

    def close(self) -> None:
        """End every thread that is not hanging."""
        with self._lock:
            for threads in self._threads.values():
                for thread in threads:
                    thread.close()

    def models(self) -> list[tuple[str, Tier, AskedModel]]:
        """The models that are asked now, by site and tier."""
        with self._lock:
            return [(site, tier, asked) for (site, tier), asked in self._asked_now.items()]

    def given_up(self) -> int:
        """How many threads hang: those that new releases found busy, and those of models that are not asked now."""
        with self._lock:
            earlier = [thread for threads in self._threads.values() for thread in threads[:-1]]
            asked = list(self._asked_now.values())
        return sum(one.is_busy for one in earlier) + sum(one.is_hanging for one in asked)

    def _unread(self, release: VerifiedRelease) -> Tier:
        """The first tier that needs no model's file."""
        fallback = release.manifest.fallback
        below = [one for one in fallback.tiers if one.rank >= Tier.RULE.rank]
        return below[0] if below and fallback.fail == "open" else Tier.MANUAL

    def _asked(self, site: str, tier: Tier, scorer: Scorer) -> AskedModel:
        asked = AskedModel(self._thread(site, tier), scorer.probe)
        with self._lock:
            self._asked_now[site, tier] = asked
        return asked

    def _thread(self, site: str, tier: Tier) -> ModelThread:
        """The site's thread for this tier; a new one where it hangs on what an earlier release left there."""
        with self._lock:
            threads = self._threads.setdefault((site, tier), [])
            for back in [one for one in threads[:-1] if not one.is_busy]:
                back.close()
                threads.remove(back)
            if not threads or threads[-1].is_busy:
                if len(threads) >= MOST_GIVEN_UP:
                    raise TooManyHang(f"{len(threads)} threads of this model hang; restart the service.")
                threads.append(ModelThread(f"{self.use_case}-{site}-{tier}"))
            return threads[-1]
