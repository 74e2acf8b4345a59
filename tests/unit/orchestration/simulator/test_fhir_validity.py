import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from jsonschema_rs import Draft6Validator

from orchestration.simulator import live_requests
from orchestration.simulator.damage import DAMAGED_TYPES

from .conftest import SEED, SITES, START

SHARED = Path(os.environ.get("PILOTHOUSE_SHARED_DATA", Path(__file__).parents[5] / "shared" / "data"))
TYPES = ("Organization", "Location", "Practitioner", "Patient", "Coverage", "Encounter", "Condition", "Observation")


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft6Validator]:
    path = SHARED / "fhir_r4_schema" / "fhir.schema.json.gz"
    if not path.exists():
        pytest.skip(f"the FHIR R4 schema is not at {path}; set PILOTHOUSE_SHARED_DATA")
    definitions = json.loads(gzip.decompress(path.read_bytes()))["definitions"]
    definitions["ResourceList"] = {"oneOf": [{"$ref": f"#/definitions/{name}"} for name in TYPES]}
    return {name: Draft6Validator(schema_of(name, definitions)) for name in (*TYPES, "Bundle")}


def schema_of(name: str, definitions: dict[str, dict]) -> dict:
    """The schema of one type with all it refers to; a vendor's types in the published file are broken."""
    needed, open_names = set(), {name}
    while open_names:
        needed |= open_names
        found = {ref for one in open_names for ref in re.findall(r"#/definitions/(\w+)", json.dumps(definitions[one]))}
        open_names = found - needed
    return {"$ref": f"#/definitions/{name}", "definitions": {one: definitions[one] for one in needed}}


@pytest.mark.shared_data
@pytest.mark.parametrize("site", SITES)
def test_every_line_that_was_not_damaged_on_the_way_is_valid_fhir_r4(validators, read, site: str):
    checked: Counter[str] = Counter()
    for name in TYPES:
        for resource in read(site, name):
            if name in DAMAGED_TYPES and "subject" not in resource:
                continue  # lost on the way; its intact line comes with the next drop
            errors = [str(error) for error in validators[name].iter_errors(resource)]
            assert not errors, (resource["id"], errors[:2])
            checked[name] += 1
    assert checked["Observation"] > 1000
    assert set(checked) == set(TYPES) - ({"Coverage"} if site == "rural" else set())


@pytest.mark.shared_data
def test_the_validator_refuses_what_is_not_fhir(validators):
    assert not validators["Encounter"].is_valid(
        {"resourceType": "Encounter", "class": {"code": "EMER"}, "colour": "red"}
    )


@pytest.mark.shared_data
def test_live_requests_carry_valid_resources(validators):
    for request in live_requests("rural", START, start=START, seed=SEED):
        prefetch = request.body["prefetch"]
        assert validators["Patient"].is_valid(prefetch["patient"])
        assert validators["Encounter"].is_valid(prefetch["encounter"])
        for name in ("vitals", "triage", "conditions"):
            assert validators["Bundle"].is_valid(prefetch[name])
