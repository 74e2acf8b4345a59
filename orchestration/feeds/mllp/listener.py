"""A listener for HL7 v2 over MLLP: many senders, one landing at a time, an answer only for what is durable.

Messages that come while one landing runs wait for the next and are landed together (group commit). What does not belong
here: frames (frames.py), answers (acknowledgement.py), who may connect (places.py), and landing (the `receive` that is
given).
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestration.feeds.mllp.acknowledgement import Ack, AckCode, acknowledgement
from orchestration.feeds.mllp.frames import Frame, Frames, framed
from orchestration.feeds.mllp.places import Place, Places

MEBIBYTE = 1024 * 1024
CHUNK = 64 * 1024
TOO_LONG = Ack(AckCode.REFUSED, "The message is longer than this installation takes in.")

log = logging.getLogger(__name__)

Receive = Callable[[Sequence[bytes]], Sequence[Ack]]


@dataclass(frozen=True)
class ListenLimits:
    """Bounds against senders that send too much or nothing. Sizes in bytes, times in seconds.

    `connections` bounds how many are open in all, `of_one_address` how many of one peer (an interface engine sends for
    many departments from one address, and leaves places to others all the same), so that one sender cannot
    keep all others out; where none is free, one that was silent for `spare` gives way. `unanswered` bounds what one
    sender may send ahead of its answers, `waiting` the bytes of all messages that wait; `idle` how long a sender may
    send no message (what stands between frames is none), `frame` how long one frame or its answer may take.
    """

    message: int = 16 * MEBIBYTE
    connections: int = 64
    of_one_address: int = 48
    unanswered: int = 256
    waiting: int = 256 * MEBIBYTE
    batch: int = 1000
    batch_bytes: int = 64 * MEBIBYTE
    idle: float = 600.0
    spare: float = 30.0
    frame: float = 60.0


@dataclass(frozen=True)
class Waiting:
    """A message that waits to be landed, and where its answer goes; null stands for none."""

    message: bytes
    ack: asyncio.Future[Ack | None]


async def listen(
    host: str,
    port: int,
    receive: Receive,
    *,
    limits: ListenLimits | None = None,
    listening: Callable[[int], None] | None = None,
    refused: Counter[str] | None = None,
) -> None:
    """Take messages until cancelled; then land and answer what has come, and return.

    `receive` blocks until its messages are durably landed, and returns an answer for each; it runs in a thread, never
    twice at once. Where it raises, nothing is answered and the connections are closed, so that senders send again.
    `listening` is called with the port once connections are taken (of use where `port` is 0). `refused` counts the
    connections that found no place, by address.
    """
    desk = Desk(receive, limits or ListenLimits(), Counter() if refused is None else refused)
    server = await asyncio.start_server(desk.converse, host, port)
    landing = asyncio.create_task(desk.land_batches())
    if listening:
        listening(server.sockets[0].getsockname()[1])
    try:
        await asyncio.wait({landing})
        landing.result()
    finally:
        server.close()
        await desk.close()
        landing.cancel()
        await asyncio.wait({landing})


class Desk:
    """The conversations that are under way, and the messages of all of them that wait to be landed."""

    def __init__(self, receive: Receive, limits: ListenLimits, refused: Counter[str]) -> None:
        self._receive = receive
        self._limits = limits
        self._places = Places(limits.connections, limits.of_one_address, limits.spare, refused=refused)
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mllp-landing")
        self._reading: dict[asyncio.Task[None], asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Read no more, answer what has come, and wait until every conversation has ended."""
        for reading in self._reading.values():
            reading.cancel()
        if self._reading:
            await asyncio.wait(set(self._reading))
        self._thread.shutdown(wait=True)

    # -- conversations

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one sender's messages and answer them in their order."""
        conversation = asyncio.current_task()
        assert conversation is not None
        place = self._places.take(_address(writer), lambda: self._reading[conversation].cancel())
        if place is None:
            writer.close()
            return
        unanswered: asyncio.Queue[Waiting | None] = asyncio.Queue(self._limits.unanswered)
        reading = asyncio.create_task(self._read(reader, unanswered, place))
        answering = asyncio.create_task(self._answer(unanswered, writer, place))
        self._reading[conversation] = reading
        try:
            await asyncio.wait({reading, answering}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            await asyncio.wait({reading})
            await _put_unless_done(unanswered, answering)
            await asyncio.wait({answering})
        finally:
            await self._hang_up(writer)
            self._places.free(place)
            del self._reading[conversation]

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._limits.frame):
                await writer.wait_closed()

    async def _read(
        self, reader: asyncio.StreamReader, unanswered: asyncio.Queue[Waiting | None], place: Place
    ) -> None:
        frames = Frames(self._limits.message)
        loop = asyncio.get_running_loop()
        frame_ends = 0.0
        with suppress(TimeoutError, ConnectionError):
            while True:
                patience = frame_ends if frames.is_open else place.silent_since + self._limits.idle
                async with asyncio.timeout_at(patience):
                    data = await reader.read(CHUNK)
                if not data:
                    return
                was_open = frames.is_open
                found = frames.feed(data)
                place.is_amid = frames.is_open
                if found or not was_open:
                    frame_ends = loop.time() + self._limits.frame
                place.owed += len(found)
                for frame in found:
                    await self._take(frame, unanswered)
                    place.silent_since = loop.time()

    async def _take(self, frame: Frame, unanswered: asyncio.Queue[Waiting | None]) -> None:
        """Let a message wait for the next landing. Once it does, it has its place among the answers."""
        waiting = Waiting(frame.message, asyncio.get_running_loop().create_future())
        await self._has_room.wait()
        await unanswered.put(waiting)
        if frame.is_whole:
            self._queue.put_nowait(waiting)
            self._count(len(frame.message))
        else:
            waiting.ack.set_result(TOO_LONG)

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes < self._limits.waiting:
            self._has_room.set()
        else:
            self._has_room.clear()

    async def _answer(
        self, unanswered: asyncio.Queue[Waiting | None], writer: asyncio.StreamWriter, place: Place
    ) -> None:
        """Answer in order, until there is no more or a message could not be landed."""
        with suppress(TimeoutError, ConnectionError):
            while waiting := await unanswered.get():
                ack = await waiting.ack
                if ack is None:
                    return
                made = acknowledgement(waiting.message, ack, secrets.token_hex(10), datetime.now(UTC))
                writer.write(framed(made))
                async with asyncio.timeout(self._limits.frame):
                    await writer.drain()
                place.owed -= 1
                place.silent_since = asyncio.get_running_loop().time()  # a slow landing is no silence of the sender's

    # -- landing

    async def land_batches(self) -> None:
        """Land what waits, batch after batch, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._next_batch()
            messages = [waiting.message for waiting in batch]
            try:
                acks = await loop.run_in_executor(self._thread, self._landed, messages)
            except Exception as error:  # noqa: BLE001 - whatever stopped the landing, nothing was landed: say so
                log.error(
                    "Landing %d messages failed with %s; their senders keep them.", len(batch), type(error).__name__
                )
                acks = [None] * len(batch)
            for waiting, ack in zip(batch, acks, strict=True):
                waiting.ack.set_result(ack)
            self._count(-sum(map(len, messages)))

    def _landed(self, messages: Sequence[bytes]) -> list[Ack | None]:
        acks = list(self._receive(messages))
        if len(acks) != len(messages):
            raise ValueError(f"{len(messages)} messages were landed and {len(acks)} answers came.")
        return [*acks]

    async def _next_batch(self) -> list[Waiting]:
        batch = [await self._queue.get()]
        size = len(batch[0].message)
        while len(batch) < self._limits.batch and size < self._limits.batch_bytes and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            size += len(batch[-1].message)
        return batch


def _address(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return str(peer[0]) if peer else "an unknown address"


async def _put_unless_done(unanswered: asyncio.Queue[Waiting | None], answering: asyncio.Task[None]) -> None:
    """Say that no more comes, unless nobody asks any more."""
    end = asyncio.create_task(unanswered.put(None))
    await asyncio.wait({end, answering}, return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
