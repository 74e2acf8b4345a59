"""X12 837 claims through the contract into lake rows: the published files as they are, and with right counts."""

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_contract
from orchestration.feeds import Limits
from orchestration.feeds.fhir import FhirFile
from orchestration.feeds.fhir_batch import land_fhir
from orchestration.feeds.intake import Arrival
from orchestration.feeds.keys import KeyIndex
from orchestration.feeds.outcome import Outcome, Prepared
from orchestration.feeds.relation import connection
from orchestration.feeds.vault import RawObject, Vault
from orchestration.feeds.x12 import read

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[3].parent / "shared" / "data"
)
KEY = b"k" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTRACT = load_contract("x12_837")
NAMES = ("x12_complex.txt", "x12_valid.txt", "x223-test.txt")
NPI = "http://hl7.org/fhir/sid/us-npi"
published = pytest.mark.skipif(not SHARED.exists(), reason="needs the real data of PILOTHOUSE_SHARED_DATA")

STAY = """
ISA*00*          *00*          *ZZ*CITYBILLING    *ZZ*RECEIVER       *260228*1253*^*00501*000000905*0*P*:
GS*HC*CITYBILLING*RECEIVER*20260228*1253*1*X*005010X223A2
ST*837*0001*005010X223A2
BHT*0019*00*1*20260228*1253*CH
HL*1**20*1
NM1*85*2*CITY HOSPITAL*****XX*1234567893
HL*2*1*22*0
SBR*P*18*******MB
NM1*IL*1*ROE*JANE****MI*M1
DMG*D8*19500203*F
NM1*PR*2*BIG PLAN*****PI*P1
CLM*A1*9000.50***11:A:1*Y*A*Y*I
DTP*096*TM*1130
DTP*434*RD8*20260201-20260205
DTP*435*DT*202602010015
CL1*1*7*01
REF*EA*MRN5
HI*ABK:I214:::::::Y
LX*1
SV2*0120**9000.50*DA*4
SE*19*0001
GE*1*1
IEA*1*000000905
"""


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection(KEY, zone="America/New_York") as opened:
        yield opened


def land(db: duckdb.DuckDBPyConnection, contents: dict[str, bytes]) -> list[Outcome]:
    files = [
        found for name, content in contents.items() if isinstance(found := read(content, name, Limits()), FhirFile)
    ]
    assert len(files) == len(contents)
    prepared = [
        Prepared(
            Arrival(
                name,
                hashlib.sha256(content).hexdigest(),
                len(content),
                RawObject(Vault.of(Path(name)), name),
                NOON,
                NOON.date(),
            ),
            CONTRACT,
        )
        for name, content in contents.items()
    ]
    return land_fhir(db, prepared, files, list(contents.values()), KeyIndex(Path("none")), Limits())


def rows(outcomes: list[Outcome]) -> list[dict[str, object]]:
    return [row for o in outcomes if "x12_claim" in o.tables for row in o.tables["x12_claim"].to_pylist()]


def stay(*changes: tuple[str, str]) -> bytes:
    text = STAY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return recounted(text.strip().replace("\n", "~\n") + "~").encode()


def recounted(text: str) -> str:
    """Put right what SE01 and GE01 say; the published files were edited by hand after they had been counted."""
    segments = text.split("~")
    start = sets = 0
    for n, segment in enumerate(segments):
        name = segment.strip().split("*")[0]
        if name == "ST":
            start, sets = n, sets + 1
        elif name == "SE":
            segments[n] = re.sub(r"SE\*\d+", f"SE*{n - start + 1}", segment)
        elif name == "GE":
            segments[n] = re.sub(r"GE\*\d+", f"GE*{sets}", segment)
    return "~".join(segments)


def published_files(repaired: bool) -> dict[str, bytes]:
    texts = {name: (SHARED / "x12_837" / name).read_text() for name in NAMES}
    return {name: (recounted(text) if repaired else text).encode() for name, text in texts.items()}


@published
@pytest.mark.shared_data
def test_published_files_are_quarantined_claim_by_claim_because_their_counts_are_wrong(
    db: duckdb.DuckDBPyConnection,
) -> None:
    contents = published_files(repaired=False)
    outcomes = land(db, contents)
    assert [o.receipt.received for o in outcomes] == [c.count(b"CLM*") for c in contents.values()] == [6, 2, 1]
    assert {(o.receipt.quarantined, tuple(o.receipt.reasons.items())) for o in outcomes} == {
        (n, (("Claim.segments.count", n),)) for n in (6, 2, 1)
    }
    assert rows(outcomes) == []


@published
@pytest.mark.shared_data
def test_published_files_land_once_their_counts_are_right(db: duckdb.DuckDBPyConnection) -> None:
    outcomes = land(db, published_files(repaired=True))
    fates = [(o.receipt.received, o.receipt.landed, o.receipt.duplicate, o.receipt.superseded) for o in outcomes]
    # The second set of x12_complex.txt repeats two claims of the first and corrects a diagnosis of the third.
    assert fates == [(6, 3, 2, 1), (2, 2, 0, 0), (1, 1, 0, 0)]
    landed = rows(outcomes)
    assert sorted({str(row["kind"]) for row in landed}) == ["I", "P"]
    assert {row["charge_amount"] for row in landed} == {500.0}
    (institutional,) = [row for row in landed if row["kind"] == "I"]
    assert institutional["admission_date"] == date(2015, 3, 30)
    assert institutional["mrn_key"] == pseudonym(KEY, "SUBMITTERS.ID", "1122334")
    assert institutional["birth_date"] == date(1961, 11, 24)
    first = next(row for row in landed if row["service_from_date"] == date(2015, 3, 30))
    assert first["billing_provider_key"] == pseudonym(KEY, NPI, "1234567890")
    assert first["member_key"] == first["patient_key"] == pseudonym(KEY, "11122333", "123456")
    assert [d["code"] for d in first["diagnoses"]] == ["8901", "87200", "5559"]
    lines = [(line["code"], line["modifier_1"], line["charge_amount"]) for line in first["lines"]]
    assert lines == [("99211", "25", 12.25), ("99211", "25", 13.26)]
    dependents = [row for row in landed if row["is_subscriber"] is False]
    assert {row["birth_date"] for row in dependents} == {date(1989, 9, 16)}
    assert all(row["is_test"] for row in landed)


def words_of(contents: dict[str, bytes]) -> set[str]:
    """Every name, number, address and telephone number that the files hold, cut from their segments by place."""
    found: set[str] = set()
    for content in contents.values():
        for segment in re.split(r"~\s*", content.decode()):
            parts = segment.strip().split("*")
            places = {"NM1": (3, 4, 5, 9), "N3": (1, 2), "N4": (1, 3), "PER": (2, 4, 6, 8), "REF": (2,), "CLM": (1,)}
            places |= {"SBR": (3, 4), "ISA": (4, 6, 8), "GS": (2, 3)}
            found |= {parts[n].strip() for n in places.get(parts[0], ()) if n < len(parts)}
    return {word for word in found if len(word) > 2}


@published
@pytest.mark.shared_data
def test_no_identifier_of_the_published_files_is_in_a_row(db: duckdb.DuckDBPyConnection) -> None:
    contents = published_files(repaired=True)
    words = words_of(contents)
    assert {"DOE", "STEVEN", "A37YH556", "1234567890", "123456", "1122334", "3901 CALVERTON BLVD", "SECRET"} <= words
    assert len(words) > 100
    landed = [str(value) for row in rows(land(db, contents)) for name, value in row.items() if not name.startswith("_")]
    told = [value for value in landed if not re.fullmatch(r"[0-9a-f]{32}", value)]  # a pseudonym is no identifier
    assert not [word for word in words if any(re.search(rf"\b{re.escape(word)}\b", value) for value in told)]


def test_a_whole_claim_lands_with_all_that_it_says(db: duckdb.DuckDBPyConnection) -> None:
    (row,) = rows(land(db, {"a": stay()}))
    assert (row["kind"], row["charge_amount"], row["frequency_code"], row["is_void"]) == ("I", 9000.5, "1", False)
    assert (row["statement_from_date"], row["statement_to_date"]) == (date(2026, 2, 1), date(2026, 2, 5))
    assert row["admission_at"] == datetime(2026, 2, 1, 5, 15, tzinfo=UTC)
    assert row["_version_at"] == row["submitted_at"] == datetime(2026, 2, 28, 17, 53, tzinfo=UTC)
    assert (row["discharge_time"], row["discharge_status_code"], row["filing_code"]) == ("1130", "01", "MB")
    assert row["claim_number_key"] == pseudonym(KEY, "CITYBILLING", "A1")
    assert row["original_claim_key"] is None
    (diagnosis,) = row["diagnoses"]
    assert diagnosis == {
        "role": "principal", "code": "I214", "code_system": "http://hl7.org/fhir/sid/icd-10-cm",
        "present_on_admission": "Y",
    }  # fmt: skip


REPLACED = (("11:A:1", "11:A:7"), ("REF*EA*MRN5", "REF*EA*MRN5\nREF*F8*ICN77"), ("*9000.50*", "*8000*"))
VOIDED = (("11:A:1", "11:A:8"), ("REF*EA*MRN5", "REF*EA*MRN5\nREF*F8*ICN77"))
LATER = ("*20260228*1253*CH", "*20260301*0653*CH")


def test_a_replacement_and_a_void_supersede_and_name_the_payers_number(db: duckdb.DuckDBPyConnection) -> None:
    outcomes = land(db, {"a": stay(), "b": stay(), "c": stay(*REPLACED, LATER), "d": stay(*VOIDED, LATER)})
    fates = [(o.receipt.landed, o.receipt.duplicate, o.receipt.superseded) for o in outcomes]
    assert fates == [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1)]
    first, replaced, voided = rows(outcomes)
    assert first["_key"] == replaced["_key"] == voided["_key"]
    assert (replaced["is_replacement"], replaced["is_void"], voided["is_void"]) == (True, False, True)
    assert replaced["original_claim_key"] == pseudonym(KEY, "P1", "ICN77")


def test_a_replacement_that_overtakes_its_original_stays_the_later_version(db: duckdb.DuckDBPyConnection) -> None:
    landed = rows(land(db, {"a": stay(*REPLACED, LATER), "b": stay()}))
    assert max(landed, key=lambda row: str(row["_version_at"]))["frequency_code"] == "7"


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (("CLM*A1*", "CLM**"), "Claim.claim_key.required"),
        (("005010X223A2", "005010X299A2"), "Claim.guide.pattern"),
        (("005010X223A2", "004010X096A1"), "Claim.guide.pattern"),
        (("*9000.50*", "*free*"), "Claim.charge_amount.type"),
        (("*9000.50*", "*-1*"), "Claim.charge_amount.range"),
        (("CLM*A1*9000.50*", "CLM*A1**"), "Claim.charge_amount.required"),
        (("11:A:1", "11:A"), "Claim.frequency_code.required"),
        (("19500203*F", "19500203*X"), "Claim.gender_code.codes"),
        (("19500203*F", "19501303*F"), "Claim.birth_date.type"),
        (("LX*1\nSV2*0120**9000.50*DA*4\n", ""), "Claim.lines.required"),
        (("SV2*0120**9000.50*DA*4", "SV2*0120**many*DA*4"), "Claim.lines.charge_amount.type"),
        (("HI*ABK:I214", "HI*QQQ:I214"), "Claim.codes.readable"),
        (("202602010015", "202602012515"), "Claim.admission_at.form"),
        (("*TM*1130", "*TM*2530"), "Claim.discharge_time.pattern"),
        (("*20260228*1253*CH", "*20260228*9953*CH"), "Claim.submitted_at.form"),
        (("GS*HC", "TA1*1\nGS*XX"), None),
    ],
)
def test_a_claim_that_breaks_its_contract_is_told_the_clause(
    db: duckdb.DuckDBPyConnection, change: tuple[str, str], clause: str | None
) -> None:
    (outcome,) = land(db, {"a": stay(change)})
    assert dict(outcome.receipt.reasons) == ({clause: 1} if clause else {})
    assert len(rows([outcome])) == (0 if clause else 1)


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        (("SE*19*", "SE*20*"), "Claim.segments.count"),
        (("GE*1*", "GE*2*"), "Claim.sets.count"),
        (("IEA*1*", "IEA*2*"), "Claim.groups.count"),
        (("SE*19*0001", "SE*19*0002"), "set.control_number"),
        (("GE*1*1", "GE*1*2"), "group.control_number"),
        (("IEA*1*000000905", "IEA*1*000000906"), "interchange.control_number"),
    ],
)
def test_an_envelope_that_is_wrong_quarantines_its_claims(
    db: duckdb.DuckDBPyConnection, change: tuple[str, str], clause: str
) -> None:
    text = stay().decode()
    assert change[0] in text
    (outcome,) = land(db, {"a": text.replace(*change).encode()})
    assert (outcome.receipt.received, dict(outcome.receipt.reasons)) == (1, {clause: 1})


def test_whole_claims_land_beside_a_set_that_was_cut_off(db: duckdb.DuckDBPyConnection) -> None:
    text = stay().decode()
    start, end = text.index("ST*"), text.index("GE*")
    second = text[start:end].replace("*0001", "*0002").replace("CLM*A1*", "CLM*A2*")
    cut = text[:end] + second[: second.index("LX*")]
    (outcome,) = land(db, {"a": cut.encode()})
    assert (outcome.receipt.received, outcome.receipt.landed) == (2, 1)
    assert dict(outcome.receipt.reasons) == {"set.truncated": 1}
    assert [(reject.line, reject.clause) for reject in outcome.rejects] == [(2, "set.truncated")]
