"""Bundles: every kind, references within, deletes, ids in odd places."""

import json

import pytest


def bundle(*entries: object, kind: str = "transaction") -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, indent=1).encode()


def post(resource: dict[str, object], url: str | None = None) -> dict[str, object]:
    return {"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection", "searchset", "history", "document"])
def test_every_kind_of_bundle_gives_one_record_per_entry(zone, patient, observation, kind) -> None:
    receipt = zone.one("b.json", bundle({"resource": patient()}, {"resource": observation()}, kind=kind))
    assert (receipt.received, receipt.landed) == (2, 2)


def test_urn_references_resolve_within_the_bundle_even_when_ids_differ(zone, patient, observation, known_as) -> None:
    url = "urn:uuid:11111111-2222-3333-4444-555555555555"
    odd = observation(subject={"reference": url}, valueQuantity={"value": 80.10, "code": "/min"})
    receipt = zone.one("b.json", bundle(post(patient("real-id"), url), post(odd)))
    assert receipt.landed == 2
    assert zone.rows("fhir_observation", "patient_key, value_number") == [(known_as("Patient", "real-id"), 80.1)]
    assert zone.rows("fhir_patient", "patient_key") == [(known_as("Patient", "real-id"),)]


def test_a_resource_without_id_is_known_by_its_full_url(zone, patient, observation, known_as) -> None:
    nameless = {k: v for k, v in patient().items() if k != "id"}
    zone.one("b.json", bundle(post(nameless, "urn:uuid:abc"), post(observation(subject={"reference": "urn:uuid:abc"}))))
    key = known_as("Patient", "abc")
    assert zone.rows("fhir_patient", "patient_key") == zone.rows("fhir_observation", "patient_key") == [(key,)]


def test_a_put_names_the_id_of_a_resource_that_has_none(zone, patient, known_as) -> None:
    nameless = {k: v for k, v in patient().items() if k != "id"}
    entry = {"resource": nameless, "request": {"method": "PUT", "url": "Patient/p9"}}
    zone.one("b.json", bundle(entry))
    assert zone.rows("fhir_patient", "patient_key") == [(known_as("Patient", "p9"),)]


def test_a_delete_lands_as_a_deleted_row_and_counts_once(zone, patient, known_as) -> None:
    zone.one("b.json", bundle(post(patient())))
    delete = {"request": {"method": "DELETE", "url": "Patient/p1"}}
    receipt = zone.one("d.json", bundle(delete))
    assert (receipt.received, receipt.deleted) == (1, 1)
    key = known_as("Patient", "p1")
    assert zone.rows("fhir_patient", "_key, patient_key, _is_deleted") == [(key, key, False), (key, key, True)]
    again = zone.one("d2.json", bundle(delete, kind="batch"))
    assert (again.deleted, again.duplicate) == (0, 1)


def test_an_entry_without_anything_and_a_delete_of_nothing_are_quarantined_alone(zone, patient) -> None:
    conditional = {"request": {"method": "DELETE", "url": "Patient?identifier=a|b"}}
    receipt = zone.one(
        "b.json", bundle({}, {"resource": None}, {"resource": 7}, None, "x", conditional, post(patient()))
    )
    assert receipt.landed == 1
    assert dict(receipt.reasons) == {"entry.no_resource": 5, "entry.delete_target": 1}


def test_an_unknown_type_in_a_bundle_is_quarantined_alone(zone, patient) -> None:
    receipt = zone.one(
        "b.json", bundle({"resource": {"resourceType": "Spaceship", "id": "1"}}, {"resource": patient()})
    )
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"line.unknown_type": 1})


def test_a_bundle_without_entries_is_quarantined_whole(zone) -> None:
    assert dict(zone.one("b.json", bundle()).reasons) == {"file.empty_bundle": 1}
    assert dict(zone.one("c.json", b'{"resourceType":"Bundle","type":"searchset"}').reasons) == {"file.empty_bundle": 1}


def test_a_single_resource_may_be_a_file(zone, patient) -> None:
    assert zone.one("p.json", json.dumps(patient(), indent=2).encode()).landed == 1


def test_bundles_may_come_one_per_line(zone, patient, observation) -> None:
    lines = [json.dumps(json.loads(bundle({"resource": r}))).encode() for r in (patient(), observation())]
    receipt = zone.one("bundles.ndjson", b"\n".join(lines))
    assert (receipt.received, receipt.landed) == (2, 2)


def test_files_of_one_call_know_each_other(zone, patient) -> None:
    first, second = zone.land({"a.json": bundle(post(patient())), "b.json": bundle(post(patient()), kind="batch")})
    assert (first.landed, second.duplicate) == (1, 1)
