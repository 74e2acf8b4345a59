"""What was observed at triage, from the Observations of a CDS Hooks prefetch.

Here belong the readings of one visit: which were known at triage, the latest of each, their units. The visit itself,
complaints, history and eligibility are `request.py`.

Whatever is malformed, without a unit, of an unknown unit, only a bound (`<70`) or too late reads as missing, with a
note; nothing is assumed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from ml.features import units
from ml.features.fhir import (
    Json,
    Origin,
    first_code,
    instant,
    mapping,
    mappings,
    number,
    observed_coding,
    originals,
    text,
)

FeatureValue = float | int | bool | str | None

DEFAULT_TRIAGE_WINDOW: Final = timedelta(minutes=60)
"""Without a triage level, what was measured in the first hour counts as known at triage."""

TRIAGE_LEVEL, CHIEF_COMPLAINT, TRANSPORT_MODE = "75636-1", "8661-1", "11459-5"
TRIAGE_LEVEL_CODES: Final[Mapping[str, int]] = {
    **{str(level): level for level in range(1, 6)},
    "LA21567-5": 1,
    "LA21752-3": 2,
    "LA21753-1": 3,
    "LA21754-9": 4,
    "LA21755-6": 5,
}
"""A level by its number, or as LOINC's own answer to 75636-1 (answer list LL3056-0); macro triage_level_of."""

AMBULANCE: Final = frozenset({"44613004", "LA9318-2"})
"""SNOMED CT's ambulance, and LOINC's own answer."""

COMPARATORS: Final = frozenset({"<", "<=", ">=", ">"})
"""FHIR R4 quantity-comparator, as the contract of the feed lists it: the number beside one is a bound."""

ONLY_A_BOUND: Final = "it was sent as a bound (<, <=, >= or >) and not as a reading"
"""The reason of the note (decision record 0058); cards repeat which readings it is about."""

ANOTHERS: Final = "an observation of another patient, or of one on another FHIR server, is ignored"
IGNORED_STATUSES: Final = frozenset({"entered-in-error", "cancelled"})


@dataclass(frozen=True)
class Reading:
    """A numeric feature read from observations: its LOINC codes, the units it is understood in, and what is possible.

    An Observation with a value beyond `possible` (in whatever unit, its own or a component's) never was a reading: the
    feed's contract quarantines it, so the mart does not know it, and a request is read as if it were not there. A
    parity test holds both to the same bounds.
    """

    codes: frozenset[str]
    units: Mapping[str, units.Conversion]
    possible: tuple[float, float]
    is_whole: bool = False


READINGS: Final[Mapping[str, Reading]] = {
    "heart_rate": Reading(frozenset({"8867-4"}), units.PER_MINUTE, (0, 500)),
    "respiratory_rate": Reading(frozenset({"9279-1"}), units.PER_MINUTE, (0, 250)),
    "oxygen_saturation": Reading(frozenset({"59408-5", "2708-6"}), units.PERCENT, (0, 100)),
    "systolic_bp": Reading(frozenset({"8480-6"}), units.MILLIMETRES_OF_MERCURY, (0, 400)),
    "diastolic_bp": Reading(frozenset({"8462-4"}), units.MILLIMETRES_OF_MERCURY, (0, 400)),
    "temperature_c": Reading(frozenset({"8310-5"}), units.CELSIUS, (15, 330)),
    "pain_score": Reading(frozenset({"72514-3"}), units.SCORE, (0, 10), is_whole=True),
    "triage_level": Reading(frozenset({TRIAGE_LEVEL}), units.SCORE, (1, 5), is_whole=True),
}


POSSIBLE: Final[Mapping[str, tuple[float, float]]] = {
    code: reading.possible for reading in READINGS.values() for code in reading.codes
}


@dataclass(frozen=True)
class Note:
    """Why something that was sent is not used: the feature it was for, and the reason, without its value."""

    feature: str
    reason: str


@dataclass(frozen=True)
class Observed:
    """One value of one LOINC code, from an observation or a component of it. `content` has its `value[x]`."""

    code: str
    at: datetime
    issued: datetime
    order: int
    content: Json

    @property
    def recency(self) -> tuple[datetime, datetime, int]:
        return self.at, self.issued, self.order


def observations(prefetch: Json, patient_id: str, encounter_id: str, notes: list[Note], zone: tzinfo) -> list[Observed]:
    """The values of every Observation of this patient and visit in `vitals` and `triage`, each resource once.

    A day alone is its midnight in the site's `zone`.
    """
    found: list[Observed] = []
    seen: set[tuple[str, bool]] = set()
    bundles, call = (prefetch.get("vitals"), prefetch.get("triage")), Origin.of_call(prefetch)
    sent = (item for bundle in bundles for item in originals(bundle, "Observation", call))
    for order, (resource, origin) in enumerate(sent):
        if text(resource.get("status")) in IGNORED_STATUSES:
            continue
        is_anothers = origin.refers_elsewhere(resource.get("subject"), "Patient", patient_id)
        if (identifier := text(resource.get("id"))) is not None:
            if (identifier, is_anothers) in seen:
                continue
            seen.add((identifier, is_anothers))
        if is_anothers:
            notes.append(Note("observations", ANOTHERS))
        elif not origin.refers_elsewhere(resource.get("encounter"), "Encounter", encounter_id):
            found += _values_of(resource, order, notes, zone)
    return found


def triage_time(observed: Iterable[Observed], arrived_at: datetime) -> datetime:
    """When the first triage level was set at or after arrival; an hour after arrival when none was."""
    levels = [item.at for item in observed if item.code == TRIAGE_LEVEL and item.at >= arrived_at]
    return min(levels, default=arrived_at + DEFAULT_TRIAGE_WINDOW)


def measured(known: Iterable[Observed], notes: list[Note]) -> dict[str, FeatureValue]:
    """Every reading by name: the latest value that was known, in the declared unit; None when there is none."""
    latest: dict[str, Observed] = {}
    for item in sorted(known, key=lambda item: item.recency):
        latest[item.code] = item
    return {name: _reading(name, reading, latest, notes) for name, reading in READINGS.items()}


def note_untimely(observed: Iterable[Observed], known: Iterable[Observed], notes: list[Note]) -> None:
    """Note every reading of which all that was sent lies before arrival or after triage."""
    sent, counted = ({item.code for item in items} for items in (observed, known))
    for name, reading in READINGS.items():
        if reading.codes & sent and not reading.codes & counted:
            notes.append(Note(name, "it was measured before arrival or after triage"))


def only_bounds(notes: Iterable[Note]) -> list[str]:
    """The readings that are missing because they were sent as bounds, by name and sorted."""
    return sorted({note.feature for note in notes if note.reason == ONLY_A_BOUND})


def by_ambulance(known: Iterable[Observed]) -> bool | None:
    """True when any transport mode that was recorded is an ambulance; None when none was recorded."""
    recorded = [item.content.get("valueCodeableConcept") for item in known if item.code == TRANSPORT_MODE]
    modes = [mode for concept in recorded if (mode := first_code(concept)) is not None]
    return any(mode in AMBULANCE for mode in modes) if modes else None


def _values_of(resource: Json, order: int, notes: list[Note], zone: tzinfo) -> list[Observed]:
    at = _effective(resource, zone)
    if at is None:
        notes.append(Note("observations", "an observation without a usable time is ignored"))
        return []
    parts = [(observed_coding(part.get("code")), part) for part in (resource, *mappings(resource.get("component")))]
    if any(_is_impossible(coding.code, part) for coding, part in parts):
        notes.append(Note("observations", "an observation with an impossible value is ignored"))
        return []
    if any(_is_no_number(part) for _, part in parts):
        notes.append(Note("observations", "an observation with something else than a number for one is ignored"))
        return []
    if any(_is_no_comparator(part) for _, part in parts):
        notes.append(Note("observations", "an observation with an unknown comparator is ignored"))
        return []
    issued = instant(resource.get("issued"), zone) or at
    return [Observed(coding.code, at, issued, order, part) for coding, part in parts if coding.is_loinc]


def _is_impossible(code: str, part: Json) -> bool:
    """Whether the number of an Observation, or of a component, lies beyond what its code can mean."""
    bounds = POSSIBLE.get(code)
    value = None if bounds is None else _quantity(part)[0]
    return value is not None and bounds is not None and not bounds[0] <= value <= bounds[1]


def _is_no_number(part: Json) -> bool:
    """Whether something else came where a number belongs: the contract quarantines such an Observation too."""
    sent = mapping(part.get("valueQuantity")).get("value")
    came = part.get("valueInteger") if sent is None else sent
    return came is not None and came != "" and number(came) is None


def _is_no_comparator(part: Json) -> bool:
    """Whether a comparator came that R4 does not know: what the number means is unknown, and the contract quarantines
    such an Observation too."""
    sent = mapping(part.get("valueQuantity")).get("comparator")
    return sent is not None and sent != "" and not (isinstance(sent, str) and sent.strip(" ") in COMPARATORS)


def _is_bound(part: Json) -> bool:
    return mapping(part.get("valueQuantity")).get("comparator") not in (None, "")


def _effective(resource: Json, zone: tzinfo) -> datetime | None:
    return (
        instant(resource.get("effectiveDateTime"), zone)
        or instant(resource.get("effectiveInstant"), zone)
        or instant(mapping(resource.get("effectivePeriod")).get("start"), zone)
        or instant(resource.get("issued"), zone)
    )


def _reading(name: str, reading: Reading, latest: Mapping[str, Observed], notes: list[Note]) -> float | None:
    candidates = [latest[code] for code in reading.codes if code in latest]
    if not candidates:
        return None
    content = max(candidates, key=lambda item: item.recency).content
    if _is_bound(content):
        notes.append(Note(name, ONLY_A_BOUND))
        return None
    value, unit = _quantity(content)
    if value is None and name == "triage_level":
        value, unit = _coded_level(content), None
    converted = None if value is None else units.convert(value, unit, reading.units)
    if converted is None:
        reason = "no number was sent" if value is None else "its unit is missing or cannot be converted"
        notes.append(Note(name, reason))
        return None
    if name == "triage_level" and not converted.is_integer():
        notes.append(Note(name, "it lies between two levels"))
        return None
    return round(converted) if reading.is_whole else converted


def _quantity(content: Json) -> tuple[float | None, str | None]:
    quantity = mapping(content.get("valueQuantity"))
    value = number(quantity.get("value"))
    if value is None:
        return number(content.get("valueInteger")), None
    return value, text(quantity.get("code")) or text(quantity.get("unit"))


def _coded_level(content: Json) -> float | None:
    return TRIAGE_LEVEL_CODES.get(first_code(content.get("valueCodeableConcept")) or "")
