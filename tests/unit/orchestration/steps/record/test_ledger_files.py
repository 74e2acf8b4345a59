"""The ledger outside the house: verified with a public key alone; the board's anchors find what was rewritten."""

import json
from pathlib import Path

import pytest

from evaluation.ledger import LedgerError, generate_private_key, public_hex, write_public_key
from orchestration.steps.record.ledger_files import (
    PublicKeyMissing,
    anchor_ledger,
    export_ledger,
    verify_export_file,
    verify_home,
)
from orchestration.steps.record.records import open_records
from tests.unit.orchestration.steps.governed import Governed


def test_an_export_verifies_with_the_public_key_as_text_or_file_and_with_no_other(
    city: Governed, tmp_path: Path
) -> None:
    told = export_ledger(city.settings, tmp_path / "ledger.jsonl")
    pem, other = tmp_path / "ledger.pub.pem", public_hex(generate_private_key())
    write_public_key(pem, told["public_key"])
    for key in (told["public_key"], str(pem)):
        answer = verify_export_file(tmp_path / "ledger.jsonl", key, None)
        assert (answer.exit_code, answer.document["entries"]) == (0, told["entries"])
    assert verify_export_file(tmp_path / "ledger.jsonl", other, None).exit_code == 1
    with pytest.raises(PublicKeyMissing, match="--public-key"):
        verify_export_file(tmp_path / "ledger.jsonl", None, None)


def test_anchors_hold_for_what_goes_on_and_are_given_once(city: Governed, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    first = anchor_ledger(city.settings, file)
    assert first["added"] and not anchor_ledger(city.settings, file)["added"]
    city.release()
    assert anchor_ledger(city.settings, file)["entries"] > first["entries"]
    answer = verify_home(city.settings, first["public_key"], file)
    assert answer.document["ok"] and len(file.read_bytes().splitlines()) == 2


def test_a_ledger_that_lost_its_end_is_not_anchored_and_is_found_by_its_anchors(city: Governed, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    earlier = {
        name: (city.settings.home / name).read_bytes() for name in ("ledger.db", "ledger.checkpoint")
    }  # a copy of everything that the ledger is made of
    city.release()
    told = anchor_ledger(city.settings, file)
    for name, content in earlier.items():
        (city.settings.home / name).write_bytes(content)
    for rest in city.settings.home.glob("ledger.db-*"):
        rest.unlink()
    open_records.cache_clear()
    assert verify_home(city.settings, None, None).document["first_bad"] is None
    answer = verify_home(city.settings, None, file)
    assert (answer.exit_code, answer.document["ok"]) == (1, False)
    assert f"a signed head counts {told['entries']} entries" in answer.document["reason"]
    before = file.read_bytes()
    with pytest.raises(LedgerError, match="THE LEDGER IS BROKEN"):
        anchor_ledger(city.settings, file)
    assert file.read_bytes() == before


def test_another_key_than_the_boards_is_another_ledger(city: Governed) -> None:
    answer = verify_home(city.settings, public_hex(generate_private_key()), None)
    assert answer.exit_code == 1 and "another key" in json.dumps(answer.document)
