"""The listener over real sockets: what is answered, when, and what is not."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest

from orchestration.feeds.mllp import Ack, AckCode, ListenLimits, listen
from orchestration.feeds.mllp.places import Places

LANDED = Ack(AckCode.LANDED)


def adt(control: object, more: str = "") -> bytes:
    return f"MSH|^~\\&|A|B|||2020||ADT^A01|{control}|P|2.5\rPID|1||7{more}\r".encode()


def mllp(*messages: bytes) -> bytes:
    return b"".join(b"\x0b" + message + b"\x1c\r" for message in messages)


class Lake:
    """Lands what it is given, slowly if told to, and takes note of each batch."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.batches, self.is_down, self.at_once = seconds, [], False, 0
        self.may_land = threading.Event()
        self.may_land.set()

    def __call__(self, messages: Sequence[bytes]) -> list[Ack]:
        self.at_once += 1
        assert self.at_once == 1, "two landings at once"
        self.may_land.wait(10)
        time.sleep(self.seconds)
        self.at_once -= 1
        if self.is_down:
            raise OSError("no room")
        self.batches.append(list(messages))
        return [Ack(AckCode.QUARANTINED, "Bad.") if b"bad" in m else LANDED for m in messages]


class Sender:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self) -> str:
        """MSA-1 and MSA-2 of the next answer, `closed` where the connection ends instead."""
        try:
            frame = await asyncio.wait_for(self.reader.readuntil(b"\x1c\r"), 10)
        except (asyncio.IncompleteReadError, ConnectionError):
            return "closed"
        assert frame.startswith(b"\x0bMSH")
        return " ".join(frame.split(b"\r")[1].decode().split("|")[1:3])

    async def answers(self, count: int) -> list[str]:
        return [await self.answer() for _ in range(count)]

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Station:
    """A listener under test."""

    def __init__(self, lake: Callable[[Sequence[bytes]], list[Ack]], limits: ListenLimits) -> None:
        self.lake, self.limits, self.senders = lake, limits, []
        self.refused: Counter[str] = Counter()

    async def __aenter__(self) -> "Station":
        ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(
            listen("127.0.0.1", 0, self.lake, limits=self.limits, listening=ready.set_result, refused=self.refused)
        )
        self.port = await ready
        return self

    async def connect(self, address: str = "127.0.0.1") -> Sender:
        sender = Sender(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0)))
        self.senders.append(sender)
        return sender

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(self.task), 20)

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for sender in self.senders:
            await sender.close()


def run(lake: Lake, test: Callable[[Station], Awaitable[None]], **limits: float) -> None:
    async def whole() -> None:
        async with Station(lake, ListenLimits(**limits)) as station:
            await asyncio.wait_for(test(station), 30)

    asyncio.run(whole())


def test_each_message_is_answered_with_its_control_id_and_its_fate() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()
        for n, expected in enumerate(["AA 0", "AE 1", "AA 2"]):
            await sender.send(mllp(adt(n, "bad" if n == 1 else "")))
            assert await sender.answer() == expected

    run(Lake(), test)


def test_messages_in_one_piece_are_answered_in_their_order() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()
        await sender.send(b"garbage\r\n" + mllp(*(adt(n) for n in range(50))))
        assert await sender.answers(50) == [f"AA {n}" for n in range(50)]

    run(Lake(), test)


def test_a_message_may_come_byte_by_byte() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()
        for byte in mllp(adt(1)):
            await sender.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await sender.answer() == "AA 1"

    run(Lake(), test)


def test_what_comes_while_one_landing_runs_is_landed_together() -> None:
    lake = Lake(0.05)

    async def test(station: Station) -> None:
        senders = [await station.connect() for _ in range(20)]

        async def talk(n: int, sender: Sender) -> None:
            for k in range(5):
                await sender.send(mllp(adt(f"{n}.{k}")))
                assert await sender.answer() == f"AA {n}.{k}"

        await asyncio.gather(*(talk(n, sender) for n, sender in enumerate(senders)))

    run(lake, test, of_one_address=20)
    assert sum(map(len, lake.batches)) == 100
    assert len(lake.batches) < 30


def test_batches_stay_within_their_bounds() -> None:
    lake = Lake()
    lake.may_land.clear()

    async def test(station: Station) -> None:
        sender = await station.connect()
        await sender.send(mllp(*(adt(n) for n in range(40))))
        await asyncio.sleep(0.2)
        lake.may_land.set()
        await sender.answers(40)

    run(lake, test, batch=7, batch_bytes=4 * len(adt(10)))
    assert max(map(len, lake.batches)) <= 5
    assert sum(map(len, lake.batches)) == 40


def test_nothing_is_answered_before_it_is_landed_and_nothing_at_all_when_that_fails() -> None:
    lake = Lake()

    async def test(station: Station) -> None:
        lake.may_land.clear()
        sender = await station.connect()
        await sender.send(mllp(adt(1), adt(2)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(sender.reader.read(1))), 0.3)
        lake.is_down = True
        lake.may_land.set()
        again = await station.connect()
        await again.send(mllp(adt(3)))
        assert await again.answer() == "closed"
        lake.is_down = False
        third = await station.connect()
        await third.send(mllp(adt(1), adt(2)))
        assert await third.answers(2) == ["AA 1", "AA 2"]

    run(lake, test)


def test_a_message_beyond_the_limit_is_refused_and_the_next_one_taken() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()
        await sender.send(mllp(adt(1, "x" * 2000), adt(2), b""))
        assert await sender.answers(2) == ["AR 1", "AA 2"]

    run(Lake(), test, message=1000)


def test_more_connections_than_the_limit_are_refused() -> None:
    async def test(station: Station) -> None:
        first, second = await station.connect(), await station.connect()
        await first.send(mllp(adt(1)))
        await second.send(mllp(adt(2)))
        assert (await first.answer(), await second.answer()) == ("AA 1", "AA 2")
        third = await station.connect()
        await third.send(mllp(adt(3)))
        assert await third.answer() == "closed"
        await first.close()
        await asyncio.sleep(0.1)
        fourth = await station.connect()
        await fourth.send(mllp(adt(4)))
        assert await fourth.answer() == "AA 4"

    run(Lake(), test, connections=2)


def test_one_address_has_its_share_and_leaves_the_rest_to_others(caplog, monkeypatch) -> None:
    monkeypatch.setattr("orchestration.feeds.mllp.places.TELL_SECONDS", 600.0)
    share = ListenLimits().of_one_address

    async def test(station: Station) -> None:
        own = [await station.connect() for _ in range(share)]
        for n, sender in enumerate(own):
            await sender.send(mllp(adt(n)))
            assert await sender.answer() == f"AA {n}"
        for _ in range(60):
            assert await (await station.connect()).answer() == "closed"
        other = await station.connect("127.0.0.2")
        await other.send(mllp(adt("other")))
        assert await other.answer() == "AA other"
        await own[0].send(mllp(adt("again")))
        assert await own[0].answer() == "AA again"
        assert station.refused == {"127.0.0.1": 60}

    run(Lake(), test)
    assert caplog.messages == [
        f"A connection of 127.0.0.1 was refused: {share} are open from that address, which is the limit for one "
        "(refusals so far: 1)."
    ]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", False),
        ("::1", "::2", False),
        ("an unknown address", "an unknown address", True),
    ],
)
def test_an_ipv6_network_has_the_share_of_one_address(one: str, other: str, *, is_same: bool) -> None:
    async def test() -> None:
        places = Places(most=9, most_of_one=1, spare=60.0)
        assert places.take(one, lambda: None) is not None
        assert (places.take(other, lambda: None) is None) is is_same

    asyncio.run(test())


def test_refusals_of_more_addresses_than_are_named_are_counted_together(caplog, monkeypatch) -> None:
    monkeypatch.setattr("orchestration.feeds.mllp.places.MOST_NAMED", 2)

    async def test() -> None:
        places = Places(most=0, most_of_one=1, spare=60.0)
        for n in (1, 2, 3, 4, 1):
            assert places.take(f"192.0.2.{n}", lambda: None) is None
        assert places.refused == {"192.0.2.1": 2, "192.0.2.2": 1, "other addresses": 2}

    asyncio.run(test())
    assert [line.split(" was")[0].removeprefix("A connection of ") for line in caplog.messages] == [
        "192.0.2.1", "192.0.2.2", "other addresses",
    ]  # fmt: skip


@pytest.mark.parametrize("caller", ["127.0.0.1", "127.0.0.2"])
def test_who_is_silent_for_longest_gives_way(caller: str) -> None:
    async def test(station: Station) -> None:
        silent, talking = await station.connect(), await station.connect()
        await asyncio.sleep(0.3)
        await talking.send(mllp(adt(1)))
        assert await talking.answer() == "AA 1"
        third = await station.connect(caller)
        await third.send(mllp(adt(3)))
        assert (await third.answer(), await silent.answer()) == ("AA 3", "closed")
        await talking.send(mllp(adt(4)))
        assert await talking.answer() == "AA 4"

    run(Lake(), test, connections=2, of_one_address=2, spare=0.2)


@pytest.mark.parametrize("caller", ["one", "other"])
def test_nobody_gives_way_who_was_heard_lately_or_is_amid_something(caller: str) -> None:
    async def test() -> None:
        left, places = list[str](), Places(most=3, most_of_one=3, spare=60.0)
        taken = [places.take("one", lambda name=name: left.append(name)) for name in ("heard", "amid", "owed")]
        heard, amid, owed = (place for place in taken if place is not None)
        now = asyncio.get_running_loop().time()
        heard.silent_since, amid.silent_since, owed.silent_since = now - 30, now - 90, now - 90
        amid.is_amid, owed.owed = True, 1
        assert places.take(caller, lambda: None) is None
        assert (left, places.refused) == ([], {caller: 1})
        heard.silent_since = now - 61
        assert places.take(caller, lambda: None) is not None
        assert left == ["heard"]

    asyncio.run(test())


def test_nobody_gives_way_whose_message_is_under_way_or_unanswered() -> None:
    lake = Lake()
    lake.may_land.clear()

    async def test(station: Station) -> None:
        waiting, amid = await station.connect(), await station.connect()
        await waiting.send(mllp(adt(1)))
        await amid.send(b"\x0bMSH|")
        await asyncio.sleep(0.3)
        assert await (await station.connect("127.0.0.2")).answer() == "closed"
        lake.may_land.set()
        assert await waiting.answer() == "AA 1"
        await amid.send(mllp(adt(2)))
        assert await amid.answer() == "AA 2"

    run(lake, test, connections=2, spare=0.1)


def test_what_stands_between_frames_keeps_no_connection_open() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()

        async def drip() -> None:
            with suppress(ConnectionError):
                for _ in range(100):
                    await sender.send(b"x")
                    await asyncio.sleep(0.05)

        started, dripping = time.monotonic(), asyncio.create_task(drip())
        assert await sender.answer() == "closed"
        assert time.monotonic() - started < 3
        await dripping

    run(Lake(), test, idle=0.5)


def test_a_silent_sender_and_one_that_never_ends_its_frame_are_hung_up_on() -> None:
    async def test(station: Station) -> None:
        silent, slow = await station.connect(), await station.connect()
        started = time.monotonic()
        await slow.send(b"\x0bMSH|")

        async def drip() -> None:
            with suppress(ConnectionError):
                for _ in range(100):
                    await slow.send(b"x")
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await slow.answer() == "closed"
        assert time.monotonic() - started < 3
        assert await silent.answer() == "closed"
        await dripping

    run(Lake(), test, idle=1.0, frame=0.5)


def test_a_sender_that_has_said_all_is_answered_before_the_connection_ends() -> None:
    async def test(station: Station) -> None:
        sender = await station.connect()
        await sender.send(mllp(adt(1), adt(2)) + b"\x0bMSH|half a mess")
        sender.writer.write_eof()
        assert await sender.answers(3) == ["AA 1", "AA 2", "closed"]

    run(Lake(0.1), test)


def test_a_sender_that_leaves_without_its_answer_disturbs_nobody() -> None:
    lake = Lake(0.05)

    async def test(station: Station) -> None:
        for n in range(5):
            sender = await station.connect()
            await sender.send(mllp(adt(n)))
            sender.writer.transport.abort()
        last = await station.connect()
        await last.send(mllp(adt(9)))
        assert await last.answer() == "AA 9"

    run(lake, test)


def test_a_stopped_listener_answers_what_has_come_and_takes_no_more() -> None:
    lake = Lake()

    async def test(station: Station) -> None:
        lake.may_land.clear()
        sender = await station.connect()
        await sender.send(mllp(*(adt(n) for n in range(10))) + b"\x0bMSH|^~")
        await asyncio.sleep(0.2)
        stopping = asyncio.create_task(station.stop())
        await asyncio.sleep(0.1)
        lake.may_land.set()
        await stopping
        assert await sender.answers(11) == [*(f"AA {n}" for n in range(10)), "closed"]
        with pytest.raises(ConnectionError):
            await station.connect()

    run(lake, test)
    assert sum(map(len, lake.batches)) == 10


def test_what_waits_is_bounded_by_its_bytes_and_by_sender() -> None:
    lake = Lake()

    async def test(station: Station) -> None:
        lake.may_land.clear()
        sender = await station.connect()
        sending = asyncio.create_task(sender.send(mllp(*(adt(n, "x" * 1000) for n in range(3000)))))
        await asyncio.sleep(0.3)
        lake.may_land.set()
        assert await sender.answers(3000) == [f"AA {n}" for n in range(3000)]
        await sending

    run(lake, test, waiting=20_000, unanswered=50)
    assert max(map(len, lake.batches)) <= 51
