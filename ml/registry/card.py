"""The card layout of a release (`card.yaml`): what people see, and from which risk on.

Here belongs its shape. Reading it (`layout.py`) and turning a score into a CDS Hooks card (serving) do not.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ml.usecases.ladder import Ladder

SCHEMA = "pilothouse.card/1"

Probability = Annotated[float, Field(gt=0, lt=1)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class OverrideReason(_Part):
    """A coded reason for not taking the advice (CDS Hooks 2.0, card attribute `overrideReasons`)."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    system: Annotated[str, Field(min_length=1, max_length=200)]
    display: Text


class Topic(_Part):
    """What a card is about, so that a client can group or filter cards (CDS Hooks 2.0, `source.topic`)."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    system: Annotated[str, Field(min_length=1, max_length=200)]
    display: Text


class Source(_Part):
    """Who speaks (CDS Hooks 2.0, `source`)."""

    label: Text
    url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    topic: Topic | None = None


class Link(_Part):
    """Where to read on (CDS Hooks 2.0, `links`, of type absolute).

    `{base_url}`, `{site}` and `{unit}` stand for the service's address and the visit's place; a link that needs a unit
    is left out where none is known.
    """

    label: Text
    url: Annotated[str, Field(pattern=r"^(https://|\{base_url\}/)([^\s{}]|\{site\}|\{unit\})*$", max_length=500)]


class Band(_Part):
    """A band of risk on the huddle board; the last one has no upper bound."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")]
    below: Probability | None = None


class Suggestion(_Part):
    """What decision support suggests: a label and, where accepting it is to create one, the words of a FHIR Task."""

    label: Text
    task: Text | None = None


class CardLayout(_Part):
    """Everything of a card that is reviewed before it is shown. Risks are probabilities of `outcome`.

    `shown_again_minutes` is for how long a card is shown again where the chart of its visit is opened; None: never.
    """

    schema_: Literal["pilothouse.card/1"] = Field(alias="schema")
    use_case: str
    outcome: str
    outcome_label: Text
    window: Text
    display_threshold: Probability
    warning_threshold: Probability
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=6)]
    not_for: Text
    ignore_when: Text
    override_reasons: Annotated[tuple[OverrideReason, ...], Field(min_length=1)]
    source: Source
    suggestion: Suggestion | None = None
    links: Annotated[tuple[Link, ...], Field(max_length=5)] = ()
    fallback: Ladder | None = None
    shown_again_minutes: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Self:
        if self.warning_threshold < self.display_threshold:
            raise ValueError("warning_threshold must not be below display_threshold")
        *bounded, last = [band.below for band in self.bands]
        edges = [edge for edge in bounded if edge is not None]
        if last is not None or len(edges) != len(bounded) or edges != sorted(set(edges)):
            raise ValueError("bands must rise, each but the last with `below`, the last without")
        return self

    def band_of(self, probability: float) -> str:
        """Name the band that `probability` falls into; a bound belongs to the band above it."""
        for band in self.bands[:-1]:
            if band.below is not None and probability < band.below:
                return band.name
        return self.bands[-1].name
