"""The ledger on both stores, and the gate: appends a second, verification of a long chain, time to a decision.

The yardsticks are of the same run: one small row committed durably to the same database, and Ed25519 checking as many
signatures of an entry's size, which no verification can do without. Here belongs what is measured; `stages.py` runs it.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.canonical import canonical_json
from evaluation.evidence import Evidence
from evaluation.gates import decide
from evaluation.ledger import Entry, Ledger, instant_text, open_ledger
from evaluation.ledger.checkpoint import sign_checkpoint
from evaluation.ledger.entry import make_entry
from evaluation.policies import Stage, load_policy
from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure
from tests.unit.evaluation.gates.conftest import SUBJECT, meeting

POSTGRES = "PILOTHOUSE_TEST_POSTGRES_URL"
PREFIX = "bench_"
START = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY_BYTES = 600
DECISIONS, APPENDED = 50, 500
REVIEW = {"use_case": "triage", "site": "city", "outcome": "continue", "next_review": "2027-01-01"}
LEDGER, GATE = "ledger", "gate"


def measure_ledger(home: Path, entries: int) -> dict[str, Any]:
    """Append `entries`, then verify them, on SQLite and, where its URL is given, on PostgreSQL."""
    home.mkdir(parents=True, exist_ok=True)
    found = {"sqlite": _store(f"sqlite:///{home / 'ledger.db'}", home / "sqlite.head", entries, _sqlite_row(home))}
    url = os.environ.get(POSTGRES)
    if url:
        with _schema(url) as inside:
            found["postgres"] = _store(inside, home / "postgres.head", entries, _postgres_row(inside))
    return {**found, "signature_seconds": _signatures(entries), "decision_ms": _decisions()}


def ledger_figures(measured: Cost, entries: int) -> Iterator[Figure]:
    """Both stores beside their yardsticks, and the gate."""
    found = measured.result
    for store in ("sqlite", "postgres"):
        if store not in found:
            yield Figure(LEDGER, f"{store}: no {POSTGRES}", None, "")
            continue
        one = found[store]
        yield Figure(LEDGER, f"{store}, appends", one["appends"], "/s", "one durable row", one["rows"])
        name = f"{store}, {entries:,} entries verified"
        yield Figure(LEDGER, name, one["verify_seconds"], "s", "as many signatures", found["signature_seconds"])
    yield Figure(GATE, "decision, every clause of decision support", found["decision_ms"], "ms")


def _store(url: str, head: Path, entries: int, row: Callable[[int], None]) -> dict[str, float]:
    key = Ed25519PrivateKey.generate()
    ledger = open_ledger(url, key=key, checkpoint=head, prefix=PREFIX)
    rows = _rate(row, APPENDED)
    appends = _rate(lambda number: _append(ledger, number), APPENDED)
    _lengthen(ledger, key, entries)
    started = time.perf_counter()
    verdict = ledger.verify()
    seconds = time.perf_counter() - started
    if not verdict.ok or verdict.entries != entries:
        raise RuntimeError(f"The ledger of {entries} entries does not verify: {verdict}.")
    return {"appends": appends, "rows": rows, "verify_seconds": seconds}


def _append(ledger: Ledger, number: int) -> None:
    at = START + timedelta(seconds=number)
    ledger.append("review", "board", REVIEW, at=at)


def _lengthen(ledger: Ledger, key: Ed25519PrivateKey, entries: int) -> None:
    """Make the chain `entries` long, as appends would have made it, in one transaction: for its verification."""
    store, entry = ledger._store, list(ledger.everything())[-1]
    with store.writing() as connection:
        rows: list[dict[str, Any]] = []
        for number in range(entry.seq + 1, entries + 1):
            at, previous = START + timedelta(seconds=number), entry.hash
            entry = make_entry(key, seq=number, at=at, kind="review", actor="board", payload=REVIEW, previous=previous)
            rows.append(_row(entry))
        connection.execute(store._entries.insert(), rows[:-1])
        head = sign_checkpoint(key, entry.seq, entry.hash)
        store.insert(connection, entry, canonical_json(REVIEW).decode(), head)
    ledger.keep_head(head)


def _row(entry: Entry) -> dict[str, Any]:
    values = {name: getattr(entry, name) for name in ("seq", "kind", "actor", "previous", "hash", "signature")}
    return {**values, "at": instant_text(entry.at), "payload": canonical_json(entry.payload).decode()}


def _rate(work: Callable[[int], None], times: int) -> float:
    started = time.perf_counter()
    for number in range(times):
        work(number)
    return times / (time.perf_counter() - started)


def _sqlite_row(home: Path) -> Callable[[int], None]:
    path = home / "yardstick.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("pragma journal_mode = wal")
        made.execute("create table rows (number integer primary key, content text)")

    def write(number: int) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("pragma synchronous = full")
            connection.execute("insert into rows values (?, ?)", (number, "x" * ENTRY_BYTES))

    return write


def _postgres_row(url: str) -> Callable[[int], None]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as made:
        made.execute(sa.text("create table yardstick (number integer primary key, content text)"))

    def write(number: int) -> None:
        with engine.begin() as connection:
            values = {"number": number, "content": "x" * ENTRY_BYTES}
            connection.execute(sa.text("insert into yardstick values (:number, :content)"), values)

    return write


@contextmanager
def _schema(url: str) -> Generator[str]:
    """A schema of this run alone, and the URL that leads into it; it is gone afterwards."""
    engine, name = sa.create_engine(url, poolclass=sa.NullPool), f"{PREFIX}{os.getpid()}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"create schema {name}"))
    try:
        inside = sa.make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
        yield inside.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"drop schema {name} cascade"))


def _signatures(entries: int) -> float:
    key = Ed25519PrivateKey.generate()
    public, content = key.public_key(), b"x" * ENTRY_BYTES
    signature = key.sign(content)
    started = time.perf_counter()
    for _ in range(entries):
        public.verify(signature, content)
    return time.perf_counter() - started


def _decisions() -> float:
    """Milliseconds of one decision over evidence that meets every clause of triage's highest stage."""
    policy = load_policy("triage")
    subject = replace(SUBJECT, policy=policy.digest)
    evidence = [
        Evidence(kind, "triage", "city", subject.model, subject.data, START, figures, {})
        for kind, figures in meeting(policy).items()
    ]
    taken: list[float] = []
    for _ in range(DECISIONS):
        started = time.perf_counter()
        decide(policy, Stage.DECISION_SUPPORT, evidence, subject, site="city", now=START + timedelta(days=1))
        taken.append(1000 * (time.perf_counter() - started))
    return median(taken)
