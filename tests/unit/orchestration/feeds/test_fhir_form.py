"""Records whose form is not FHIR's: an element of another kind of JSON value, a member that is named twice."""

import pytest

from orchestration.feeds import Limits
from orchestration.feeds.errors import FeedStopped
from orchestration.feeds.problems import REPEATED

WRONG = [
    ({"valueQuantity": [{"value": 80}]}, "valueQuantity", "an object", "a list"),
    ({"valueQuantity": 80}, "valueQuantity", "an object", "a number"),
    ({"code": "8867-4"}, "code", "an object", "a string"),
    ({"code": {"coding": {"code": "8867-4"}}}, "code.coding", "a list", "an object"),
    ({"subject": [{"reference": "Patient/p1"}]}, "subject", "an object", "a list"),
    ({"subject": {"reference": "Patient/p1", "identifier": "7"}}, "subject.identifier", "an object", "a string"),
    ({"encounter": True}, "encounter", "an object", "true or false"),
    ({"category": "vital-signs"}, "category", "a list", "a string"),
    ({"category": [{"coding": {"code": "x"}}]}, "category.coding", "a list", "an object"),
    ({"component": {"valueQuantity": {"value": 1}}}, "component", "a list", "an object"),
    ({"component": [{}, {"valueQuantity": [{"value": 1}]}]}, "component.valueQuantity", "an object", "a list"),
    ({"component": [{"code": {"coding": [{"code": 7}]}}]}, "component.code.coding.code", "a string", "a number"),
    ({"meta": {"tag": {"code": "HTEST"}}}, "meta.tag", "a list", "an object"),
    ({"meta": {"lastUpdated": 2026}}, "meta.lastUpdated", "a string", "a number"),
    ({"valueQuantity": None, "valueString": {"text": "x"}}, "valueString", "a string", "an object"),
]


@pytest.mark.parametrize(("change", "path", "wanted", "came"), WRONG, ids=[path for _, path, _, _ in WRONG])
def test_an_element_of_another_kind_is_held_back_by_name_and_the_next_record_lands(
    zone, ndjson, observation, change, path, wanted, came
) -> None:
    receipt = zone.one("x.ndjson", ndjson({**observation("bad"), **change}, observation("good")))
    clause = f"Observation.{path}.element_type"
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {clause: 1})
    assert zone.quarantine() == [(1, clause, f"Observation.{path} must be {wanted}; it came as {came}.")]


def test_an_entry_of_another_kind_is_told_as_one(zone, ndjson, observation) -> None:
    zone.one("x.ndjson", ndjson(observation(component=["120/80"])))
    reason = "Each entry of Observation.component must be an object; it came as a string."
    assert zone.quarantine() == [(1, "Observation.component.element_type", reason)]


def test_an_element_with_a_clause_of_its_own_keeps_it(zone, ndjson, observation, patient) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation(status={"a": 1}), patient(birthDate=1950)))
    assert dict(receipt.reasons) == {"Observation.status.type": 1, "Patient.birth_date.type": 1}


@pytest.mark.parametrize(
    "contained", [{"resourceType": "PractitionerRole", "code": [{}]}, {"resourceType": "Medication"}]
)
def test_what_is_contained_is_held_to_the_form_of_a_medication_only_if_it_is_one(zone, ndjson, contained) -> None:
    base = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/1"},
    }
    base["medicationReference"] = {"reference": "#a"}
    drug = {"resourceType": "Medication", "id": "a", "code": {"coding": [{"system": "s", "code": "1"}]}}
    wrong = {**drug, "code": [{"coding": []}]}
    receipt = zone.one("x.ndjson", ndjson({**base, "id": "1", "contained": [drug, contained]},
                                          {**base, "id": "2", "contained": [wrong]}))  # fmt: skip
    assert (receipt.landed, dict(receipt.reasons)) == (1, {"MedicationRequest.contained.code.element_type": 1})


def test_a_file_of_which_most_records_have_another_form_stops_the_feed(zone, ndjson, observation) -> None:
    with pytest.raises(FeedStopped, match=r"valueQuantity must be an object; it came as a list"):
        zone.one("x.ndjson", ndjson(*(observation(str(n), valueQuantity=[{"value": n}]) for n in range(30))))


ONCE = " is named twice in one object. "
TWICE = [
    ('{"resourceType":"Patient","id":"1","gender":"male","gender":"female"}', "gender" + ONCE),
    ('{"resourceType":"Patient","id":"1","id":"2"}', "id" + ONCE),
    ('{"resourceType":"Patient","id":"1","meta":{"tag":[],"tag":[]}}', "meta.tag" + ONCE),
    ('{"resourceType":"Patient","id":"1","Smith":1,"Smith":1}', ""),
    ('{"resourceType":"Patient","id":"1","g\\u0065nder":"male","gender":"male"}', "gender" + ONCE),
    ('{"resourceType":"Location","id":"1","identifier":[{"value":"1","value":"2"}]}', "identifier.value" + ONCE),
    ('{"resourceType":"CarePlan","id":"1","subject":{"type":"Patient","type":"Group"}}', "subject.type" + ONCE),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), TWICE)
@pytest.mark.parametrize("of", ["lines", "pieces", "bundle"])
def test_a_member_that_is_named_twice_holds_its_record_back_alone(zone, of, line, told) -> None:
    other = '{"resourceType":"Patient","id":"9","gender":"male"}'
    if of == "bundle":
        receipt = zone.one(
            "b.json", f'{{"resourceType":"Bundle","entry":[{{"resource":{line}}},{{"resource":{other}}}]}}'.encode()
        )
    else:
        limits = Limits(piece=16) if of == "pieces" else None
        receipt = zone.one("x.ndjson", f"{line}\n{other}\n".encode(), limits=limits)
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {REPEATED.clause: 1})
    assert zone.quarantine() == [(1, REPEATED.clause, told + REPEATED.reason)]


def test_a_bundle_or_an_entry_that_names_a_member_twice_is_one_record(zone) -> None:
    good = '{"resource":{"resourceType":"Patient","id":"1"}}'
    doubled = f'{{"resourceType":"Bundle","entry":[{good}],"entry":[1,2,3]}}'
    entry = '{"resource":{"resourceType":"Patient","id":"2"},"resource":{"resourceType":"Patient","id":"3"}}'
    for name, content, landed in (
        ("outer.json", doubled, 0),
        ("inner.json", f'{{"resourceType":"Bundle","entry":[{{"resource":{doubled}}},{good}]}}', 1),
        ("entry.json", f'{{"resourceType":"Bundle","entry":[{entry},{good.replace("1", "4")}]}}', 1),
    ):
        receipt = zone.one(name, content.encode())
        assert (receipt.received, receipt.landed, receipt.reasons[REPEATED.clause]) == (1 + landed, landed, 1)


@pytest.mark.parametrize("odd", ["nan", "-Infinity", "inf", "7" * 5000, '"a nan, inside,]"'])
@pytest.mark.parametrize(
    ("line", "clause"),
    [
        ('{"resourceType":"Patient","id":"p","meta":[],"z":%s}', "Patient.meta.element_type"),
        ('{"resourceType":"Patient","id":"p","id":"q","z":%s}', "line.repeated_member"),
    ],
)
def test_what_duckdb_reads_and_python_does_not_stops_nobody(zone, ndjson, observation, odd, line, clause) -> None:
    receipt = zone.one("x.ndjson", ndjson(observation("good")) + (line % odd).encode() + b"\n")
    assert (receipt.received, receipt.landed, dict(receipt.reasons)) == (2, 1, {clause: 1})


def test_a_name_among_very_many_that_comes_twice_is_found_in_no_time(zone, observation) -> None:
    many = ",".join(f'"n{n}":1' for n in range(50_000))
    line = f'{{"resourceType":"Patient","id":"p",{many},"id":"q"}}'
    assert dict(zone.one("x.ndjson", line.encode() + b"\n").reasons) == {"line.repeated_member": 1}


def test_lines_whose_names_stand_in_other_objects_are_not_taken_for_one_form(zone, ndjson) -> None:
    """DuckDB's hash of lists in lists is the same for these two, and of one form only one line is looked at."""
    names = ("resourceType", "id", "gender", "birthDate", "identifier")
    root = {"resourceType": "Patient", "id": "a", "gender": "female", "birthDate": "1950-02-03"}
    inner = {**dict.fromkeys(names, "x"), "address": "x", "z": "x"}
    sound = {**root, "identifier": [inner]}
    wrong = {**root, "id": "b", "identifier": [{**dict.fromkeys(names, "x"), "z": "x"}], "address": {"country": "US"}}
    receipt = zone.one("Patient.ndjson", ndjson(sound, wrong))
    assert dict(receipt.reasons) == {"Patient.address.element_type": 1}
