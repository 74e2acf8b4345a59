"""Files appear whole or not at all, and have a fingerprint."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from orchestration.steps import files


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
