"""A classifier's use case: outcomes, the features it may look at and why, and the words of its card.

How a feature is computed (`ml/features`), learned from (`ml/training`) or judged (`evaluation/policies`) does not
belong here.
"""

import string
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import Declaration, Name, OverrideReason, Part, Text, refuse_twice
from ml.usecases.ladder import Ladder

Direction = Literal["increasing", "decreasing", "none"]
PHRASE_FIELDS = frozenset({"value", "label", "baseline"})
ADDED_LATER = frozenset({"users", "grain", "practice", "learner", "fallback"})


class Outcome(Part):
    """What is predicted. `maturity_days` after arrival a label counts as settled for everybody, not only for
    those whose stay was short; younger visits are left out of training and judgement."""

    name: Name
    label: Text
    label_column: Name
    maturity_days: float = Field(ge=0, le=365)
    definition: Text
    unknown_when: Text


class Feature(Part):
    """One input of the model. `phrase` is how the sentence of reason says it; without one it is never said.
    `said_when` is the side of the baseline on which it may be said.

    `minimum` and `maximum` (in `unit`, UCUM) bound what is plausible; beyond them a value is missing.
    """

    name: Name
    kind: Literal["numeric", "boolean", "categorical"]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    levels: Mapping[str, float] | None = None
    monotone: Direction = "none"
    label: Text
    phrase: str | None = None
    usual: str | None = None
    said_when: Literal["above", "below", "either"] = "either"
    reason: Text
    sources: Mapping[str, str]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "numeric" and (self.minimum is None or self.maximum is None or not self.unit):
            raise ValueError(f"feature {self.name}: a numeric feature needs unit, minimum and maximum")
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"feature {self.name}: minimum must lie below maximum")
        if (self.kind == "categorical") != bool(self.levels):
            raise ValueError(f"feature {self.name}: levels belong to a categorical feature, and only there")
        if self.kind == "numeric" and self.phrase and not self.usual:
            raise ValueError(f"feature {self.name}: a numeric phrase needs `usual`, how its baseline is said")
        for phrase in (self.phrase, self.usual):
            _check_phrase(self.name, phrase)
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest plausible encoded value."""
        if self.levels:
            return min(self.levels.values()), max(self.levels.values())
        if self.kind == "boolean":
            return 0.0, 1.0
        assert self.minimum is not None and self.maximum is not None
        return self.minimum, self.maximum


class FeatureGroup(Part):
    """One boolean feature per group of a vocabulary seed, named `prefix` + group."""

    prefix: Annotated[str, Field(pattern=r"^[a-z]+_$")]
    vocabulary: Name
    excluded: tuple[str, ...] = ()
    monotone: Mapping[str, Direction] = Field(default_factory=dict)
    phrase: Text
    labels: Mapping[str, str] = Field(default_factory=dict)
    reason: Text
    sources: Mapping[str, str]

    def feature(self, group: str) -> Feature:
        """The feature of one group."""
        label = self.labels.get(group, group.replace("_", " "))
        return Feature(
            name=self.prefix + group,
            kind="boolean",
            monotone=self.monotone.get(group, "none"),
            label=label,
            phrase=self.phrase.replace("{label}", label),
            reason=self.reason,
            sources=self.sources,
        )


class LeftOut(Part):
    """Columns that exist and are not used, with the reason."""

    columns: tuple[str, ...] = Field(min_length=1)
    reason: Text


class Band(Part):
    """A band of risk; the last one has no upper bound."""

    name: Name
    below: float | None = Field(default=None, gt=0, lt=1)


class CardText(Part):
    """Everything on a card but the thresholds, which are the policy's.

    `shown_again_minutes` is for how long it is shown again where the chart of its visit is opened; None: never.
    """

    schema_: Literal["pilothouse.card_text/1"] = Field(alias="schema")
    outcome: Name
    outcome_label: Text
    window: Text
    summary: Text
    indicator: Mapping[str, Literal["info", "warning", "critical"]]
    bands: tuple[Band, ...] = Field(min_length=1)
    not_for: Text
    ignore_when: Text
    override_reasons: tuple[OverrideReason, ...] = Field(min_length=1)
    override_system: Text
    feedback_window_hours: int = Field(gt=0, le=24 * 90)
    shown_again_minutes: int | None = Field(default=None, gt=0, exclude_if=lambda minutes: minutes is None)
    source: Mapping[str, str]
    topic: Mapping[str, str] | None = None
    suggestion: Mapping[str, str] | None = None
    links: tuple[Mapping[str, str], ...] = ()

    @model_validator(mode="after")
    def _is_not_shown_once_ignored(self) -> Self:
        if (self.shown_again_minutes or 0) > self.feedback_window_hours * 60:
            raise ValueError(
                f"shown_again_minutes {self.shown_again_minutes} is over feedback_window_hours "
                f"{self.feedback_window_hours}: a card that counts as ignored is not shown again"
            )
        return self


class Grain(Part):
    """What is scored: one row of the mart. The columns that say which (`id`, `key`), when the label's clock starts and
    rows are ordered by (`at`), and from when on a score can be asked for (`ready_at`).

    A visit is scored in a unit and a shift, so a site's launch scope can be about it; `is_in_unit` says so.
    """

    noun: Text = "visit"
    id: Name = "visit_occurrence_id"
    key: Name = "visit_key"
    at: Name = "arrived_at"
    ready_at: Name = "charted_at"
    is_in_unit: bool = True


class Practice(Part):
    """What people go by today: a column of the mart, on which side it is urgent, and from where on it is acted upon."""

    column: Name = "triage_level"
    label: Text = "the nurse's own level"
    urgent: Literal["low", "high"] = "low"
    acted_upon: float = 2


class Learner(Part):
    """Where the learner departs from what suits triage (`ml/training/fit.py`), and why."""

    rounds: int = Field(ge=1, le=5000)
    num_leaves: int = Field(ge=2, le=256)
    min_child_samples: int = Field(ge=1, le=100_000)
    feature_fraction: float = Field(gt=0, le=1)
    reason: Text


class UseCase(Declaration):
    """The use case of a classifier. `grain`, `practice` and `users` are those of triage where a file does not say."""

    kind: Literal["classifier"]  # pyright: ignore[reportIncompatibleVariableOverride]
    users: Text = "Triage nurses of an emergency department"
    grain: Grain = Grain()
    practice: Practice = Practice()
    learner: Learner | None = None
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    features: tuple[Feature, ...] = Field(min_length=1)
    groups: tuple[FeatureGroup, ...] = ()
    left_out: tuple[LeftOut, ...] = Field(min_length=1)
    subgroups: tuple[Name, ...] = ()
    card: CardText
    fallback: Ladder | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_twice("feature", [feature.name for feature in self.features])
        refuse_twice("outcome", [outcome.name for outcome in self.outcomes])
        refuse_twice("group prefix", [group.prefix for group in self.groups])
        if "minimum_age_years" not in self.population.model_fields_set:
            raise ValueError("population: minimum_age_years is missing; write 0 where every age may be scored")
        if self.card.outcome not in {outcome.name for outcome in self.outcomes}:
            raise ValueError(f"card.outcome {self.card.outcome!r} is not one of the outcomes")
        labels = {outcome.label_column for outcome in self.outcomes}
        if leaked := labels & {feature.name for feature in self.features}:
            raise ValueError(f"{', '.join(sorted(leaked))}: an outcome cannot be a feature")
        watched = self.fallback.inputs.watched if self.fallback and self.fallback.inputs else ()
        if strange := sorted(set(watched) - {feature.name for feature in self.features}):
            raise ValueError(f"fallback.inputs.watched: {', '.join(strange)} is no single feature of this use case")
        return self

    def document(self) -> dict[str, Any]:
        """As every declaration; what was added to the form later is there where the file says it, so that the digest
        of an older file stays what was approved."""
        unsaid = ADDED_LATER - self.model_fields_set
        return {name: value for name, value in super().document().items() if name not in unsaid}

    def shown_text(self) -> dict[str, Any]:
        """The card's text."""
        return self.card.model_dump(mode="json", by_alias=True)

    def outcome(self, name: str) -> Outcome:
        """The outcome called `name`; `KeyError` if there is none."""
        return {outcome.name: outcome for outcome in self.outcomes}[name]

    def expand(self, vocabulary: Mapping[str, Sequence[str]]) -> tuple[Feature, ...]:
        """All features in the order the model sees them; `vocabulary` maps a seed to its group names.

        Single features come first, as declared, then the groups in the order of `groups`, sorted by name.
        Raises `KeyError` when a seed is missing.
        """
        members = [
            group.feature(name)
            for group in self.groups
            for name in sorted(set(vocabulary[group.vocabulary]) - set(group.excluded))
        ]
        expanded = (*self.features, *members)
        refuse_twice("feature", [feature.name for feature in expanded])
        return expanded


def _check_phrase(name: str, phrase: str | None) -> None:
    fields = {field for _, field, _, _ in string.Formatter().parse(phrase or "") if field is not None}
    if unknown := fields - PHRASE_FIELDS:
        raise ValueError(f"feature {name}: a phrase knows value, label and baseline, not {sorted(unknown)}")
