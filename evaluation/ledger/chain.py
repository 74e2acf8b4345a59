"""Checking a whole chain, entry by entry, from wherever it comes: a store or an exported file.

Here belongs the walk along the chain and what counts as its first bad entry. What makes one entry whole
belongs in ``entry.py``, what it must agree with in ``register.py``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.ledger.checkpoint import Checkpoint
from evaluation.ledger.entry import Entry, StoredEntry, believe, genesis_hash
from evaluation.ledger.errors import LedgerError
from evaluation.ledger.payloads import check_payload
from evaluation.ledger.register import Register


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: ``entries`` are those found good before the first bad one (or all).

    ``first_bad`` is the number of the first entry that is changed, missing or out of place; ``None`` when all
    is well, and when only the head beside the chain is wrong (``reason`` says so).
    """

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str = ""


class BrokenChainError(LedgerError):
    """The walk stopped: entry ``seq`` is bad."""

    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(f"entry {seq}: {reason}")
        self.seq = seq
        self.reason = reason


@dataclass(slots=True)
class Walk:
    """Where the walk along the chain stands: the hashes of the good entries so far, and what they said."""

    public_key: str
    register: Register
    _hashes: list[str]

    @staticmethod
    def start(public_key: str) -> "Walk":
        """Before the first entry."""
        return Walk(public_key, Register(), [genesis_hash(public_key)])

    @property
    def seq(self) -> int:
        """How many good entries were passed."""
        return len(self._hashes) - 1

    @property
    def hash(self) -> str:
        """The hash of the last good entry, or what the first must follow."""
        return self._hashes[-1]

    def hash_at(self, seq: int) -> str | None:
        """The hash of an entry that was passed; 0 stands before the first."""
        return self._hashes[seq] if 0 <= seq <= self.seq else None

    def step(self, stored: StoredEntry) -> Entry:
        """Take the next stored entry and return it. Raises :class:`BrokenChainError` with the number that is bad."""
        expected = self.seq + 1
        if stored.seq != expected:
            raise BrokenChainError(expected, "it is missing or out of place")
        try:
            entry = believe(stored, self.public_key)
            if entry.previous != self.hash:
                raise LedgerError("it does not follow the entry before it")
            if check_payload(entry.kind, entry.payload) != entry.payload:
                raise LedgerError("its payload is not in its settled form")
            self.register.admit(entry)
        except LedgerError as error:
            raise BrokenChainError(expected, str(error)) from error
        self.follow(entry)
        return entry

    def recognise(self, stored: StoredEntry | None) -> None:
        """Require that the last entry that was passed still lies there as it was.

        Raises :class:`BrokenChainError`.
        """
        if stored is None or (stored.seq, stored.hash) != (self.seq, self.hash):
            raise BrokenChainError(self.seq, "it was there a moment ago, and is missing or changed now")

    def follow(self, entry: Entry) -> None:
        """Stand behind ``entry``, which the register has admitted."""
        self._hashes.append(entry.hash)


def verify_chain(
    stored: Iterable[StoredEntry],
    public_key: str,
    head: Checkpoint | None,
    earlier: Sequence[Checkpoint] = (),
    good: list[Entry] | None = None,
) -> Verification:
    """Walk the chain and hold it against its signed ``head``, which must be its end.

    ``earlier`` heads (kept elsewhere, or left behind by a crash) must lie on the chain. ``good`` takes up the
    entries before the first bad one. Bad content never raises.
    """
    walk, passed = Walk.start(public_key), [] if good is None else good
    try:
        for each in stored:
            passed.append(walk.step(each))
    except BrokenChainError as error:
        return Verification(ok=False, entries=walk.seq, first_bad=error.seq, reason=str(error))
    except LedgerError as error:
        return Verification(False, walk.seq, walk.seq + 1, f"entry {walk.seq + 1}: {error}")
    return _held_against(walk, head, earlier)


def _held_against(walk: Walk, head: Checkpoint | None, earlier: Sequence[Checkpoint]) -> Verification:
    for each in (*earlier, *([head] if head else [])):
        if not each.is_genuine(walk.public_key):
            return Verification(False, walk.seq, None, "the head of the ledger is not signed by the ledger's key")
        if each.seq > walk.seq:
            reason = f"entry {walk.seq + 1}: it is missing: a signed head counts {each.seq} entries"
            return Verification(False, walk.seq, walk.seq + 1, reason)
        if walk.hash_at(each.seq) != each.hash:
            reason = f"entry {each.seq}: it is not the one a head was signed for"
            return Verification(False, walk.seq, each.seq, reason)
    if head is None or head.seq != walk.seq:
        return Verification(False, walk.seq, None, "the head of the ledger is missing or behind its entries")
    return Verification(True, walk.seq)
