"""Small HL7 v2 messages, and a site that lands files of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_contract, sql
from orchestration.feeds import Drop, Limits, Receipt
from orchestration.feeds.commit import Commit
from orchestration.feeds.fhir_batch import land_fhir
from orchestration.feeds.hl7v2 import read
from orchestration.feeds.intake import collect, unpacked
from orchestration.feeds.outcome import Prepared, whole
from orchestration.feeds.problems import Problem
from orchestration.feeds.relation import connection
from orchestration.feeds.stock import Stock
from orchestration.feeds.store import Store

KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


class Hospital:
    """A site in Berlin that lands message files."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.home, self.count = root / "inbox", root / "home", 0

    def land(self, content: bytes, at: datetime | None = None) -> Receipt:
        self.count += 1
        at = at or NOON + timedelta(minutes=self.count)
        path = self.inbox / str(self.count) / "messages.hl7"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        store, limits = Store(self.home), Limits()
        with connection(KEY) as db:
            sql.install(db, KEY, BERLIN)
            commit = Commit(Stock.take(store, "city"))
            (arrival,) = collect(Drop((path,), at), store, limits)
            prepared = Prepared(arrival, load_contract("hl7v2"), 1 + len(commit.receipts.of(arrival.sha256)))
            came = unpacked(arrival, limits)
            assert isinstance(came, bytes)
            file = read(came, arrival.base, limits)
            if isinstance(file, Problem):
                outcomes = [whole(prepared, file)]
            else:
                outcomes = land_fhir(db, [prepared], [file], [came], commit.stock.index, limits)
            commit.write(outcomes)
        return outcomes[0].receipt

    def rows(self, table: str, columns: str) -> list[tuple[object, ...]]:
        with duckdb.connect() as db:
            db.execute("set TimeZone = 'UTC'")
            files = f"{self.home}/lake/{table}/*/*/*.parquet"
            return db.execute(f"select {columns} from '{files}' order by _arrived_at, _line").fetchall()

    def quarantine(self) -> list[tuple[int, str, str]]:
        files = f"{self.home}/quarantine/*/*/*/*.parquet"
        return duckdb.sql(f"select _line, clause, reason from '{files}' order by all").fetchall()

    def written(self) -> bytes:
        """Everything that landing keeps, but the raw files."""
        kept = (p for p in sorted(self.home.rglob("*")) if p.is_file() and "raw" not in p.parts)
        return b"".join(p.read_bytes() for p in kept)


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


@pytest.fixture
def make_hospital(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Hospital]:
    return lambda: Hospital(tmp_path_factory.mktemp("hospital"))


@pytest.fixture
def known_as() -> Callable[[str, str], str]:
    return lambda authority, identifier: pseudonym(KEY, authority, identifier)


def _message(
    *segments: str, kind: str = "ADT^A01", control: str = "1", at: str = "20260228101500", more: str = ""
) -> bytes:
    head = f"MSH|^~\\&|EHR|CITY|LAKE|HUB|{at}||{kind}|{control}|P|2.5{more}"
    return "".join(f"{segment}\r" for segment in (head, *segments)).encode()


@pytest.fixture
def message() -> Callable[..., bytes]:
    """A message of segments; `kind` is MSH-9, `control` MSH-10, `at` MSH-7, `more` what follows MSH-12."""
    return _message


@pytest.fixture
def documents() -> Callable[[bytes], list[dict[str, object]]]:
    """What the reader makes of a file: its documents, all of which must be good."""

    def made(content: bytes) -> list[dict[str, object]]:
        file = read(content, "messages.hl7", Limits())
        assert not isinstance(file, Problem), file.reason
        assert file.lines.bad == ()
        return [json.loads(text) for text in file.lines.text.to_pylist()]

    return made
