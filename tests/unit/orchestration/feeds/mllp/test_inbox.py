"""From frames to answers by way of a durable file."""

from pathlib import Path

import pytest

from orchestration.feeds.hl7v2.framing import cut
from orchestration.feeds.mllp import Ack, AckCode, Inbox
from orchestration.feeds.vault import Vault

ONE = b"MSH|^~\\&|A|B|||2020||ADT^A01|1|P|2.5\rPID|1||7\r"
TWO, THREE = ONE.replace(b"|1|P", b"|2|P"), ONE.replace(b"|1|P", b"|3|P")


class Landing:
    """Takes note of what is to be landed, and rejects what it is told to."""

    def __init__(self, vault: Vault, rejects: dict[int | None, str] | None = None) -> None:
        self.vault, self.rejects, self.fails = vault, rejects or {}, False
        self.files: list[tuple[str, bytes]] = []

    def __call__(self, path: Path) -> dict[int | None, str]:
        assert b"MSH" not in path.read_bytes()
        with self.vault.receive(path) as stream:
            self.files.append((path.name, stream.read()))
        if self.fails:
            raise OSError("the disk is full")
        return self.rejects


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.of(tmp_path)


def inbox_of(vault: Vault, landing: Landing) -> Inbox:
    return Inbox(vault.incoming.parent / "inbox", landing, vault)


def codes(acks: list[Ack]) -> list[str]:
    return [ack.code.value for ack in acks]


def test_a_batch_is_landed_as_one_file_and_each_message_is_told_its_fate(vault: Vault) -> None:
    landing = Landing(vault, {2: "Not so."})
    acks = inbox_of(vault, landing).receive([ONE, TWO, THREE])
    assert acks == [Ack(AckCode.LANDED), Ack(AckCode.QUARANTINED, "Not so."), Ack(AckCode.LANDED)]
    ((_, content),) = landing.files
    assert cut(content) == [ONE, TWO, THREE]
    assert list((vault.incoming.parent / "inbox").iterdir()) == []


@pytest.mark.parametrize("odd", [b"", b"hello", b"PID|1", ONE + b"\x1c", b"hello\r" + ONE])
def test_what_is_no_message_is_refused_and_shifts_nobodys_fate(vault: Vault, odd: bytes) -> None:
    landing = Landing(vault, {2: "Not so."})
    acks = inbox_of(vault, landing).receive([odd, ONE, odd, TWO])
    if odd == ONE + b"\x1c":
        assert codes(acks) == ["AA", "AE", "AA", "AA"]
    else:
        assert codes(acks) == ["AR", "AA", "AR", "AE"]


def test_where_nothing_is_a_message_nothing_is_landed(vault: Vault) -> None:
    landing = Landing(vault)
    assert codes(inbox_of(vault, landing).receive([b"hello"])) == ["AR"]
    assert landing.files == []


def test_a_frame_of_several_messages_is_landed_when_all_of_them_are(vault: Vault) -> None:
    acks = inbox_of(vault, Landing(vault, {2: "Not so."})).receive([ONE + TWO, THREE])
    assert codes(acks) == ["AE", "AA"]


def test_a_file_rejected_whole_rejects_all_its_messages(vault: Vault) -> None:
    assert codes(inbox_of(vault, Landing(vault, {None: "No."})).receive([ONE, TWO])) == ["AE", "AE"]


def test_what_could_not_be_landed_stays_and_is_landed_at_the_next_start(vault: Vault) -> None:
    landing = Landing(vault)
    landing.fails = True
    with pytest.raises(OSError, match="full"):
        inbox_of(vault, landing).receive([ONE])
    landing.fails = False
    again = inbox_of(vault, landing)
    assert again.recover() == 1
    assert landing.files[0] == landing.files[1]
    assert again.recover() == 0


def test_the_same_batch_again_is_the_same_file(vault: Vault) -> None:
    landing = Landing(vault)
    inbox = inbox_of(vault, landing)
    inbox.receive([ONE, TWO])
    inbox.receive([ONE, TWO])
    inbox.receive([TWO, ONE])
    names = [name for name, _ in landing.files]
    assert names[0] == names[1] != names[2]
