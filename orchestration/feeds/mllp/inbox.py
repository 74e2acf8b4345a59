"""Messages on their way from the wire to the lake: each batch one durable file, landed, and gone once it is landed.

What does not belong here: sockets, and landing itself. A file that a crash left here was never acknowledged; it is
landed at the next start, and what its senders then send again is a duplicate.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp.acknowledgement import Ack, AckCode
from orchestration.feeds.mllp.frames import framed
from orchestration.feeds.problems import Problem
from orchestration.feeds.receipt import Receipt
from orchestration.feeds.store import lake_name
from orchestration.feeds.vault import Vault

SUFFIX = ".hl7"
NOT_A_MESSAGE = Ack(AckCode.REFUSED, "The frame holds no HL7 message that starts with MSH.")
TAKEN = Ack(AckCode.LANDED)

Rejects = Mapping[int | None, str]  # why, by the message's number in the file; null for all of them
Land = Callable[[Path], Rejects]


@dataclass(frozen=True)
class Inbox:
    """A folder of batches under the home folder, encrypted; what lands a file of them, and what encrypts it."""

    folder: Path
    land: Land
    vault: Vault

    def receive(self, frames: Sequence[bytes]) -> list[Ack]:
        """Make messages durable, land them, and say what became of each. Raises what `land` raises."""
        counts = [_messages(frame) for frame in frames]
        taken = [frame for frame, count in zip(frames, counts, strict=True) if count]
        rejects = self._landed(self._write(taken)) if taken else {}
        numbers = iter(range(1, sum(counts) + 1))
        return [_ack([next(numbers) for _ in range(count)], rejects) for count in counts]

    def recover(self) -> int:
        """Land what a crash left behind; return how many files it were."""
        left = sorted(self.folder.glob(f"*{SUFFIX}"))
        for path in left:
            self._landed(path)
        return len(left)

    def _write(self, frames: Sequence[bytes]) -> Path:
        """Write a batch; its name is its digest, so that the same batch again is the same file."""
        content = b"".join(framed(frame) for frame in frames)
        target = self.folder / f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
        self.vault.wait(content, target)
        return target

    def _landed(self, path: Path) -> Rejects:
        rejects = self.land(path)
        path.unlink()
        return rejects


def _messages(frame: bytes) -> int:
    """Return how many messages a frame holds, 0 where anything else stands in it."""
    pieces = cut(framed(frame))
    return 0 if any(isinstance(piece, Problem) for piece in pieces) else len(pieces)


def _ack(numbers: Sequence[int], rejects: Rejects) -> Ack:
    if not numbers:
        return NOT_A_MESSAGE
    reason = next((rejects[n] for n in (*numbers, None) if n in rejects), None)
    return TAKEN if reason is None else Ack(AckCode.QUARANTINED, reason)


def rejects_of(home: Path, site: str, receipts: Sequence[Receipt]) -> Rejects:
    """Return why messages of a landed file are in quarantine, as their receipt's Parquet says."""
    return {
        row["_line"]: row["reason"]
        for receipt in receipts
        if receipt.quarantined
        for path in _quarantine_files(home, site, receipt)
        for row in pq.read_table(path, columns=["_line", "reason"]).to_pylist()
    }


def _quarantine_files(home: Path, site: str, receipt: Receipt) -> Iterator[Path]:
    name = lake_name(receipt.sha256, 1)
    return home.glob(f"quarantine/{receipt.feed}/site={site}/day=*/{name}*.parquet")
