"""The decision document: every clause with what was found, and which evidence was used or left aside.

Its shape, digest and reading back belong here; making it belongs in ``decide.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property, lru_cache
from typing import cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from evaluation import EvaluationError
from evaluation.canonical import document_digest
from evaluation.evidence import Json, Subject
from evaluation.gates.errors import DecisionError
from evaluation.gates.refusal import Refusal
from evaluation.policies.policy import Policy
from evaluation.policies.stage import Stage

DECISION_SCHEMA = "pilothouse.decision/1"
_STRICT_MEMBERS = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class ClauseResult:
    """One clause held against the evidence. ``observed`` is the bound that counts; ``reason`` says why not
    met.

    ``evidence`` is the digest of the document the figure came from; ``None`` where there was none.
    """

    clause: str
    kind: str
    figure: str
    bound: str
    observed: float | None
    threshold: str
    met: bool
    reason: str
    to_meet: str
    owner: str
    evidence: str | None = None
    n: int | None = None
    n_events: int | None = None

    __pydantic_config__ = _STRICT_MEMBERS

    @property
    def found(self) -> str:
        """What was found, for a reader."""
        which = "" if self.bound == "value" else f" ({self.bound} bound)"
        shown = "" if self.observed is None else f" = {self.observed:.4g}"
        return f"{self.figure}{which}{shown}" + (f": {self.reason}" if self.reason else "")

    def refusal(self) -> Refusal:
        """This result as one reason of a refusal."""
        return Refusal(self.clause, self.found, self.threshold, self.to_meet)


@dataclass(frozen=True)
class Used:
    """One document of evidence the decision rests on."""

    kind: str
    digest: str

    __pydantic_config__ = _STRICT_MEMBERS


@dataclass(frozen=True)
class Ignored:
    """One document of evidence that was left aside, and why."""

    kind: str
    digest: str
    reason: str

    __pydantic_config__ = _STRICT_MEMBERS


@dataclass(frozen=True)
class Decision:
    """What the policy says about one subject at one site for one stage. ``decided_at`` is in UTC.

    Allowed only if there are results and every one is met. It permits nothing by itself: see
    ``authorise.py``.
    """

    use_case: str
    site: str
    stage: Stage
    subject: Subject
    policy: str
    decided_at: datetime
    results: tuple[ClauseResult, ...]
    used: tuple[Used, ...]
    ignored: tuple[Ignored, ...]

    __pydantic_config__ = _STRICT_MEMBERS

    @property
    def allowed(self) -> bool:
        """Whether every clause is met; no clause at all is no permission."""
        return bool(self.results) and all(result.met for result in self.results)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The reasons why not; empty when allowed."""
        return tuple(result.refusal() for result in self.results if not result.met)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document (64 hex digits)."""
        return document_digest(self._content())

    def covers(self, policy: Policy) -> bool:
        """Whether it answers every clause that this policy has for its stage."""
        answered = {result.clause for result in self.results}
        return answered >= {clause.id for clause in policy.clauses_for(self.stage)}

    def to_json(self) -> dict[str, Json]:
        """The document with its digest; :meth:`from_json` reads it back."""
        return {**self._content(), "digest": self.digest}

    @staticmethod
    def from_json(document: object) -> "Decision":
        """Read a stored decision, refusing one that was changed. Raises :class:`DecisionError`."""
        members = cast("Mapping[str, object]", document) if isinstance(document, Mapping) else {}
        if members.get("schema") != DECISION_SCHEMA:
            raise DecisionError(f"is not a decision of {DECISION_SCHEMA}; decide again.")
        names = {field.name for field in fields(Decision)}
        try:
            decision = _adapter().validate_python({name: members[name] for name in names})
        except (ValidationError, EvaluationError, KeyError) as error:
            raise DecisionError(f"is not a decision of {DECISION_SCHEMA}; decide again: {error}") from error
        if decision.to_json() != dict(members):
            raise DecisionError("the decision was changed after it was made; decide again, do not repair it by hand.")
        return decision

    def _content(self) -> dict[str, Json]:
        plain = cast("dict[str, Json]", _adapter().dump_python(self, mode="json"))
        return {"schema": DECISION_SCHEMA, "allowed": self.allowed, **plain}


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Decision]:
    return TypeAdapter(Decision)
