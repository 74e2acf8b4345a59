"""The ledger as files that leave the house: its export, verified offline, and the heads that a board keeps.

What does not belong here: what makes a chain sound (evaluation/ledger).
"""

import re
from pathlib import Path
from typing import Any

from evaluation.ledger import (
    Checkpoint,
    LedgerStoreError,
    Verification,
    append_anchor,
    load_public_hex,
    read_anchors,
    verify_export,
)
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import WrongUsage
from orchestration.steps.record.records import broken, open_records, verdict_answer, verify_ledger

PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


class PublicKeyMissing(WrongUsage):
    """An export can be verified only with a key that is known from elsewhere."""


def export_ledger(settings: Settings, file: Path) -> dict[str, Any]:
    """Write the whole ledger to `file`; returns what a verifier needs to know from elsewhere. Raises `LedgerError`."""
    ledger = open_records(settings)
    _require_sound(ledger.verify())
    ledger.export(file)
    return {"file": str(file), "public_key": ledger.public_key, **_said(ledger.head())}


def anchor_ledger(settings: Settings, file: Path) -> dict[str, Any]:
    """Add the signed head to `file`, once the ledger verifies and every head already there lies on it.

    Raises `LedgerError`, also where history is not the one that was anchored before.
    """
    ledger = open_records(settings)
    _require_sound(ledger.verify(read_anchors(file, ledger.public_key) if file.exists() else ()))
    head = ledger.head()
    added = append_anchor(file, head, ledger.public_key)
    return {"file": str(file), "public_key": ledger.public_key, "added": added, **_said(head)}


def verify_home(settings: Settings, public_key: str | None, anchors: Path | None) -> Answer:
    """Verify this home's ledger, against the board's anchors too; with `public_key`, require that it is that ledger."""
    if anchors is None and public_key is None:
        return verify_ledger(settings)
    own = open_records(settings).public_key
    if public_key is not None and _key(public_key) != own:
        return _verdict(Verification(False, 0, None, "this home's ledger is signed by another key than the one given"))
    return verify_ledger(settings, () if anchors is None else read_anchors(anchors, own))


def verify_export_file(file: Path, public_key: str | None, anchors: Path | None) -> Answer:
    """Verify an export with nothing but a public key; exit code 1 names the first bad entry. Raises `LedgerError`."""
    if public_key is None:
        raise PublicKeyMissing(
            "An export proves nothing by the key that it names itself: give the ledger's public key with --public-key, "
            "as `ledger export` or `ledger anchor` printed it, or as the board wrote it down."
        )
    key = _key(public_key)
    return _verdict(verify_export(file, key, () if anchors is None else read_anchors(anchors, key)))


def _key(given: str) -> str:
    return given if PUBLIC_KEY.fullmatch(given) else load_public_hex(Path(given))


def _require_sound(verdict: Verification) -> None:
    if not verdict.ok:
        raise LedgerStoreError(f"{broken(verdict)} Nothing is written; run: ledger verify.")


def _said(head: Checkpoint) -> dict[str, Any]:
    return {"entries": head.seq, "head": head.hash}


def _verdict(verdict: Verification) -> Answer:
    return verdict_answer(verdict, [] if verdict.ok else [broken(verdict)])
