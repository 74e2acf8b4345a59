"""Reading with a bound: what is no regular file is refused at once, whatever it is; and what a kill leaves of a key."""

import os
from pathlib import Path

import pytest

from ml.registry import ReleaseError
from ml.registry.files import ABANDONED_SECONDS, create_durably, read_bounded, sweep_drafts


def test_a_file_up_to_the_bound_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    assert read_bounded(tmp_path / "file", 4) == b"1234"
    with pytest.raises(ReleaseError, match="larger than 3 bytes"):
        read_bounded(tmp_path / "file", 3)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="expected a regular file"):
        read_bounded(tmp_path, 4)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReleaseError, match="expected a regular file"):
        read_bounded(tmp_path / "pipe", 4)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(ReleaseError, match="cannot be opened"):
        read_bounded(tmp_path / "link", 4)


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where a process was killed between giving a key its name and taking the draft's away."""

    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", kill)
        create_durably(tmp_path / "release.key.pem", b"secret")
    return tmp_path


def test_a_second_name_of_a_key_goes_at_once_and_the_key_stays(killed: Path) -> None:
    [draft] = killed.glob(".*")
    assert draft.read_bytes() == b"secret"
    assert sweep_drafts(killed, draft.stat().st_mtime) == [draft.name]
    assert [path.name for path in killed.iterdir()] == ["release.key.pem"]
    assert (killed / "release.key.pem").read_bytes() == b"secret"


def test_a_draft_that_came_to_no_place_goes_when_nobody_wrote_to_it_for_an_hour(killed: Path) -> None:
    [draft] = killed.glob(".*")
    (killed / "release.key.pem").unlink()
    written = draft.stat().st_mtime
    assert sweep_drafts(killed, written + ABANDONED_SECONDS) == []
    assert sweep_drafts(killed, written + ABANDONED_SECONDS + 1) == [draft.name]


def test_only_drafts_of_keys_go(tmp_path: Path) -> None:
    for name in (
        ".lock",
        ".notify.yaml.swp",
        ".a.yaml.abcdefgh",
        "release.key.pem",
        ".release.key.pem.bak",
        ".a.pem.12345678",
    ):
        (tmp_path / name).touch(0o600)
    (tmp_path / ".a.pem.abcd1234").symlink_to(tmp_path / "release.key.pem")
    (tmp_path / ".a.pem.12345678").chmod(0o644)
    assert sweep_drafts(tmp_path, 1e12) == []


def test_of_one_key_only_its_own_drafts_go_whatever_it_is_called(tmp_path: Path) -> None:
    for name in (".ada[1].0123456789abcdef", ".ben.0123456789abcdef"):
        (tmp_path / name).touch(0o600)
    assert sweep_drafts(tmp_path, 1e12, "ada[1]") == [".ada[1].0123456789abcdef"]


def test_a_sweep_between_both_names_takes_nothing_from_who_is_writing(tmp_path: Path, monkeypatch) -> None:
    link = os.link

    def swept(draft: Path, path: Path) -> None:
        link(draft, path)
        assert sweep_drafts(tmp_path, 0.0)

    monkeypatch.setattr(os, "link", swept)
    create_durably(tmp_path / "release.key.pem", b"secret")
    assert [path.name for path in tmp_path.iterdir()] == ["release.key.pem"]
