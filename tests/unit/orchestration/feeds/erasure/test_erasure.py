"""A person erased from a landing zone: gone from lake, quarantine and bytes, never back, and nobody else with them."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ml.features.pseudonym import pseudonym
from orchestration.contracts import load_contracts
from orchestration.feeds import Limits, NothingToErase, Receipt, TooManyKeys, land, replay
from orchestration.feeds.erasure import Erased, Reader, carry_out, close_journal, expire, plan_erasure, read_journals
from orchestration.feeds.erasure.blanking import blanked
from orchestration.feeds.landing import site_lock
from orchestration.feeds.quarantine import held_files
from orchestration.feeds.sniff import BOM, Format
from orchestration.feeds.vault import Kind, ObjectErased, Vault

KEY, SITE = b"k" * 32, "city"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARY, JOHN = "mary-0815", "john-4711"


class Hospital:
    """A landing zone, and what can be asked of all that it holds."""

    def __init__(self, root: Path) -> None:
        self.root, self.home, self.count = root, root / "home", 0

    def land(self, name: str, content: bytes, feed: str | None = None, limits: Limits | None = None) -> Receipt:
        self.count += 1
        path = self.root / "in" / str(self.count) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        at = NOON + timedelta(minutes=self.count)
        [receipt] = land([path], site=SITE, feed=feed, home=self.home, key=KEY, arrived_at=at, limits=limits)
        return receipt

    @property
    def reader(self) -> Reader:
        return Reader(self.home, SITE, KEY, "UTC", {}, load_contracts())

    def erase(self, value: str, authority: str = "Patient") -> Erased:
        with site_lock(self.home, SITE):
            plan = plan_erasure(self.reader, pseudonym(KEY, authority, value), value)
            made = carry_out(self.reader, plan, NOON)
            close_journal(self.reader, made)
        return made

    def rows(self, table: str) -> int:
        files = f"{self.home}/lake/{table}/site={SITE}/*/*.parquet"
        return duckdb.sql(f"select count(*) from '{files}'").fetchall()[0][0]

    def raw(self, receipt: Receipt) -> bytes:
        return Vault.of(self.home).object(receipt.sha256).read_bytes()

    def holds(self, word: str) -> list[str]:
        """Where a word stands: bytes opened, Parquet decoded, and every other file as it lies."""
        vault, found = Vault.of(self.home), []
        for path in sorted(p for p in self.home.rglob("*") if p.is_file() and "keys" not in p.parts):
            if path.parent.parent.name == "raw":
                content = b"" if vault.kind(path.name) is Kind.ERASED else vault.object(path.name).read_bytes()
            elif path.suffix == ".parquet":
                content = json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
            else:
                content = path.read_bytes()
            found += [str(path.relative_to(self.home))] if word.encode() in content else []
        return found


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def ndjson(*records: object) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def patient(ident: str, mrn: str | None = None, **more: object) -> dict[str, object]:
    numbers = [{"system": "HOSP", "value": mrn, "type": {"coding": [{"code": "MR"}]}}] if mrn else []
    return {"resourceType": "Patient", "id": ident, "gender": "female", "identifier": numbers, **more}


def visit(ident: str, of: str) -> dict[str, object]:
    subject = {"reference": f"Patient/{of}"}
    return {
        "resourceType": "Encounter",
        "id": ident,
        "status": "finished",
        "class": {"code": "EMER"},
        "subject": subject,
    }


def adt(control: str, mrn: str, family: str) -> bytes:
    segments = (
        f"MSH|^~\\&|ADT|CITY|||20260228100000||ADT^A01|{control}|P|2.5",
        "EVN|A01|20260228100000",
        f"PID|1||{mrn}^^^HOSP^MR||{family}^X",
        "PV1|1|E|ED^1^1",
    )
    return "\r".join(segments).encode() + b"\r"


def test_a_person_goes_from_lake_quarantine_and_bytes_and_everybody_else_stays(hospital: Hospital) -> None:
    people = hospital.land("Patient.ndjson", ndjson(patient(MARY, "M1-99999"), patient(JOHN), b'{"id": "broken'))
    hospital.land("Encounter.ndjson", ndjson(visit("v-mary", MARY), visit("v-john", JOHN), visit("v-mary-2", MARY)))
    bad = visit("v-john-3", JOHN)
    bad.pop("status")
    broken = hospital.land("Encounter.2.ndjson", ndjson({**visit("v-x", MARY), "status": None}, bad))
    assert broken.quarantined == 2
    made = hospital.erase(MARY)
    assert (made.rows, made.quarantined, made.rewritten, made.destroyed, made.lost) == (3, 1, 3, 0, 0)
    assert (hospital.rows("fhir_patient"), hospital.rows("fhir_encounter")) == (1, 1)
    for word in (MARY, "M1-99999", pseudonym(KEY, "Patient", MARY)):
        assert hospital.holds(word) == []
    assert hospital.holds(JOHN)
    assert hospital.raw(people).startswith(b"\n")
    assert hospital.raw(people).split(b"\n")[2] == b'{"id": "broken'


def test_other_peoples_held_lines_are_replayed_from_what_is_left(hospital: Hospital) -> None:
    bad = visit("v-john", JOHN)
    bad.pop("status")
    receipt = hospital.land("Encounter.ndjson", ndjson(b"{", visit("v-mary", MARY), bad, visit("v-ok", JOHN)))
    assert (receipt.landed, receipt.quarantined) == (2, 2)
    hospital.erase(MARY)
    held = held_files(hospital.home, [SITE])
    assert [sorted(one.numbers or ()) for one in held] == [[1, 3]]
    [again] = replay(held, site=SITE, home=hospital.home, key=KEY, arrived_at=NOON + timedelta(days=1))
    assert (again.quarantined, again.duplicate) == (2, 1)


@pytest.mark.parametrize("is_same_file", [True, False], ids=["the same bytes", "the same records in another file"])
def test_what_comes_again_of_an_erased_person_goes_nowhere_and_is_counted(hospital: Hospital, is_same_file) -> None:
    content = ndjson(patient(MARY), patient(JOHN))
    hospital.land("Patient.ndjson", content)
    hospital.erase(MARY)
    again = hospital.land("Patient.ndjson", content if is_same_file else ndjson(patient(JOHN), patient(MARY)))
    fates = (again.received, again.landed, again.duplicate, again.deleted)
    assert fates == ((2, 0, 2, 0) if is_same_file else (2, 0, 1, 1))
    assert hospital.holds(MARY) == []
    assert hospital.rows("fhir_patient") == 1


def test_a_new_record_of_an_erased_person_is_counted_as_deleted_and_its_bytes_are_blanked(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY), patient(JOHN)))
    hospital.erase(MARY)
    receipt = hospital.land("Encounter.ndjson", ndjson(visit("new", MARY), visit("other", JOHN)))
    assert (receipt.landed, receipt.deleted) == (1, 1)
    assert hospital.holds(MARY) == []
    assert (hospital.raw(receipt).split(b"\n")[0], hospital.rows("fhir_encounter")) == (b"", 1)


def test_nothing_is_blanked_while_more_of_its_drop_is_being_kept(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY), patient(JOHN)))
    hospital.erase(MARY)
    drop, redact, keeping = hospital.root / "drop", Vault.redact, list[str]()
    drop.mkdir()
    content = ndjson(visit("new", MARY), visit("other", JOHN))
    (drop / "Encounter.ndjson").write_bytes(content)
    for n in range(200):
        (drop / f"Encounter-{n:03d}.ndjson").write_bytes(ndjson(visit(f"more-{n}", JOHN)) if n % 2 else content)

    def seen(vault: Vault, *more: Any) -> None:
        keeping.extend(one.name for one in threading.enumerate() if one.name.startswith("keeping"))
        redact(vault, *more)

    monkeypatch.setattr(Vault, "redact", seen)
    land([drop], site=SITE, feed=None, home=hospital.home, key=KEY, arrived_at=NOON + timedelta(days=1))
    assert keeping == [] and hospital.holds(MARY) == []


def test_a_person_is_found_through_every_number_that_feeds_tie_together(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY, "M1-99999"), patient(JOHN, "M2-11111")))
    feed = adt("1", "M1-99999", "Zorro") + adt("2", "M2-11111", "Doe")
    messages = hospital.land("feed.hl7", feed, "hl7v2")
    assert messages.landed == 2
    made = hospital.erase("M1-99999", "HOSP")
    assert (made.rows, hospital.rows("hl7v2_adt"), hospital.rows("fhir_patient")) == (2, 1, 1)
    for word in (MARY, "M1-99999", "Zorro"):
        assert hospital.holds(word) == []
    assert b"M2-11111" in hospital.raw(messages)
    assert hospital.land("again.hl7", feed, "hl7v2").duplicate == 2


def test_a_bundle_keeps_its_other_entries_and_their_numbers(hospital: Hospital) -> None:
    resources = [patient(MARY), patient(JOHN), visit("v-mary", MARY), {**visit("bad", JOHN), "status": None}]
    inner = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": visit("v-deep", MARY)}]}
    entries = [{"resource": resource} for resource in [inner, *resources]]
    text = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries, "total": 0}).replace(
        '"total": 0', '"total": 1.10'
    )
    receipt = hospital.land("bundle.json", text.encode())
    assert (receipt.landed, receipt.quarantined) == (4, 1)
    made = hospital.erase(MARY)
    assert (made.rows, made.rewritten, hospital.holds(MARY)) == (3, 1, [])
    assert b"1.10" in hospital.raw(receipt)
    [held] = held_files(hospital.home, [SITE])
    assert held.numbers == {5}
    [again] = replay([held], site=SITE, home=hospital.home, key=KEY, arrived_at=NOON + timedelta(days=1))
    assert (again.received, again.quarantined, again.duplicate) == (5, 1, 4)


def test_a_file_that_holds_nobody_else_is_destroyed_with_its_key(hospital: Hospital) -> None:
    receipt = hospital.land("Patient.ndjson", ndjson(patient(MARY)))
    assert hospital.erase(MARY).destroyed == 1
    with pytest.raises(ObjectErased):
        hospital.raw(receipt)
    assert hospital.land("Patient.ndjson", ndjson(patient(MARY))).duplicate == 1
    assert hospital.land("Other.ndjson", ndjson(patient(MARY))).duplicate == 1


def test_lines_that_cannot_be_read_and_speak_of_the_person_go_too(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY), patient(JOHN)))
    cut = json.dumps(visit("v", MARY)).encode()[:-3]
    group = {"resourceType": "Provenance", "id": "g", "target": [{"reference": f"Patient/{MARY}"}]}
    receipt = hospital.land("rest.ndjson", ndjson(cut, group, visit("w", JOHN)))
    hospital.erase(MARY)
    assert hospital.holds(MARY) == []
    assert hospital.raw(receipt).split(b"\n")[:2] == [b"", b""]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_person_is_found_in_text_of_more_than_one_byte_a_character(hospital: Hospital, encoding: str) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY)))
    wide = ndjson(visit("v-mary", MARY), visit("v-john", JOHN)).decode().encode(encoding)
    receipt = hospital.land("Encounter.ndjson", wide)
    is_read = not encoding.endswith("-le")
    assert receipt.landed == (2 if is_read else 0)
    made = hospital.erase(MARY)
    assert (made.rewritten, made.destroyed + made.lost) == ((1, 1) if is_read else (0, 2))
    with duckdb.connect() as db:
        assert not is_read or db.execute(
            f"select count(*) from '{hospital.home}/lake/fhir_encounter/site={SITE}/*/*.parquet'"
        ).fetchall() == [(1,)]
    if is_read:
        assert MARY.encode() not in hospital.raw(receipt) and JOHN.encode() in hospital.raw(receipt)


def test_an_erasure_that_is_stopped_anywhere_is_finished_by_the_next(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY, "M1-99999"), patient(JOHN)))
    hospital.land("Encounter.ndjson", ndjson(visit("v-mary", MARY), visit("v-john", JOHN)))
    hospital.land("feed.hl7", adt("1", "M1-99999", "Zorro"), "hl7v2")
    places = ("_write_tombstone", "_destroy", "_leave_quarantine", "_leave_lake", "write_parquet", "_leave_drops")
    for place in places:
        module = "orchestration.feeds.erasure.carrying_out"
        with monkeypatch.context() as patched:
            patched.setattr(f"{module}.{place}", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt), site_lock(hospital.home, SITE):
                known = pseudonym(KEY, "Patient", MARY)
                if not list(hospital.home.glob("erasures/*/*.journal")):
                    carry_out(hospital.reader, plan_erasure(hospital.reader, known, MARY), NOON)
                else:
                    carry_out(hospital.reader, read_journals(hospital.reader)[0], NOON)
    with site_lock(hospital.home, SITE):
        [plan] = read_journals(hospital.reader)
        made = carry_out(hospital.reader, plan, NOON)
        close_journal(hospital.reader, made)
    assert [hospital.holds(word) for word in (MARY, "M1-99999", "Zorro")] == [[], [], []]
    assert (hospital.rows("fhir_patient"), hospital.rows("fhir_encounter"), hospital.rows("hl7v2_adt")) == (1, 1, 0)
    assert not list(hospital.home.glob("erasures/*/*.journal"))
    assert hospital.land("Patient.ndjson", ndjson(patient(JOHN), patient(MARY))).deleted == 1


def test_nobody_is_erased_for_an_identifier_that_nothing_knows(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(JOHN)))
    with pytest.raises(NothingToErase, match="authority"):
        hospital.erase(MARY)


def test_a_number_that_ties_many_people_together_erases_nobody(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(*(patient(f"person-{n}", "0000") for n in range(120))))
    with pytest.raises(TooManyKeys, match="100"):
        hospital.erase("person-1")
    assert hospital.rows("fhir_patient") == 120


def test_two_people_of_one_file_are_erased_one_after_the_other(hospital: Hospital) -> None:
    people = ndjson(*(patient(one) for one in (MARY, JOHN, "third-person", "fourth-person")))
    receipt = hospital.land("Patient.ndjson", people)
    for count, one in enumerate((MARY, JOHN, "third-person"), start=1):
        assert hospital.erase(one).rewritten == 1
        assert (hospital.holds(one), hospital.raw(receipt)[:count]) == ([], b"\n" * count)
    assert hospital.erase("fourth-person").destroyed == 1


def test_what_is_past_its_term_goes_and_what_is_not_stays(hospital: Hospital) -> None:
    old = hospital.land("Patient.ndjson", ndjson(patient(MARY)))
    with site_lock(hospital.home, SITE):
        assert expire(hospital.reader, NOON + timedelta(days=365 * 9)) == []
        [done] = expire(hospital.reader, NOON + timedelta(days=3700))
    assert (done.feed, done.files, done.objects) == ("ehr_fhir", 1, 1)
    with pytest.raises(ObjectErased):
        hospital.raw(old)
    assert not list(hospital.home.glob("lake/*/site=city/*/*.parquet"))


def test_a_tombstone_names_nobody(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY, "M1-99999"), patient(JOHN)))
    hospital.erase(MARY)
    [tombstone] = hospital.home.glob("erasures/city/*.json")
    text = tombstone.read_text()
    for word in (MARY, "M1-99999", pseudonym(KEY, "Patient", MARY), pseudonym(KEY, "HOSP", "M1-99999")):
        assert word not in text
    assert tombstone.stat().st_mode & 0o077 == 0


def test_a_table_keeps_the_mark_that_says_how_it_is_encoded() -> None:
    left = blanked(Format.CSV, BOM + b"id,name\n1,Ann\n2,Bo\n", {1})
    assert left is not None and left.startswith(BOM + b"id,name\n")
    assert b"Ann" not in left and left.endswith(b"2,Bo\n")


def test_a_person_who_was_erased_comes_back_in_no_piece_of_a_long_file(hospital: Hospital) -> None:
    hospital.land("Patient.ndjson", ndjson(patient(MARY), patient(JOHN)))
    hospital.erase(MARY)
    visits = [visit(f"v-{of}-{n}", of) for n in range(8) for of in (MARY, JOHN)]
    receipt = hospital.land("Encounter.ndjson", ndjson(*visits), limits=Limits(piece=300))
    assert (receipt.landed, receipt.deleted) == (8, 8)
    assert hospital.rows("fhir_encounter") == 8
    assert hospital.holds(MARY) == []
