"""`kill -9` in the middle of an erasure: the next call finishes it, and nobody else is touched."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestration.feeds.vault import Kind, Vault

SCRIPT = Path(__file__).parent / "erasing.py"
SPEC = importlib.util.spec_from_file_location("erasing", SCRIPT)
assert SPEC and SPEC.loader
erasing = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(erasing)


def holders(home: Path, word: str) -> int:
    """Count the kept files, opened, and Parquet files, decoded, in which a word stands."""
    vault = Vault.of(home)
    kept = [p.name for p in home.glob("raw/??/*") if vault.kind(p.name) is not Kind.ERASED]
    texts = [vault.object(name).read_bytes() for name in kept]
    texts += [
        json.dumps(pq.read_table(p).to_pylist(), default=str).encode()
        for p in home.glob("lake/*/site=city/**/*.parquet")
    ]
    return sum(word.encode() in text for text in texts)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5, 0.9])
def test_an_erasure_that_was_killed_is_finished_by_the_next(tmp_path: Path, seconds: float) -> None:
    home = tmp_path / "home"
    child = subprocess.Popen([sys.executable, str(SCRIPT), str(home)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "landed\n"
    before = holders(home, erasing.JOHN)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    erasing.finish(home)
    assert (holders(home, erasing.MARY), holders(home, erasing.JOHN)) == (0, before)
    assert not list(home.glob("erasures/*/*.journal"))
    again = tmp_path / "again" / "Patient.ndjson"
    again.parent.mkdir()
    again.write_bytes(erasing.people(99))
    [receipt] = erasing.land([again], site="city", feed=None, home=home, key=erasing.KEY, arrived_at=erasing.NOON)
    assert (receipt.received, receipt.deleted, holders(home, erasing.MARY)) == (2, 1, 0)
