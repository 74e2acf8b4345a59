"""The fallback of a use case as data: which tiers there are, what each needs, and what steps a release down.

Here belongs the shape that `ml/usecases/*.yaml` is read into and that a card layout carries, so that people approve it
with the card. What a tier says (`ml/serving`) and what orchestration watches (policy triggers) do not.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml.usecases.declaration import Name, Part, Text, Written

TierName = Literal["model", "reduced", "rule", "history", "reference", "manual"]
ORDER: tuple[TierName, ...] = ("model", "reduced", "rule", "history", "reference", "manual")
"""From the best service to none; `ml.registry.stages.Tier` holds the same words, and a test holds them equal."""
Share = Annotated[float, Field(gt=0, le=1)]


class Reduced(Part):
    """The reduced model: trained beside the full one on the features that nearly every visit had."""

    known_in_at_least: Share
    rounds: Annotated[int, Field(ge=1, le=5000)]


class Inputs(Part):
    """What must be known of one case: of `watched`, so many for the model, the reduced model and the rule.

    Readings that were taken longer ago than `stale_after_minutes` describe another state of the patient.
    """

    watched: Annotated[tuple[Name, ...], Field(min_length=1)]
    model_needs: Annotated[int, Field(ge=0)]
    reduced_needs: Annotated[int, Field(ge=0)] = 0
    rule_needs: Annotated[int, Field(ge=0)] = 0
    stale_after_minutes: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        needs = (self.model_needs, self.reduced_needs, self.rule_needs)
        if max(needs) > len(self.watched) or sorted(needs, reverse=True) != list(needs):
            raise ValueError("a lower tier needs no more than the one above it, and none more than is watched")
        return self


class Step(Part):
    """When a share of the last calls shows the signal, the release steps down to `to`, until a person steps it up.

    `failing`: the model raised; `slow`: it was not there within its budget; `inputs`: too little was known, or stale;
    `clock`: the service's clock jumped (once is enough: `share` and `of_last` are not looked at).
    """

    signal: Literal["failing", "slow", "inputs", "clock"]
    share: Share = 1.0
    of_last: Annotated[int, Field(ge=1, le=10_000)] = 1
    to: TierName


class Reference(Part):
    """The card that says that there is no score, and where the guideline is."""

    text: Text
    label: Text
    url: Annotated[str, Field(pattern=r"^https://[^\s]+$", max_length=500)]


class Ladder(Written):
    """The tiers of a use case in their order. `fail`: open, the next tier answers; closed, nothing does.

    `budget_ms` is what the models of one call may take together; a model that takes longer is given up.
    """

    schema_: Literal["pilothouse.fallback/1"] = Field(alias="schema")
    fail: Literal["open", "closed"]
    tiers: tuple[TierName, ...]
    budget_ms: Annotated[int, Field(ge=10, le=10_000)]
    reduced: Reduced | None = None
    inputs: Inputs | None = None
    steps: tuple[Step, ...] = ()
    reference: Reference | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ranks = [ORDER.index(tier) for tier in self.tiers]
        if ranks[:1] != [0] or ranks != sorted(set(ranks)) or self.tiers[-1] != "manual":
            raise ValueError(f"tiers go from model to manual, each once, in this order: {', '.join(ORDER)}")
        if ("reduced" in self.tiers) != (self.reduced is not None):
            raise ValueError("the tier reduced and the section reduced belong together")
        if ("reference" in self.tiers) != (self.reference is not None):
            raise ValueError("the tier reference and the section reference belong together")
        for step in self.steps:
            if step.to not in self.tiers[1:]:
                raise ValueError(f"steps: {step.signal} leads to {step.to}, which is no tier below the model here")
        signals = [step.signal for step in self.steps]
        if len(set(signals)) < len(signals):
            raise ValueError("steps: each signal once")
        return self
