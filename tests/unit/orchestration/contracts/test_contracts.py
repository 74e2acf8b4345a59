"""The shipped contracts, and what the loader refuses."""

import hashlib
import json
import os
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from orchestration.contracts import CONTRACTS_DIR, InvalidContract, UnknownContract, list_contracts, load_contract
from orchestration.contracts.compiler import PROVENANCE, compile_tabular, lake_columns
from orchestration.contracts.load import parse_contract
from orchestration.contracts.model import Classification

SHARED = Path(
    os.environ.get("PILOTHOUSE_SHARED_DATA") or Path(__file__).resolve().parents[4].parent / "shared" / "data"
)
FEEDS = [
    "appointments",
    "board_adjustments",
    "census",
    "demand",
    "dicom",
    "ehr_fhir",
    "hl7v2",
    "leave",
    "nhamcs_ed",
    "note_text",
    "rosters",
    "serving_events",
    "serving_feedback",
    "staffing",
    "synthea_csv",
    "triage_notes",
    "wishes",
    "workforce",
    "x12_837",
]

MINIMAL = """
apiVersion: v3.1.0
kind: DataContract
id: x
name: beds
version: 1.0.0
status: active
team: {name: t, members: [{username: someone, role: owner}]}
customProperties:
  - {property: reader, value: tabular}
  - {property: formats, value: [csv]}
  - {property: fallback, value: none}
schema:
  - name: Bed
    physicalName: bed
    properties:
      - name: bed_key
        logicalType: string
        primaryKey: true
        required: true
        classification: public
        customProperties: [{property: columns, value: [bed]}]
"""


def test_every_feed_of_the_house_has_a_contract() -> None:
    assert list(list_contracts()) == FEEDS


@pytest.mark.shared_data
@pytest.mark.parametrize("feed", FEEDS)
def test_a_contract_is_valid_against_the_odcs_schema(feed: str) -> None:
    schema = SHARED / "odcs" / "odcs-3.2.0.schema.json"
    if not schema.exists():
        pytest.skip("needs odcs/odcs-3.2.0.schema.json of PILOTHOUSE_SHARED_DATA")
    validator = jsonschema_rs.validator_for(json.loads(schema.read_bytes()))
    document = yaml.safe_load((CONTRACTS_DIR / f"{feed}.odcs.yaml").read_text())
    assert [str(e) for e in validator.iter_errors(document)] == []


@pytest.mark.parametrize("feed", FEEDS)
def test_a_contract_says_who_owns_it_what_happens_without_it_and_its_own_digest(feed: str) -> None:
    contract = load_contract(feed)
    assert contract.owner
    assert contract.fallback
    assert contract.digest == hashlib.sha256((CONTRACTS_DIR / f"{feed}.odcs.yaml").read_bytes()).hexdigest()
    assert contract.label == f"{feed}@{contract.version}"


@pytest.mark.parametrize("feed", FEEDS)
def test_no_direct_identifier_is_a_lake_column(feed: str) -> None:
    for item in load_contract(feed).objects:
        direct = {p.name for p in item.properties if p.classification is Classification.DIRECT}
        assert direct.isdisjoint(name for name, _ in lake_columns(item))


@pytest.mark.parametrize("feed", FEEDS)
def test_lake_tables_start_with_their_provenance_and_name_no_column_twice(feed: str) -> None:
    for item in load_contract(feed).objects:
        columns = lake_columns(item)
        assert columns[: len(PROVENANCE)] == PROVENANCE
        names = [name for name, _ in columns]
        assert len(names) == len(set(names))
        assert {"site", "day"}.isdisjoint(names)


def test_an_unknown_feed_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UnknownContract, match="ehr_fhir"):
        load_contract("nonsense")


def test_a_minimal_contract_is_read() -> None:
    contract = parse_contract("beds", MINIMAL.encode())
    assert [p.name for p in contract.objects[0].columns] == ["bed_key"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: beds", "name: other"),
        ("primaryKey: true", "primaryKey: false"),
        ("logicalType: string", "logicalType: colour"),
        ("classification: public", "classification: secret"),
        ("classification: public", "classification: identifier"),
        ("[{property: columns, value: [bed]}]", "[]"),
        ("name: bed_key", "name: _bed"),
        ("name: bed_key", "name: bed key"),
        ("version: 1.0.0", "version: ''"),
        ("kind: DataContract", "kind: [unclosed"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused_with_its_name(old: str, new: str) -> None:
    assert old in MINIMAL
    with pytest.raises(InvalidContract, match="beds"):
        parse_contract("beds", MINIMAL.replace(old, new, 1).encode())


def test_bytes_that_are_not_utf8_are_no_contract() -> None:
    with pytest.raises(InvalidContract):
        parse_contract("beds", b"\xff\xfe")


BED_RULES = """
      - name: code
        logicalType: string
        classification: public
        customProperties: [{property: columns, value: [code]}]
      - name: level
        logicalType: number
        classification: public
        customProperties:
          - {property: columns, value: [level]}
          - {property: rangesBy, value: code}
          - {property: ranges, value: {a: [0, 1.5], b: [-1, 1]}}
      - name: seen_at
        logicalType: timestamp
        classification: public
        customProperties:
          - {property: columns, value: [seen_at]}
          - {property: latestAfterArrival, value: P2Y}
"""


def test_a_range_may_depend_on_the_code_beside_it_and_a_time_on_its_arrival() -> None:
    item = parse_contract("beds", (MINIMAL + BED_RULES).encode()).objects[0]
    reasons = {clause.id: clause.reason for clause in compile_tabular(item, {"bed": "bed"}).clauses}
    assert reasons["Bed.level.range"] == "Bed.level must be what is possible for its code (a: 0 to 1.5, b: -1 to 1)."
    assert reasons["Bed.seen_at.future"] == "Bed.seen_at must be at most 2 years after it arrived."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{a: [0, 1.5], b: [-1, 1]}", "[a, b]"),
        ("{a: [0, 1.5], b: [-1, 1]}", "{a: [0]}"),
        ("{a: [0, 1.5], b: [-1, 1]}", "{a: [low, high]}"),
        ("          - {property: rangesBy, value: code}\n", ""),
        ("value: P2Y", "value: two years"),
        ("value: P2Y", "value: PT2H"),
        ("logicalType: timestamp", "logicalType: number"),
        ("rangesBy, value: code", "rangesBy, value: colour"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(old: str, new: str) -> None:
    assert old in BED_RULES
    with pytest.raises(InvalidContract, match="beds"):
        parse_contract("beds", (MINIMAL + BED_RULES.replace(old, new, 1)).encode())


def test_a_component_of_an_observation_is_held_to_the_ranges_of_its_value() -> None:
    item = load_contract("ehr_fhir").object_for("Observation")
    value = next(p for p in item.properties if p.name == "value_number")
    part = next(m for p in item.properties for m in p.items if (p.name, m.name) == ("components", "value_number"))
    assert value.ranges == part.ranges and {r.code for r in value.ranges} >= {"8480-6", "8462-4"}
