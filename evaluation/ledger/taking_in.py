"""An exported ledger becomes a ledger again: entry for entry, under the same key, in an empty store.

What does not belong here: verifying a file that stays a file (``export.py``).
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.canonical import canonical_json
from evaluation.ledger.chain import Walk
from evaluation.ledger.checkpoint import advance_checkpoint, sign_checkpoint
from evaluation.ledger.entry import genesis_hash
from evaluation.ledger.errors import LedgerStoreError
from evaluation.ledger.export import read_export
from evaluation.ledger.keys import public_hex
from evaluation.ledger.store import LedgerStore


def take_in_export(
    path: Path, url: str, key: Ed25519PrivateKey, checkpoint: Path, *, prefix: str = "pilothouse_"
) -> int:
    """Write every entry of an export into an empty store, all or none; returns how many there are.

    A store that holds this very ledger already is left as it is: a restore that was interrupted can be repeated. Raises
    :class:`LedgerStoreError` where it holds another, and :class:`LedgerError` for an export that is not sound.
    """
    public_key = public_hex(key)
    exported, head = read_export(path, public_key)
    store, empty = LedgerStore(url, prefix), sign_checkpoint(key, 0, genesis_hash(public_key))
    store.create(empty, lambda: None)
    store.require()
    with store.writing() as connection:
        there = [stored.hash for stored in store.rows(connection)]
        if there and there != [stored.hash for stored in exported]:
            raise LedgerStoreError("the database holds another ledger already; name an empty one, or another prefix.")
        walk = Walk.start(public_key)
        for stored in exported:
            entry = walk.step(stored)
            if not there:
                payload = canonical_json(entry.payload).decode()
                store.insert(connection, entry, payload, sign_checkpoint(key, entry.seq, entry.hash))
    advance_checkpoint(checkpoint, head, public_key)
    return walk.seq
