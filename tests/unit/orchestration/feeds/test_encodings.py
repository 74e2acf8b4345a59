"""Text that is not plain UTF-8: by its byte order mark, by the site's mapping, or told with the way out."""

import gzip
import json
from dataclasses import replace

import pytest

from orchestration.contracts.mapping import FeedMapping, parse_mapping
from orchestration.feeds import Limits, Receipt, land
from orchestration.feeds.vault import Vault

MARKED = {
    "utf-8": "\ufeff".encode(),
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}
PATIENTS = (
    '{"resourceType":"Patient","id":"1","name":[{"family":"Ω漢😀"}]}\n\n{"id":"2","resourceType":"Patient"}\n{}\n'
)
BUNDLE = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [
    {"resource": {"resourceType": "Patient", "id": n}} for n in ("1", "2")
]}, indent=1)  # fmt: skip
BEDS = "unit_code,at,occupied,staffed_beds\nÜber,2026-03-01T00:00:00Z,5,8\nED,2026-03-01T00:00:00Z,x,8\n"


def marked(text: str, encoding: str) -> bytes:
    return MARKED[encoding] + text.encode(encoding)


@pytest.mark.parametrize("encoding", MARKED)
def test_marked_text_lands_with_the_lines_it_has_and_its_bytes_stay_as_they_came(zone, encoding: str) -> None:
    sent = {
        "a.ndjson": marked(PATIENTS, encoding),
        "b.json": marked(BUNDLE, encoding).replace(b"\n", b"\n"),
        "c.csv": marked(BEDS, encoding),
        "d.ndjson.gz": gzip.compress(marked(PATIENTS.replace('"1"', '"9"'), encoding)),
    }
    lines, bundle, table, packed = zone.land(sent)
    assert (lines.landed, dict(lines.reasons)) == (2, {"line.not_fhir": 1})
    assert (bundle.received, bundle.duplicate + bundle.superseded) == (2, 2)
    assert (table.landed, dict(table.reasons)) == (1, {"Census.occupied.type": 1})
    assert (packed.landed, packed.received) == (1, 3)
    assert zone.rows("unit_census", "unit_code") == [("Über",)]
    assert [row[0] for row in zone.quarantine()] == [2, 4, 4]
    vault = Vault.of(zone.home)
    assert [vault.object(one.sha256).read_bytes() for one in (lines, bundle, table, packed)] == [*sent.values()]


@pytest.mark.parametrize("encoding", MARKED)
def test_a_long_file_of_marked_text_lands_in_pieces_as_it_would_in_one(zone, make_zone, encoding: str) -> None:
    text = "".join(f'{{"resourceType":"Patient","id":"{n}","x":"Ω漢😀"}}\n' for n in range(60)) + '{"x":"' + "é" * 90
    limits = Limits(piece=600, line=100, ratio_from=100_000)
    in_pieces = zone.one("a.ndjson", marked(text, encoding), limits=limits)
    whole = make_zone().one("a.ndjson", marked(text, encoding), limits=replace(limits, piece=1 << 20))
    assert (in_pieces.landed, dict(in_pieces.reasons)) == (60, {"line.too_long": 1})
    assert in_pieces == whole


def test_half_a_character_is_told_in_its_line_alone(zone) -> None:
    lines = marked(PATIENTS, "utf-16-le").split("\n".encode("utf-16-le"))
    lines[0] = lines[0].replace("漢".encode("utf-16-le"), b"\x00\xd8")
    receipt = zone.one("a.ndjson", "\n".encode("utf-16-le").join(lines) + b"{")
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"line.not_utf8": 2, "line.not_fhir": 1})


def test_what_only_begins_like_a_mark_is_binary_data(zone) -> None:
    noise = bytes(range(1, 256)) * 40
    assert dict(zone.one("a.json", b"\xff\xfe" + noise).reasons) == {"file.not_utf8": 1}


def mapping(feed: str = "census", contract: int = 2, **said: str) -> dict[str, FeedMapping]:
    text = f"feed: {feed}\ncontract: {contract}\nversion: 1.0.0\n" + "".join(
        f"{key}: '{value}'\n" for key, value in said.items()
    )
    return {feed: parse_mapping("city", text.encode(), "city.mappings")}


def land_as(zone, name: str, content: bytes, mappings: dict[str, FeedMapping]) -> Receipt:
    same = {"site": "city", "feed": None, "home": zone.home, "key": b"k" * 32, "arrived_at": zone.noon}
    [receipt] = land(zone.put({name: content}), mappings=mappings, **same)
    return receipt


def test_a_table_in_another_encoding_is_told_how_to_say_so_and_lands_once_the_site_says_it(zone) -> None:
    sent = BEDS.encode("windows-1252")
    receipt = land_as(zone, "a.csv", sent, {})
    assert dict(receipt.reasons) == {"row.not_utf8": 1, "Census.occupied.type": 1}
    reasons = " ".join(str(row[2]) for row in zone.quarantine())
    assert "`encoding` (such as windows-1252) in the site's mapping of the feed: orchestration/sites/" in reasons
    receipt = land_as(zone, "b.csv", sent + b"\n", mapping(encoding="windows-1252"))
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"Census.occupied.type": 1})
    assert zone.rows("unit_census", "unit_code") == [("Über",)]


def test_a_mark_goes_before_the_encoding_that_a_mapping_says(zone) -> None:
    for n, (encoding, said) in enumerate(
        [("utf-8", "windows-1252"), ("utf-16-le", "latin-1"), ("utf-16-be", "utf-16")]
    ):
        text = BEDS.replace("03-01", f"03-0{n + 1}")
        assert land_as(zone, "a.csv", marked(text, encoding), mapping(encoding=said)).landed == 1
    assert zone.rows("unit_census", "distinct unit_code") == [("Über",)]


def test_the_encoding_of_a_feed_of_several_tables_holds_for_each_of_them(zone) -> None:
    head = "Id,PATIENT,START,STOP,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,BASE_ENCOUNTER_COST,"
    head += "TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION"
    row = "e,p,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,o,d,y,emergency,50849002,Für,1.0,1.0,0.0,,"
    receipt = land_as(
        zone, "x.csv", f"{head}\n{row}\n".encode("latin-1"), mapping("synthea_csv", 1, encoding="latin-1")
    )
    assert (receipt.feed, receipt.landed) == ("synthea_csv", 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["beds.csv", "beds.txt", "beds", "BEDS.DAT"])
def test_a_table_is_known_by_its_header_whatever_its_name_and_delimiter(zone, name: str, delimiter: str) -> None:
    text = BEDS.replace(",", delimiter).replace("staffed_beds", '"staffed_beds"')
    receipt = zone.one(name, text.encode())
    assert (receipt.feed, receipt.landed, receipt.quarantined) == ("census", 1, 1)


def test_a_delimiter_within_quotes_is_none(zone) -> None:
    text = BEDS.replace(",", ";").replace("staffed_beds", 'staffed_beds;"a, b, c, d, e, f"').replace(";8", ";8;")
    assert zone.one("beds.csv", text.encode()).landed == 1


def test_text_that_is_no_table_stays_unrecognised(zone) -> None:
    assert dict(zone.one("letter.txt", b"Dear unit_code, at, occupied\nyours\n").reasons) == {"file.unrecognised": 1}


def test_lines_may_end_in_carriage_returns_alone(zone) -> None:
    receipt = zone.one("beds.csv", BEDS.replace("\n", "\r").encode())
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"Census.occupied.type": 1})


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "\ufeffSEP=;\r\n"])
def test_a_line_that_tells_a_spreadsheet_the_delimiter_is_no_record(zone, first: str) -> None:
    receipt = zone.one("beds.csv", (first + BEDS.replace(",", ";")).encode())
    assert (receipt.received, receipt.landed) == (2, 1)
    assert zone.quarantine()[0][0] == 2


def test_a_zero_byte_in_a_text_is_told_and_lands_nowhere(zone, ndjson, patient) -> None:
    beds = zone.one("beds.csv", BEDS.replace("ED", "E\0D").replace(",x,", ",5,").encode())
    assert (beds.landed, dict(beds.reasons)) == (1, {"Census.unit_code.zero_byte": 1})
    people = [patient("a", address=[{"state": "N\0Y"}]), patient("b", name=[{"family": "A\0B"}])]
    landed = zone.one("Patient.ndjson", ndjson(*people))
    assert (landed.landed, dict(landed.reasons)) == (1, {"Patient.state.zero_byte": 1})


@pytest.mark.parametrize("inner", [gzip.compress(b"a", mtime=0), b"PK\x03\x04 a zip"], ids=["gzip", "zip"])
def test_an_archive_within_a_packed_file_is_named_as_such(zone, inner: bytes) -> None:
    assert dict(zone.one("a.csv.gz", gzip.compress(inner)).reasons) == {"file.nested_archive": 1}
