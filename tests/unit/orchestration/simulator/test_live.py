import json
import uuid
from datetime import datetime, timedelta

import pytest

from orchestration.simulator import live_requests

from .conftest import SEED, SITES, START

DAY = START + timedelta(days=2)
CHANGES = {"meta", "status", "class", "location", "hospitalization", "period"}  # what a visit changes after triage


@pytest.fixture(scope="module", params=SITES)
def requests(request):
    return list(live_requests(request.param, DAY, start=START, seed=SEED))


def resources(bundle: dict) -> list[dict]:
    assert bundle["resourceType"] == "Bundle" and bundle["type"] == "searchset"
    assert bundle["total"] == len(bundle["entry"])
    return [entry["resource"] for entry in bundle["entry"]]


def test_requests_are_cds_hooks_calls_in_order_of_time_within_the_local_day(requests):
    times = [r.requested_at for r in requests]
    assert times == sorted(times) and len(times) > 10
    for request in requests:
        body = request.body
        assert body["hook"] == "encounter-start" and "fhirServer" not in body
        assert uuid.UUID(body["hookInstance"]).version == 4
        assert body["context"]["patientId"] == request.patient_id == body["prefetch"]["patient"]["id"]
        assert body["context"]["encounterId"] == request.encounter_id == body["prefetch"]["encounter"]["id"]
        assert body["context"]["userId"].startswith("Practitioner/")
        assert set(body["prefetch"]) == {"patient", "encounter", "vitals", "triage", "conditions"}
        json.dumps(body)
    assert len({r.body["hookInstance"] for r in requests}) == len(requests)


def test_a_request_holds_what_the_drops_say_was_known_at_that_second(requests, read):
    site = requests[0].site
    sent = {o["id"]: o for o in read(site, "Observation") if "subject" in o}
    for request in requests:
        prefetch = request.body["prefetch"]
        asked = resources(prefetch["vitals"]) + resources(prefetch["triage"])
        by_id = {o["id"]: o for o in asked}
        for identity, observation in by_id.items():
            assert sent[identity] == observation
        known = {
            o["id"]
            for o in sent.values()
            if o["encounter"]["reference"] == f"Encounter/{request.encounter_id}"
            and datetime.fromisoformat(o["issued"]) <= request.requested_at
        }
        assert known == set(by_id)


def test_the_patient_is_the_one_of_the_drop_still_alive(requests, read):
    sent = {p["id"]: p for p in read(requests[0].site, "Patient")}
    for request in requests:
        patient = request.body["prefetch"]["patient"]
        assert "deceasedDateTime" not in patient
        later = {key: value for key, value in sent[patient["id"]].items() if key not in ("meta", "deceasedDateTime")}
        assert {key: value for key, value in patient.items() if key != "meta"} == later


def test_the_encounter_is_the_one_of_the_drop_as_it_stood_in_the_ed(requests, read):
    sent = {e["id"]: e for e in read(requests[0].site, "Encounter")}
    for request in requests:
        encounter, later = request.body["prefetch"]["encounter"], sent[request.encounter_id]
        assert encounter["status"] == "in-progress" and encounter["class"]["code"] == "EMER"
        assert "end" not in encounter["period"] and len(encounter["location"]) == 1
        assert encounter["location"][0]["location"]["identifier"]["value"] == request.unit
        assert {k: v for k, v in encounter.items() if k not in CHANGES} == {
            k: v for k, v in later.items() if k not in CHANGES
        }
        assert encounter["period"]["start"] == later["period"]["start"]


def test_conditions_are_those_recorded_before_and_none_of_this_visit(requests, read):
    site = requests[0].site
    sent = {c["id"]: c for c in read(site, "Condition") if "subject" in c}
    some = 0
    for request in requests:
        found = {c["id"]: c for c in resources(request.body["prefetch"]["conditions"])}
        expected = {
            key: c
            for key, c in sent.items()
            if c["subject"]["reference"] == f"Patient/{request.patient_id}"
            and datetime.fromisoformat(c["recordedDate"]) <= request.requested_at
        }
        assert found == expected
        assert not any(request.encounter_id in c.get("encounter", {}).get("reference", "") for c in found.values())
        some += len(found)
    assert some > 0


def test_every_visit_is_asked_about_exactly_once_over_consecutive_days(read):
    asked = [r.encounter_id for r in live_requests("rural", START, start=START, seed=SEED, days=3)]
    assert len(set(asked)) == len(asked)
    arrived = {
        e["id"]
        for e in read("rural", "Encounter")
        if e["period"]["start"][:10] < (START + timedelta(days=2)).isoformat()
    }
    assert arrived <= set(asked)


def test_a_day_asked_alone_gives_the_same_requests_as_within_several():
    alone = list(live_requests("rural", DAY, start=START, seed=SEED))
    among = [
        r
        for r in live_requests("rural", START, start=START, seed=SEED, days=3)
        if r.encounter_id in {a.encounter_id for a in alone}
    ]
    assert among == alone


def test_a_day_before_the_start_is_refused():
    with pytest.raises(ValueError, match="before it"):
        next(live_requests("rural", START - timedelta(days=1), start=START, seed=SEED))
