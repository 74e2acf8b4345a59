"""What the entries about a release hold: going up, going down, scoring beside another one, and why it was refused.

The other kinds, and what none may hold, belong in ``payloads.py``.
"""

from typing import Annotated, Literal

from pydantic import Field

from evaluation.ledger.payload_shapes import (
    Count,
    Digest,
    Instant,
    Line,
    Name,
    Operational,
    Payload,
    Person,
)
from evaluation.policies.stage import Stage, Tier


class SubjectDigests(Payload):
    model: Digest
    data: Digest
    contracts: Digest
    policy: Digest
    card: Digest
    intended_use: Digest | None = None
    features: Digest | None = None
    scope: Digest | None = None


class EvidenceReference(Payload):
    kind: Name
    digest: Digest


class ApprovalReference(Payload):
    kind: Name
    person: Person
    role: Name
    ledger_hash: Digest


class Promotion(Operational):
    from_stage: Stage
    stage: Stage
    release: Digest
    previous: Digest | None
    generation: Count
    subject: SubjectDigests
    decision: Digest
    evidence: Annotated[list[EvidenceReference], Field(min_length=1)]
    approvals: Annotated[list[ApprovalReference], Field(min_length=2)]
    author: Person


class Reason(Payload):
    clause: Line
    figure: Line
    threshold: Line
    to_meet: Line


class Challenger(Operational):
    """A release that scores beside the one in force (`beside`), in the place of another challenger (`previous`)."""

    stage: Literal["shadow"]
    release: Digest
    beside: Digest
    previous: Digest | None
    generation: Count
    subject: SubjectDigests
    decision: Digest
    evidence: Annotated[list[EvidenceReference], Field(min_length=1)]
    approvals: Annotated[list[ApprovalReference], Field(min_length=2)]
    author: Person


class ChallengerWithdrawn(Operational):
    """No challenger any more; `release` is the one that there was, null where nobody could tell."""

    release: Digest | None
    generation: Count
    reason: Line
    effective_at: Instant | None = None


class PromotionRefused(Operational):
    stage: Stage
    reasons: Annotated[list[Reason], Field(min_length=1)]


class BreakGlass(Operational):
    """One stage up without the evidence, signed by the one who answers for it; it ends by itself."""

    from_stage: Stage
    stage: Stage
    release: Digest
    previous: Digest | None
    generation: Count
    subject: SubjectDigests
    decision: Digest
    unmet: list[Line]
    reason: Line
    until: Instant
    author: Person


class Rollback(Operational):
    from_stage: Stage | None
    stage: Stage
    release: Digest | None
    previous: Digest | None
    generation: Count
    reason: Line
    tier: Tier | None = None
    effective_at: Instant | None = None


class TierChange(Operational):
    release: Digest | None
    from_tier: Tier
    tier: Tier
    reason: Line
    is_automatic: bool
    generation: Count | None = None
    effective_at: Instant | None = None
