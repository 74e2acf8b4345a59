"""Every way to change a ledger behind its back, and where the change is found."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.canonical import canonical_json
from evaluation.ledger import (
    LedgerError,
    LedgerStoreError,
    generate_private_key,
    open_ledger,
    public_hex,
    verify_export,
)
from evaluation.ledger.checkpoint import sign_checkpoint
from evaluation.ledger.entry import make_entry
from evaluation.ledger.store import LedgerStore

COLUMNS = ("at", "kind", "actor", "payload", "previous", "hash", "signature")
ENTRIES = 7


def tamper(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    """Change the database as somebody would who owns it: the triggers go first."""
    with closing(sqlite3.connect(path)) as connection:
        for trigger in ("no_update", "no_delete", "in_order"):
            connection.execute(f"drop trigger pilothouse_{trigger}")
        for statement in statements:
            connection.execute(statement, values)
        connection.commit()


@pytest.fixture
def full(board):
    """Seven entries of many kinds: two people, two approvals, a promotion, a tier change, a review."""
    board.promote(board.two_approvals())
    change = {"use_case": "triage", "site": "city", "release": "a" * 64, "from_tier": "model", "tier": "rule"}
    payload = {**change, "reason": "slow-scores", "is_automatic": True}
    board.ledger.append("tier_change", "pilothouse", payload, at=board.now)
    board.review("ähnlich, ≥ 1")
    assert board.ledger.verify().entries == ENTRIES
    return board


@pytest.fixture
def path(full, tmp_path):
    return tmp_path / "ledger.db"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_is_found_at_its_entry(full, path, data):
    seq = data.draw(st.integers(1, ENTRIES))
    column = data.draw(st.sampled_from(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "ledger.db"
        shutil.copy(path, copy)
        with closing(sqlite3.connect(copy)) as connection:
            query = f"select cast({column} as blob) from pilothouse_entries where seq = ?"
            content = bytearray(connection.execute(query, (seq,)).fetchone()[0])
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        update = f"update pilothouse_entries set {column} = cast(? as text) where seq = ?"
        tamper(copy, update, values=(bytes(content), seq))
        reader = open_ledger(f"sqlite:///{copy}", public_key=full.ledger.public_key)
        verification = reader.verify()
    assert (verification.ok, verification.first_bad, verification.entries) == (False, seq, seq - 1)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_anywhere_in_the_file_fails_or_changes_no_entry(full, path, data):
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "ledger.db"
        copy.write_bytes(content)
        try:
            reader = open_ledger(f"sqlite:///{copy}", public_key=full.ledger.public_key)
            is_ok = reader.verify().ok
        except LedgerStoreError:
            return
        if is_ok:
            assert reader.entries() == full.ledger.entries()


@pytest.mark.parametrize("seq", [1, 4, ENTRIES])
def test_of_a_broken_ledger_what_came_before_the_first_bad_entry_is_believed(full, path, seq):
    before = full.ledger.entries()
    assert full.ledger.believed()[1].entries() == before
    tamper(path, f"update pilothouse_entries set actor = 'mallory' where seq = {seq}")
    verification, believed = full.ledger.believed()
    assert (verification.ok, verification.first_bad) == (False, seq)
    assert believed.entries() == before[: seq - 1]


def test_of_a_database_that_is_none_any_more_nothing_is_believed(full, path):
    path.write_bytes(b"not a database" * 1000)
    verification, believed = full.ledger.believed()
    assert not verification.ok and believed.entries() == []


@pytest.mark.parametrize("seq", [1, 4, 6])
def test_deleted_entry_is_found_where_it_is_missing(full, path, seq):
    tamper(path, f"delete from pilothouse_entries where seq = {seq}")
    verification = full.ledger.verify()
    assert (verification.ok, verification.first_bad) == (False, seq)
    assert "missing or out of place" in verification.reason


def test_deleted_entry_is_found_when_the_others_are_renumbered(full, path):
    tamper(
        path,
        "delete from pilothouse_entries where seq = 3",
        "update pilothouse_entries set seq = seq - 1 where seq > 3",
    )
    assert full.ledger.verify().first_bad == 3


def test_cut_tail_is_found_by_the_head_in_the_database(full, path):
    tamper(path, f"delete from pilothouse_entries where seq = {ENTRIES}")
    reader = open_ledger(f"sqlite:///{path}", public_key=full.ledger.public_key)
    verification = reader.verify()
    assert (verification.ok, verification.entries, verification.first_bad) == (False, ENTRIES - 1, ENTRIES)
    assert "signed head counts 7 entries" in verification.reason


def test_cut_tail_with_an_old_head_put_back_is_found_by_the_head_in_the_file(full, path, ledger_key):
    last = full.ledger.entries()[-2]
    old = sign_checkpoint(ledger_key, last.seq, last.hash)
    head = f"update pilothouse_head set seq={old.seq}, hash='{old.hash}', signature='{old.signature}'"
    tamper(path, f"delete from pilothouse_entries where seq = {ENTRIES}", head)
    inside_only = open_ledger(f"sqlite:///{path}", public_key=full.ledger.public_key)
    assert inside_only.verify().ok
    assert full.ledger.verify().first_bad == ENTRIES


def test_swapped_pair_is_found_at_the_first_of_the_two(full, path):
    tamper(
        path,
        "update pilothouse_entries set seq = 100 where seq = 3",
        "update pilothouse_entries set seq = 3 where seq = 4",
        "update pilothouse_entries set seq = 4 where seq = 100",
    )
    assert full.ledger.verify().first_bad == 3


def test_entry_by_somebody_without_the_key_is_found(full, path):
    stranger = generate_private_key()
    last = full.ledger.entries()[-1]
    payload = {"use_case": "triage", "site": "city", "outcome": "all is well", "next_review": None}
    forged = make_entry(
        stranger,
        seq=last.seq + 1,
        at=full.now,
        kind="review",
        actor="board",
        payload=payload,
        previous=last.hash,
    )
    insert_raw(path, forged, sign_checkpoint(stranger, forged.seq, forged.hash))
    verification = full.ledger.verify()
    assert (verification.first_bad, verification.entries) == (ENTRIES + 1, ENTRIES)
    assert "not that of the ledger's key" in verification.reason


def test_entry_that_contradicts_the_ledger_is_found_even_when_its_key_signed_it(full, path, ledger_key):
    """Who holds only the ledger's key cannot put an approval into somebody's mouth."""
    approval = full.ledger.entries(kinds={"approval"})[0]
    statement = {**approval.payload["statement"], "stage": "assistive"}
    payload = {**approval.payload, "statement": statement}
    last = full.ledger.entries()[-1]
    forged = make_entry(
        ledger_key,
        seq=last.seq + 1,
        at=full.now,
        kind="approval",
        actor="anna.berg",
        payload=payload,
        previous=last.hash,
    )
    insert_raw(path, forged, sign_checkpoint(ledger_key, forged.seq, forged.hash))
    verification = full.ledger.verify()
    assert verification.first_bad == ENTRIES + 1
    assert "not signed with the key the person registered" in verification.reason


def test_entry_whose_payload_is_not_in_its_settled_form_is_found(full, path, ledger_key):
    last = full.ledger.entries()[-1]
    payload = {"use_case": "triage", "site": "city", "outcome": " spaces ", "next_review": None}
    forged = make_entry(
        ledger_key,
        seq=last.seq + 1,
        at=full.now,
        kind="review",
        actor="board",
        payload=payload,
        previous=last.hash,
    )
    insert_raw(path, forged, sign_checkpoint(ledger_key, forged.seq, forged.hash))
    assert "settled form" in full.ledger.verify().reason


def test_second_chain_under_the_same_key_does_not_fit_onto_the_first(full, path, ledger_key):
    last = full.ledger.entries()[-1]
    payload = {"use_case": "triage", "site": "city", "outcome": "fork", "next_review": None}
    fork = make_entry(
        ledger_key,
        seq=last.seq + 1,
        at=full.now,
        kind="review",
        actor="board",
        payload=payload,
        previous="0" * 64,
    )
    insert_raw(path, fork, sign_checkpoint(ledger_key, fork.seq, fork.hash))
    assert "does not follow the entry before it" in full.ledger.verify().reason


def insert_raw(path, entry, head):
    store = LedgerStore(f"sqlite:///{path}", "pilothouse_")
    with store.writing() as connection:
        store.insert(connection, entry, canonical_json(entry.payload).decode(), head)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", b"\xff\xfe not text"),
        ("payload", "{"),
        ("payload", "[]"),
        ("payload", '{"a":NaN}'),
        ("payload", '{"a": 1}'),
        ("payload", "[" * 100_000),
        ("at", "2026-11-02T08:00:00Z"),
        ("at", "2026-13-02T08:00:00.000000Z"),
        ("signature", "A" * 128),
        ("signature", "short"),
    ],
)
def test_stored_text_that_is_not_as_written_is_found(full, path, column, value):
    tamper(path, f"update pilothouse_entries set {column} = ? where seq = 5", values=(value,))
    verification = full.ledger.verify()
    assert (verification.ok, verification.first_bad) == (False, 5)


@pytest.mark.parametrize("column", COLUMNS)
def test_byte_that_is_no_text_and_was_only_added_is_found(full, path, column):
    tamper(path, f"update pilothouse_entries set {column} = cast({column} || x'ff' as text) where seq = 4")
    assert full.ledger.verify().first_bad == 4


def test_upper_case_digits_of_the_same_signature_are_a_change(full, path):
    tamper(path, "update pilothouse_entries set signature = upper(signature) where seq = 2")
    assert full.ledger.verify().first_bad == 2


@pytest.mark.parametrize(
    "change",
    [
        "delete from pilothouse_head",
        "update pilothouse_head set seq = seq - 1",
        "update pilothouse_head set hash = upper(hash)",
        "update pilothouse_head set hash = x'ff'",
        "update pilothouse_head set signature = replace(signature, 'a', 'b')",
    ],
)
def test_changed_head_is_found_though_every_entry_is_good(full, path, change):
    tamper(path, change)
    verification = full.ledger.verify()
    assert (verification.ok, verification.entries, verification.first_bad) == (False, ENTRIES, None)
    assert "head" in verification.reason


def test_genuine_head_of_an_earlier_entry_is_found_to_be_behind(full, path, ledger_key):
    entry = full.ledger.entries()[4]
    old = sign_checkpoint(ledger_key, entry.seq, entry.hash)
    tamper(path, f"update pilothouse_head set seq={old.seq}, hash='{old.hash}', signature='{old.signature}'")
    assert "missing or behind" in full.ledger.verify().reason


def test_head_in_the_file_that_is_of_another_chain_is_found(full, path, tmp_path, ledger_key):
    forged = sign_checkpoint(ledger_key, 3, "0" * 64)
    (tmp_path / "head.json").write_text(json.dumps(forged.to_json()))
    verification = full.ledger.verify()
    assert (verification.ok, verification.first_bad) == (False, 3)
    with pytest.raises(LedgerStoreError, match="nothing is appended"):
        full.review()


@pytest.mark.parametrize("content", [None, "", "{}", '{"schema":"pilothouse.ledger-head/1","seq":"7"}', "{"])
def test_head_file_that_is_gone_or_broken_fails_verification_and_stops_appends(full, tmp_path, content):
    file = tmp_path / "head.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    verification = full.ledger.verify()
    assert (verification.ok, verification.first_bad) == (False, None)
    assert "head.json" in verification.reason
    with pytest.raises(LedgerError, match=r"head\.json"):
        full.review()


def test_head_file_that_is_not_signed_fails_verification(full, tmp_path):
    file = tmp_path / "head.json"
    file.write_text(file.read_text().replace('"seq": 7', '"seq": 6'))
    assert "not signed by the ledger's key" in full.ledger.verify().reason


def test_nothing_is_appended_to_a_broken_ledger(full, path, ledger_key):
    tamper(path, "update pilothouse_entries set actor = 'x' where seq = 2")
    fresh = open_ledger(f"sqlite:///{path}", key=ledger_key)
    with pytest.raises(LedgerStoreError, match="broken ledger"):
        full.__class__(fresh, full.now).review()


def test_an_append_does_not_hide_a_cut_tail(full, path, ledger_key):
    tamper(path, f"delete from pilothouse_entries where seq = {ENTRIES}")
    fresh = open_ledger(f"sqlite:///{path}", key=ledger_key)
    with pytest.raises(LedgerStoreError, match="does not end where its signed head says"):
        full.__class__(fresh, full.now).review()
    with pytest.raises(LedgerStoreError, match="it was there a moment ago"):
        full.review()


def test_an_append_by_who_saw_the_last_entry_notices_that_it_was_changed(full, path):
    tamper(path, f"update pilothouse_entries set hash = '{'0' * 64}' where seq = {ENTRIES}")
    with pytest.raises(LedgerStoreError, match="it was there a moment ago"):
        full.review()


def test_an_append_without_a_head_is_refused(full, path):
    tamper(path, "delete from pilothouse_head")
    with pytest.raises(LedgerStoreError, match="does not end where its signed head says"):
        full.review()


def test_head_file_left_behind_by_a_crash_is_no_fault_and_is_caught_up(full, path, tmp_path, ledger_key):
    silent = open_ledger(f"sqlite:///{path}", key=ledger_key)
    full.__class__(silent, full.now).review()
    assert full.ledger.verify().ok
    full.review()
    assert '"seq": 9' in (tmp_path / "head.json").read_text()


def test_late_writer_does_not_take_the_head_file_back(full, tmp_path, ledger_key):
    file, before = tmp_path / "head.json", (tmp_path / "head.json").read_bytes()
    old = full.ledger.entries()[3]
    full.ledger.keep_head(sign_checkpoint(ledger_key, old.seq, old.hash))
    assert file.read_bytes() == before


def test_page_of_entries_that_cannot_be_read_is_reported_at_the_first_of_them(full, path):
    with closing(sqlite3.connect(path)) as connection:
        query = "select rootpage from sqlite_master where name = 'pilothouse_entries'"
        page = connection.execute(query).fetchone()[0]
        size = connection.execute("pragma page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(page - 1) * size] = 0xFF
    path.write_bytes(content)
    verification = full.ledger.verify()
    assert (verification.ok, verification.entries, verification.first_bad) == (False, 0, 1)
    assert "does not work" in verification.reason


def test_database_that_breaks_while_it_is_read_is_reported(full, path):
    content = bytearray(path.read_bytes())
    content[100:200] = b"\xff" * 100
    path.write_bytes(content)
    verification = full.ledger.verify()
    assert not verification.ok
    assert "does not work" in verification.reason


class TestExport:
    @pytest.fixture
    def export(self, full, tmp_path):
        return full.ledger.export(tmp_path / "ledger.jsonl")

    def test_verifies_with_the_public_key_alone(self, full, export):
        verification = verify_export(export, full.ledger.public_key)
        assert (verification.ok, verification.entries, verification.first_bad) == (True, ENTRIES, None)

    def test_is_refused_under_another_key(self, export):
        verification = verify_export(export, public_hex(generate_private_key()))
        assert not verification.ok
        assert "not an export of the ledger with this public key" in verification.reason

    def test_that_is_gone_or_empty_is_not_ok(self, full, tmp_path):
        (tmp_path / "empty.jsonl").write_bytes(b"")
        assert not verify_export(tmp_path / "empty.jsonl", full.ledger.public_key).ok
        assert "cannot be read" in verify_export(tmp_path / "none.jsonl", full.ledger.public_key).reason

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_one_changed_byte_of_an_entry_is_found_at_its_line(self, full, export, data):
        lines = export.read_bytes().splitlines()
        seq = data.draw(st.integers(1, ENTRIES))
        line = bytearray(lines[seq])
        place = data.draw(st.integers(0, len(line) - 1))
        line[place] = data.draw(st.integers(0x20, 0xFF).filter(lambda byte: byte != line[place]))
        lines[seq] = bytes(line)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "ledger.jsonl"
            copy.write_bytes(b"\n".join(lines) + b"\n")
            assert verify_export(copy, full.ledger.public_key).first_bad == seq

    def test_line_that_is_another_document_is_found(self, full, export):
        lines = export.read_bytes().splitlines()
        for other in (b"[]", b"{}", b"[" * 100_000):
            export.write_bytes(b"\n".join([*lines[:3], other, *lines[4:]]) + b"\n")
            assert verify_export(export, full.ledger.public_key).first_bad == 3

    def test_that_lost_its_last_line_or_its_last_entry_is_not_ok(self, full, export):
        lines = export.read_bytes().splitlines()
        export.write_bytes(b"\n".join(lines[:-1]) + b"\n")
        assert not verify_export(export, full.ledger.public_key).ok
        export.write_bytes(b"\n".join([*lines[:-2], lines[-1]]) + b"\n")
        assert verify_export(export, full.ledger.public_key).first_bad == ENTRIES

    def test_head_with_more_members_is_no_head(self, full, export):
        lines = export.read_bytes().splitlines()
        export.write_bytes(b"\n".join([*lines[:-1], lines[-1][:-1] + b',"x":1}']) + b"\n")
        assert not verify_export(export, full.ledger.public_key).ok

    def test_of_a_ledger_without_a_head_is_not_ok(self, full, path, tmp_path):
        tamper(path, "delete from pilothouse_head")
        export = full.ledger.export(tmp_path / "headless.jsonl")
        assert "missing or behind" in verify_export(export, full.ledger.public_key).reason


def test_empty_ledger_is_whole(board, tmp_path):
    assert board.ledger.verify().ok
    export = board.ledger.export(tmp_path / "empty.jsonl")
    assert verify_export(export, board.ledger.public_key).ok
