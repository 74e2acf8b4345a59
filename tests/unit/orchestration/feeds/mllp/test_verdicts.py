"""What a sender is told beside what landing does with the same messages."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.contracts.clauses import looked_at
from orchestration.contracts.compiler import compile_fhir
from orchestration.feeds import land, message_verdicts
from orchestration.feeds.mllp import AckCode, Inbox
from orchestration.feeds.mllp.frames import framed
from orchestration.feeds.relation import Refilled
from orchestration.feeds.vault import Vault
from orchestration.feeds.verdicts import Verdicts
from orchestration.steps.intake.listening import ANSWERED
from tests.unit.orchestration.feeds.conftest import KEY, NOON

SITE, FEED, ZONE = "city", "hl7v2", "America/New_York"
NAMES = {"patient": {"OLD": "MR"}}
BODIES = (
    ("ADT^A01", "EVN|A01|20260228101500", "PV1|1|E|ER^1|||||||||||||||||V1^^^V|||||||||||||||||||||||||20260228"),
    ("ADT^A20", "EVN|A20|20260228", "NPU|BED1|U"),
    ("ADT^A40", "EVN|A40|20260228", "MRG|8^^^OLD^MR"),
    ("ORU^R01", "OBR|1|P1|F1|718-7^Hb^LN|||20260228", "OBX|1|NM|718-7^Hb^LN||7.1|g/dL|6-9||||F|||20260228090000"),
    ("SIU^S12", "SCH|A1|B1||||ROUTINE", "RGS|1"),
    ("MDM^T02", "TXA|1|DS", "OBX|1|TX|||seen"),
    ("ZZZ^Z01", "ZAA|1", "ZBB|2"),
)
ODD = ("", '""', "yesterday", "20261399", "18010101", "21990101", "a\x00b", "9e99", "\\X00\\", "^^^", "~", "x" * 70)
COUNT, CHANGES = 280, 6
BEGUN = b"MSH|^~\\&|EHR|CITY|||20260228101500||ADT^A01|1|P|2.5\rPID|1||7^^^OLD^MR\r"


def messages(count: int, seed: int) -> list[bytes]:
    """Messages of all kinds; of most, some fields hold what a sender could send by mistake."""
    draw, made = random.Random(seed), list[bytes]()
    for n in range(count):
        kind, *segments = BODIES[n % len(BODIES)]
        head = f"MSH|^~\\&|EHR|CITY|||20260228101500||{kind}|{n}|P|2.5"
        fields = [line.split("|") for line in (head, f"PID|1||{n % 9}^^^OLD^MR||||19700101|F", *segments)]
        for _ in range(draw.randrange(CHANGES)):
            segment = draw.choice(fields)
            place = draw.randrange(min(2, len(segment) - 1), len(segment))  # of MSH not the separators
            segment[place] = draw.choice(ODD)
        made.append("".join("|".join(segment) + "\r" for segment in fields).encode())
    return made


@pytest.fixture
def verdicts(tmp_path: Path) -> Iterator[Verdicts]:
    with message_verdicts(FEED, site=SITE, home=tmp_path, key=KEY, zone=ZONE, authorities=NAMES) as made:
        yield made


@pytest.fixture(scope="module")
def came() -> list[bytes]:
    return messages(COUNT, seed=3)


@pytest.fixture(scope="module")
def of_a_file(came: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the messages were landed as one file."""
    home = tmp_path_factory.mktemp("file")
    (home / "all.hl7").write_bytes(b"".join(came))
    land_file(home, home / "all.hl7")
    return home


def land_file(home: Path, path: Path) -> None:
    terms = {"site": SITE, "feed": FEED, "key": KEY, "zone": ZONE, "authorities": NAMES}
    land([path], home=home, arrived_at=NOON, limits=ANSWERED, **terms)


def rows(home: Path, folder: str, columns: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        query = f"select {columns} from read_parquet('{home}/{folder}/site=city/*/*.parquet', union_by_name = true)"
        return db.execute(f"{query} order by _line").fetchall()


def test_a_message_is_told_the_clause_that_landing_quarantines_it_for_and_no_other(
    came: list[bytes], of_a_file: Path, verdicts: Verdicts
) -> None:
    quarantined = dict(rows(of_a_file, "quarantine/hl7v2", "_line, reason"))
    assert verdicts.of(b"".join(framed(message) for message in came), NOON) == quarantined
    assert len(quarantined) < COUNT / 2 and len(set(quarantined.values())) >= 10
    one_by_one = [verdicts.of(framed(message), NOON) for message in came[:40]]
    assert one_by_one == [{1: quarantined[n]} if n in quarantined else {} for n in range(1, 41)]


def test_a_verdict_goes_by_the_time_of_arrival(verdicts: Verdicts) -> None:
    message = framed(BEGUN.replace(b"20260228101500", b"20260303101500"))
    told = [verdicts.of(message, NOON + days * timedelta(days=1)) for days in (0, 2, 0, 2)]
    assert [bool(one) for one in told] == [True, False, True, False]


def test_what_is_asked_of_every_batch_is_planned_once(
    came: list[bytes], verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[int] = []
    schema = Refilled.__arrow_c_schema__  # DuckDB asks for it whenever it plans
    monkeypatch.setattr(Refilled, "__arrow_c_schema__", lambda lines: planned.append(1) or schema(lines))
    content = b"".join(framed(message) for message in came[:28])
    verdicts.of(content, NOON)
    first = len(planned)
    for n in range(3):
        verdicts.of(content, NOON + n * timedelta(hours=1))
    assert len(planned) == first == 1 + len(("ADT", "ORU", "SIU", "Message"))


def test_messages_over_mllp_land_as_the_same_messages_in_a_file(
    came: list[bytes], of_a_file: Path, tmp_path: Path, verdicts: Verdicts
) -> None:
    box = Inbox(
        tmp_path / "inbox",
        lambda content: verdicts.of(content, NOON),
        lambda path: land_file(tmp_path, path),
        Vault.of(tmp_path),
    )
    acks = [ack for start in range(0, COUNT, 40) for ack in box.receive(came[start : start + 40])]
    assert box.land_waiting() == COUNT
    for folder in ("lake/hl7v2_adt", "lake/hl7v2_oru", "lake/hl7v2_siu", "lake/hl7v2_message", "quarantine/hl7v2"):
        less = "_file, raw_sha256" if folder.startswith("quarantine") else "_file"
        of_wire, of_file = (rows(home, folder, f"* exclude ({less})") for home in (tmp_path, of_a_file))
        assert of_wire == of_file and of_wire, folder
    kept = {line for (line,) in rows(tmp_path, "quarantine/hl7v2", "_line")}
    assert {n for n, ack in enumerate(acks, start=1) if ack.code is AckCode.QUARANTINED} == kept
    assert {n for n, ack in enumerate(acks, start=1) if ack.code is AckCode.LANDED} == {*range(1, COUNT + 1)} - kept


def test_an_object_without_what_no_clause_looks_at_has_the_same_clauses() -> None:
    lists = 0
    for item in (item for contract in load_contracts().values() for item in contract.objects):
        less = looked_at(item)
        assert compile_fhir(less).clauses == compile_fhir(item).clauses
        lists += any(len(one.items) < len(p.items) for p, one in zip(item.properties, less.properties, strict=True))
    assert lists > 2
