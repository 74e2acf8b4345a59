"""Looking back: what ran at a site at a time, who approved it and on which evidence.

Here belongs the derivation from entries; nothing is stored beside them. ``effective_at`` counts where an
entry has one: an automatic step down acts first and is recorded after.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from evaluation.evidence import Json, Subject
from evaluation.ledger.act import Proof, proof_of
from evaluation.ledger.approval import ApprovedBy
from evaluation.ledger.challengers import Challenging, challengers
from evaluation.ledger.entry import Entry, instant_text
from evaluation.ledger.orders import PROMOTED, named_tier
from evaluation.policies.stage import Stage, Tier


@dataclass(frozen=True, slots=True)
class Running:
    """What ran for one use case: with ``stage`` off there is no release, and the rest says how it came to
    that. ``scope``: the units and shifts it was released for; None where its entry does not say."""

    use_case: str
    site: str
    stage: Stage
    tier: Tier
    release: str | None
    subject: Subject | None
    decision: str | None
    evidence: tuple[tuple[str, str], ...]
    approvals: tuple[ApprovedBy, ...]
    since: datetime
    by: str
    reason: str
    ledger_hash: str
    proof: Proof = "none"
    scope: Mapping[str, Json] | None = None
    challenger: Challenging | None = None
    """What scored beside it, shown to nobody."""

    def to_json(self) -> dict[str, Json]:
        """As ``pilothouse ledger at`` prints it."""
        return {
            "use_case": self.use_case,
            "site": self.site,
            "stage": self.stage.value,
            "tier": self.tier.value,
            "release": self.release,
            "subject": None if self.subject is None else {**self.subject.to_json()},
            "scope": None if self.scope is None else {**self.scope},
            "decision": self.decision,
            "evidence": [{"kind": kind, "digest": digest} for kind, digest in self.evidence],
            "approvals": [each.to_json() for each in self.approvals],
            "since": instant_text(self.since),
            "by": self.by,
            "proof": self.proof,
            "reason": self.reason,
            "ledger_hash": self.ledger_hash,
            "challenger": None if self.challenger is None else self.challenger.to_json(),
        }


def running_at(entries: Iterable[Entry], time: datetime) -> list[Running]:
    """What ran at ``time`` by these entries (of one site, in order), one per use case that ever ran."""
    now: dict[str, Running] = {}
    promoted: dict[tuple[str, str], Running] = {}
    then = sorted((each for each in entries if each.effective_at <= time), key=_moment)
    for entry in then:
        use_case = cast("str", entry.payload.get("use_case", ""))
        if entry.kind in PROMOTED:
            now[use_case] = _promotion(entry)
            promoted[use_case, cast("str", entry.payload["release"])] = now[use_case]
        elif entry.kind == "rollback":
            release = cast("str | None", entry.payload["release"])
            before = promoted.get((use_case, release)) if release else None
            tier = now[use_case].tier if use_case in now else Tier.MODEL
            now[use_case] = replace(_rollback(entry, before), tier=named_tier(entry, tier))
        elif entry.kind == "tier_change" and use_case in now:
            tier = Tier(cast("str", entry.payload["tier"]))
            now[use_case] = replace(now[use_case], tier=tier)
    beside = {use_case: one for (use_case, _), one in challengers(then).items() if one.release}
    return [replace(now[use_case], challenger=beside.get(use_case)) for use_case in sorted(now)]


def _moment(entry: Entry) -> tuple[datetime, int]:
    return (entry.effective_at, entry.seq)


def _promotion(entry: Entry) -> Running:
    payload = entry.payload
    evidence = cast("Sequence[Mapping[str, str]]", payload.get("evidence", ()))
    approvals = cast("Sequence[Mapping[str, str]]", payload.get("approvals", ()))
    return Running(
        use_case=cast("str", payload["use_case"]),
        site=cast("str", payload["site"]),
        stage=Stage(cast("str", payload["stage"])),
        tier=Tier.MODEL,
        release=cast("str", payload["release"]),
        subject=Subject(**cast("dict[str, str]", payload["subject"])),
        decision=cast("str", payload["decision"]),
        evidence=tuple((each["kind"], each["digest"]) for each in evidence),
        approvals=tuple(ApprovedBy(**each) for each in approvals),
        since=entry.effective_at,
        by=entry.actor,
        reason="promoted" if entry.kind == "promotion" else f"break-glass: {payload['reason']}",
        ledger_hash=entry.hash,
        proof=proof_of(entry),
        scope=_scope(entry),
    )


def _scope(entry: Entry) -> Mapping[str, Json] | None:
    detail = cast("Mapping[str, Json]", entry.payload.get("detail", {}))
    return cast("Mapping[str, Json] | None", detail.get("scope"))


def _rollback(entry: Entry, before: Running | None) -> Running:
    """The state after a rollback, but for the tier, which stays: going back never steps a tier up.

    Of the release it goes back to, the promotion still says who approved it.
    """
    return Running(
        use_case=cast("str", entry.payload["use_case"]),
        site=cast("str", entry.payload["site"]),
        stage=Stage(cast("str", entry.payload["stage"])),
        tier=Tier.MODEL,
        release=cast("str | None", entry.payload["release"]),
        subject=before.subject if before else None,
        decision=before.decision if before else None,
        evidence=before.evidence if before else (),
        approvals=before.approvals if before else (),
        since=entry.effective_at,
        by=entry.actor,
        reason=cast("str", entry.payload["reason"]),
        ledger_hash=entry.hash,
        proof=proof_of(entry),
        scope=before.scope if before else None,
    )
