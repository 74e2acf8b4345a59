"""The ledger: who decided what, when, on which evidence; and what happened then.

Append-only, hash-chained and signed, in SQLite or Postgres; verifiable offline from an export. Here belong
entries, people, approvals and looking back. Whether something may be released is decided in ``gates/``; the
ledger knows neither gates nor metrics.

::

    LedgerError
    ├── KeyFileError         a key file that others can read, or that is no key
    ├── PayloadError         content that does not follow its kind, or would identify a patient
    ├── ApprovalError        a malformed statement of approval
    ├── RefusedEntryError    an entry that contradicts what the ledger says already
    ├── CheckpointError      the signed head kept beside the ledger is gone or was changed
    ├── BrokenChainError     one entry that is changed, missing or out of place (``verify`` reports it)
    └── LedgerStoreError     the database does not work, or its end was changed
        └── LedgerSchemaError    written by another version of the schema
"""

from evaluation.ledger.act import Proof, claimed, proof_of, sign_act
from evaluation.ledger.anchors import append_anchor, read_anchors
from evaluation.ledger.approval import (
    ApprovalStatement,
    ApprovedBy,
    Certificate,
    RecordedApproval,
    SignedApproval,
    is_person,
    recorded,
    sign_approval,
    verify_approval,
)
from evaluation.ledger.chain import BrokenChainError, Verification
from evaluation.ledger.challengers import CHALLENGER, CHALLENGES, WITHDRAWN, Challenging, challengers
from evaluation.ledger.checkpoint import Checkpoint
from evaluation.ledger.entry import Entry, instant_text, parse_instant
from evaluation.ledger.errors import (
    ApprovalError,
    CheckpointError,
    KeyFileError,
    LedgerError,
    LedgerSchemaError,
    LedgerStoreError,
    PayloadError,
    RefusedEntryError,
)
from evaluation.ledger.export import read_export, verify_export
from evaluation.ledger.glasses import GLASS_MOVES, GlassTime, glass_times
from evaluation.ledger.keys import (
    generate_private_key,
    is_signed,
    load_private_key,
    load_public_hex,
    public_hex,
    sign_document,
    write_private_key,
    write_public_key,
)
from evaluation.ledger.ledger import Ledger, open_ledger
from evaluation.ledger.orders import ORDERS, PROMOTED, InForce, in_force
from evaluation.ledger.payloads import check_payload
from evaluation.ledger.people import People, Person
from evaluation.ledger.reading import Believed, Readable
from evaluation.ledger.seen import Seen, seen_last
from evaluation.ledger.signoff import record_approval, register_person, revoke_key, rotate_key
from evaluation.ledger.taking_in import take_in_export

__all__ = [
    "CHALLENGER",
    "CHALLENGES",
    "GLASS_MOVES",
    "ORDERS",
    "PROMOTED",
    "WITHDRAWN",
    "ApprovalError",
    "ApprovalStatement",
    "ApprovedBy",
    "Believed",
    "BrokenChainError",
    "Certificate",
    "Challenging",
    "Checkpoint",
    "CheckpointError",
    "Entry",
    "GlassTime",
    "InForce",
    "KeyFileError",
    "Ledger",
    "LedgerError",
    "LedgerSchemaError",
    "LedgerStoreError",
    "PayloadError",
    "People",
    "Person",
    "Proof",
    "Readable",
    "RecordedApproval",
    "RefusedEntryError",
    "Seen",
    "SignedApproval",
    "Verification",
    "append_anchor",
    "challengers",
    "check_payload",
    "claimed",
    "generate_private_key",
    "glass_times",
    "in_force",
    "instant_text",
    "is_person",
    "is_signed",
    "load_private_key",
    "load_public_hex",
    "open_ledger",
    "parse_instant",
    "proof_of",
    "public_hex",
    "read_anchors",
    "read_export",
    "record_approval",
    "recorded",
    "register_person",
    "revoke_key",
    "rotate_key",
    "seen_last",
    "sign_act",
    "sign_approval",
    "sign_document",
    "take_in_export",
    "verify_approval",
    "verify_export",
    "write_private_key",
    "write_public_key",
]
