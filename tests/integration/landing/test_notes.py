"""Notes from the bytes that came to scrubbed texts in the lake, and what becomes of them later."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_contracts
from orchestration.feeds import Drop, Receipt, land, land_drops
from orchestration.feeds.erasure import Reader, carry_out, close_journal, plan_erasure
from orchestration.feeds.landing import site_lock
from orchestration.feeds.notes import scrubbing
from orchestration.feeds.notes.queue import Done, waiting
from orchestration.feeds.notes.scrubber import Scrubber
from orchestration.feeds.notes.scrubbing import Tally, scrub_waiting
from orchestration.feeds.vault import Kind, Vault

KEY, SITE = b"k" * 32, "city"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUTHORITIES = {"patient": {"mrn": "HOSP"}}
MARY, JOHN = "mary-0815", "john-4711"


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber.load()


class Hospital:
    """A landing zone whose notes can be scrubbed."""

    def __init__(self, root: Path, scrubber: Scrubber) -> None:
        self.root, self.home, self.scrubber, self.count = root, root / "home", scrubber, 0
        self.receipts: list[Receipt] = []

    def land(self, name: str, content: bytes) -> Receipt:
        self.count += 1
        path = self.root / "in" / str(self.count) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        at = NOON + timedelta(minutes=self.count)
        [receipt] = land([path], site=SITE, feed=None, home=self.home, key=KEY, arrived_at=at, authorities=AUTHORITIES)
        return receipt

    @property
    def reader(self) -> Reader:
        return Reader(self.home, SITE, KEY, "UTC", AUTHORITIES, load_contracts())

    def scrub(self, version: str = "1") -> Tally:
        done = Done.of(self.home, SITE, version)
        queue = waiting(self.reader.store, SITE, done)
        return scrub_waiting(self.scrubber, self.reader, queue, done, self._land, lambda tally: None)

    def _land(self, drops: Sequence[Drop]) -> None:
        feeds = ("note_text",)
        for made in land_drops(drops, site=SITE, feed="note_text", home=self.home, key=KEY, feeds=feeds):
            self.receipts += made

    def erase(self, value: str) -> None:
        with site_lock(self.home, SITE):
            plan = plan_erasure(self.reader, pseudonym(KEY, "Patient", value), value)
            close_journal(self.reader, carry_out(self.reader, plan, NOON))

    def texts(self) -> list[dict[str, Any]]:
        files = sorted(self.home.glob(f"lake/note_text/site={SITE}/*/*.parquet"))
        return [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]

    def said(self) -> list[str]:
        return sorted(row["note_text"] or f"withheld: {row['withheld_reason']}" for row in self.texts())


@pytest.fixture
def hospital(tmp_path: Path, scrubber: Scrubber) -> Hospital:
    return Hospital(tmp_path, scrubber)


def ndjson(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def patient(ident: str, family: str, given: str, mrn: str) -> dict[str, object]:
    number = {"system": "HOSP", "value": mrn, "type": {"coding": [{"code": "MR"}]}}
    name = {"family": family, "given": [given]}
    return {"resourceType": "Patient", "id": ident, "gender": "female", "identifier": [number], "name": [name]}


def document(ident: str, of: str, text: str, kind: str = "text/plain", **more: object) -> dict[str, object]:
    attachment = {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}
    return {"resourceType": "DocumentReference", "id": ident, "status": "current", "date": "2026-02-28T10:00:00Z",
            "subject": {"reference": f"Patient/{of}"}, "content": [{"attachment": attachment}], **more}  # fmt: skip


def notes_table(*rows: tuple[str, str, str]) -> bytes:
    head = "note_id,encounter_id,visit_number,mrn,written_at,text"
    lines = [f'{note},E-{note},V-{note},{mrn},2026-02-28T10:00:00Z,"{text}"' for note, mrn, text in rows]
    return "\n".join([head, *lines, ""]).encode()


MDM = (
    "MSH|^~\\&|ADT|CITY|||20260228100000||MDM^T02|1|P|2.5\rEVN|T02|20260228100000\rPID|1||M1-99999^^^HOSP^MR||Burns^April\r"
    "PV1|1|E|ED^1^1\rTXA|1|DS|TX|20260228101500\rOBX|1|TX|11506-3^Note^LN||Ms burns denies chest pain.||||||F\r"
)


def test_notes_of_every_feed_are_scrubbed_with_what_the_site_knows_of_the_patient(hospital: Hospital) -> None:
    hospital.land(
        "Patient.ndjson", ndjson(patient(MARY, "Burns", "April", "M1-99999"), patient(JOHN, "Long", "Hope", "M2-88888"))
    )
    hospital.land("DocumentReference.ndjson", ndjson(document("d1", MARY, "april burns has burning chest pain, MRN m1-99999."),  # noqa: E501
                                                     document("d2", JOHN, "april burns stays: it is no name of his.")))  # fmt: skip  # noqa: E501
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "burns to left hand since april 3")))
    hospital.land("mdm.hl7", MDM.encode())
    tally = hospital.scrub()
    assert hospital.said() == [
        "Ms [NAME] denies chest pain.",
        "[DATE] burns stays: it is no name of his.",
        "[NAME] [NAME] has burning chest pain, MRN [NAME].",
        "[NAME] to left hand since [NAME] 3",
    ]
    assert (tally.notes, tally.withheld.total()) == (4, 0)
    texts = " ".join(hospital.said()).lower()
    assert "99999" not in texts and texts.count("burns") == 1
    [mine] = [row for row in hospital.texts() if row["source_table"] == "triage_note"]
    assert mine["mrn_key"] and mine["visit_number_key"] and not mine["patient_key"]


def test_a_text_is_as_old_as_its_record_and_lies_on_its_day(hospital: Hospital) -> None:
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "chest pain")))
    hospital.scrub()
    [record] = pq.read_table(
        next(hospital.home.glob("lake/triage_note/site=city/*/*.parquet")), partitioning=None
    ).to_pylist()
    [text] = hospital.texts()
    assert timedelta(0) < text["_arrived_at"] - record["_arrived_at"] < timedelta(seconds=1)
    assert [path.parent.name for path in hospital.home.glob("lake/note_text/site=city/*/*.parquet")] == [
        "day=2026-03-01"
    ]
    assert (text["source_key"], text["source_content"]) == (record["_key"], record["_content"])


def test_what_cannot_be_read_is_withheld_with_its_reason(hospital: Hospital) -> None:
    empty = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{MARY}"},
    }
    hospital.land("DocumentReference.ndjson", ndjson(document("d1", MARY, "%PDF", "application/pdf")))
    hospital.land("DiagnosticReport.ndjson", ndjson(empty))
    tally = hospital.scrub()
    assert dict(tally.withheld) == {"the document is no text": 1, "the record holds no text": 1}
    assert all(row["note_text"] is None for row in hospital.texts())


def test_scrubbing_again_changes_nothing_and_a_killed_one_is_done_again_to_the_same_end(hospital: Hospital) -> None:
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "chest pain"), ("n2", "M2-88888", "headache")))
    hospital.scrub()
    before = hospital.texts()
    assert hospital.scrub().records == 0
    Done.of(hospital.home, SITE, "1").forget()  # as if it had been killed between landing and remembering
    hospital.scrub()
    assert hospital.texts() == before
    assert [(one.landed, one.duplicate) for one in hospital.receipts] == [(2, 0), (0, 2)]


def test_a_better_scrubber_does_every_note_anew(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "chest pain")))
    hospital.scrub()
    monkeypatch.setattr(scrubbing, "VERSION", "2")
    hospital.scrub("2")
    arrived = {row["scrubber_version"]: row["_arrived_at"] for row in hospital.texts()}
    assert arrived["2"] > arrived["1"]
    assert [(one.landed, one.superseded) for one in hospital.receipts] == [(1, 0), (0, 1)]


def test_a_corrected_note_is_scrubbed_beside_the_one_before_it(hospital: Hospital) -> None:
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "chest pain")))
    hospital.scrub()
    hospital.land("notes.csv", notes_table(("n1", "M1-99999", "chest pain, resolved")))
    hospital.scrub()
    assert hospital.said() == ["chest pain", "chest pain, resolved"]
    assert len({row["note_key"] for row in hospital.texts()}) == 2


def test_a_person_who_is_erased_leaves_the_scrubbed_texts_too_and_others_stay(hospital: Hospital) -> None:
    hospital.land(
        "Patient.ndjson", ndjson(patient(MARY, "Burns", "April", "M1-99999"), patient(JOHN, "Long", "Hope", "M2-88888"))
    )
    hospital.land(
        "DocumentReference.ndjson",
        ndjson(document("d1", MARY, "severe dyspnea"), document("d2", JOHN, "mild headache")),
    )
    hospital.scrub()
    hospital.erase(MARY)
    assert hospital.said() == ["mild headache"]
    vault = Vault.of(hospital.home)
    kept = [
        path.name
        for path in hospital.home.glob("raw/*/*")
        if len(path.name) == 64 and vault.kind(path.name) is not Kind.ERASED
    ]
    tables = [vault.object(name).read_bytes() for name in kept]
    held = [
        row for content in tables if content.startswith(b"PAR1") for row in pq.read_table(_stream(content)).to_pylist()
    ]
    assert "severe dyspnea" not in [row["note_text"] for row in held] and "mild headache" in [
        row["note_text"] for row in held
    ]
    Done.of(hospital.home, SITE, "1").forget()
    hospital.scrub()
    assert hospital.said() == ["mild headache"]


def _stream(content: bytes) -> Any:
    import pyarrow as pa

    return pa.BufferReader(content)
