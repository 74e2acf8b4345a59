"""What the payload of each kind of entry holds, and what none may hold.

Here belong the shapes, one model per kind: an unknown member is refused, so that nothing is written for ever
by accident. Whether an entry agrees with those before it belongs in ``register.py``.

No payload holds an identifier of a patient: a pseudonym of the lake (32 hex digits) is refused wherever it
stands, and so is a member named like one. Digests (64), keys and signatures (64, 128) are not pseudonyms.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Literal, cast

from pydantic import Field, JsonValue, ValidationError

from evaluation.canonical import canonical_json
from evaluation.evidence import Json
from evaluation.ledger.approval import ApprovalStatement
from evaluation.ledger.errors import ApprovalError, PayloadError
from evaluation.ledger.incident_payloads import IncidentClosed, IncidentOpened
from evaluation.ledger.payload_shapes import (
    Acted,
    Amount,
    Count,
    Digest,
    Instant,
    Line,
    Name,
    Operational,
    Payload,
    Person,
    Seconds,
    Signature,
)
from evaluation.ledger.release_payloads import (
    BreakGlass,
    Challenger,
    ChallengerWithdrawn,
    Promotion,
    PromotionRefused,
    Rollback,
    SubjectDigests,
    TierChange,
)
from evaluation.policies.stage import Stage

Kind = Literal[
    "person_registered",
    "key_rotated",
    "key_revoked",
    "approval",
    "refusal",
    "promotion",
    "promotion_refused",
    "break_glass",
    "rollback",
    "tier_change",
    "rehearsal",
    "incident_opened",
    "incident_closed",
    "feedback_summary",
    "review",
    "meaning_review_opened",
    "meaning_review_joined",
    "meaning_review_answered",
    "erasure",
    "adjustment",
    "roster_exception",
    "change_planned",
    "change_cancelled",
    "challenger",
    "challenger_withdrawn",
]

PSEUDONYM = re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])")
PATIENT_MEMBER = re.compile(
    r"patient|(^|_)mrn($|_)|person_id|encounter|visit|birth|(^|_)(address|phone|email|ssn)($|_)",
    re.IGNORECASE,
)
RUN_MEMBERS = frozenset({"run_id", "model_run"})
"""MLflow writes its run ids as 32 hex digits too; under these names they are what they say."""


class PersonRegistered(Acted):
    person: Person
    roles: Annotated[list[Name], Field(min_length=1)]
    public_key: Digest
    proof: Signature


class KeyRotated(Payload):
    """Another key in the place of one that still counts, with the same roles; both keys sign that it is so."""

    person: Person
    roles: Annotated[list[Name], Field(min_length=1)]
    public_key: Digest
    proof: Signature
    previous_key: Digest
    previous_signature: Signature


class KeyRevoked(Acted):
    """From now on the key signs nothing that counts; with `void_since`, neither does what was recorded since then."""

    person: Person
    public_key: Digest
    reason: Line
    void_since: Instant | None = None


class Approved(Payload):
    statement: dict[str, JsonValue]
    signature: Signature
    public_key: Digest


class Step(Payload):
    step: Line
    seconds: Seconds


class Rehearsal(Operational):
    release: Digest | None
    evidence: Digest | None
    seconds_to_restore: Seconds
    steps: Annotated[list[Step], Field(min_length=1)]


class FeedbackSummary(Operational):
    release: Digest | None
    start_at: Instant
    until: Instant
    displayed: Count
    accepted: Count
    overridden: Count
    reasons: dict[Name, Count]


class Review(Operational):
    outcome: Line
    next_review: dt.date | None


class MeaningReviewOpened(Acted):
    """A feed seems to mean something else: the rows lie outside the ledger, in a document bound by its digest.

    ``pattern`` is what the first of its changes is known by, ``patterns`` what all are; none where there is but one.
    """

    review: Name
    site: Name
    feed: Name
    about: Line
    pattern: Digest
    changes: Annotated[list[Name], Field(min_length=1)]
    reviewer: Name
    before_from: dt.date
    before_until: dt.date
    after_from: dt.date
    after_until: dt.date
    document: Digest
    policy: Digest
    patterns: list[Digest] = Field(default_factory=list[Digest])


class MeaningReviewJoined(MeaningReviewOpened):
    """Further changes of the same cause were added to a review that waits; ``changes`` and ``patterns`` are theirs, and
    so are the days."""


class MeaningReviewAnswered(Acted):
    """What the reviewer said: a change of the world to live with, a mapping to fix, or a fault of the source."""

    review: Name
    site: Name
    feed: Name
    pattern: Digest
    verdict: Literal["accept", "mapping_fix", "source_fault"]
    reason: Line
    document: Digest
    as_of: dt.date


class Erasure(Acted):
    """What was destroyed, in numbers; `erasure` names its tombstone, and nobody can be known by it."""

    erasure: Name
    site: Name
    why: Literal["person", "term"]
    reason: Line
    counts: dict[Name, Count]


class Adjustment(Operational):
    """A person's own figure for a shift in place of the plan's, with a coded reason; no member of staff is named."""

    adjustment: Line
    made_at: Instant
    unit: Line
    date: dt.date
    shift: Name
    target: Line
    advised: Amount
    before: Amount
    value: Amount
    reason: Name
    role: Name
    release: Digest
    plan: Digest


class RosterException(Acted):
    """A rule of a roster waived for one member of staff (a pseudonymous id) on one day, by whoever acts."""

    site: Name
    roster: Digest
    rule: Line
    source: Literal["law", "contract", "policy", "wish"]
    staff: Line
    day: Line
    reason: Line


class ChangePlanned(Operational):
    """A step of exactly this subject, announced for a window; `calendar` is the digest of the one in force, and
    `challenger` says that it is to come beside the release in force, or from there into its place."""

    change: Name
    stage: Stage
    starts_at: Instant
    until: Instant
    reason: Line
    subject: SubjectDigests
    calendar: Digest | None = None
    challenger: bool = False


class ChangeCancelled(Operational):
    change: Name
    reason: Line


MODELS: Mapping[Kind, type[Payload]] = {
    "person_registered": PersonRegistered,
    "key_rotated": KeyRotated,
    "key_revoked": KeyRevoked,
    "approval": Approved,
    "refusal": Approved,
    "promotion": Promotion,
    "promotion_refused": PromotionRefused,
    "break_glass": BreakGlass,
    "rollback": Rollback,
    "tier_change": TierChange,
    "rehearsal": Rehearsal,
    "incident_opened": IncidentOpened,
    "incident_closed": IncidentClosed,
    "feedback_summary": FeedbackSummary,
    "review": Review,
    "meaning_review_opened": MeaningReviewOpened,
    "meaning_review_joined": MeaningReviewJoined,
    "meaning_review_answered": MeaningReviewAnswered,
    "erasure": Erasure,
    "adjustment": Adjustment,
    "roster_exception": RosterException,
    "change_planned": ChangePlanned,
    "change_cancelled": ChangeCancelled,
    "challenger": Challenger,
    "challenger_withdrawn": ChallengerWithdrawn,
}


def check_payload(kind: str, payload: Mapping[str, object]) -> dict[str, Json]:
    """The payload as plain JSON in its settled form (times in UTC, defaults left out).

    Raises :class:`PayloadError` naming the member.
    """
    model = MODELS.get(cast("Kind", kind))
    if model is None:
        raise PayloadError(f"{kind!r} is no kind of entry; expected one of {', '.join(MODELS)}.")
    try:
        checked = model.model_validate(payload)
        if isinstance(checked, Approved):
            _check_statement(kind, checked)
        plain = cast("dict[str, Json]", checked.model_dump(mode="json", exclude_unset=True))
        canonical_json(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise PayloadError(f"{kind}: {where}: {first['msg']}.") from error
    except ValueError as error:
        raise PayloadError(f"{kind}: holds what JSON cannot: not a finite number, or not UTF-8.") from error
    _refuse_identifiers(plain, kind)
    return plain


def _check_statement(kind: str, approved: Approved) -> None:
    try:
        statement = ApprovalStatement.from_json(approved.statement)
    except ApprovalError as error:
        raise PayloadError(f"{kind}: statement {error}") from error
    expected = "approval" if statement.verdict == "approve" else "refusal"
    if kind != expected:
        raise PayloadError(f"{kind}: its statement says {statement.verdict!r}; record it as {expected}.")


def _refuse_identifiers(value: Json, where: str) -> None:
    if isinstance(value, Mapping):
        for member, inner in value.items():
            if PATIENT_MEMBER.search(member):
                raise PayloadError(f"{where}: member {member!r} would identify a patient; leave it out, count instead.")
            _refuse_identifiers(member, f"{where}: the name of a member")
            if member not in RUN_MEMBERS:
                _refuse_identifiers(inner, f"{where}.{member}")
    elif isinstance(value, str):
        if PSEUDONYM.search(value):
            raise PayloadError(f"{where}: holds what looks like a pseudonym (32 hex digits); leave it out.")
    elif isinstance(value, list):
        for inner in value:
            _refuse_identifiers(inner, where)
