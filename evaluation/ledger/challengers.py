"""Which challenger people put beside the release in force: what its pointer must say, now or at some time.

Here belongs the derivation from entries. A challenger is shown to nobody and changes nothing of what is in force
(``orders.py``); it leaves when it is withdrawn, and when its model is promoted, without an entry of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from evaluation.evidence import Json, Subject
from evaluation.ledger.act import Proof, proof_of
from evaluation.ledger.approval import ApprovedBy
from evaluation.ledger.entry import Entry, instant_text
from evaluation.ledger.orders import PROMOTED

CHALLENGER, WITHDRAWN = "challenger", "challenger_withdrawn"
CHALLENGES = (CHALLENGER, WITHDRAWN, *PROMOTED)
"""Kinds of entry that may change which challenger there is."""


@dataclass(frozen=True, slots=True)
class Challenging:
    """What was ordered last beside the release in force: a challenger, or none any more (``release`` is null).

    ``ledger_hash`` is the entry's, ``beside`` the release that was in force when the challenger came.
    """

    release: str | None
    subject: Subject | None
    beside: str | None
    decision: str | None
    evidence: tuple[tuple[str, str], ...]
    approvals: tuple[ApprovedBy, ...]
    generation: int
    since: datetime
    by: str
    proof: Proof
    ledger_hash: str

    def to_json(self) -> dict[str, Json]:
        """As ``pilothouse ledger at`` prints it beside what ran."""
        return {
            "release": self.release,
            "subject": None if self.subject is None else {**self.subject.to_json()},
            "beside": self.beside,
            "decision": self.decision,
            "evidence": [{"kind": kind, "digest": digest} for kind, digest in self.evidence],
            "approvals": [one.to_json() for one in self.approvals],
            "generation": self.generation,
            "since": instant_text(self.since),
            "by": self.by,
            "proof": self.proof,
            "ledger_hash": self.ledger_hash,
        }


def challengers(entries: Iterable[Entry]) -> dict[tuple[str, str], Challenging]:
    """What holds after these entries, by use case and site; a place that never had a challenger is not in it."""
    now: dict[tuple[str, str], Challenging] = {}
    for entry in entries:
        if entry.kind not in CHALLENGES:
            continue
        where = (cast("str", entry.payload["use_case"]), cast("str", entry.payload["site"]))
        after = _after(entry, now.get(where))
        if after is not None:
            now[where] = after
    return now


def _after(entry: Entry, before: Challenging | None) -> Challenging | None:
    if entry.kind == CHALLENGER:
        return _came(entry)
    if entry.kind == WITHDRAWN:
        return _none(entry, cast("int", entry.payload["generation"]))
    if before is None or before.subject is None or before.subject.model != _model(entry):
        return before
    return _none(entry, before.generation + 1)


def _model(promotion: Entry) -> str:
    return cast("Mapping[str, str]", promotion.payload["subject"])["model"]


def _came(entry: Entry) -> Challenging:
    payload = entry.payload
    evidence = cast("Sequence[Mapping[str, str]]", payload["evidence"])
    return Challenging(
        release=cast("str", payload["release"]),
        subject=Subject(**cast("dict[str, str]", payload["subject"])),
        beside=cast("str", payload["beside"]),
        decision=cast("str", payload["decision"]),
        evidence=tuple((each["kind"], each["digest"]) for each in evidence),
        approvals=tuple(ApprovedBy(**each) for each in cast("Sequence[Mapping[str, str]]", payload["approvals"])),
        generation=cast("int", payload["generation"]),
        since=entry.effective_at,
        by=entry.actor,
        proof=proof_of(entry),
        ledger_hash=entry.hash,
    )


def _none(entry: Entry, generation: int) -> Challenging:
    since, proof = entry.effective_at, proof_of(entry)
    return Challenging(None, None, None, None, (), (), generation, since, entry.actor, proof, entry.hash)
