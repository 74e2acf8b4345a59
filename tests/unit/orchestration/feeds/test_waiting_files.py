"""What this home put aside and answers for is not told as unreadable for good when its disk fails for a moment."""

import gzip
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from orchestration.feeds import land
from orchestration.feeds.errors import WaitingUnread
from orchestration.feeds.vault import Vault
from orchestration.feeds.vault.cipher import OpenedStream
from orchestration.feeds.vault.errors import ObjectUnread

GOOD = b'{"resourceType":"Patient","id":"1"}'


class Failing(BytesIO):
    """A file whose disk is in trouble after its first bytes."""

    def read(self, _: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(3)


def zipped(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.ndjson", GOOD)
    return buffer.getvalue()


def land_waiting(zone: Any, path: Path) -> list[Any]:
    same = {"site": zone.site, "feed": None, "home": zone.home, "key": b"k" * 32}
    return land([path], arrived_at=zone.noon, is_waiting=True, **same)


def test_a_disk_that_is_full_while_an_archive_is_unpacked_says_nothing_of_the_archive(zone, monkeypatch) -> None:
    """Written off as damaged, its records would be missing until somebody thought of it."""
    keep, kept = Vault.keep, []

    def full(vault: Vault, source: Any, at_most: int | None = None) -> tuple[str, int]:
        kept.append(at_most)
        if at_most is not None:  # a member of an archive; the archive itself has no bound
            raise OSError(28, "No space left on device")
        return keep(vault, source, at_most)

    with monkeypatch.context() as broken, pytest.raises(OSError, match="No space left"):
        broken.setattr(Vault, "keep", full)
        zone.one("all.zip", zipped())
    assert len(kept) == 2 and not list(zone.home.rglob("receipts/**/*.json"))
    assert zone.one("all.zip", zipped()).landed == 1


def test_what_waits_and_cannot_be_read_for_a_moment_is_taken_at_the_next_run(zone, monkeypatch) -> None:
    waiting = zone.home / "inbox" / "a.ndjson"
    Vault.of(zone.home).wait(GOOD, waiting)
    with monkeypatch.context() as broken, pytest.raises(WaitingUnread, match=r"a.ndjson waits in inbox .*Input/output"):
        broken.setattr(Vault, "receive", lambda *_: Failing(GOOD))
        land_waiting(zone, waiting)
    assert not list(zone.home.rglob("receipts/**/*.json"))
    [receipt] = land_waiting(zone, waiting)
    assert receipt.landed == 1


PACKED = [("a.ndjson.gz", gzip.compress(GOOD)), ("a.zip", zipped())]


class Troubled:
    """The disk under kept bytes: it seeks, and does not read."""

    def seek(self, _: int) -> int:
        return 0

    def read(self, _: int) -> bytes:
        raise OSError(5, "Input/output error")

    def close(self) -> None: ...


@pytest.mark.parametrize(("name", "packed"), PACKED, ids=["gzip", "zip"])
def test_kept_bytes_that_cannot_be_read_for_a_moment_are_not_called_damaged(zone, monkeypatch, name, packed) -> None:
    load, right = OpenedStream._load, [1]

    def failing(self: OpenedStream, number: int) -> None:
        if not right[0]:  # what kind of file it is can be seen, what it holds cannot be read
            self._stream.close()
            self._stream = Troubled()
        right[0] = 0
        load(self, number)

    with monkeypatch.context() as broken, pytest.raises(ObjectUnread, match=r"cannot be read now .Input/output error."):
        broken.setattr(OpenedStream, "_load", failing)
        zone.one(name, packed)
    assert zone.one(name, packed).landed == 1


@pytest.mark.parametrize(("method", "header"), [(zipfile.ZIP_BZIP2, 4), (zipfile.ZIP_LZMA, 13)])
def test_a_member_that_does_not_unpack_is_told_as_damaged(zone, method: int, header: int) -> None:
    whole = zipped(method)
    at = whole.index(b"a.ndjson") + len(b"a.ndjson") + header
    broken = whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 16]) + whole[at + 16 :]
    assert dict(zone.one("a.zip", broken).reasons) == {"file.truncated_archive": 1}
