"""What a board pack is made from: one use case at one site, and every document that a claim may rest on.

Here belong the shapes and what makes them safe to print. A claim names its sources by their role; a source that a
caller could not read is not there, and what rests on it prints NOT EVIDENCED. Reading stores does not belong here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from evaluation.calendar import Changes
from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Json
from evaluation.reports.model import LedgerView, ReportError, SiteView, UseCaseView

_STEM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,119}")


@dataclass(frozen=True, slots=True)
class Source:
    """One document that claims rest on: ``stem`` names its copy beside the pack, ``digest`` is its own."""

    stem: str
    title: str
    digest: str
    document: Mapping[str, Json]
    at: datetime | None = None

    def __post_init__(self) -> None:
        if not _STEM.fullmatch(self.stem):
            raise ReportError(f"{self.stem!r} cannot name a file; use lower-case letters, digits, -, _ and dots.")

    @property
    def path(self) -> str:
        """Where the copy lies, from the pack's own folder."""
        return f"evidence/{self.stem}.json"

    @staticmethod
    def of(stem: str, title: str, document: Mapping[str, Json], at: datetime | None = None) -> "Source":
        """A document whose digest is that of its canonical JSON."""
        return Source(stem, title, document_digest(document), document, at)

    @staticmethod
    def of_evidence(one: Evidence, title: str) -> "Source":
        """A document of evidence under its own digest."""
        return Source(f"{one.kind}-{one.digest[:16]}", title, one.digest, one.to_json(), one.created_at)


@dataclass(frozen=True, slots=True)
class LedgerFact:
    """One entry of the ledger about this place; ``who`` says what stands behind the name."""

    seq: int
    at: datetime
    kind: str
    who: str
    payload: Mapping[str, Json]
    hash: str

    @property
    def source(self) -> Source:
        plain: dict[str, Json] = {"seq": self.seq, "at": self.at.isoformat(), "kind": self.kind, "by": self.who}
        document = {**plain, "payload": self.payload, "hash": self.hash}
        return Source(f"ledger-{self.seq}", f"Ledger entry {self.seq}", self.hash, document, self.at)

    def text(self, member: str) -> str:
        """A member of the payload as text; empty where there is none."""
        value = self.payload.get(member)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """An approval or refusal with what it is bound to. ``until``: when it ends, where it holds up what is served;
    ``void`` says why it does not count; empty where it does."""

    kind: str
    person: str
    role: str
    stage: str
    verdict: str
    note: str
    subject: Mapping[str, str]
    entry: LedgerFact
    until: datetime | None = None
    void: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A fact that steps counted: a number or yes (1) and no (0), and the roles of the sources it was counted from."""

    value: float | None
    says: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A freeze or window of the calendar that holds for the place: when, by its clock, and for which stages."""

    kind: str
    title: str
    when: str
    holds: str
    rationale: str


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """Everything in one pack. ``sources`` by role; ``measured`` by name; ``problems``: what could not be read."""

    use_case: UseCaseView
    site: SiteView
    generated_at: datetime
    version: str
    ledger: LedgerView | None
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])
    entries: tuple[LedgerFact, ...] = ()
    approvals: tuple[ApprovalFact, ...] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict[str, Measured])
    problems: tuple[str, ...] = ()
    changes: Changes = field(default_factory=Changes)
    rules: tuple[RuleFact, ...] = ()
    compared: Evidence | None = None
    """Both on the same visits, on which the model of this release took another's place; None also where it is lost."""
    compared_by: LedgerFact | None = None
    """The promotion that names it; None where the model took nobody's place."""

    @property
    def challenged(self) -> Evidence | None:
        """Both on the same visits: the challenger and what is served."""
        return self.site.challenger and self.site.challenger.evidence

    def source(self, *roles: str) -> tuple[Source, ...]:
        """The documents of these roles that there are."""
        return tuple(self.sources[role] for role in roles if role in self.sources)

    def document(self, role: str) -> Mapping[str, Json]:
        """What the document of a role holds; empty where there is none."""
        return self.sources[role].document if role in self.sources else {}

    def evidence(self, kind: str) -> tuple[Source, ...]:
        """The newest document of evidence of a kind, if there is one."""
        return self.source(f"evidence:{kind}")

    def of_kind(self, *kinds: str) -> tuple[LedgerFact, ...]:
        """Ledger entries of some kinds, oldest first."""
        return tuple(one for one in self.entries if one.kind in kinds)

    @property
    def promotion(self) -> LedgerFact | None:
        """The promotion that put the release here which is served, if one is."""
        found = [one for one in self.of_kind("promotion") if one.payload.get("release") == self.site.release]
        return found[-1] if found else None


def mapping(value: Json) -> Mapping[str, Json]:
    """The value as an object; empty where it is none."""
    return cast("Mapping[str, Json]", value) if isinstance(value, Mapping) else {}


def records(value: Json) -> list[Mapping[str, Json]]:
    """The objects in a list; none where it is no list."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return [mapping(one) for one in cast("Iterable[Json]", value)] if is_list else []
