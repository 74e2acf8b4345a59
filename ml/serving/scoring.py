"""The model of a release, ready to score one visit at a time.

Here belongs the meeting of a verified release and its model. What becomes of a score is `advice.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ml.features.observed import FeatureValue
from ml.registry.stages import Tier
from ml.registry.store import VerifiedRelease
from ml.training.bundle import load_bundle
from ml.training.explain import reason_of_score
from ml.training.model import Model


@dataclass(frozen=True)
class Scorer:
    """One model, and the outcome that its card speaks of."""

    model: Model
    outcome: str

    @classmethod
    def load(cls, release: VerifiedRelease) -> "dict[Tier, Scorer]":
        """Load the models of `release` by tier and check each on an empty visit. Raises whatever is wrong with one."""
        model = load_bundle(release.model_folder, release.manifest.model.digest)
        found: dict[Tier, Scorer] = {Tier.MODEL: cls(model, release.card.outcome)}
        if model.reduced is not None and Tier.REDUCED in release.manifest.fallback.tiers:
            found[Tier.REDUCED] = cls(model.reduced, release.card.outcome)
        for scorer in found.values():
            scorer.probe()
        return found

    def probe(self) -> None:
        """Score and explain a visit of which nothing is known. Raises whatever is wrong with the model."""
        empty = dict.fromkeys(self.model.feature_names)
        self.reason(empty, self.score(empty)[self.outcome])

    def known(self, values: Mapping[str, FeatureValue]) -> dict[str, FeatureValue]:
        """Of the values of a case those that this model looks at."""
        return {name: values[name] for name in self.model.feature_names}

    def score(self, values: Mapping[str, FeatureValue]) -> dict[str, float]:
        """Outcome -> probability (0..1). Every declared feature must be named, None when it is not known."""
        scores = self.model.predict_row(values, explained=())
        return {name: score.probability for name, score in scores.items()}

    def reason(self, values: Mapping[str, FeatureValue], probability: float) -> str:
        """The checked sentence of reason for the card's outcome, of which `probability` is this model's score.

        It costs more than the score, so only cards ask.
        """
        model, outcome = self.of_card, self.outcome
        return reason_of_score(model, outcome, values, probability, model.drivers(outcome, values)).sentence

    @cached_property
    def of_card(self) -> Model:
        """The model of the card's outcome alone, so that a reason does not score the others once more."""
        return self.model.of(self.outcome)

    def usual(self) -> dict[str, float]:
        """Outcome -> share of the visits it was trained on: what is usual at the site."""
        counted = self.model.trained.get("outcomes")
        found: dict[str, float] = {}
        for name, counts in counted.items() if isinstance(counted, Mapping) else ():
            if isinstance(counts, Mapping) and counts.get("visits"):
                found[str(name)] = float(counts["events"]) / float(counts["visits"])
        return found
