"""Approvals: what a person signs with their own key, and the same once it lies in the ledger.

Here belong the statement, its signature and its JSON. Whether an approval counts for a release is decided in
``gates/authorise.py``; whether it may be written down, in ``register.py``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation import EvaluationError
from evaluation.evidence import Json, Subject
from evaluation.ledger.entry import Entry, instant_text, parse_instant
from evaluation.ledger.errors import ApprovalError
from evaluation.ledger.keys import is_signed, public_hex, sign_document
from evaluation.policies.approvals import REGULATORY
from evaluation.policies.stage import Stage

APPROVAL_SCHEMA = "pilothouse.approval/1"
CERTIFIED_SCHEMA = "pilothouse.approval/2"
"""As the first, and a certificate; a statement without one keeps the first, word for word."""
PERSON = re.compile(r"[a-z][a-z0-9._-]{1,63}")
NOTE = re.compile(r".{0,2000}", re.DOTALL)
NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
WORDS = re.compile(r".{1,2000}", re.DOTALL)

_APPROVABLE = frozenset({Stage.SHADOW, Stage.ASSISTIVE, Stage.DECISION_SUPPORT})

Verdict = Literal["approve", "refuse"]
MEMBERS = set(
    {
        "schema",
        "use_case",
        "site",
        "stage",
        "kind",
        "person",
        "role",
        "subject",
        "verdict",
        "decided_on",
        "note",
    }
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a regulatory approval rests on: a number under which an authority in a region cleared one intended use.

    ``expires_on`` is its last day, in UTC. Raises :class:`ApprovalError` when malformed.
    """

    number: str
    region: str
    intended_use: str
    expires_on: date

    def __post_init__(self) -> None:
        for member in ("number", "region", "intended_use"):
            text = cast("str", getattr(self, member))
            if not WORDS.fullmatch(text) or text != text.strip():
                raise ApprovalError(f"the certificate's {member} is empty, longer than 2000, or begins or ends blank.")

    def to_json(self) -> dict[str, Json]:
        words = {member: cast("str", getattr(self, member)) for member in ("number", "region", "intended_use")}
        return {**words, "expires_on": self.expires_on.isoformat()}


@dataclass(frozen=True, slots=True)
class ApprovalStatement:
    """One decision of one person about exactly one subject, at one site, for one stage.

    ``person`` is an id of lower-case letters, digits, ``.``, ``_`` and ``-``; ``decided_on`` is the moment of
    the decision as the person states it (UTC). Raises :class:`ApprovalError` when malformed.
    """

    use_case: str
    site: str
    stage: Stage
    kind: str
    person: str
    role: str
    subject: Subject
    verdict: Verdict
    decided_on: datetime
    note: str = ""
    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        for member in ("use_case", "site", "kind", "role"):
            _require(NAME, cast("str", getattr(self, member)), member)
        _require(PERSON, self.person, "person")
        if self.stage not in _APPROVABLE:
            raise ApprovalError("stage is not one that is approved: shadow, assistive or decision_support.")
        if self.verdict not in ("approve", "refuse"):
            raise ApprovalError("verdict is neither 'approve' nor 'refuse'.")
        if self.decided_on.tzinfo is None:
            raise ApprovalError("decided_on has no time zone; pass a timezone-aware datetime.")
        if self.certificate is not None and self.kind != REGULATORY:
            raise ApprovalError(f"a certificate belongs to a {REGULATORY} approval, not to one of kind {self.kind}.")
        if not NOTE.fullmatch(self.note):
            raise ApprovalError(f"note has {len(self.note)} characters; at most 2000.")
        object.__setattr__(self, "stage", Stage(self.stage))
        object.__setattr__(self, "decided_on", self.decided_on.astimezone(UTC))

    def to_json(self) -> dict[str, Json]:
        """What is signed, as canonical JSON."""
        certified = {} if self.certificate is None else {"certificate": self.certificate.to_json()}
        return {
            "schema": CERTIFIED_SCHEMA if certified else APPROVAL_SCHEMA,
            "use_case": self.use_case,
            "site": self.site,
            "stage": self.stage.value,
            "kind": self.kind,
            "person": self.person,
            "role": self.role,
            "subject": self.subject.to_json(),
            "verdict": self.verdict,
            "decided_on": instant_text(self.decided_on),
            "note": self.note,
            **certified,
        }

    @staticmethod
    def from_json(document: object) -> "ApprovalStatement":
        """Read a statement; only the exact form that :meth:`to_json` writes. Raises
        :class:`ApprovalError`."""
        try:
            return _read(document)
        except ApprovalError:
            raise
        except (EvaluationError, TypeError, ValueError) as error:
            raise ApprovalError(f"is not a statement of {APPROVAL_SCHEMA}: {error}") from error


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """A statement with its author's signature (128 hex digits) and public key (64 hex digits)."""

    statement: ApprovalStatement
    signature: str
    public_key: str

    def to_payload(self) -> dict[str, Json]:
        """The payload of the ledger entry."""
        return {
            "statement": self.statement.to_json(),
            "signature": self.signature,
            "public_key": self.public_key,
        }


@dataclass(frozen=True, slots=True)
class ApprovedBy:
    """Who took one of the decisions; ``ledger_hash`` is the entry with their own signature."""

    kind: str
    person: str
    role: str
    ledger_hash: str

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "person": self.person, "role": self.role, "ledger_hash": self.ledger_hash}


@dataclass(frozen=True, slots=True)
class RecordedApproval:
    """A signed statement with its place in the ledger."""

    signed: SignedApproval
    seq: int
    recorded_at: datetime
    ledger_hash: str

    @property
    def statement(self) -> ApprovalStatement:
        return self.signed.statement


def is_person(name: str) -> bool:
    """Whether a text is the id of a person, or of a part of the system that acts by itself."""
    return PERSON.fullmatch(name) is not None


def sign_approval(statement: ApprovalStatement, key: Ed25519PrivateKey) -> SignedApproval:
    """Sign with the approver's own key."""
    return SignedApproval(statement, sign_document(key, statement.to_json()), public_hex(key))


def verify_approval(approval: SignedApproval, public_key: str) -> bool:
    """Whether it was signed with exactly this registered key (64 hex digits)."""
    is_same_key = approval.public_key == public_key
    return is_same_key and is_signed(approval.statement.to_json(), approval.signature, public_key)


def recorded(entry: Entry) -> RecordedApproval:
    """The approval or refusal that an entry of these kinds carries. Raises :class:`ApprovalError`."""
    payload = cast("Mapping[str, str]", entry.payload)
    statement = ApprovalStatement.from_json(entry.payload["statement"])
    signed = SignedApproval(statement, payload["signature"], payload["public_key"])
    return RecordedApproval(signed, entry.seq, entry.at, entry.hash)


def _read(document: object) -> ApprovalStatement:
    if not isinstance(document, Mapping):
        raise ApprovalError("statement is not an object.")
    members = cast("Mapping[str, str]", document)
    schema = CERTIFIED_SCHEMA if "certificate" in members else APPROVAL_SCHEMA
    if set(members) - {"certificate"} != MEMBERS or members["schema"] != schema:
        raise ApprovalError(f"statement does not have exactly the members of {schema}.")
    return ApprovalStatement(
        use_case=members["use_case"],
        site=members["site"],
        stage=Stage(members["stage"]),
        kind=members["kind"],
        person=members["person"],
        role=members["role"],
        subject=Subject(**cast("dict[str, str]", document["subject"])),
        verdict=cast("Verdict", members["verdict"]),
        decided_on=parse_instant(members["decided_on"]),
        note=members["note"],
        certificate=_read_certificate(document["certificate"]) if schema == CERTIFIED_SCHEMA else None,
    )


def _read_certificate(document: object) -> Certificate:
    """Read a certificate; only the form that :meth:`Certificate.to_json` writes."""
    members = cast("Mapping[str, str]", document) if isinstance(document, Mapping) else {}
    if set(members) != {"number", "region", "intended_use", "expires_on"}:
        raise ApprovalError("certificate does not have exactly a number, a region, an intended use and its last day.")
    expires_on = date.fromisoformat(members["expires_on"])
    if expires_on.isoformat() != members["expires_on"]:
        raise ApprovalError("the certificate's last day is not written as YYYY-MM-DD.")
    return Certificate(members["number"], members["region"], members["intended_use"], expires_on)


def _require(pattern: re.Pattern[str], text: str, member: str) -> None:
    if not pattern.fullmatch(text):
        raise ApprovalError(f"{member} is not a plain lower-case name ({pattern.pattern}).")
