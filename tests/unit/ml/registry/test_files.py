"""Reading with a bound: what is no regular file is refused at once, whatever it is."""

import os
from pathlib import Path

import pytest

from ml.registry import ReleaseError
from ml.registry.files import read_bounded


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
