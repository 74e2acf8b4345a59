"""Calls that go on while a drill is under way: one made-up patient after another, sent without a pause, each answered.

Nobody is behind these calls: a drill touches no patient's data. What does not belong here: what a drill does meanwhile.
"""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from ml.serving.config import utc_now

PAUSE_SECONDS = 0.01
TIMEOUT_SECONDS = 10
LOINC = "http://loinc.org"
ONE_IN = 6
"""So many patients are as well as the first is ill: were all in danger, the drill would itself be a flood of cards."""
Body = dict[str, Any]
Maker = Callable[[datetime, bool], Body]
"""Makes a call at a time, about a patient in danger or one who is not."""


@dataclass
class Calls:
    """What became of the calls so far; `cards` are those of the newest answer about a patient in danger.

    Read by others while it grows.
    """

    sent: int = 0
    dropped: int = 0
    slowest_seconds: float = 0.0
    faults: set[str] = field(default_factory=set[str])
    cards: tuple[dict[str, Any], ...] = ()

    def tells(self, words: str) -> bool:
        """Whether the newest answer says these words to whoever reads its card."""
        return any(words in f"{card.get('summary')} {card.get('detail')}" for card in self.cards)


@contextmanager
def calling(address: str, body: Maker | None) -> Generator[Calls]:
    """Send calls one after another while the block lasts: posts of `body`, or reads of a page where there is none."""
    calls, stopped = Calls(), threading.Event()

    def go_on() -> None:
        while not stopped.is_set():
            _call(calls, address, body)
            stopped.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield calls
    finally:
        stopped.set()
        thread.join()


def _call(calls: Calls, address: str, body: Maker | None) -> None:
    is_ill = calls.sent % ONE_IN == 0
    content = None if body is None else json.dumps(body(utc_now(), is_ill)).encode()
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})  # noqa: S310 - our own
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            cards = tuple(json.loads(answer.read()).get("cards", ()))
        calls.cards = cards if is_ill else calls.cards
    except (OSError, ValueError) as error:  # an answer that is no success, none at all, or none that can be read
        calls.dropped += 1
        calls.faults.add(f"{error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__)
    calls.sent += 1
    calls.slowest_seconds = max(calls.slowest_seconds, time.perf_counter() - started)


def body_of(use_case: str, unit: str) -> Maker | None:
    """Return what makes calls of a use case; None for one that is looked at on a board."""
    makers: dict[str, Maker] = {
        "triage": lambda at, is_ill: _triage_call(at, unit, is_ill=is_ill),
        "appointments": lambda at, is_ill: _booking_call(at, is_ill=is_ill),
    }
    return makers.get(use_case)


def _triage_call(at: datetime, unit: str, *, is_ill: bool) -> Body:
    """An adult who came half an hour ago; whoever is ill has signs in the danger zone, so that the rule speaks too."""
    patient, visit, arrived = f"drill-{uuid4()}", f"drill-{uuid4()}", at - timedelta(minutes=30)
    seen = (arrived + timedelta(minutes=5)).isoformat()

    def observed(code: str, **value: Any) -> Body:
        return {
            "resourceType": "Observation",
            "id": str(uuid4()),
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "encounter": {"reference": f"Encounter/{visit}"},
            "effectiveDateTime": seen,
            **value,
        }

    def measured(code: str, value: float, unit_code: str) -> Body:
        quantity = {"value": value, "unit": unit_code, "code": unit_code, "system": "http://unitsofmeasure.org"}
        return observed(code, valueQuantity=quantity)

    place = {"location": {"reference": "Location/drill", "identifier": {"system": "urn:drill", "value": unit}}}
    encounter = {
        "resourceType": "Encounter",
        "id": visit,
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER"},
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": arrived.isoformat()},
        "location": [place],
    }
    heart, breaths, oxygen, level, age = (124, 26, 88, 2, 70) if is_ill else (74, 14, 99, 5, 30)
    vitals = (
        measured("8867-4", heart, "/min"),
        measured("9279-1", breaths, "/min"),
        measured("59408-5", oxygen, "%"),
        measured("8310-5", 36.8, "Cel"),
    )
    born = f"{at.year - age}-01-01"
    return _hook(
        "encounter-start",
        {"patientId": patient, "encounterId": visit},
        {
            "patient": {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": born},
            "encounter": encounter,
            "vitals": _bundle(*vitals),
            "triage": _bundle(observed("75636-1", valueInteger=level)),
            "conditions": _bundle(),
        },
    )


def _booking_call(at: datetime, *, is_ill: bool) -> Body:
    """A booking of somebody who kept the last one, or missed it and books six weeks ahead, so that the rule speaks."""
    patient = f"drill-{uuid4()}"

    def appointment(status: str, start: datetime) -> Body:
        actor = {"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}
        return {
            "resourceType": "Appointment",
            "id": f"drill-{uuid4()}",
            "status": status,
            "start": start.isoformat(),
            "participant": [actor],
        }

    booked = _bundle(appointment("proposed", at + timedelta(days=42 if is_ill else 1)))
    return _hook(
        "appointment-book",
        {"patientId": patient, "appointments": booked},
        {
            "patient": {"resourceType": "Patient", "id": patient},
            "history": _bundle(appointment("noshow" if is_ill else "fulfilled", at - timedelta(days=60))),
        },
    )


def _hook(hook: str, context: Body, prefetch: Body) -> Body:
    return {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/drill", **context},
        "prefetch": prefetch,
    }


def _bundle(*resources: Body) -> Body:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}
