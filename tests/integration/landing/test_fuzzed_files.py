"""Real files of every format, bent and broken: whatever comes, every file has a receipt that adds up, and none raises.

A file that breaks a contract's columns may stop its feed; the others of the call are landed all the same.
"""

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from orchestration.feeds import FeedStopped, Limits, Receipt, land

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROUNDS = 6  # mutations of each file
LARGEST = 60_000  # bytes that are taken of a file of lines
TOKENS = (
    b"Patient Observation resourceType Bundle MSH PID OBX ADT ORU ISA CLM ST* unit_code occupied 2.3 005010".split()
)
ODD = [
    *(b"", b"\0", b"\xff", b"\xc3\x28", b"Z99", b"Nothing", b"|", b"^~\\&", b"*", b"~", b'"', b"{", b"]", b"\x0b"),
    *(b"\x1c\r", b"\r\n\r\n", b"9" * 400, b"-1", b"1e999", "é日本".encode(), b"=1+1", b"null", b"--", b"\xef\xbb\xbf"),
]


Mutation = Callable[[bytes, random.Random], bytes]


def cut_off(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def lose_a_piece(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    return content[:start] + content[start + draw.choice([1, 7, 100, 5000]) :]


def say_a_piece_twice(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    piece = content[start : start + draw.choice([1, 7, 100, 5000])]
    return content[:start] + piece + content[start:]


def put_in_something_odd(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content) + 1)
    return content[:start] + draw.choice(ODD) + content[start:]


def change_bytes(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice([1, 3, 50])):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def rename_a_token(content: bytes, draw: random.Random) -> bytes:
    present = [token for token in TOKENS if token in content]
    return content.replace(draw.choice(present), draw.choice(ODD), draw.choice([1, -1])) if present else content


def other_separators(content: bytes, draw: random.Random) -> bytes:
    old, new = draw.sample([b"|", b"^", b"*", b"~", b",", b";", b"\r", b"\n", b"\t", b":"], 2)
    return content.replace(old, new)


def other_line_ends(content: bytes, draw: random.Random) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b"\x85"]))


def other_encoding(content: bytes, draw: random.Random) -> bytes:
    return content.decode("latin-1").encode(draw.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"]))


MUTATIONS: list[Mutation] = [
    *(cut_off, lose_a_piece, say_a_piece_twice, put_in_something_odd, change_bytes),
    *(rename_a_token, other_separators, other_line_ends, other_encoding),
]


def lines_of(path: Path) -> bytes:
    """The beginning of a file of lines, or of messages."""
    content = path.read_bytes()
    if len(content) <= LARGEST:
        return content
    end = content.rfind(b"\n", 0, LARGEST) + 1
    return content[: end or LARGEST]


def census() -> bytes:
    stream = io.StringIO()
    rows = [["ICU", f"2026-02-{day:02d}T06:00:00Z", day, 12, 0] for day in range(1, 20)]
    csv.writer(stream).writerows([("unit_code", "at", "occupied", "staffed_beds", "closed_beds"), *rows])
    return stream.getvalue().encode()


def as_parquet(table: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pyarrow.csv.read_csv(io.BytesIO(table)), sink)
    return sink.getvalue().to_pybytes()


def as_stata(root: Path) -> bytes:
    import pandas as pd
    import pyreadstat

    path = root / "made.dta"
    pyreadstat.write_dta(pd.DataFrame({"VMONTH": [1, 2], "VDAYR": [3, 4], "AGE": [40, 50]}), str(path))
    return path.read_bytes()


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture(scope="module")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files as they come, by name: one or two of every format."""
    bulk = {path.name: lines_of(path) for path in sorted((shared_data / "synthea_bulk_ndjson").rglob("*.ndjson"))[:3]}
    bundle = json.loads(min((shared_data / "synthea_fhir_bundles").glob("*.json"), key=_size).read_bytes())
    bundle["entry"] = bundle["entry"][:12]
    bent = {
        **bulk,
        "bundle.json": json.dumps(bundle, indent=1).encode(),
        "messages.hl7": lines_of(shared_data / "hl7v2_simhospital" / "messages.out"),
        "census.csv": census(),
        "census.parquet": as_parquet(census()),
        "visits.dta": as_stata(tmp_path_factory.mktemp("stata")),
        **{p.name: p.read_bytes() for p in _some(shared_data / "x12_837", 2)},
        **{p.name: p.read_bytes() for p in _some(shared_data / "dicom", 3)},
    }
    packed = next(iter(bulk.values()))
    return {**bent, "packed.ndjson.gz": gzip.compress(packed, mtime=0), "several.zip": zipped(bent)}


def _size(path: Path) -> int:
    return path.stat().st_size


def _some(folder: Path, count: int) -> list[Path]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in (".md", ".txt")]
    return sorted(files, key=_size)[:count]


def landed(root: Path, limits: Limits) -> list[Receipt]:
    try:
        return land([root / "in"], site="city", feed=None, home=root / "home", key=KEY, arrived_at=NOW, limits=limits)
    except FeedStopped as stopped:
        return list(stopped.receipts)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_file_has_a_receipt_however_it_is_broken(tmp_path: Path, real, mutation: Mutation) -> None:
    draw = random.Random(mutation.__name__)
    folder, made = tmp_path / "in", set[bytes]()
    folder.mkdir()
    for name, content in real.items():
        for n in range(ROUNDS):
            changed = mutation(content, draw)
            if (
                changed not in made
            ):  # the same bytes under another name are another arrival, and may say an old thing again
                made.add(changed)
                (folder / f"{n:02d}-{name}").write_bytes(changed)
    receipts = landed(tmp_path, Limits(piece=20_000))
    plain = [receipt for receipt in receipts if "/" not in receipt.file]
    names = {path.name for path in folder.iterdir()}
    assert {receipt.file.split("/")[0] for receipt in receipts} == names
    assert len({receipt.file for receipt in plain}) == len(plain)
    assert all(receipt.received >= 1 for receipt in receipts)
    again = landed(tmp_path, Limits(piece=20_000))
    assert [one.file for one in again if one.stored and "/" not in one.file] == []
    assert [(one.file, one.received) for one in again] == [(one.file, one.received) for one in receipts]


def test_files_as_they_come_are_landed(tmp_path: Path, real) -> None:
    (tmp_path / "in").mkdir()
    for name, content in real.items():
        (tmp_path / "in" / name).write_bytes(content)
    kinds = {receipt.file: receipt for receipt in landed(tmp_path, Limits())}
    assert all(kinds[name].stored + kinds[name].duplicate > 0 for name in ("messages.hl7", "census.csv", "bundle.json"))
    assert kinds["several.zip/census.csv"].stored == kinds["census.csv"].stored  # the Parquet file said it otherwise
