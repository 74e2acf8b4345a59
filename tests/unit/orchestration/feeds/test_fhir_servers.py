"""An id is its server's: a record that speaks of another server's patient is not one of ours of the same id."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ml.features.pseudonym import pseudonym
from orchestration.feeds import Receipt, land
from tests.unit.orchestration.feeds.conftest import KEY, Zone

OURS, OLD, THEIRS = "https://ehr.city.example/fhir", "https://old.city.example/R4", "https://rural.example/fhir"
P1 = pseudonym(KEY, "Patient", "p1")
SUBJECT = "Observation.patient_key.server"


def landed(zone: Zone, name: str, content: bytes, *servers: str) -> Receipt:
    authorities: dict[str, dict[str, str]] = {"server": dict.fromkeys(servers, "city")} if servers else {}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    put = zone.put({name: content})
    [receipt] = land(put, site="city", feed=None, home=zone.home, key=KEY, arrived_at=at, authorities=authorities)
    return receipt


def bundle(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": list(entries)}).encode()


@pytest.mark.parametrize("end", ["", "/_history/3"])
@pytest.mark.parametrize("servers", [(), (OURS,), (OURS, OLD)])
def test_another_servers_patient_is_not_ours_of_the_same_id(zone, ndjson, observation, servers, end) -> None:
    records = [observation(str(n), subject={"reference": f"{s}/Patient/p1{end}"}) for n, s in enumerate((OURS, OLD))]
    records += [observation("r", subject={"reference": "Patient/p1"})]
    records += [observation("t", subject={"reference": f"{THEIRS}/Patient/p1{end}"})]
    receipt = landed(zone, "Observation.ndjson", ndjson(*records), *servers)
    assert (receipt.received, receipt.landed) == (4, 1 + len(servers))
    assert dict(receipt.reasons) == {SUBJECT: 3 - len(servers)}
    assert set(zone.rows("fhir_observation", "patient_key")) == {(P1,)}
    assert "fhir_servers" in str(zone.quarantine()[0][2])


def test_what_need_not_be_there_and_is_elsewhere_is_not_taken_for_ours(zone, ndjson, observation, known_as) -> None:
    elsewhere = observation("a", encounter={"reference": f"{THEIRS}/Encounter/e1"})
    here = observation("b", encounter={"reference": f"{OURS}/Encounter/e1"})
    assert landed(zone, "Observation.ndjson", ndjson(elsewhere, here), OURS).landed == 2
    assert set(zone.rows("fhir_observation", "encounter_key")) == {(None,), (known_as("Encounter", "e1"),)}


def test_a_link_to_another_servers_patient_makes_nobody_the_same_person(zone, ndjson, patient) -> None:
    linked = patient("p2", link=[{"other": {"reference": f"{THEIRS}/Patient/p1"}, "type": "replaces"}])
    landed(zone, "Patient.ndjson", ndjson(linked), OURS)
    assert zone.rows("fhir_patient", "links[1].patient_key") == [(None,)]


def test_in_a_bundle_the_server_of_an_entry_is_where_its_references_lead(zone, observation) -> None:
    own = {
        "fullUrl": f"{OURS}/Observation/a",
        "resource": observation("a", subject={"reference": f"{OURS}/Patient/p1"}),
    }
    other = observation("b", subject={"reference": f"{THEIRS}/Patient/p1"})
    receipt = landed(zone, "x.json", bundle(own, {"fullUrl": f"{OURS}/Observation/b", "resource": other}))
    assert (receipt.landed, dict(receipt.reasons)) == (1, {SUBJECT: 1})
    assert zone.rows("fhir_observation", "patient_key") == [(P1,)]


STRANGE = [
    {"fullUrl": f"{THEIRS}/Patient/p1"},
    {"fullUrl": f"{THEIRS}/Patient/p1/"},
    {"fullUrl": f"{THEIRS}/Patient/p1?_format=json"},
    {"fullUrl": "https://rural.example/people/p1"},
    {"fullUrl": f"{THEIRS}/Patient/p1", "request": {"method": "PUT", "url": "Patient/p1"}},
    {"fullUrl": f"{THEIRS}/Patient/p1", "request": {"method": "POST", "url": "Patient"}},
    {"fullUrl": f"{OURS}/Patient/p1", "request": {"method": "PUT", "url": f"{THEIRS}/Patient/p1"}},
]
DELETED = [
    {"request": {"method": "DELETE", "url": f"{THEIRS}/Patient/p1"}},
    {"fullUrl": f"{THEIRS}/Patient/p1", "request": {"method": "DELETE", "url": "Patient/p1"}},
]


@pytest.mark.parametrize("entry", [*STRANGE, *DELETED])
def test_an_entry_of_a_server_that_is_not_listed_is_held_back_and_the_next_lands(zone, patient, entry) -> None:
    theirs = entry if entry in DELETED else {**entry, "resource": patient()}
    ours = {"fullUrl": f"{OURS}/Patient/p1", "resource": patient()}
    receipt = landed(zone, "x.json", bundle(theirs, ours), OURS)
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {"entry.server": 1})
    assert zone.rows("fhir_patient", "patient_key, _is_deleted") == [(P1, False)]


def test_a_bundle_of_another_server_within_one_of_ours_is_held_back(zone, patient) -> None:
    inner = json.loads(bundle({"resource": patient()}, {"fullUrl": f"{OURS}/Patient/p2", "resource": patient("p2")}))
    receipt = landed(zone, "x.json", bundle({"fullUrl": f"{THEIRS}/Bundle/b", "resource": inner}), OURS)
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {"entry.server": 1})


def test_without_a_list_nothing_is_known_against_an_entry(zone, patient) -> None:
    assert landed(zone, "x.json", bundle({"fullUrl": f"{THEIRS}/Patient/p1", "resource": patient()})).landed == 1


@pytest.mark.parametrize("before", ["//rural.example/fhir/", "rural.example/fhir/", "/fhir/", "ftp://rural.example/"])
def test_what_stands_before_a_type_names_a_server_with_or_without_a_scheme(zone, ndjson, observation, before) -> None:
    there = observation("a", subject={"reference": f"{before}Patient/p1"})
    assert landed(zone, "Observation.ndjson", ndjson(there, observation("b")), OURS).reasons == {SUBJECT: 1}


def test_many_references_to_another_server_are_no_other_form(zone, ndjson, observation) -> None:
    there = [observation(str(n), subject={"reference": f"{THEIRS}/Patient/p1"}) for n in range(40)]
    receipt = landed(zone, "Observation.ndjson", ndjson(*there, observation("own")), OURS)
    assert (receipt.landed, dict(receipt.reasons)) == (1, {SUBJECT: 40})


def test_whom_a_server_is_asked_for_by_number_is_known_by_the_number(zone, ndjson, observation) -> None:
    asked = observation(subject={"reference": f"{THEIRS}/Patient?identifier=urn:mrn|7"})
    assert landed(zone, "Observation.ndjson", ndjson(asked), OURS).landed == 1
    assert zone.rows("fhir_observation", "patient_key") == [(pseudonym(KEY, "urn:mrn", "7"),)]


@pytest.mark.parametrize(("server", "landed_there"), [(THEIRS, 0), (OURS, 1)])
def test_a_number_without_an_issuer_is_the_servers(zone, ndjson, observation, server, landed_there) -> None:
    asked = observation(subject={"reference": f"{server}/Patient?identifier=|7"})
    assert landed(zone, "Observation.ndjson", ndjson(asked), OURS).landed == landed_there
