"""The rules of overbooking as data: each with a name, a source, an owner, a date and a rationale.

Here belong their shape and what they come to for one session. What they do to an advice is `advise.py`.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ml.overbooking.errors import RulesNotUnderstood
from ml.overbooking.session import Session

FILE = Path(__file__).with_name("rules.yaml")
ROUNDING = 1e-9

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Kind = Literal[
    "most_at_once", "most_extra_share", "most_mean_wait_minutes", "least_decided", "cost_waiting", "cost_idle",
    "cost_overtime", "service_shares", "placement",
]  # fmt: skip
Placement = Literal["by_session", "by_slot"]
STRICTEST = {"most_at_once": min, "most_extra_share": min, "most_mean_wait_minutes": min, "least_decided": max}
"""Limits, and which of several holds."""
KINDS = frozenset((*STRICTEST, "cost_waiting", "cost_idle", "cost_overtime", "service_shares", "placement"))


class Rule(BaseModel):
    """One rule. `clinics` limits it to these; only limits may be of some clinics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,63}$")]
    kind: Kind
    value: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | Placement | dict[float, float]
    clinics: tuple[str, ...] = ()
    source: Text
    owner: Text
    rationale: Text
    date: dt.date

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wanted = {"placement": str, "service_shares": dict}.get(self.kind, float)
        if not isinstance(self.value, wanted):
            raise ValueError(f"{self.name}: a rule of kind {self.kind} has no such value {self.value!r}")
        if self.clinics and self.kind not in STRICTEST:
            raise ValueError(f"{self.name}: {self.kind} holds for every clinic; leave clinics out")
        if isinstance(self.value, dict) and (
            abs(sum(self.value.values()) - 1) > ROUNDING
            or not all(0 < factor <= 5 and share >= 0 for factor, share in self.value.items())
        ):
            raise ValueError(f"{self.name}: shares of consultations add up to 1, of lengths above 0 and up to 5 times")
        return self


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["pilothouse.overbooking_rules/1"] = Field(alias="schema")
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    owner: Text
    date: dt.date
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Limit:
    """A limit as it is for one session: at most (or, of `least_*`, at least) `value`, and who says so."""

    kind: str
    value: float
    rule: str
    source: str
    owner: str


@dataclass(frozen=True)
class Rules:
    """All rules; a site that tightens one passes rules of its own."""

    rules: tuple[Rule, ...]

    def limit(self, kind: str, clinic: str) -> Limit:
        """The strictest rule of a kind for a clinic."""
        holding = [one for one in self.rules if one.kind == kind and (not one.clinics or clinic in one.clinics)]
        best = STRICTEST[kind](holding, key=lambda one: float(one.value))  # type: ignore[arg-type]
        return Limit(kind, float(best.value), best.name, best.source, best.owner)  # type: ignore[arg-type]

    def cost(self, kind: str) -> float:
        """What a minute of waiting, idling or overtime costs."""
        return float(self._only(f"cost_{kind}").value)  # type: ignore[arg-type]

    @property
    def service_shares(self) -> Mapping[float, float]:
        """Length of a consultation as a multiple of the planned one -> its share."""
        value = self._only("service_shares").value
        assert isinstance(value, dict)
        return value

    @property
    def placement(self) -> str:
        """Whose risk decides where an extra booking goes: `by_session` or `by_slot`."""
        return str(self._only("placement").value)

    def of_session(self, session: Session) -> dict[str, Limit]:
        """Every limit of a session, its room's and its clinician's own among them, by kind."""
        room, clinician = session.room, session.clinician
        own = [
            Limit("most_at_once", room.most_at_once, f"room {room.name}", "the file of sessions", "the site"),
            Limit(
                "most_booked", clinician.most_booked, f"clinician {clinician.name}", "the file of sessions", "the site"
            ),
            Limit(
                "most_overtime_minutes",
                clinician.most_overtime_minutes,
                f"clinician {clinician.name}",
                "the file of sessions",
                "the site",
            ),
        ]
        found = {kind: self.limit(kind, session.clinic) for kind in STRICTEST}
        for one in own:
            if one.kind not in found or one.value < found[one.kind].value:
                found[one.kind] = one
        return found

    def _only(self, kind: str) -> Rule:
        return next(one for one in self.rules if one.kind == kind)


def read_rules(path: Path = FILE) -> Rules:
    """Read a file of rules. Raises `RulesNotUnderstood` with the rule that is wrong, missing or said twice."""
    try:
        document = _Text.model_validate(yaml.load(path.read_text("utf-8"), yaml.CSafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise RulesNotUnderstood(f"{path.name}: cannot be read as YAML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise RulesNotUnderstood(f"{path.name}, {where}: {first['msg']}. Correct the rule.") from error
    return _complete(document.rules, path.name)


def _complete(rules: Iterable[Rule], file: str) -> Rules:
    found = tuple(rules)
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RulesNotUnderstood(f"{file}: {', '.join(twice)} stands twice; a rule has a name of its own.")
    for_all = [one.kind for one in found if not one.clinics]
    if missing := sorted(KINDS - set(for_all)):
        raise RulesNotUnderstood(f"{file}: no rule for every clinic of kind {', '.join(missing)}; write it.")
    single = [kind for kind in for_all if kind not in STRICTEST]
    if double := sorted({kind for kind in single if single.count(kind) > 1}):
        raise RulesNotUnderstood(f"{file}: more than one rule of kind {', '.join(double)}; keep one.")
    return Rules(found)


@cache
def standard_rules() -> Rules:
    """The rules that ship with the project."""
    return read_rules()
