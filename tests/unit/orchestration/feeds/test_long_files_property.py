"""A file that is landed in pieces ends as it would in one, whatever it holds and however it is cut."""

import gzip
import json
from errno import ENOSPC
from io import BufferedReader, BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds.framing import is_cut_off
from orchestration.feeds.limits import MEBIBYTE, Limits
from orchestration.feeds.pieces import Bomb, Brackets, Broken, pieces

FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=100, deadline=None)
WHOLE = Limits(piece=MEBIBYTE, line=400)


def patient(ident: int, gender: str, at: int | None) -> dict[str, object]:
    meta = {} if at is None else {"meta": {"lastUpdated": f"2026-02-0{at}T00:00:00Z"}}
    return {"resourceType": "Patient", "id": str(ident), "gender": gender, **meta}


patients = st.builds(patient, st.integers(0, 4), st.sampled_from(["female", "male"]), st.none() | st.integers(1, 3))
deletion = st.builds(lambda n: {"request": {"method": "DELETE", "url": f"Patient/{n}"}}, st.integers(0, 4))
entry = patients.map(lambda resource: {"resource": resource}) | deletion
bundle = st.lists(entry, max_size=4).map(lambda made: {"resourceType": "Bundle", "type": "batch", "entry": made})
good = patients.map(lambda resource: json.dumps(resource).encode())
broken = st.sampled_from(
    [
        b'{"resourceType":"Patient","id":"0","gender":"?"}',
        b'{"resourceType":"Nothing","id":"0"}',
        b'{"resourceType":"Patient","id":',
        b'{"a":"it goes on',
        b'with a \\" and no end',
        b"\xff\xfe",
        b'{"resourceType":"Patient","id":"' + b"9" * 500 + b'"}',
        b"x" * 2000,
        b'{"a":1}',
        b"",
        b"   ",
    ]
)
kinds = st.sampled_from(
    [[good], [good, broken], [broken], [good, bundle.map(lambda b: json.dumps(b).encode()), broken]]
)
files = kinds.flatmap(lambda kind: st.lists(st.one_of(kind), min_size=1, max_size=14))


@FEW
@given(
    drops=st.lists(files, min_size=1, max_size=2),
    piece=st.integers(1, 900),
    is_packed=st.booleans(),
    ends=st.sampled_from([b"", b"\n"]),
)
def test_a_file_ends_as_it_would_in_one_piece(make_zone, drops, piece, is_packed, ends) -> None:
    whole, cut = make_zone(), make_zone()
    for lines in drops:
        content = b"\n".join(lines) + ends
        name, came = ("many.ndjson.gz", gzip.compress(content, mtime=0)) if is_packed else ("many.ndjson", content)
        expected = whole.one(name, came, limits=WHOLE)
        assert cut.one(name, came, limits=Limits(piece=piece, line=400)) == expected
    assert cut.quarantine() == whole.quarantine()
    if list(whole.home.glob("lake/fhir_patient/site=city/*/*")):
        assert cut.rows("fhir_patient") == whole.rows("fhir_patient")
    assert {p for p in cut.files() if p.startswith("receipts")} == {
        p for p in whole.files() if p.startswith("receipts")
    }
    assert not list((cut.home / "incoming").iterdir())


@MANY
@given(
    lines=st.lists(st.sampled_from([b"", b"a", b"bcd", b"x" * 40, b"y" * 90]), max_size=12), piece=st.integers(1, 60)
)
def test_pieces_are_whole_lines_with_their_numbers(lines, piece) -> None:
    content = b"\n".join(lines)
    found = list(pieces(BufferedReader(BytesIO(content)), Limits(piece=piece, line=100), 10_000))
    assert b"".join(one.content for one in found) == content
    before = 0
    for one in found:
        assert one.lines_before == before
        before += one.content.count(b"\n")
    assert all(one.content.endswith(b"\n") for one in found[:-1])


def test_of_a_line_that_is_too_long_little_is_kept() -> None:
    content = b"a\n" + b"x" * (9 * MEBIBYTE) + b"\nb\n"
    found = list(pieces(BufferedReader(BytesIO(content)), Limits(piece=MEBIBYTE // 2, line=1000), len(content)))
    assert max(len(one.content) for one in found) < 5 * MEBIBYTE
    lines = b"".join(one.content for one in found).split(b"\n")
    assert lines[0] == b"a"
    assert len(lines[1]) > 1000
    assert lines[2:] == [b"b", b""]


@MANY
@given(parts=st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b" ", b"a"]), max_size=30))
def test_brackets_are_counted_the_same_in_pieces(parts) -> None:
    content = b"".join(parts)
    counted = Brackets()
    for line in content.splitlines(keepends=True):
        counted.add(line)
    assert counted.are_left_open == is_cut_off(content)


def test_a_stream_that_unpacks_to_more_than_its_bound_is_a_bomb_and_a_cut_one_is_broken() -> None:
    packed = gzip.compress(b"a line\n" * 10_000)
    with pytest.raises(Bomb), gzip.open(BytesIO(packed)) as stream:
        list(pieces(stream, Limits(piece=100), 1000))
    with pytest.raises(Broken), gzip.open(BytesIO(packed[:-10])) as stream:
        list(pieces(stream, Limits(piece=100), 1_000_000))


@pytest.mark.parametrize("cut", [20, 8])
def test_a_packed_file_that_is_cut_off_is_quarantined_whole_and_leaves_nothing(zone, cut: int) -> None:
    lines = b"".join(json.dumps(patient(n, "female", None)).encode() + b"\n" for n in range(400))
    packed = gzip.compress(lines, compresslevel=0)[:-cut]
    receipt = zone.one("Patient.ndjson.gz", packed, limits=Limits(piece=8000))
    assert receipt.reasons == {"file.truncated_archive": 1}
    assert not list(zone.home.glob("lake/fhir_patient/site=city/*/*"))
    assert not list((zone.home / "incoming").iterdir())


def test_a_long_file_that_unpacks_to_far_more_than_it_is_counts_as_a_bomb(zone) -> None:
    packed = gzip.compress(b'{"resourceType":"Patient","id":"1"}\n' * 20_000)
    limits = Limits(piece=100_000, ratio=20, ratio_from=1000)
    assert zone.one("Patient.ndjson.gz", packed, limits=limits).reasons == {"file.archive_bomb": 1}
    assert not list(zone.home.glob("lake/fhir_patient/site=city/*/*"))


def test_a_long_file_that_comes_again_is_known_by_its_receipt_and_by_its_keys(zone) -> None:
    lines = b"".join(json.dumps(patient(n, "female", None)).encode() + b"\n" for n in range(60))
    limits = Limits(piece=1000)
    assert zone.one("Patient.ndjson", lines, limits=limits).landed == 60
    assert zone.one("Patient.ndjson", lines, limits=limits).duplicate == 60
    assert zone.one("again.ndjson", b"\n" + lines, limits=limits).duplicate == 60
    assert len(zone.rows("fhir_patient", "_key", "_key is not null")) == 60


def test_rows_that_cannot_be_written_end_the_landing_before_anything_counts(zone, monkeypatch) -> None:
    written: list[int] = []

    def full(_: object, table: pa.Table) -> None:
        written.append(table.num_rows)
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    lines = b"".join(json.dumps(patient(n, "female", None)).encode() + b"\n" for n in range(60))
    with pytest.raises(OSError, match="No space left"):
        zone.one("Patient.ndjson", lines, limits=Limits(piece=2000))
    assert len(written) == 1
    assert not list(zone.home.glob("lake/fhir_patient/site=city/*/*"))
    assert not list(zone.home.glob("receipts/*/*/*"))
    assert not list((zone.home / "incoming").iterdir())
