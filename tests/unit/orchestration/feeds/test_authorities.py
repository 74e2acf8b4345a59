"""One issuer of numbers under many names: with a site's authority map every feed gives a number the same pseudonym."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features.pseudonym import pseudonym
from orchestration.contracts import sql
from orchestration.feeds import land
from tests.unit.orchestration.feeds.conftest import KEY

AUTHORITIES = {"patient": {"CITY": "urn:mrn", "PACS": "urn:mrn"}, "visit": {"CITY": "urn:visit"}}
NAME = st.text("ACDIPSTYurn:mv", min_size=1, max_size=8)
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn", "value": "7"}],
    "link": [{"other": {"reference": "Patient/p0"}, "type": "replaces"}],
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e1",
    "identifier": [{"system": "urn:visit", "value": "V1"}],
    "status": "finished",
    "class": {"code": "EMER"},
    "subject": {"identifier": {"system": "PACS", "value": "7"}},
    "period": {"start": "2026-02-28T10:00:00Z"},
}
MESSAGE = (
    "MSH|^~\\&|EHR|CITY|||20260228101500||ADT^A01|1|P|2.5\rEVN|A01|20260228101500\r"
    "PID|1||7^^^CITY^MR|||||||||||||||A9^^^CITY\rPV1|1|I|W1||||||||||||||||V1^^^CITY\r"
)


def landed(home: Path, authorities: dict[str, dict[str, str]] | None, table: str, columns: str) -> tuple[object, ...]:
    inbox = home / "inbox"
    inbox.mkdir()
    (inbox / "a.ndjson").write_text("\n".join(map(json.dumps, (PATIENT, ENCOUNTER))))
    (inbox / "b.hl7").write_text(MESSAGE)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    land([inbox], site="city", feed=None, home=home, key=KEY, arrived_at=at, authorities=authorities)
    [found] = duckdb.sql(f"select {columns} from '{home}/lake/{table}/site=city/*/*.parquet'").fetchall()
    return found


def test_a_number_has_one_key_whatever_a_feed_calls_its_issuer(tmp_path: Path) -> None:
    mrn, visit = pseudonym(KEY, "urn:mrn", "7"), pseudonym(KEY, "urn:visit", "V1")
    found = landed(
        tmp_path, AUTHORITIES, "hl7v2_adt", "patient_key, visit_key, account_key, identifiers[1].patient_key"
    )
    assert found == (mrn, visit, pseudonym(KEY, "urn:visit", "A9"), mrn)
    files = f"{tmp_path}/lake/fhir_{{}}/site=city/*/*.parquet"
    columns = "mrn_key, identifier_key, identifiers[1].patient_key, links[1].patient_key"
    patients = duckdb.sql(f"select {columns} from '{files.format('patient')}'").fetchall()
    assert patients == [(mrn, mrn, mrn, pseudonym(KEY, "Patient", "p0"))]
    encounters = duckdb.sql(f"select visit_number_key, patient_key from '{files.format('encounter')}'").fetchall()
    assert encounters == [(visit, mrn)]  # a reference by identifier goes by the map too


def test_without_a_map_an_authority_is_what_the_feed_calls_it(tmp_path: Path) -> None:
    found = landed(tmp_path, None, "hl7v2_adt", "patient_key, visit_key")
    assert found == (pseudonym(KEY, "CITY", "7"), pseudonym(KEY, "CITY", "V1"))


@given(kind=st.sampled_from(["patient", "visit", "order"]), authority=NAME, ident=NAME)
def test_only_names_of_the_map_are_renamed_and_only_for_what_they_number(kind: str, authority: str, ident: str) -> None:
    expected = AUTHORITIES.get(kind, {}).get(authority, authority)
    with duckdb.connect() as db:
        sql.install(db, KEY, authorities=AUTHORITIES)
        message = sql.canonical(kind, "$1 || chr(31) || $2")
        [made] = db.execute(f"select pseudonym_of({message})", [authority, ident]).fetchall()
    assert made == (pseudonym(KEY, expected, ident),)


@pytest.mark.parametrize("kind", ["patient", "visit"])
def test_a_number_without_an_authority_keeps_its_empty_one_or_gets_the_one_that_the_map_gives(kind: str) -> None:
    with duckdb.connect() as db:
        sql.install(db, KEY, authorities={"patient": {"": "urn:mrn"}})
        [found] = db.execute(f"select {sql.canonical(kind, 'chr(31) || 7')}").fetchall()
    assert found == ("urn:mrn\x1f7" if kind == "patient" else "\x1f7",)
