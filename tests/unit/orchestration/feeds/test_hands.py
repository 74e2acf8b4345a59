"""Hands: pieces side by side, each over a connection that is given back; and the next file begun before its turn."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event

import duckdb
import pytest

from orchestration.feeds import Drop, Limits, Receipt, land_drops, long_file, run
from orchestration.feeds.errors import WaitingUnread
from orchestration.feeds.fhir_batch import JudgedFiles, judge_staged, settle_judged
from orchestration.feeds.hands import CONNECTIONS, HANDS, Hands
from orchestration.feeds.intake import Arrival
from orchestration.feeds.vault import Vault
from orchestration.feeds.vault.errors import ObjectLost

KEY = b"k" * 32
PATIENCE = 20
LIMITS = Limits(piece=1800)


@pytest.fixture
def opened() -> list[duckdb.DuckDBPyConnection]:
    return []


@pytest.fixture
def hands(opened: list[duckdb.DuckDBPyConnection]) -> Iterator[Hands]:
    @contextmanager
    def opening() -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect() as db:
            opened.append(db)
            yield db

    with Hands(opening) as made:
        yield made
    for db in opened:
        with pytest.raises(duckdb.ConnectionException):
            db.execute("select 1")


def test_nothing_is_opened_before_there_is_a_piece(hands: Hands, opened: list[duckdb.DuckDBPyConnection]) -> None:
    assert hands.are_free and not opened
    for _ in range(3):
        with hands.work(lambda db: db):
            pass
    assert len(opened) == 1


def test_pieces_are_worked_on_side_by_side_each_over_its_own_connection(hands: Hands) -> None:
    together = Barrier(HANDS)

    def work(db: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        together.wait(PATIENCE)
        return db

    first, second = (hands.work(work) for _ in range(HANDS))
    with first as one, second as other:
        assert one is not other


def test_a_connection_is_taken_until_its_piece_is_left(hands: Hands) -> None:
    pieces = [hands.work(lambda db: db) for _ in range(CONNECTIONS)]
    assert not hands.are_free
    with pieces[0] as db:
        assert not hands.are_free
    assert hands.are_free
    with hands.work(lambda db: db) as again:
        assert again is db
    for piece in pieces[1:]:
        piece.leave()


def test_what_fails_gives_its_connection_back(hands: Hands) -> None:
    def fail(_: duckdb.DuckDBPyConnection) -> None:
        raise ValueError("no good")

    for _ in range(2 * CONNECTIONS):
        with pytest.raises(ValueError, match="no good"), hands.work(fail):
            pass
    assert hands.are_free


def test_whoever_leaves_early_waits_until_nobody_works_with_the_connection(hands: Hands) -> None:
    begun, done = Event(), list[int]()

    def work(db: duckdb.DuckDBPyConnection) -> None:
        begun.set()
        done.append(db.execute("select count(*) from range(3_000_000) where hash(range) % 7 = 0").fetchall()[0][0])

    piece = hands.work(work)
    assert begun.wait(PATIENCE)
    piece.leave()
    assert done


# -- files one after another


def patients(ward: str, count: int, **more: object) -> bytes:
    made = [{"resourceType": "Patient", "id": f"{ward}-{n}", "gender": "female", **more} for n in range(count)]
    return b"\n".join(json.dumps(one).encode() for one in made) + b"\n"


def bundles(ward: str, count: int) -> bytes:
    return b"".join(
        json.dumps(
            {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": {"resourceType": "Patient", "id": f"{ward}-{n}-{m}"}} for m in range(3)],
            }
        ).encode()
        + b"\n"
        for n in range(count)
    )


FILES = {
    "long": patients("a", 60),
    "longer": patients("b", 200),
    "changed": patients("a", 60, birthDate="1980-01-01"),
    "bundles": bundles("c", 20),
    "late bundle": patients("d", 40) + bundles("e", 2),
    "short": patients("f", 2),
    "no json": b"{no json\n" * 100,
    "bad": patients("g", 30, gender="?") + patients("h", 30),
}
ORDERS = [
    ["long", "longer"],
    ["long", "changed", "long"],
    ["long", "long", "longer"],
    ["late bundle", "longer", "bundles"],
    ["longer", "short", "late bundle", "short", "changed"],
    ["bundles", "long", "no json", "bad"],
    ["bad", "changed", "short", "long"],
]


def told(receipts: list[Receipt]) -> list[tuple[object, ...]]:
    return [(r.file, r.received, r.landed, r.duplicate, r.superseded, r.quarantined, r.reasons) for r in receipts]


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_files_begun_before_their_turn_end_as_one_after_the_other(zone, tmp_path, order: list[str]) -> None:
    files = {
        f"Patient.{n}.ndjson" if "bundle" not in name else f"{n}.ndjson": FILES[name] for n, name in enumerate(order)
    }
    together = zone.land(files, limits=LIMITS)
    alone = type(zone)(tmp_path / "alone")
    each = [alone.one(name, content, limits=LIMITS) for name, content in files.items()]
    assert told(together) == told(each)
    columns = "_file, _line, _key, _content, _is_deleted, gender, birth_date"
    assert zone.rows("fhir_patient", columns) == alone.rows("fhir_patient", columns)


def test_the_next_long_file_is_judged_while_the_one_before_it_is_settled(zone, monkeypatch) -> None:
    second_judged, waited = Event(), list[bool]()

    def watch(batch: object, *rest: object) -> JudgedFiles:
        made = judge_staged(batch, *rest)  # type: ignore[arg-type]
        if batch.files[0].arrival.base == "Patient.b.ndjson":  # type: ignore[attr-defined]
            second_judged.set()
        return made

    def settle(batch: object, judged: JudgedFiles) -> None:
        if batch.files[0].arrival.base == "Patient.a.ndjson":  # type: ignore[attr-defined]
            waited.append(second_judged.is_set())
            if len(waited) == 2:  # of two pieces; when the first was settled a connection became free
                assert second_judged.wait(PATIENCE)
        settle_judged(batch, judged)  # type: ignore[arg-type]

    monkeypatch.setattr(long_file, "judge_staged", watch)
    monkeypatch.setattr(long_file, "settle_judged", settle)
    receipts = zone.land(
        {"Patient.a.ndjson": patients("a", 60), "b.csv": b"a,b\n1,2\n", "Patient.b.ndjson": patients("b", 90)},
        limits=Limits(piece=2400),
    )
    assert len(waited) == 2
    assert sorted(r.landed for r in receipts) == [0, 60, 90]


def test_what_is_begun_is_left_when_the_file_before_it_cannot_go_on(zone, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(long_file, "settle_judged", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        zone.land({"Patient.a.ndjson": patients("a", 60), "Patient.b.ndjson": patients("b", 90)}, limits=LIMITS)
    monkeypatch.undo()
    assert not list((zone.home / "incoming").glob(f"{zone.site}.*"))
    receipts = zone.land({"Patient.a.ndjson": patients("a", 60), "Patient.b.ndjson": patients("b", 90)}, limits=LIMITS)
    assert [r.landed for r in receipts] == [60, 90]


@pytest.mark.parametrize("names", [["short", "long"], ["long", "short", "longer"]], ids=" then ".join)
def test_what_was_opened_is_left_when_the_files_before_it_cannot_be_settled(zone, monkeypatch, names) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(run, "land_fhir", fail)
    files = {f"Patient.{n}.ndjson": FILES[name] for n, name in enumerate(names)}
    with pytest.raises(OSError, match="the disk is gone"):
        zone.land(files, limits=LIMITS)
    assert not list((zone.home / "incoming").glob(f"{zone.site}.*"))
    monkeypatch.undo()
    sizes = {"long": 60, "longer": 200, "short": 2}
    assert [r.landed + r.duplicate for r in zone.land(files, limits=LIMITS)] == [sizes[name] for name in names]


def test_what_fails_before_its_turn_undoes_nothing_of_the_file_before_it(zone, monkeypatch) -> None:
    def fail(_: object, arrival: Arrival) -> None:
        if arrival.base == "Patient.b.ndjson":
            raise OSError("no space left")

    monkeypatch.setattr(run.Run, "_as_long", fail)
    receipts = zone.land({"Patient.a.ndjson": patients("a", 60), "Patient.b.ndjson": patients("b", 90)}, limits=LIMITS)
    assert [r.landed for r in receipts] == [60, 90]


WRONG = b'{"resourceType":"Observation","id":"o","code":{"text":"a","text":"b"}}\n'


@pytest.mark.parametrize("beside", [{}, {"other.ndjson": patients("z", 1)}, {"Observation.c.ndjson": WRONG}])
def test_a_line_of_another_type_than_promised_is_told_so_whatever_files_are_beside_it(zone, beside) -> None:
    receipt, *_ = zone.land({"Patient.a.ndjson": patients("a", 30) + WRONG, **beside})
    assert dict(receipt.reasons) == {"line.wrong_type": 1}


def test_what_the_files_to_come_raise_is_raised_in_their_turn_and_passes_none_over(zone) -> None:
    """The kept bytes of a file that came before are damaged, which is seen when it comes again."""
    zone.land({"Patient.b.ndjson": patients("b", 300)}, limits=LIMITS)
    for kept in (path for path in (zone.home / "raw").rglob("*") if path.is_file() and path.stat().st_size > 10_000):
        kept.chmod(0o600)
        kept.write_bytes(kept.read_bytes()[:-30] + b"x" * 30)
    files = {"Patient.a.ndjson": patients("a", 60), "Patient.b.ndjson": patients("b", 300), "Patient.c.ndjson": b"{}"}
    with pytest.raises(ObjectLost):
        zone.land(files, limits=LIMITS, at=zone.noon + timedelta(days=1))
    assert zone.rows("fhir_patient", "count(*)", "day = '2026-03-02'") == [(60,)]


def test_a_drop_that_waits_and_cannot_be_read_says_so_after_a_long_file(zone, monkeypatch) -> None:
    receive = Vault.receive

    def fail(self: Vault, path: Path) -> object:
        if path.name == "Patient.b.ndjson":
            raise OSError(5, "Input/output error")
        return receive(self, path)

    monkeypatch.setattr(Vault, "receive", fail)
    first, second = zone.put({"Patient.a.ndjson": patients("a", 60), "Patient.b.ndjson": patients("b", 60)})
    drops = [Drop((first,), zone.noon), Drop((second,), zone.noon + timedelta(days=1), is_waiting=True)]
    with pytest.raises(WaitingUnread):
        land_drops(drops, site=zone.site, feed=None, home=zone.home, key=KEY, limits=LIMITS)
    assert zone.rows("fhir_patient", "count(*)") == [(60,)]
