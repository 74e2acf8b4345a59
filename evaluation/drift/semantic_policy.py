"""What counts as a change of meaning, where it is looked for, and who answers: read from YAML.

What does not belong here: comparing windows (``semantics``) and reading the lake.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from evaluation.drift.flow_policy import FillingRule, Outcome, Volume, VolumeRule
from evaluation.drift.pair_policy import Pairs
from evaluation.drift.verdict import DriftInputError

FILE = Path(__file__).parent / "semantics.yaml"
DEFAULT = "default"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Kind = Literal["unit", "system", "code", "word", "unlisted", "level"]
KINDS: tuple[Kind, ...] = ("unit", "system", "code", "word", "unlisted", "level")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Windows(_Frozen):
    """How many arrival days are looked at, and how many before them they are held against."""

    current_days: Annotated[int, Field(ge=1)]
    baseline_days: Annotated[int, Field(ge=1)]
    fewest_baseline_days: Annotated[int, Field(ge=1)]
    patience_days: Annotated[int, Field(ge=1)]
    rationale: Text


WEEKS, DAYS = 52, 365
"""Of a year: how often what a feed means can be looked at anew, and how much of it comes."""


class FalseReviews(_Frozen):
    """How many reviews a year and site may open by chance alone."""

    a_year: Annotated[float, Field(gt=0, le=12)]
    rationale: Text


class ValueRule(_Frozen):
    """When a distribution of values moved: any of the three effects, on at least ``fewest`` values each."""

    fewest: Annotated[int, Field(ge=2)]
    moved_spreads: Annotated[float, Field(gt=0)]
    moved_ratio: Annotated[float, Field(gt=1)]
    moved_distance: Annotated[float, Field(gt=0, le=1)]
    rationale: Text


class SeriesRule(_Frozen):
    """When a count that is taken again and again moved: on at least ``fewest_days`` days, from ``at_least`` on."""

    fewest_days: Annotated[int, Field(ge=2)]
    at_least: Annotated[float, Field(ge=0)]
    moved_ratio: Annotated[float, Field(gt=1)]
    rationale: Text


class ShareRule(_Frozen):
    """When a share is new or moved, in windows of at least ``fewest`` visits each."""

    fewest: Annotated[int, Field(ge=2)]
    new_share: Share
    moved: Share
    ratio: Annotated[float, Field(ge=1)]


class ShareRules(_Frozen):
    unit: ShareRule
    system: ShareRule
    code: ShareRule
    word: ShareRule
    unlisted: ShareRule
    level: ShareRule
    rationale: Text

    def of(self, kind: Kind) -> ShareRule:
        """Return the rule for one kind of share."""
        rule: ShareRule = getattr(self, kind)
        return rule


class LabelRule(_Frozen):
    """When a label no longer means workload; visits younger than ``settled_after_days`` are left out."""

    fewest: Annotated[int, Field(ge=2)]
    settled_after_days: Annotated[int, Field(ge=0)]
    steady_admissions: Share
    moved_outcome: Share
    moved_days: Annotated[float, Field(gt=0)]
    rationale: Text


class CodeField(_Frozen):
    """A column of codes, in a list of the row where ``list`` names one; counted apart for each value of ``by``."""

    code: Name
    system: Name | None = None
    by: Name | None = None
    list: Name | None = None


class ValueField(_Frozen):
    """A column of numbers, with its unit and the code that says what was measured.

    A ``series`` is a count taken again and again, of which each day gives one value.
    """

    value: Name
    unit: Name | None = None
    by: Name | None = None
    list: Name | None = None
    series: bool = False


class WatchedTable(_Frozen):
    """What is watched of a lake table. ``visit`` is the column whose values are counted once each."""

    visit: Name
    codes: tuple[CodeField, ...] = ()
    values: tuple[ValueField, ...] = ()
    texts: tuple[Name, ...] = ()
    volume: Volume | None = None
    outcomes: tuple[Outcome, ...] = ()


class WatchedFeed(_Frozen):
    tables: dict[Name, WatchedTable]
    labels: Name | None = None


class SemanticPolicy(_Frozen):
    """The whole file."""

    schema_: Literal["pilothouse.semantics/1"] = Field(alias="schema")
    owner: Name
    date: date
    windows: Windows
    false_reviews: FalseReviews
    values: ValueRule
    series: SeriesRule
    shares: ShareRules
    labels: LabelRule
    pairs: Pairs
    volume: VolumeRule
    filling: FillingRule
    reviewers: dict[Name, Name]
    feeds: dict[Name, WatchedFeed]

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> Self:
        if DEFAULT not in self.reviewers:
            raise ValueError("reviewers: name a default; a review without a reader is none")
        unwatched = sorted({pair.feed for pair in self.pairs.declared} - set(self.feeds))
        if unwatched:
            raise ValueError(f"pairs: {', '.join(unwatched)} is not among the feeds that are watched")
        for name, feed in self.feeds.items():
            unknown = {one.volume.per for one in feed.tables.values() if one.volume and one.volume.per}
            if not unknown <= set(feed.tables):
                raise ValueError(f"feeds: {name}: volume per {', '.join(sorted(unknown - set(feed.tables)))}: no table")
        return self

    @property
    def meaning_rate(self) -> float:
        """Rate of false discoveries of one look at what a feed means: half of the year's over weeks and feeds."""
        return self.false_reviews.a_year / 2 / (WEEKS * len(self.feeds))

    @property
    def flow_rate(self) -> float:
        """The same of one look at how much comes: half of the year's over days and feeds."""
        return self.false_reviews.a_year / 2 / (DAYS * len(self.feeds))

    def reviewer(self, feed: str) -> str:
        """Return the role that reviews a feed."""
        return self.reviewers.get(feed, self.reviewers[DEFAULT])


def load_semantic_policy(path: Path = FILE) -> SemanticPolicy:
    """Read the policy. Raises :class:`DriftInputError` naming the member."""
    try:
        document: Mapping[str, object] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        return SemanticPolicy.model_validate(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DriftInputError(f"{path.name} cannot be read as YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the document"
        raise DriftInputError(f"{path.name}: {where}: {first['msg']}.") from error
