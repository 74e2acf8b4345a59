"""A lock keeps others of this machine out, and goes with its holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.steps.locks import exclusive

TRY = """
import fcntl, sys
with open(sys.argv[1], "w") as handle:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(7)
"""


def is_taken(path: Path) -> bool:
    return subprocess.run([sys.executable, "-c", TRY, str(path)], check=False).returncode == 7


def test_another_process_is_kept_out_while_it_is_held_and_let_in_after(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "warehouse.lock"
    with exclusive(tmp_path, "warehouse"):
        assert is_taken(path)
        with exclusive(tmp_path, "export"):
            assert is_taken(tmp_path / "locks" / "export.lock")
    assert not is_taken(path)


def test_a_failure_inside_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), exclusive(tmp_path, "warehouse"):
        raise ValueError("inside")
    assert not is_taken(tmp_path / "locks" / "warehouse.lock")
