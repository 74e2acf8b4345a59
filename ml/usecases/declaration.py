"""What every use case says about itself, whatever its kind, as frozen pydantic models.

Here belongs what governance needs: owner, accountable, reviewers, intended use, population, contraindications,
non-goals. What one kind of use case adds is in `classifier.py` and `forecast.py`; how a figure is computed or judged
(`ml/features`, `ml/training`, `ml/forecasting`, `evaluation/policies`) does not belong here.
"""

import datetime as dt
import hashlib
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, Field(min_length=1)]
Level = Annotated[float, Field(gt=0, lt=1)]
"""A quantile's level, or the share that an interval is to hold."""
Kind = Literal["classifier", "demand", "forecast", "roster", "policy"]

INTENDED = frozenset({"intended_use", "users", "population", "contraindications", "non_goals"})
"""Members that say whom and what it is for and not for; `users` where a kind of use case has it."""
SHOWN = frozenset({"card", "board"})
WHO_AND_WHEN = frozenset({"owner", "date"})
LOOKED_AT = frozenset({"kind", "upstream"})
"""Members of every declaration that say what goes into the model."""


class Part(BaseModel):
    """Frozen, and refusing members it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Written(Part):
    """What a clinician, a nurse or a works council could dispute: who stands for it, why, since when."""

    owner: Name
    rationale: Text
    date: dt.date


class Person(Part):
    """A person (or the office that a site fills with one) in a role that policies know."""

    name: Text
    role: Name


class Population(Part):
    """Whom the advice is about. Ages in completed years; 0 is no lower age."""

    text: Text
    minimum_age_years: float = Field(default=0, ge=0, le=120)


class PersonDates(Part):
    """What the use case needs of the dates of single people, and why.

    `calendar`: the true ones, since it compares people in calendar time (what came before what, how many at once, this
    month's visits, a live request against its row). `intervals`: only the time between one person's own events. `none`:
    no person's date. A site that shifts dates by person (`safe_harbor`) gives the last two.
    """

    needs: Literal["calendar", "intervals", "none"] = "calendar"
    rationale: str = ""


class OverrideReason(Part):
    """A coded reason for not taking the advice."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    display: Text


class BoardText(Part):
    """The words of the huddle board of a use case that publishes plans; `window` says which shifts it speaks of."""

    schema_: Literal["pilothouse.board_text/1"] = Field(alias="schema")
    title: Text
    window: Text
    not_for: Text
    ignore_when: Text
    override_reasons: tuple[OverrideReason, ...] = Field(min_length=1)
    override_system: Text
    source: Mapping[str, str]


class Upstream(Part):
    """Another use case whose answer goes into this one: what it gives, and what is done when it gives nothing."""

    use_case: Name
    gives: Text
    without: Text


class Declaration(Part):
    """A use case as it was written down; `digest` changes with every word of it."""

    schema_: Literal["pilothouse.use_case/1"] = Field(alias="schema")
    kind: Kind
    use_case: Name
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    date: dt.date
    title: Text
    owner: Person
    accountable: Person
    author: Person
    reviewers: tuple[Person, ...] = Field(min_length=1)
    intended_use: Text
    population: Population
    contraindications: tuple[Text, ...] = Field(min_length=1)
    non_goals: tuple[Text, ...] = Field(min_length=1)
    upstream: tuple[Upstream, ...] = ()
    person_dates: PersonDates = PersonDates()

    @property
    def digest(self) -> str:
        """Document digest of the whole declaration (64 lower-case hex digits)."""
        return _digest(self.document())

    @property
    def card_digest(self) -> str:
        """Document digest of the words that people are shown, alone."""
        return _digest(self.shown_text())

    def document(self) -> dict[str, Any]:
        """The declaration as plain JSON values, from which `model_validate` makes an equal one."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def intended_use_digest(self) -> str:
        """Document digest of whom and what it is for and not for, alone: approvals are bound to it."""
        return _digest({name: value for name, value in self.document().items() if name in INTENDED})

    @property
    def features_digest(self) -> str:
        """Document digest of what the model looks at and how it is made: all that a kind of use case adds, but the
        words that people are shown (`card_digest`), and who stands for a part of it since when; approvals are bound to
        it."""
        apart = {*Declaration.model_fields, "schema", *INTENDED, *SHOWN} - LOOKED_AT
        return _digest({name: _said(value) for name, value in self.document().items() if name not in apart})

    @abstractmethod
    def shown_text(self) -> dict[str, Any]:
        """The words of the card or the board, as plain JSON values."""


def _said(value: Any) -> Any:
    """What a part of a document says, without who stands for it and since when, however deep that is written."""
    if isinstance(value, list | tuple):
        return [_said(one) for one in value]
    if not isinstance(value, dict):
        return value
    apart = WHO_AND_WHEN if Written.model_fields.keys() <= value.keys() else frozenset[str]()
    return {name: _said(one) for name, one in value.items() if name not in apart}


def refuse_twice(what: str, names: Sequence[str]) -> None:
    """Raise `ValueError` when a name is declared twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} declared twice: {', '.join(twice)}")


def _digest(document: Mapping[str, object]) -> str:
    """As `ml.registry.canonical.document_digest`, which lies above this package; a test holds them equal."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
