"""The made-up patient of the calls: a drill's patient in danger, and in more of it.

The model of the sandbox, not its rule alone, is to show a card, or nothing could be seen to go wrong. What does not
belong here: sending the call (service).
"""

import copy
import json
from datetime import datetime
from typing import Any

from orchestration.safety_case.sandbox import USE_CASE
from orchestration.steps.drills.calls import body_of

UNIT = "ED"
WORSE = {"8867-4": 148, "9279-1": 38, "59408-5": 78, "8310-5": 39.6}
BESIDES = {"8480-6": 72, "8462-4": 38}
"""LOINC: heart rate, breaths, saturation, temperature; systolic and diastolic pressure, which a drill leaves out."""
TRIAGE_LEVEL, TRANSPORT = "75636-1", "11459-5"
AMBULANCE = {"system": "http://snomed.info/sct", "code": "44613004"}


def patient_in_danger(at: datetime) -> bytes:
    """The body of a call about an old patient in shock, whom an ambulance brought."""
    made = body_of(USE_CASE, UNIT)
    assert made is not None
    body = made(at, True)
    prefetch = body["prefetch"]
    prefetch["patient"]["birthDate"] = f"{at.year - 84}-01-01"
    vitals, triage = (prefetch[name]["entry"] for name in ("vitals", "triage"))
    for one in vitals:
        code = _code(one)
        one["resource"]["valueQuantity"]["value"] = WORSE.get(code, one["resource"]["valueQuantity"]["value"])
    pattern = vitals[0]
    vitals += [_like(pattern, code, valueQuantity=_pressure(value)) for code, value in BESIDES.items()]
    for one in triage:
        if _code(one) == TRIAGE_LEVEL:
            one["resource"]["valueInteger"] = 1
    triage.append(_like(triage[0], TRANSPORT, valueCodeableConcept={"coding": [AMBULANCE]}))
    return json.dumps(body).encode()


def _code(entry: dict[str, Any]) -> str:
    return str(entry["resource"]["code"]["coding"][0]["code"])


def _pressure(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "mm[Hg]", "code": "mm[Hg]", "system": "http://unitsofmeasure.org"}


def _like(entry: dict[str, Any], code: str, **value: Any) -> dict[str, Any]:
    """Another observation of the same visit at the same time."""
    resource = {name: item for name, item in entry["resource"].items() if not name.startswith("value")}
    made: dict[str, Any] = copy.deepcopy({**resource, "id": f"{resource['id']}-{code}", **value})
    made["code"]["coding"][0]["code"] = code
    return {"resource": made}
