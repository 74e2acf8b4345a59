"""Bundles: every kind, references within, deletes, ids in odd places, bundles within bundles."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.feeds import Limits
from orchestration.feeds.bundles import count_records


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


def test_a_version_that_comes_again_after_its_deletion_is_told(zone, patient, caplog) -> None:
    same = patient(meta={"lastUpdated": "2026-02-01T00:00:00Z"})
    zone.one("b.json", bundle(post(same)))
    delete = {"request": {"method": "DELETE", "url": "Patient/p1"}}
    assert zone.one("again.json", bundle(post(same), kind="batch")).duplicate == 1
    assert zone.one("d.json", bundle(delete)).deleted == 1
    assert zone.one("d2.json", bundle(delete, kind="batch")).deleted == 1
    assert caplog.messages == []
    receipt = zone.one("late.json", bundle(post(same), kind="collection"))
    assert (receipt.landed, receipt.duplicate) == (0, 1)
    [told] = caplog.messages
    assert told.startswith(f"ehr_fhir {receipt.sha256[:12]}: 1 records came again after their deletion")
    assert "p1" not in told
    newer = patient(meta={"lastUpdated": "2026-02-02T00:00:00Z"})
    assert zone.one("new.json", bundle(post(newer))).superseded == 1


def test_an_entry_without_anything_and_a_delete_of_nothing_are_quarantined_alone(zone, patient) -> None:
    conditional = {"request": {"method": "DELETE", "url": "Patient?identifier=a|b"}}
    receipt = zone.one(
        "b.json", bundle({}, {"resource": None}, {"resource": 7}, None, "x", conditional, post(patient()))
    )
    assert receipt.landed == 1
    assert dict(receipt.reasons) == {"entry.no_resource": 5, "entry.delete_target": 1}


PATCHES = [
    {"resourceType": "Parameters", "parameter": [{"name": "operation"}]},
    {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="},
    {"resourceType": "Bundle", "type": "collection", "entry": [{}, {}]},
    None,
]


@pytest.mark.parametrize("body", PATCHES)
@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_patch_is_quarantined_by_name_and_nothing_of_it_lands(zone, observation, body, kind) -> None:
    put = {"resource": observation("o1"), "request": {"method": "PUT", "url": "Observation/o1"}}
    patch = {"resource": body, "request": {"method": "PATCH", "url": "Observation/o1"}}
    receipt = zone.one("b.json", bundle(put, patch, kind=kind))
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {"entry.patch": 1})
    [(line, clause, reason)] = zone.quarantine()
    assert (line, clause) == (2, "entry.patch")
    assert "PATCH" in reason
    assert "type Observation" in reason
    assert zone.rows("fhir_resource", "resource_type") == []


def test_a_history_shows_a_patched_resource_as_it_became(zone, observation) -> None:
    patched = {"resource": observation("o1"), "request": {"method": "PATCH", "url": "Observation/o1"}}
    answered = {**patched, "response": {"status": "200", "lastModified": "2026-02-01T00:00:00Z"}}
    assert zone.one("h.json", bundle(answered, kind="history")).landed == 1


def test_operations_and_methods_that_cannot_be_applied_are_quarantined_by_name(zone, patient) -> None:
    merge = {"resource": {"resourceType": "Parameters"}, "request": {"method": "POST", "url": "Patient/$merge"}}
    odd = {"resource": patient(), "request": {"method": "MOVE", "url": "Patient/p1"}}
    read = [{"request": {"method": method, "url": "Patient/p1"}} for method in ("GET", "HEAD")]
    receipt = zone.one("b.json", bundle(merge, odd, *read))
    assert (receipt.received, receipt.landed) == (4, 0)
    assert dict(receipt.reasons) == {"entry.operation": 1, "entry.method": 1, "entry.no_resource": 2}


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


def searchset(*resources: object) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def response(resource: object) -> dict[str, object]:
    return {"resource": resource, "response": {"status": "200 OK"}}


def test_bundles_within_a_response_are_unfolded_and_the_innermost_entry_counts(zone, patient, observation) -> None:
    inner = [response(searchset(patient("p1"), patient("p2"))), response(searchset(observation()))]
    receipt = zone.one("b.json", bundle(*inner, response(patient("p3")), kind="batch-response"))
    assert (receipt.received, receipt.landed) == (4, 4)
    assert zone.rows("fhir_patient", "_line") == [(1,), (2,), (4,)]
    assert zone.rows("fhir_resource", "resource_type") == []


def test_an_empty_bundle_within_a_bundle_is_one_record_with_its_own_reason(zone, patient) -> None:
    empty = [
        {"resourceType": "Bundle", "entry": []},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": {}},
    ]
    receipt = zone.one("b.json", bundle(*map(response, [*empty, searchset(patient())])))
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (4, 1, {"entry.empty_bundle": 3})
    assert [line for line, _, _ in zone.quarantine()] == [1, 2, 3]


@pytest.mark.parametrize(("depth", "reasons"), [(3, {}), (4, {"entry.too_deep": 1})])
def test_bundles_are_unfolded_up_to_a_depth(zone, patient, depth, reasons) -> None:
    nested: dict[str, object] = searchset(patient("deep"), patient("deeper"))
    for _ in range(depth - 1):
        nested = searchset(nested)
    receipt = zone.one("b.json", bundle({"resource": nested}, {"resource": patient()}), limits=Limits(bundles=3))
    assert dict(receipt.reasons) == reasons
    assert (receipt.received, receipt.landed) == ((2, 1) if reasons else (3, 3))


def test_an_entry_that_only_tells_a_response_says_so(zone, patient) -> None:
    told = {"response": {"status": "201 Created", "location": "Patient/p7/_history/1"}}
    receipt = zone.one("b.json", bundle(told, {"response": "x"}, response(patient()), kind="transaction-response"))
    assert (receipt.received, receipt.landed) == (3, 1)
    assert dict(receipt.reasons) == {"entry.response_only": 1, "entry.no_resource": 1}


def test_names_within_a_bundle_hold_within_that_bundle(zone, patient, observation, known_as) -> None:
    url = "urn:uuid:11111111-2222-3333-4444-555555555555"
    inner = [
        {
            "resourceType": "Bundle",
            "entry": [post(patient(ident), url), post(observation(f"o-{ident}", subject={"reference": url}))],
        }
        for ident in ("a", "b")
    ]
    assert zone.one("b.json", bundle(*map(response, inner))).landed == 4
    found = zone.rows("fhir_observation", "observation_key, patient_key")
    wanted = [(known_as("Observation", f"o-{ident}"), known_as("Patient", ident)) for ident in ("a", "b")]
    assert found == sorted(wanted)


def test_a_delete_within_a_nested_bundle_is_a_delete(zone, patient) -> None:
    zone.one("p.json", bundle(post(patient())))
    inner = {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/p1"}}]}
    receipt = zone.one("d.json", bundle({"resource": inner}))
    assert (receipt.received, receipt.deleted) == (1, 1)


def test_bundles_and_resources_may_come_in_one_file(zone, patient, observation) -> None:
    lines = [patient("a"), json.loads(bundle({"resource": patient("b")}, {"resource": observation()})), patient("a")]
    receipt = zone.one("mixed.ndjson", "\n".join(map(json.dumps, lines)).encode())
    assert (receipt.received, receipt.landed, receipt.duplicate) == (4, 3, 1)
    assert zone.rows("fhir_patient", "_line") == [(1,), (2,)]


leaf = st.one_of(
    st.builds(lambda n: {"resource": {"resourceType": "Patient", "id": f"p{n}"}}, st.integers(0, 3)),
    st.sampled_from(
        [{}, None, 7, {"resource": {}}, {"response": {}}, {"resource": {"resourceType": "Bundle", "entry": 3}}]
    ),
    st.just({"request": {"method": "delete", "url": "Patient/p1"}, "resource": searchset({"resourceType": "Patient"})}),
    st.just({"resource": {"resourceType": " Bundle", "entry": [1, 2]}}),
)
entries = st.recursive(
    st.lists(leaf, max_size=3),
    lambda inner: st.lists(
        leaf | inner.map(lambda found: {"resource": {"resourceType": "Bundle", "entry": found}}), max_size=3
    ),
    max_leaves=10,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=entries)
def test_every_innermost_entry_is_accounted_for(make_zone, found) -> None:
    content = bundle(*found)
    receipt = make_zone().one("b.json", content, limits=Limits(bundles=2))
    assert receipt.received == count_records(content.decode(), Limits(bundles=2))


def test_a_bundle_that_names_a_member_twice_is_one_record_on_both_sides(zone) -> None:
    inner = '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","id":"1"}}],"entry":[1,2,3]}'
    outer = '{"resourceType":"Bundle","entry":[{"resource":' + inner + "}]}"
    receipt = zone.one("b.json", outer.encode())
    assert (receipt.received, dict(receipt.reasons)) == (1, {"line.repeated_member": 1})
    assert count_records(outer, Limits()) == 1
