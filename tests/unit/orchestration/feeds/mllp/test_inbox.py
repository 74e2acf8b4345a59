"""From frames to answers by way of durable files, and from these to the lake in groups."""

from pathlib import Path

import pytest

from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp import Ack, AckCode, Grouping, Inbox, Pace
from orchestration.feeds.mllp.inbox import InboxFull, Waiting
from orchestration.feeds.vault import Vault

ONE = b"MSH|^~\\&|A|B|||2020||ADT^A01|1|P|2.5\rPID|1||7\r"
TWO, THREE = ONE.replace(b"|1|P", b"|2|P"), ONE.replace(b"|1|P", b"|3|P")


class Desk:
    """An inbox with a judge that rejects what it is told to, and a landing that takes note of what it gets."""

    def __init__(self, home: Path, rejects: dict[int | None, str] | None = None, most: int = 1 << 20) -> None:
        self.home, self.rejects, self.fails, self.most = home, rejects or {}, False, most
        self.files: list[tuple[str, bytes]] = []
        self.judged: list[bytes] = []
        self.box = self.opened()

    def opened(self) -> Inbox:
        return Inbox(self.home / "inbox", self.judge, self.land, Vault.of(self.home), self.most)

    def judge(self, content: bytes) -> dict[int | None, str]:
        self.judged.append(content)
        return self.rejects

    def land(self, path: Path) -> None:
        assert b"MSH" not in path.read_bytes()
        if self.fails:
            raise OSError("the disk is full")
        with self.box.vault.receive(path) as stream:
            self.files.append((path.name, stream.read()))

    def left(self) -> list[str]:
        return sorted(path.name for path in (self.home / "inbox").iterdir())

    def landed(self) -> list[bytes]:
        return [piece for _, content in self.files for piece in cut(content) if isinstance(piece, bytes)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def codes(acks: list[Ack]) -> list[str]:
    return [ack.code.value for ack in acks]


def test_a_batch_is_durable_when_it_is_answered_and_each_message_is_told_its_verdict(tmp_path: Path) -> None:
    desk = Desk(tmp_path, {2: "Not so."})
    acks = desk.box.receive([ONE, TWO, THREE])
    assert acks == [Ack(AckCode.LANDED), Ack(AckCode.QUARANTINED, "Not so."), Ack(AckCode.LANDED)]
    assert cut(desk.judged[0]) == [ONE, TWO, THREE]
    assert len(desk.left()) == 1
    assert desk.files == []


def test_batches_that_wait_are_landed_as_one_file_in_their_order(desk: Desk) -> None:
    for batch in ([ONE], [TWO, ONE], [THREE]):
        desk.box.receive(batch)
    assert desk.box.waiting.messages == 4
    assert desk.box.land_waiting() == 4
    assert len(desk.files) == 1
    assert desk.landed() == [ONE, TWO, ONE, THREE]
    assert desk.left() == []
    assert desk.box.waiting == Waiting()
    assert desk.box.land_waiting() == 0


@pytest.mark.parametrize("odd", [b"", b"hello", b"PID|1", ONE + b"\x1c", b"hello\r" + ONE])
def test_what_is_no_message_is_refused_and_shifts_nobodys_verdict(tmp_path: Path, odd: bytes) -> None:
    acks = Desk(tmp_path, {2: "Not so."}).box.receive([odd, ONE, odd, TWO])
    if odd == ONE + b"\x1c":
        assert codes(acks) == ["AA", "AE", "AA", "AA"]
    else:
        assert codes(acks) == ["AR", "AA", "AR", "AE"]


def test_where_nothing_is_a_message_nothing_is_kept(desk: Desk) -> None:
    assert codes(desk.box.receive([b"hello"])) == ["AR"]
    assert desk.judged == []
    assert not (desk.home / "inbox").exists()


def test_a_frame_of_several_messages_is_accepted_when_all_of_them_are(tmp_path: Path) -> None:
    assert codes(Desk(tmp_path, {2: "Not so."}).box.receive([ONE + TWO, THREE])) == ["AE", "AA"]


def test_a_file_rejected_whole_rejects_all_its_messages(tmp_path: Path) -> None:
    assert codes(Desk(tmp_path, {None: "No."}).box.receive([ONE, TWO])) == ["AE", "AE"]


def test_what_could_not_be_landed_waits_and_is_landed_with_what_came_since(desk: Desk) -> None:
    desk.box.receive([ONE])
    desk.box.receive([TWO])
    desk.fails = True
    with pytest.raises(OSError, match="full"):
        desk.box.land_waiting()
    desk.box.receive([THREE])
    desk.fails = False
    assert desk.box.land_waiting() == 3
    assert desk.landed() == [ONE, TWO, THREE]
    assert desk.left() == []


def test_what_an_earlier_listener_left_is_landed_once_at_the_next_start(desk: Desk) -> None:
    for message in (ONE, TWO, THREE):
        desk.box.receive([message])
    again = desk.opened()
    assert again.recover() == 3
    assert again.recover() == 0
    assert desk.landed() == [ONE, TWO, THREE]


@pytest.mark.parametrize("landed_before", [False, True])
def test_a_crash_between_a_group_and_the_removal_of_its_batches_lands_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, landed_before: bool
) -> None:
    if landed_before:
        desk.box.receive([ONE])
        desk.box.land_waiting()
    desk.box.receive([ONE])
    desk.box.receive([TWO])
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            desk.box._group(desk.box._batches)
    desk.files.clear()
    again = desk.opened()
    again.receive([THREE])
    assert again.recover() == 2
    assert desk.landed() == [ONE, TWO, THREE]
    assert desk.left() == []


def test_numbers_go_on_where_an_earlier_listener_stopped(desk: Desk) -> None:
    desk.box.receive([ONE])
    again = desk.opened()
    again.receive([TWO])
    assert len(desk.left()) == 2


def test_a_batch_that_cannot_be_judged_is_kept_and_not_answered(desk: Desk) -> None:
    desk.box.judge = lambda _: (_ for _ in ()).throw(RuntimeError("no verdict"))
    with pytest.raises(RuntimeError, match="no verdict"):
        desk.box.receive([ONE])
    assert desk.box.land_waiting() == 1


def test_more_than_may_wait_is_refused_until_it_can_be_landed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, most=len(ONE))
    desk.box.receive([ONE])
    with pytest.raises(InboxFull):
        desk.box.receive([TWO])
    desk.box.land_waiting()
    assert codes(desk.box.receive([TWO])) == ["AA"]


def test_at_the_end_everything_that_waits_is_landed(desk: Desk) -> None:
    with Grouping(desk.box, Pace(pause=60, between=60)):
        desk.box.receive([ONE])
    assert desk.landed() == [ONE]


@pytest.mark.parametrize(
    ("messages", "since_change", "since_landing", "is_due"),
    [
        (0, 99, 999, False),
        (1, 1.0, 60, True),
        (1, 0.9, 60, False),
        (1, 1.0, 59, False),
        (1, 0.0, 120, True),
        (9, 0.0, 0.0, False),
        (10, 0.0, 0.0, True),
    ],
)
def test_when_a_group_is_due(messages: int, since_change: float, since_landing: float, is_due: bool) -> None:
    pace = Pace(pause=1.0, between=60.0, messages=10)
    assert pace.is_due(Waiting(messages, messages), since_change, since_landing) is is_due
    assert Pace(size=5).is_due(Waiting(1, 5), 0, 0)
