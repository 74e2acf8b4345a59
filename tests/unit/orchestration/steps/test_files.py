"""Files appear whole or not at all, and have a fingerprint."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from evaluation.ledger import generate_private_key, write_private_key
from ml.registry.files import locked, write_durably
from orchestration.feeds.bulk_export.journal import Job, Journal
from orchestration.feeds.vault import Vault
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps import files
from orchestration.steps.home import open_home
from orchestration.steps.intake.keys import date_key_file
from orchestration.steps.record.pending import Pending, keep
from orchestration.steps.record.records import CHECKPOINT, open_records
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.warehouse.tables import demand_rebuild

PASSING = ("locks", "files")
"""Folders of what no power cut may leave behind anyway, or what is fetched again."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_file_is_replaced_in_one_step_with_its_mode_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "key"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_a_draft_is_never_readable_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is in the draft before its mode is set, so the draft itself must be private."""
    seen: list[int] = []
    monkeypatch.setattr(files.os, "fsync", lambda _: seen.extend(p.stat().st_mode & 0o777 for p in tmp_path.iterdir()))
    files.write_atomically(tmp_path / "key", b"secret", mode=0o600)
    assert seen == [0o600]


def test_a_reader_sees_the_old_file_until_the_new_one_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"old")

    def crash(_: int) -> None:
        assert path.read_bytes() == b"old"
        raise OSError("the disk is full")

    monkeypatch.setattr(files.os, "fsync", crash)
    with pytest.raises(OSError, match="full"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def _pointed(path: Path) -> None:
    with locked(path):
        write_durably(path, b"{}")


BEGUN = Job(scope="all", since=None, status_url="https://example.org/1", started_at=0.0)
KEPT: dict[str, tuple[str, Callable[[Settings], object]]] = {
    "an order that waits": ("pending", lambda one: keep(one, Pending("0" * 16, "rollback", "ada", {}, NOON))),
    "the version of the home": (".", open_home),
    "a demand to build anew": (".", lambda one: demand_rebuild(one, "erasure")),
    "a key of dates": ("keys", lambda one: date_key_file(one, load_site("city"))),
    "a master key": ("keys", lambda one: Vault.of(one.home).keyring.wrap(b"0" * 32, b"of one object")),
    "the key of a person": (".", lambda one: write_private_key(one.home / "ada.pem", generate_private_key())),
    "the key of releases": ("keys", release_signer),
    "the key of the ledger": ("keys", open_records),
    "a pointer": ("pointers/triage", lambda one: _pointed(one.home / "pointers/triage/city.json")),
    "how far an export is": ("exports", lambda one: Journal(one.home / "exports").keep(BEGUN)),
}


def folders_lost(home: Path, seen: list[tuple[Path, list[str]]]) -> list[str]:
    """Folders of what was written whose own names no sync of the folder above has on disk."""
    made = [path for path in home.rglob("*") if path.is_dir() and path.name not in PASSING]
    kept = {path / name for path, names in seen for name in names}
    return [str(path.relative_to(home)) for path in made if path not in kept]


@pytest.mark.parametrize("what", KEPT)
def test_what_others_count_on_has_its_name_on_disk_before_they_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    seen: list[tuple[Path, list[str]]] = []

    def look(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append((path, sorted(each.name for each in path.iterdir()) if path.is_dir() else []))

    monkeypatch.setattr(os, "fsync", look)
    folder, write = KEPT[what]
    write(settings)
    synced = [names for path, names in seen if path == settings.home / folder]
    assert not folders_lost(settings.home, seen)
    assert synced and synced[-1] == sorted(each.name for each in (settings.home / folder).iterdir())


def test_the_head_of_a_ledger_that_begins_has_its_name_on_disk(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it the ledger is refused for good."""
    seen: set[Path] = set()

    def look(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        seen.update(path.iterdir() if path.is_dir() else ())

    monkeypatch.setattr(os, "fsync", look)
    open_records(settings)
    assert settings.home / CHECKPOINT in seen


def test_what_is_made_again_waits_for_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda one: seen.append(Path(f"/proc/self/fd/{one}").readlink().is_dir()))
    files.write_json(tmp_path / "a.json", {})
    assert seen == [False]


def test_a_folder_that_is_made_for_a_file_is_on_disk_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda one: seen.append(Path(f"/proc/self/fd/{one}").readlink()))
    files.write_json_durably(tmp_path / "a" / "b" / "c.json", {})
    assert seen[1:] == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]
    assert not files.write_once(tmp_path / "a" / "b" / "c.json", b"another")


def test_json_is_written_sorted_and_times_as_text(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": 1, "a": date(2026, 3, 1)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": "2026-03-01", "b": 1}
    assert (tmp_path / "a.json").read_text().index('"a"') < (tmp_path / "a.json").read_text().index('"b"')


def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert files.file_sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_trees_digest_changes_with_a_byte_a_name_and_a_place_and_not_with_other_files(tmp_path: Path) -> None:
    def tree(name: str, content: str, other: str = "") -> str:
        root = tmp_path / hashlib.sha256(f"{name}{content}{other}".encode()).hexdigest()[:8]
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(content)
        (root / "notes.txt").write_text(other)
        return files.tree_sha256(root, ("*.sql", "*.yml"))

    first = tree("models/a.sql", "select 1")
    assert tree("models/a.sql", "select 1", "x") == first
    assert (
        len({first, tree("models/a.sql", "select 2"), tree("models/b.sql", "select 1"), tree("a.sql", "select 1")}) == 4
    )


def test_a_file_that_two_patterns_match_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("select 1")
    assert files.tree_sha256(tmp_path, ("*.sql", "a.*")) == files.tree_sha256(tmp_path, ("*.sql",))


def test_names_and_sizes_are_the_fingerprint_of_append_only_files(tmp_path: Path) -> None:
    empty = files.names_sha256(tmp_path, "*.parquet")
    assert files.names_sha256(tmp_path / "absent", "*.parquet") == empty
    (tmp_path / "a.parquet").write_bytes(b"12")
    one = files.names_sha256(tmp_path, "*.parquet")
    (tmp_path / "a.parquet").write_bytes(b"123")
    longer = files.names_sha256(tmp_path, "*.parquet")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.parquet").write_bytes(b"12")
    assert len({empty, one, longer, files.names_sha256(tmp_path, "*.parquet")}) == 4
