import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from evaluation.ledger import (
    LedgerError,
    LedgerSchemaError,
    LedgerStoreError,
    PayloadError,
    RefusedEntryError,
    generate_private_key,
    open_ledger,
    public_hex,
    write_private_key,
)
from evaluation.ledger.checkpoint import read_checkpoint

REVIEW = {"use_case": "triage", "site": "city", "outcome": "continue", "next_review": None}


def test_entries_come_back_in_order_as_they_were_written(board):
    first = board.register("anna.berg", "clinical_safety_lead")
    board.wait(hours=1)
    second = board.review("continue, look at alerts: ≥ 12 per 100")
    assert board.ledger.entries() == [first, second]
    assert (first.seq, second.seq) == (1, 2)
    assert second.previous == first.hash


def test_entries_are_filtered_by_kind_use_case_site_and_time(board):
    board.two_approvals()
    board.wait(hours=1)
    board.review()
    kinds = [entry.kind for entry in board.ledger.entries(use_case="triage", site="city")]
    assert kinds == ["approval", "approval", "review"]
    assert board.ledger.entries(site="village") == []
    assert board.ledger.entries(use_case="staffing") == []
    assert [entry.seq for entry in board.ledger.entries(kinds={"person_registered"})] == [1, 2]
    early = board.now - timedelta(microseconds=1)
    assert [entry.kind for entry in board.ledger.entries(site="city", until=early)] == ["approval", "approval"]
    assert board.ledger.entries(kinds={"review"}, until=board.now)[0].seq == 5


def test_a_ledger_works_and_refuses_changes_in_every_kind_of_store(any_store, ledger_key):
    url, prefix = any_store
    ledger = open_ledger(url, key=ledger_key, prefix=prefix)
    at = datetime.fromisoformat("2026-11-02T08:00:00+00:00")
    for _ in range(3):
        ledger.append("review", "board", REVIEW, at=at)
    engine = sa.create_engine(url)
    row = f"(seq, at, kind, actor, payload, previous, hash, signature) select {{}} from {prefix}entries where seq = 3"
    same = "at, kind, actor, payload, previous, hash, signature"
    for statement in (
        f"update {prefix}entries set actor = 'x' where seq = 2",
        f"delete from {prefix}entries where seq = 3",
        f"insert into {prefix}entries " + row.format(f"3, {same}"),
    ):
        with pytest.raises(sa.exc.DBAPIError), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    engine.dispose()
    verification = ledger.verify()
    assert (verification.ok, verification.entries, verification.first_bad) == (True, 3, None)


def test_sqlite_refuses_an_insert_or_replace_of_an_old_entry(board, tmp_path):
    board.review()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    replace = "insert or replace into pilothouse_entries select 1,at,kind,'x',payload,previous,hash,signature"
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(f"{replace} from pilothouse_entries")
    connection.close()


def test_postgres_refuses_truncate(postgres, ledger_key):
    url, prefix = postgres
    open_ledger(url, key=ledger_key, prefix=prefix)
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(f"truncate {prefix}entries")
    engine.dispose()


APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from evaluation.ledger import load_private_key, open_ledger
url, prefix, key, head, name = sys.argv[1:]
ledger = open_ledger(url, key=load_private_key(Path(key)), checkpoint=Path(head), prefix=prefix)
for number in range(8):
    payload = {"use_case": "triage", "site": "city", "outcome": f"{name} {number}", "next_review": None}
    ledger.append("review", name, payload, at=datetime.now(UTC))
"""


def test_appends_from_several_processes_at_once_make_one_whole_chain(any_store, tmp_path, ledger_key):
    url, prefix = any_store
    key, head = tmp_path / "ledger.pem", tmp_path / "head.json"
    write_private_key(key, ledger_key)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, url, prefix, str(key), str(head), f"writer{number}"],
            cwd=Path(__file__).parents[4],
        )
        for number in range(4)
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    ledger = open_ledger(url, public_key=public_hex(ledger_key), checkpoint=head, prefix=prefix)
    assert ledger.verify().ok
    entries = ledger.entries()
    assert [entry.seq for entry in entries] == list(range(1, 33))
    for number in range(4):
        mine = [entry.payload["outcome"] for entry in entries if entry.actor == f"writer{number}"]
        assert mine == [f"writer{number} {turn}" for turn in range(8)]
    assert read_checkpoint(head, ledger.public_key).seq == 32


def test_two_open_ledgers_see_what_the_other_wrote(board, tmp_path, ledger_key):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    other = open_ledger(url, key=ledger_key, checkpoint=tmp_path / "head.json")
    board.review()
    assert other.append("review", "board", REVIEW, at=board.now).seq == 2
    assert board.review().seq == 3
    assert board.ledger.verify().ok


def test_reader_cannot_write(board, tmp_path):
    reader = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", public_key=board.ledger.public_key)
    with pytest.raises(LedgerError, match="opened to read"):
        reader.append("review", "board", REVIEW, at=board.now)


def test_opening_needs_exactly_one_key(tmp_path, ledger_key):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with pytest.raises(LedgerError, match="one of them"):
        open_ledger(url)
    with pytest.raises(LedgerError, match="one of them"):
        open_ledger(url, key=ledger_key, public_key=public_hex(ledger_key))


def test_reader_does_not_make_a_ledger(tmp_path, ledger_key):
    path = tmp_path / "ledger.db"
    with pytest.raises(LedgerStoreError, match="no ledger here yet"):
        open_ledger(f"sqlite:///{path}", public_key=public_hex(ledger_key))
    assert not path.exists()


def test_reader_is_told_when_the_database_holds_no_ledger(board, tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with pytest.raises(LedgerStoreError, match="holds no ledger under this prefix"):
        open_ledger(url, public_key=board.ledger.public_key, prefix="other_")


def test_ledger_file_is_readable_by_its_owner_only(board, tmp_path):
    board.review()
    assert (tmp_path / "ledger.db").stat().st_mode & 0o077 == 0


def test_ledger_that_cannot_be_created_says_so(tmp_path, ledger_key):
    with pytest.raises(LedgerStoreError, match=r"ledger\.db: the ledger cannot be created"):
        open_ledger(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}", key=ledger_key)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://localhost/x", "not in mysql"),
        ("sqlite://", "would be forgotten"),
        ("sqlite:///:memory:", "would be forgotten"),
        ("no url", "not one of SQLAlchemy"),
    ],
)
def test_url_that_cannot_hold_a_ledger_is_refused(url, message, ledger_key):
    with pytest.raises(LedgerStoreError, match=message):
        open_ledger(url, key=ledger_key)


@pytest.mark.parametrize("prefix", ["", "A", "x; drop table y", "x" * 41])
def test_prefix_that_is_no_plain_name_is_refused(prefix, tmp_path, ledger_key):
    with pytest.raises(LedgerStoreError, match="prefix"):
        open_ledger(f"sqlite:///{tmp_path / 'l.db'}", key=ledger_key, prefix=prefix)


def test_ledger_of_another_schema_version_is_refused(board, tmp_path):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute("update pilothouse_meta set value = '2'")
    connection.close()
    with pytest.raises(LedgerSchemaError, match="schema version 2, this Pilothouse reads 1"):
        open_ledger(f"sqlite:///{path}", public_key=board.ledger.public_key)


@pytest.mark.parametrize("statement", ["delete from pilothouse_meta", "drop table pilothouse_meta"])
@pytest.mark.parametrize("by", ["reader", "writer"])
def test_a_schema_version_that_is_gone_is_damage_and_not_another_version(board, tmp_path, ledger_key, statement, by):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    own = {"key": ledger_key} if by == "writer" else {"public_key": board.ledger.public_key}
    with pytest.raises(LedgerStoreError, match=r"schema_version .* is gone.* restore .* run: ledger verify") as caught:
        open_ledger(f"sqlite:///{path}", **own)
    assert not isinstance(caught.value, LedgerSchemaError)


def test_database_that_is_none_is_an_error_of_the_ledger(tmp_path, ledger_key):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(LedgerStoreError, match="does not work"):
        open_ledger(f"sqlite:///{path}", key=ledger_key)


def test_naive_time_is_refused(board):
    with pytest.raises(PayloadError, match="no time zone"):
        board.ledger.append("review", "board", REVIEW, at=datetime(2026, 11, 2))  # noqa: DTZ001
    assert board.ledger.entries() == []


@pytest.mark.parametrize("actor", ["", "Anna", "a b", "a", "x" * 65])
def test_actor_that_is_no_plain_id_is_refused(board, actor):
    with pytest.raises(PayloadError, match="actor"):
        board.ledger.append("review", actor, REVIEW, at=board.now)


def test_times_are_kept_in_utc(board):
    at = datetime.fromisoformat("2026-11-02T10:30:00+02:00")
    entry = board.ledger.append("review", "board", REVIEW, at=at)
    assert entry.to_json()["at"] == "2026-11-02T08:30:00.000000Z"
    assert board.ledger.entries()[0].at == at


def test_clock_may_go_back_by_five_minutes_and_no_more(board):
    board.review()
    board.wait(minutes=-5)
    board.review()
    board.wait(microseconds=-1)
    with pytest.raises(RefusedEntryError, match="a ledger has one clock"):
        board.review()
    assert len(board.ledger.entries()) == 2


def test_after_a_refused_entry_the_next_one_is_written(board):
    board.review()
    with pytest.raises(RefusedEntryError):
        board.say("nobody.known", "clinical_safety_lead", "model")
    assert board.review().seq == 2
    assert board.ledger.verify().ok


def test_a_ledger_opened_with_another_key_is_not_believed(board, tmp_path):
    board.review()
    other = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", public_key=public_hex(generate_private_key()))
    verification = other.verify()
    assert (verification.ok, verification.first_bad) == (False, 1)
    with pytest.raises(LedgerError):
        other.entries()
