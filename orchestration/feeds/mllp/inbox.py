"""Messages on their way from the wire to the lake: durable at once, judged, answered, and landed in groups.

Every batch that comes is a file of its own, encrypted and flushed to the disk before its senders are answered. From
time to time the batches that wait become one file and are landed together (grouping.py says when): one receipt and one
file per lake table for many messages. A group is named after its first and last batch, so that a crash between its
writing and the removal of the batches leaves nothing to be landed twice. What does not belong here: sockets, judging
and landing themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp.acknowledgement import Ack, AckCode
from orchestration.feeds.mllp.frames import framed
from orchestration.feeds.problems import Problem
from orchestration.feeds.vault import Vault
from orchestration.feeds.verdicts import Rejects

SUFFIX = ".hl7"
DIGITS = 12
NOT_A_MESSAGE = Ack(AckCode.REFUSED, "The frame holds no HL7 message that starts with MSH.")
TAKEN = Ack(AckCode.LANDED)
MEBIBYTE = 1024 * 1024

Judge = Callable[[bytes], Rejects]
Land = Callable[[Path], None]


class InboxFull(Exception):
    """More waits to be landed than may; senders keep what they have and send it again."""


@dataclass(frozen=True)
class Waiting:
    """Batches that wait: how many messages and bytes."""

    messages: int = 0
    size: int = 0


@dataclass
class Inbox:
    """A folder of batches under the home folder. `judge` says what is wrong with messages, `land` lands a file.

    `most` bounds the bytes that may wait while nothing can be landed.
    """

    folder: Path
    judge: Judge
    land: Land
    vault: Vault
    most: int = 256 * MEBIBYTE
    _lock: Lock = field(default_factory=Lock)
    _batches: list[Path] = field(default_factory=list[Path])
    _waiting: Waiting = Waiting()
    _last: int = 0

    def __post_init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="mllp-inbox")
        self._last = max((last for _, last, _ in self._files()), default=0)

    @property
    def waiting(self) -> Waiting:
        """What came and is not landed yet."""
        return self._waiting

    def receive(self, frames: Sequence[bytes]) -> list[Ack]:
        """Make messages durable and say what the contract says of each. Raises `InboxFull`, and what writing raises."""
        if self._waiting.size > self.most:
            raise InboxFull(f"{self._waiting.size} bytes wait to be landed.")
        counts = [_messages(frame) for frame in frames]
        taken = b"".join(framed(frame) for frame, count in zip(frames, counts, strict=True) if count)
        rejects = self._kept(taken, sum(counts)) if taken else {}
        numbers = iter(range(1, sum(counts) + 1))
        return [_ack([next(numbers) for _ in range(count)], rejects) for count in counts]

    def _kept(self, content: bytes, messages: int) -> Rejects:
        """Write a batch, and judge it meanwhile."""
        self._last += 1
        path = self.folder / f"{self._last:0{DIGITS}}{SUFFIX}"
        writing = self._writer.submit(self.vault.wait, content, path)
        try:
            rejects = self.judge(content)
        finally:
            writing.result()
            with self._lock:
                self._batches.append(path)
                self._waiting = Waiting(self._waiting.messages + messages, self._waiting.size + len(content))
        return rejects

    def land_waiting(self) -> int:
        """Land the batches that wait as one file; return how many messages it were. Raises what `land` raises."""
        with self._lock:
            batches, landed = list(self._batches), self._waiting
        if not batches:
            return 0
        group = self._group(batches)
        with self._lock:
            self._batches[: len(batches)] = [group]
        self._land(group)
        with self._lock:
            del self._batches[0]
            self._waiting = Waiting(self._waiting.messages - landed.messages, self._waiting.size - landed.size)
        return landed.messages

    def recover(self) -> int:
        """Land what an earlier listener left; return how many files it were."""
        left: list[Path] = []
        covered = 0
        for _, last, path in sorted(self._files(), key=lambda file: (file[0], -file[1])):
            if last > covered:
                left.append(path)
                covered = last
            else:
                path.unlink()  # it lies in a group already
        if left:
            self._land(self._group(left))
        return len(left)

    def _land(self, path: Path) -> None:
        self.land(path)
        path.unlink()

    def _group(self, batches: Sequence[Path]) -> Path:
        """Make batches one file, and remove them once it is durable."""
        if len(batches) == 1:
            return batches[0]
        group = self.folder / f"{_span(batches[0])[0]:0{DIGITS}}-{_span(batches[-1])[1]:0{DIGITS}}{SUFFIX}"
        self.vault.wait(b"".join(self._content(path) for path in batches), group)
        for path in batches:
            path.unlink()
        return group

    def _content(self, path: Path) -> bytes:
        with self.vault.receive(path) as stream:
            return stream.read()

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        for path in self.folder.glob(f"*{SUFFIX}"):
            yield (*_span(path), path)


def _span(path: Path) -> tuple[int, int]:
    """Return the numbers of the first and the last batch that a file holds."""
    first, _, last = path.name.removesuffix(SUFFIX).partition("-")
    return int(first), int(last or first)


def _messages(frame: bytes) -> int:
    """Return how many messages a frame holds, 0 where anything else stands in it."""
    pieces = cut(framed(frame))
    return 0 if any(isinstance(piece, Problem) for piece in pieces) else len(pieces)


def _ack(numbers: Sequence[int], rejects: Rejects) -> Ack:
    if not numbers:
        return NOT_A_MESSAGE
    reason = next((rejects[n] for n in (*numbers, None) if n in rejects), None)
    return TAKEN if reason is None else Ack(AckCode.QUARANTINED, reason)
