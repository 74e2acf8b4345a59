"""The model of a release, ready to score one visit at a time.

Here belongs the meeting of a verified release and its model. What becomes of a score is `advice.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ml.features.observed import FeatureValue
from ml.registry.store import VerifiedRelease
from ml.training.bundle import load_bundle
from ml.training.explain import reason_sentence
from ml.training.model import Model


@dataclass(frozen=True)
class Scorer:
    """One model, and the outcome that its card speaks of."""

    model: Model
    outcome: str

    @classmethod
    def load(cls, release: VerifiedRelease) -> "Scorer":
        """Load the model of `release` and check it on an empty visit. Raises whatever is wrong with it."""
        model = load_bundle(release.model_folder, release.manifest.model.digest)
        scorer = cls(model, release.card.outcome)
        empty = dict.fromkeys(model.feature_names)
        scorer.score(empty)
        scorer.reason(empty)
        return scorer

    def score(self, values: Mapping[str, FeatureValue]) -> dict[str, float]:
        """Outcome -> probability (0..1). Every declared feature must be named, None when it is not known."""
        scores = self.model.predict_row(values, explained=())
        return {name: score.probability for name, score in scores.items()}

    def reason(self, values: Mapping[str, FeatureValue]) -> str:
        """The sentence of reason for the card's outcome; it costs more than the score, so only cards ask for it."""
        scores = self.of_card.predict_row(values, explained=(self.outcome,))
        return reason_sentence(self.model, scores[self.outcome])

    @cached_property
    def of_card(self) -> Model:
        """The model of the card's outcome alone, so that a reason does not score the others once more."""
        return replace(self.model, outcomes={self.outcome: self.model.outcomes[self.outcome]})

    def usual(self) -> dict[str, float]:
        """Outcome -> share of the visits it was trained on: what is usual at the site."""
        counted = self.model.trained.get("outcomes")
        found: dict[str, float] = {}
        for name, counts in counted.items() if isinstance(counted, Mapping) else ():
            if isinstance(counts, Mapping) and counts.get("visits"):
                found[str(name)] = float(counts["events"]) / float(counts["visits"])
        return found
