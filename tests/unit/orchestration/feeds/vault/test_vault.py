"""Kept bytes: encrypted under keys of their own, read as they came, never mistaken for others, gone with their key."""

import gzip
import io
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.feeds.vault import Kind, ObjectErased, ObjectLost, Vault, VaultError
from orchestration.feeds.vault.cipher import CHUNK, plain_size, sealed

SECRET = b"PID|1||4711^^^HOSP||Zorro^Diego\r"
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.of(tmp_path)


def kept(vault: Vault, content: bytes) -> str:
    return vault.keep(io.BytesIO(content))[0]


def files(vault: Vault) -> list[Path]:
    return [path for path in vault.folder.parent.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_kept_is_read_as_it_came_whatever_its_size(vault: Vault, size: int) -> None:
    content = (SECRET * (size // len(SECRET) + 1))[:size]
    sha256, told = vault.keep(io.BytesIO(content))
    assert (told, vault.size(sha256)) == (size, size)
    assert vault.object(sha256).read_bytes() == content
    assert plain_size(sum(map(len, sealed([content[n : n + CHUNK] for n in range(0, size, CHUNK)], b"k" * 32)))) == size


def test_nothing_under_the_home_holds_what_came_and_every_file_is_its_owners_only(vault: Vault) -> None:
    kept(vault, SECRET * 100_000)
    for path in files(vault):
        assert SECRET[:16] not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3 * CHUNK), st.integers(0, 4000), st.integers(0, 2))
def test_a_stream_can_be_read_from_anywhere(tmp_path_factory, start: int, length: int, whence: int) -> None:
    content = bytes(range(251)) * (2 * CHUNK // 251)
    vault = Vault.of(tmp_path_factory.getbasetemp() / "anywhere")
    with vault.open(kept(vault, content)) as stream, io.BytesIO(content) as plain:
        offset = start if whence == io.SEEK_SET else -min(start, len(content)) if whence == io.SEEK_END else start // 2
        assert stream.seek(offset, whence) == plain.seek(offset, whence)
        assert stream.read(length) == plain.read(length)
        assert stream.read() == plain.read()


def test_a_packed_stream_is_unpacked_as_it_is_read(vault: Vault) -> None:
    with vault.open(kept(vault, gzip.compress(SECRET * 1000))) as stream, gzip.open(stream) as plain:
        assert plain.read() == SECRET * 1000


def _flip(raw: bytes) -> bytes:
    return raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:]


def _swap_chunks(raw: bytes) -> bytes:
    body = raw[-(2 * (CHUNK + 16) + 16 + 5) :]
    return raw[: -len(body)] + body[CHUNK + 16 : 2 * (CHUNK + 16)] + body[: CHUNK + 16] + body[2 * (CHUNK + 16) :]


@pytest.mark.parametrize(
    "damage",
    [
        _flip,
        _swap_chunks,
        lambda raw: raw[:-1],
        lambda raw: raw[: -16 - 5],
        lambda raw: raw[: 37 + 16],
        lambda r: r[:37],
    ],
    ids=["flipped", "swapped", "shorter", "without its last chunk", "cut to a tag", "cut to its head"],
)
def test_bytes_that_were_changed_or_cut_off_are_an_error_and_never_read_as_others(vault: Vault, damage) -> None:
    sha256 = kept(vault, bytes(2 * CHUNK + 5))
    path = vault.path(sha256)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ObjectLost, match=r"damaged.*Restore"):
        vault.object(sha256).read_bytes()


def test_an_object_is_gone_with_its_key_even_where_a_copy_of_its_file_was_made(vault: Vault, tmp_path: Path) -> None:
    sha256 = kept(vault, SECRET)
    copy = tmp_path / "copy"
    shutil.copy(vault.path(sha256), copy)
    vault.erase(sha256)
    with pytest.raises(ObjectErased):
        vault.open(sha256)
    shutil.copy(copy, vault.path(sha256))
    with pytest.raises(ObjectLost, match="key"):
        vault.open(sha256)


def test_erased_bytes_do_not_come_back_by_coming_again(vault: Vault) -> None:
    sha256 = kept(vault, SECRET)
    vault.erase(sha256)
    assert kept(vault, SECRET) == sha256
    assert vault.kind(sha256) is Kind.ERASED
    assert not list((vault.keyring.folder / "objects").glob("*/*"))


def test_what_is_left_of_an_object_lies_under_its_old_name_and_what_was_there_does_not_open(vault: Vault) -> None:
    sha256 = kept(vault, SECRET)
    before = vault.path(sha256).read_bytes()
    vault.redact(sha256, [b"PID|", b"", b"\r"])
    assert vault.object(sha256).read_bytes() == b"PID|\r"
    assert (vault.kind(sha256), kept(vault, SECRET)) == (Kind.REDACTED, sha256)
    assert vault.object(sha256).read_bytes() == b"PID|\r"
    vault.path(sha256).write_bytes(before)
    with pytest.raises(ObjectLost):
        vault.open(sha256)


def test_an_erasure_that_was_stopped_before_the_key_was_destroyed_is_finished_by_running_it_again(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = kept(vault, SECRET)
    with monkeypatch.context() as patched:
        patched.setattr(type(vault.keyring), "destroy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            vault.erase(sha256)
    assert list((vault.keyring.folder / "objects").glob("*/*"))
    vault.erase(sha256)
    assert not list((vault.keyring.folder / "objects").glob("*/*"))


def test_plain_files_of_an_earlier_version_are_read_and_sealed(vault: Vault) -> None:
    content = SECRET * 3
    sha256 = kept(vault, content)
    vault.path(sha256).write_bytes(content)
    assert vault.object(sha256).read_bytes() == content
    assert SECRET[:9] not in vault.path(sha256).read_bytes()
    vault.path(sha256).write_bytes(content)
    assert vault.seal_plain() == 1
    assert SECRET[:9] not in vault.path(sha256).read_bytes()
    assert vault.seal_plain() == 0


def test_a_new_master_key_opens_what_was_kept_under_the_old_one_which_is_gone(vault: Vault) -> None:
    first, second = kept(vault, SECRET), kept(vault, SECRET * 2)
    old = (vault.keyring.folder / "vault.v1.key").read_bytes()
    assert vault.keyring.rotate() == 2
    assert (vault.object(first).read_bytes(), vault.object(second).read_bytes()) == (SECRET, SECRET * 2)
    assert [path.name for path in vault.keyring.folder.glob("*.key")] == ["vault.v2.key"]
    assert (vault.keyring.folder / "vault.v2.key").read_bytes() != old


def test_a_rotation_has_every_key_on_disk_before_it_takes_the_old_master_away(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(vault, SECRET)
    old, seen = vault.keyring.folder / "vault.v1.key", dict[Path, bool]()
    monkeypatch.setattr(os, "fsync", lambda one: seen.update({Path(f"/proc/self/fd/{one}").readlink(): old.exists()}))
    vault.keyring.rotate()
    [folder] = [path for path in vault.keyring.objects.glob("*") if path.is_dir()]
    assert seen[folder] and not old.exists()


def test_folders_that_are_made_for_kept_and_waiting_bytes_are_on_disk_before_they_are_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, seen = tmp_path / "home", set[Path]()
    vault = Vault.of(home)
    monkeypatch.setattr(os, "fsync", lambda one: seen.add(Path(f"/proc/self/fd/{one}").readlink()))
    vault.wait(SECRET, home / "inbox" / "city" / "1.hl7")
    assert {home / "inbox" / "city", home / "inbox"} <= seen
    seen.clear()
    path = vault.path(kept(vault, SECRET))
    vault.sync()
    assert {path.parent, path.parent.parent, home / "keys" / "objects"} <= seen


def test_a_rotation_that_was_stopped_is_finished_by_the_next(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [kept(vault, SECRET * n) for n in (1, 2, 3)]
    wrapped = iter([True])
    again = type(vault.keyring)._rewrap

    def once(self, path, newest):
        next(wrapped, None) or (_ for _ in ()).throw(KeyboardInterrupt)
        return again(self, path, newest)

    with monkeypatch.context() as patched:
        patched.setattr(type(vault.keyring), "_rewrap", once)
        with pytest.raises((KeyboardInterrupt, StopIteration, TypeError)):
            vault.keyring.rotate()
    assert [vault.object(sha).read_bytes() for sha in found] == [SECRET * n for n in (1, 2, 3)]
    vault.keyring.rotate()
    assert [path.name for path in vault.keyring.folder.glob("*.key")] == ["vault.v2.key"]
    assert [vault.object(sha).read_bytes() for sha in found] == [SECRET * n for n in (1, 2, 3)]


@pytest.mark.parametrize("other", [None, b"x" * 32, b"short"], ids=["gone", "another", "cut off"])
def test_a_master_key_that_is_not_the_one_is_said_and_never_replaced(vault: Vault, other: bytes | None) -> None:
    sha256 = kept(vault, SECRET)
    master = vault.keyring.folder / "vault.v1.key"
    master.unlink()
    if other is not None:
        master.write_bytes(other)
        master.chmod(0o600)
    with pytest.raises(VaultError, match=r"[Rr]estore"):
        vault.open(sha256)
    assert master.exists() == (other is not None)


def test_a_master_key_that_others_can_read_is_refused(vault: Vault) -> None:
    sha256 = kept(vault, SECRET)
    (vault.keyring.folder / "vault.v1.key").chmod(0o644)
    with pytest.raises(VaultError, match="chmod 600"):
        vault.open(sha256)


def test_bytes_that_only_wait_are_durable_and_encrypted_and_open_as_they_arrive(vault: Vault, tmp_path: Path) -> None:
    target = tmp_path / "inbox" / "batch.hl7"
    vault.wait(SECRET, target)
    assert SECRET[:9] not in target.read_bytes()
    with vault.receive(target) as stream:
        assert stream.read() == SECRET
    plain = tmp_path / "plain.hl7"
    plain.write_bytes(SECRET)
    with vault.receive(plain) as stream:
        assert stream.read() == SECRET


def test_a_stream_that_waits_lies_nowhere_in_the_plain_at_any_moment(vault: Vault, tmp_path: Path) -> None:
    """What a killed process would leave: whatever lies in the home while the stream still comes."""
    looks: list[int] = []

    def coming() -> Iterator[bytes]:
        for _ in range(3):
            yield SECRET * (1 + (1 << 20) // len(SECRET))
            found = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            looks.append(sum(map(len, found)))
            assert not [one for one in found if SECRET[:9] in one]

    vault.wait_stream(coming(), tmp_path / "waiting")
    assert max(looks) > 1 << 20
    with vault.receive(tmp_path / "waiting") as stream:
        assert stream.read() == SECRET * (1 + (1 << 20) // len(SECRET)) * 3


def test_a_stream_that_breaks_off_leaves_nothing_waiting(vault: Vault, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield SECRET
        raise ConnectionError

    with pytest.raises(ConnectionError):
        vault.wait_stream(broken(), tmp_path / "waiting")
    assert not (tmp_path / "waiting").exists() and list(vault.incoming.iterdir()) == []


def test_many_that_keep_at_once_in_a_new_home_share_one_master_key(tmp_path: Path) -> None:
    contents = [f"record {n % 20}".encode() for n in range(40)]  # each comes twice
    for turn in range(10):
        vault = Vault.of(tmp_path / str(turn))
        with ThreadPoolExecutor(8) as side_by_side:
            kept = list(side_by_side.map(vault.keep, map(io.BytesIO, contents)))
        assert [vault.object(sha256).read_bytes() for sha256, _ in kept] == contents
        assert len(list((tmp_path / str(turn) / "keys").glob("vault.v*.key"))) == 1


def test_a_stream_past_its_bound_leaves_nothing(vault: Vault) -> None:
    with pytest.raises(OverflowError):
        vault.keep(io.BytesIO(SECRET), at_most=5)
    assert files(vault) == []


def test_what_a_kill_left_undurable_is_made_so_by_whoever_brings_it_again(vault: Vault, tmp_path: Path) -> None:
    sha256 = kept(vault, SECRET)
    placed = set(vault.touched)
    again = Vault.of(tmp_path)  # as after a kill: nobody knows any more what was not synced
    assert kept(again, SECRET) == sha256
    assert again.touched == placed
