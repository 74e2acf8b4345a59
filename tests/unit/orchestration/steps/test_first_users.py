"""Two first users of a home at once: one ledger key, whole from the moment it is there, and one ledger."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evaluation.ledger import (
    KeyFileError,
    Ledger,
    generate_private_key,
    load_private_key,
    public_hex,
    write_private_key,
)
from orchestration.settings import Settings
from orchestration.steps.record import records
from orchestration.steps.record.records import open_records, verify_ledger


def test_both_get_the_same_ledger(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=20)
    make = records.generate_private_key

    def together() -> Any:
        both.wait()  # both have seen that there is none
        return make()

    monkeypatch.setattr(records, "generate_private_key", together)

    def opened() -> Ledger:
        return open_records.__wrapped__(settings)

    with ThreadPoolExecutor(2) as users:
        ledgers = [one.result() for one in [users.submit(opened) for _ in range(2)]]
    assert len({one.public_key for one in ledgers}) == 1
    assert verify_ledger(settings).exit_code == 0


def test_a_key_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr("evaluation.ledger.keys.os.fsync", lambda _: seen.append((tmp_path / "a.pem").exists()))
    key = generate_private_key()
    write_private_key(tmp_path / "a.pem", key)
    assert seen == [False, True] and public_hex(load_private_key(tmp_path / "a.pem")) == public_hex(key)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pem"]
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_private_key(tmp_path / "a.pem", generate_private_key())
    assert [path.name for path in tmp_path.iterdir()] == ["a.pem"]
    assert public_hex(load_private_key(tmp_path / "a.pem")) == public_hex(key)
