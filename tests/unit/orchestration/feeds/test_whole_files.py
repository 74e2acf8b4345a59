"""Files that are quarantined whole, lines that are quarantined alone, and archives."""

import gzip
import io
import os
import zipfile
from datetime import datetime

import pytest

from orchestration.feeds import FeedError, FeedNotListed, Limits, NothingToLand, land
from orchestration.feeds.framing import is_cut_off, lines_of, nesting

GOOD = b'{"resourceType":"Patient","id":"1"}'
LOG = b'{"eventId":"kickoff"}\n{"eventId":"done"}\n'


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


WHOLE = [
    ("a.ndjson", b"", "file.empty"),
    ("a.json", b" \r\n \n", "file.empty"),
    ("a.ndjson", b"hello\nworld\n", "file.not_json"),
    ("a.json", b"hello", "file.not_json"),
    ("a.json", b'{"resourceType":"Bundle","entry":[{"resource":{"resourceTy', "file.truncated"),
    ("a.json", b'{\n "resourceType": "Bundle",\n "entry": [', "file.truncated"),
    ("a.ndjson", b"\xff\xfe\x00\n\x80\n", "file.not_utf8"),
    ("a.json", '{"resourceType":"Patient"}'.encode("utf-16-le"), "file.not_utf8"),
    ("a.json", b"[" * 100_000, "file.nesting"),
    ("a.ndjson", b'{"resourceType":"Patient","id":"1","x":' + b"[" * 200 + b"]" * 200 + b"}", "file.nesting"),
    ("a.json", b'[{"resourceType":"Patient","id":"1"}]', "file.not_fhir"),
    ("a.json", b"{}", "file.not_fhir"),
    ("log.ndjson", LOG, "file.not_fhir"),
    ("Observation.000.ndjson", GOOD + b"\n" + GOOD, "file.wrong_type"),
    ("a.ndjson", b'{"resourceType":"Spaceship","id":"1"}\n', "file.unknown_type"),
    ("README.md", b"# Read me\n", "file.unrecognised"),
    ("x.bin", bytes(range(256)), "file.unrecognised"),
    ("a.parquet", b"PAR1 and then nothing", "file.damaged"),
    ("a.dta", b"<stata_dta><header>", "file.damaged"),
    ("a.dta", b"not stata at all", "file.damaged"),
    ("a.ndjson.gz", gzip.compress(GOOD * 1000)[:-20], "file.truncated_archive"),
    ("a.zip", zipped(a__ndjson=GOOD * 100)[:60], "file.truncated_archive"),
    ("a.zip", zipped(), "file.truncated_archive"),
]


@pytest.mark.parametrize(("name", "content", "clause"), WHOLE, ids=range(len(WHOLE)))  # no bytes in a name
def test_a_file_that_cannot_be_used_is_quarantined_whole_with_a_plain_reason(zone, name, content, clause) -> None:
    receipt = zone.one(name, content)
    assert (receipt.received, receipt.quarantined, dict(receipt.reasons)) == (1, 1, {clause: 1})
    ((line, stored, reason),) = zone.quarantine()
    assert line is None
    assert stored == clause
    assert reason[0].isupper() and reason.endswith(".")


@pytest.mark.parametrize(
    ("bad", "clause"),
    [
        (b'{"resourceType":"Patient","id":', "line.not_json"),
        (b'{"resourceType":"Patient","id":"1"} x', "line.not_json"),
        (b'{"resourceType":"Patient","id":"\xff"}', "line.not_utf8"),
        (b'{"resourceType":"Patient","id":"\\ud800"}', "line.not_json"),
        (b"[" * 2_000, "line.nesting"),
        (b'{"id":"1"}', "line.not_fhir"),
        (b"7", "line.not_fhir"),
        (b"null", "line.not_fhir"),
        (b'{"resourceType":["Patient"]}', "line.not_fhir"),
        (b'{"resourceType":"patient","id":"1"}', "line.unknown_type"),
        (b'{"resourceType":"Claim","id":"1"}', "line.wrong_type"),
        (b'{"resourceType":"Patient","id":"' + b"x" * 4000 + b'"}', "line.too_long"),
    ],
)
def test_one_bad_line_never_stops_the_good_ones(zone, bad, clause) -> None:
    content = GOOD + b"\n" + bad + b"\n\r\n" + GOOD.replace(b'"1"', b'"2"')
    receipt = zone.one("Patient.ndjson", content, limits=Limits(line=3000))
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (3, 2, {clause: 1})
    assert zone.quarantine()[0][0] == 2
    assert zone.rows("fhir_patient", "_line") == [(1,), (4,)]


def test_brackets_inside_strings_are_no_nesting(zone) -> None:
    text = b"[{" * 5000 + b'\\"'
    assert zone.one("a.ndjson", b'{"resourceType":"Patient","id":"1","language":"' + text + b'"}').received == 1
    assert nesting(b'{"a":"' + text + b'"}') == 1


@pytest.mark.parametrize("depth", [99, 100, 101])
def test_nesting_is_allowed_up_to_the_limit(depth) -> None:
    lines = lines_of(b"[" * depth + b"]" * depth, Limits(nesting=100))
    assert len(lines.bad) == (1 if depth > 100 else 0)


def test_a_document_is_cut_off_when_its_brackets_stay_open() -> None:
    assert is_cut_off(b'{"a": "}')
    assert is_cut_off(b'{"a": [1')
    assert not is_cut_off(b'{"a": [1]}')
    assert not is_cut_off(b"hello [")


def test_a_cut_off_last_line_is_quarantined_alone(zone) -> None:
    receipt = zone.one("Patient.ndjson", GOOD + b"\n" + GOOD[:-5])
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"line.not_json": 1})


def test_a_byte_order_mark_does_no_harm(zone) -> None:
    assert zone.one("a.json", b"\xef\xbb\xbf" + GOOD).landed == 1
    assert zone.one("b.ndjson", b"\xef\xbb\xbf" + GOOD.replace(b'"1"', b'"2"') + b"\n").landed == 1


def test_compressed_files_and_archive_members_land_each_with_its_receipt(zone) -> None:
    second = GOOD.replace(b'"1"', b'"2"')
    receipts = zone.land(
        {"Patient.ndjson.gz": gzip.compress(GOOD), "all.zip": zipped(Patient__ndjson=second, README__md=b"x")}
    )
    assert [(r.file, r.landed, r.quarantined) for r in receipts] == [
        ("Patient.ndjson.gz", 1, 0),
        ("all.zip/Patient.ndjson", 1, 0),
        ("all.zip/README.md", 0, 1),
    ]
    for receipt in receipts:
        assert (zone.home / "raw" / receipt.sha256[:2] / receipt.sha256).exists()


def test_bombs_and_archives_within_archives_are_not_opened(zone) -> None:
    bomb = zipped(a__ndjson=b"\0" * 1_000_000)
    assert dict(zone.one("bomb.zip", bomb, limits=Limits(ratio_from=1000)).reasons) == {"file.archive_bomb": 1}
    packed = gzip.compress(b"\0" * 1_000_000)
    limits = Limits(ratio_from=1000, ratio=10)
    assert dict(zone.one("bomb.ndjson.gz", packed, limits=limits).reasons) == {"file.archive_bomb": 1}
    nested = zipped(inner__zip=zipped(a__ndjson=GOOD))
    assert dict(zone.one("outer.zip", nested).reasons) == {"file.nested_archive": 1}
    assert dict(zone.one("large.ndjson", GOOD, limits=Limits(document=10)).reasons) == {"file.too_large": 1}


def test_a_damaged_member_does_not_stop_the_others(zone) -> None:
    whole = bytearray(zipped(a__ndjson=GOOD * 50, b__ndjson=GOOD))
    whole[45] ^= 0xFF
    first, second = zone.land({"x.zip": bytes(whole)})
    assert dict(first.reasons) == {"file.truncated_archive": 1}
    assert second.landed == 1


def test_folders_are_walked_and_every_file_gets_a_receipt(zone) -> None:
    (zone.inbox / "deep" / "er").mkdir(parents=True)
    (zone.inbox / "deep" / "er" / "Patient.ndjson").write_bytes(GOOD)
    (zone.inbox / "deep" / "README.md").write_bytes(b"x")
    receipts = zone.land_paths([zone.inbox])
    assert [(r.file, r.feed, r.landed) for r in receipts] == [
        ("README.md", "unrecognised", 0),
        ("Patient.ndjson", "ehr_fhir", 1),
    ]


def test_a_path_that_does_not_exist_is_an_error_and_not_a_receipt(zone) -> None:
    with pytest.raises(NothingToLand, match="does not exist"):
        zone.land_paths([zone.inbox / "nowhere"])


@pytest.mark.parametrize("site", ["", "../x", "City", "_anchor"])
def test_a_site_that_is_no_plain_name_is_refused(zone, site) -> None:
    zone.site = site
    with pytest.raises(FeedError, match="site name"):
        zone.one("a.ndjson", GOOD)


def test_an_arrival_without_a_time_zone_is_refused(zone) -> None:
    with pytest.raises(FeedError, match="time zone"):
        zone.land({"a.ndjson": GOOD}, at=datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_feed_of_another_format_is_told_so(zone) -> None:
    assert dict(zone.one("a.ndjson", GOOD, feed="rosters").reasons) == {"file.wrong_format": 1}
    assert dict(zone.one("a.csv", b"a,b\n1,2\n", feed="ehr_fhir").reasons) == {"file.wrong_format": 1}


PATIENTS = '{"resourceType":"Patient","id":"1","gender":"female"}\n{"resourceType":"Patient","id":"2"}\n'
BEDS = "unit_code,at,occupied,staffed_beds\nED,2026-03-01T00:00:00Z,5,8\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(("name", "text"), [("Patient.ndjson", PATIENTS), ("a.csv", BEDS), ("a.txt", BEDS)])
def test_text_in_a_wide_encoding_without_its_mark_is_named_as_such(zone, name, text, encoding) -> None:
    assert dict(zone.one(name, text.encode(encoding)).reasons) == {"file.not_utf8": 1}
    assert encoding[:6].upper() in zone.quarantine()[0][2]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.ndjson", PATIENTS.replace("female", "féminin").replace('"2"', '"é"').encode("latin-1"), "Latin-1"),
        ("a.csv", BEDS.replace("ED", "Pädiatrie").encode("cp1252"), "Latin-1"),
        ("a.csv", BEDS.replace("unit_code", "Station").replace("at", "Überstand").encode("cp1252"), "Latin-1"),
        ("a.json", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff", "binary"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff", "binary"),
    ],
)
def test_what_is_not_utf8_is_told_for_what_it_is(zone, name, content, told) -> None:
    assert dict(zone.one(name, content, feed="census" if name == "a.csv" else None).reasons) == {"file.not_utf8": 1}
    assert told in zone.quarantine()[0][2]


def test_one_line_with_a_zero_byte_is_quarantined_alone(zone) -> None:
    receipt = zone.one("Patient.ndjson", GOOD + b"\n" + GOOD.replace(b'"1"', b'"\0"'))
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"line.not_json": 1})


def test_a_feed_that_the_site_does_not_send_is_refused_by_name_and_quarantined_by_content(zone) -> None:
    paths = zone.put({"a.csv": BEDS.encode(), "Patient.ndjson": GOOD})
    same = {"site": zone.site, "home": zone.home, "key": b"k" * 32, "arrived_at": zone.noon}
    with pytest.raises(FeedNotListed, match=r"city does not send the feed 'census': its site file lists ehr_fhir"):
        land(paths, feed="census", feeds=["ehr_fhir"], **same)
    assert not list(zone.home.rglob("*.json"))
    census, patients = land(paths, feed=None, feeds=["ehr_fhir"], **same)
    assert (census.feed, dict(census.reasons), patients.landed) == ("census", {"file.feed_not_listed": 1}, 1)
    assert [r.landed for r in land(paths, feed=None, feeds=["ehr_fhir", "census"], **same)] == [1, 0]


def test_what_lies_in_a_folder_and_is_no_file_has_a_receipt_and_keeps_nobody_waiting(zone, tmp_path) -> None:
    folder = tmp_path / "drop"
    (folder / "inside").mkdir(parents=True)
    (folder / "a.ndjson").write_bytes(GOOD)
    (folder / "gone.ndjson").symlink_to(tmp_path / "nowhere")
    (folder / "circle").symlink_to(folder)
    os.mkfifo(folder / "inside" / "pipe.ndjson")
    receipts = {receipt.file: receipt for receipt in zone.land_paths([folder])}
    assert receipts["a.ndjson"].landed == 1
    others = {name: dict(receipt.reasons) for name, receipt in receipts.items() if name != "a.ndjson"}
    assert others == {name: {"file.no_file": 1} for name in ("gone.ndjson", "circle", "pipe.ndjson")}
    [receipt] = zone.land_paths([folder / "inside" / "pipe.ndjson"])
    assert dict(receipt.reasons) == {"file.no_file": 1}


def test_a_file_that_cannot_be_read_is_told_and_the_others_land(zone, tmp_path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.ndjson").symlink_to("/proc/self/mem")  # a file whose reading fails, for the superuser too
    (folder / "b.ndjson").write_bytes(GOOD)
    broken, good = zone.land_paths([folder])
    assert (dict(broken.reasons), good.landed) == ({"file.unreadable": 1}, 1)
    (folder / "a.ndjson").unlink()
    (folder / "a.ndjson").write_bytes(GOOD.replace(b'"1"', b'"2"'))
    assert zone.land_paths([folder / "a.ndjson"])[0].landed == 1


def test_a_disk_that_is_full_is_no_fault_of_the_file(zone, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestration.feeds.vault.vault._write", full)
    with pytest.raises(OSError, match="No space left"):
        zone.one("a.ndjson", GOOD)
