"""Features of one visit from the prefetch of a CDS Hooks request: the live twin of the mart's SQL.

Here belong the visit, its registration and its complaint, for FHIR R4 as it stands in a request; a parity test holds
the rules to the mart, feature by feature. Readings are `observed.py`, what was known before is `history.py`, who may be
scored is `population.py`; encoding for the model (`encoding.py`), scoring and answering do not belong here.

Only a request that cannot be about one known visit of one known patient is refused: `RequestRefused`. Whatever else
is malformed reads as missing. Without a known arrival nothing is known at triage, and nothing is scored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from ml.features import ColumnUnknown, FeatureError
from ml.features.complaint import Matcher, Pattern
from ml.features.fhir import (
    MAX_ID_LENGTH,
    Json,
    Origin,
    first_code,
    first_coding,
    mapping,
    mappings,
    text,
)
from ml.features.history import histories, history_groups
from ml.features.observed import (
    CHIEF_COMPLAINT,
    READINGS,
    FeatureValue,
    Note,
    Observed,
    by_ambulance,
    measured,
    note_untimely,
    observations,
    triage_time,
)
from ml.features.population import (
    NO_AGE,
    NO_EMERGENCY_VISIT,
    against_arrival,
    against_life,
    age_at,
    arrival_of,
    is_emergency,
)
from ml.features.vocabulary import Vocabulary
from ml.features.wording import Phrase
from ml.usecases import UseCase

READMISSION = "R"
"""HL7 v2-0092: readmission. Known at registration."""

IGNORED_ENCOUNTERS: Final = frozenset({"entered-in-error", "cancelled", "planned"})
MAX_WRITTEN_LENGTH: Final = 100_000
REGISTRATION: Final = (
    "age_years",
    "sex",
    "arrival_hour",
    "arrival_weekday",
    "seen_72h",
    "arrived_by_ambulance",
)
_IS_WRITTEN = re.compile(r"[^\t\n\f\r ]")


class RequestRefused(FeatureError):
    """The prefetch cannot be about one known visit of one known patient.

    `is_missing` tells data that was not sent from data that contradicts itself. Messages hold no identifiers.
    """

    def __init__(self, message: str, *, is_missing: bool) -> None:
        super().__init__(message)
        self.is_missing = is_missing


@dataclass(frozen=True)
class RequestFeatures:
    """What was known at triage. `values` has every declared feature by name; None is missing.

    The two times are None when the arrival is not known; then every value is missing, and the visit is not eligible.
    """

    values: Mapping[str, FeatureValue]
    eligible: bool
    ineligible_reason: str | None
    patient_id: str
    encounter_id: str
    unit: str | None
    arrived_at: datetime | None
    triaged_at: datetime | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class TriageRules:
    """The rules with what they depend on: declared features, vocabulary, population, the site's time zone."""

    names: tuple[str, ...]
    complaints: Matcher
    histories: Matcher
    minimum_age_years: float
    timezone: tzinfo

    @classmethod
    def of(
        cls, names: Iterable[str], vocabulary: Vocabulary, minimum_age_years: float, timezone: tzinfo
    ) -> "TriageRules":
        """Prepare the rules once. Raises `ColumnUnknown` for a declared feature that no rule here fills."""
        complaints = Matcher(
            (Pattern(group, system, pattern) for group, _, system, pattern in vocabulary.complaint_patterns()),
            (Phrase(kind, phrase) for _, kind, _, phrase in vocabulary.complaint_cues()),
        )
        known_before = Matcher(Pattern(*row) for row in vocabulary.history_groups)
        declared = tuple(names)
        filled = {*READINGS, *REGISTRATION, *_flags(complaints, set()), *histories(known_before, set())}
        if unknown := sorted(set(declared) - filled):
            raise ColumnUnknown(f"No rule fills {', '.join(unknown)} from a request; write it, as the mart has it.")
        return cls(declared, complaints, known_before, minimum_age_years, timezone)

    def features(self, prefetch: object, now: datetime) -> RequestFeatures:
        """Read the features of a visit that is to be scored `now`.

        Raises `RequestRefused`, and nothing else, whatever `prefetch` holds.
        """
        sent = mapping(prefetch)
        visit = _visit(sent)
        arrived_at = arrival_of(visit.encounter, self.timezone)
        fault = against_arrival(arrived_at, now)
        if arrived_at is None or fault is not None:
            return self._found(visit, dict.fromkeys(self.names), fault)
        notes: list[Note] = []
        observed = observations(sent, visit.patient_id, visit.encounter_id, notes, self.timezone)
        triaged_at, arrived = triage_time(observed, arrived_at), arrived_at.astimezone(self.timezone)
        known = [item for item in observed if arrived_at <= item.at <= triaged_at]
        note_untimely(observed, known, notes)
        earlier = history_groups(self.histories, sent, visit.patient_id, arrived, notes)
        values: dict[str, FeatureValue] = {
            **_registration(visit.patient, visit.encounter, arrived),
            **measured(known, notes),
            "arrived_by_ambulance": by_ambulance(known),
            **_flags(self.complaints, _complaint_groups(self.complaints, known)),
            **histories(self.histories, earlier),
        }
        fault = against_life(visit.patient, arrived, now) or self._against_age(values["age_years"])
        return self._found(visit, values, fault, arrived_at, triaged_at, tuple(notes))

    def _found(
        self,
        visit: "_Visit",
        values: Mapping[str, FeatureValue],
        fault: str | None,
        arrived_at: datetime | None = None,
        triaged_at: datetime | None = None,
        notes: tuple[Note, ...] = (),
    ) -> RequestFeatures:
        reason = fault if is_emergency(visit.encounter) else NO_EMERGENCY_VISIT
        return RequestFeatures(
            values={name: values[name] for name in self.names},
            eligible=reason is None,
            ineligible_reason=reason,
            patient_id=visit.patient_id,
            encounter_id=visit.encounter_id,
            unit=_unit(visit.encounter),
            arrived_at=arrived_at,
            triaged_at=triaged_at,
            notes=notes,
        )

    def _against_age(self, age: FeatureValue) -> str | None:
        if not isinstance(age, int):
            return NO_AGE
        return f"under {self.minimum_age_years:.0f}" if age < self.minimum_age_years else None


def features_from_request(
    use_case: UseCase, prefetch: object, vocabulary: Vocabulary, now: datetime, timezone: tzinfo
) -> RequestFeatures:
    """Features of one request; a service that answers many prepares `TriageRules` once.

    Raises `RequestRefused`.
    """
    names = (feature.name for feature in use_case.expand(vocabulary.groups()))
    minimum_age_years = use_case.population.minimum_age_years
    return TriageRules.of(names, vocabulary, minimum_age_years, timezone).features(prefetch, now)


@dataclass(frozen=True)
class _Visit:
    """One visit of one patient, as it was sent."""

    patient: Json
    encounter: Json
    patient_id: str
    encounter_id: str


def _visit(prefetch: Json) -> _Visit:
    patient, encounter = mapping(prefetch.get("patient")), mapping(prefetch.get("encounter"))
    for key, resource, expected in (("patient", patient, "Patient"), ("encounter", encounter, "Encounter")):
        if resource.get("resourceType") != expected or text(resource.get("id")) is None:
            raise RequestRefused(
                f"prefetch.{key} is no {expected} with an id of at most {MAX_ID_LENGTH} characters; "
                "send the resource as the discovery document asks.",
                is_missing=True,
            )
    visit = _Visit(patient, encounter, str(text(patient["id"])), str(text(encounter["id"])))
    if Origin.of_call(prefetch).refers_elsewhere(encounter.get("subject"), "Patient", visit.patient_id):
        raise RequestRefused(
            "prefetch.encounter is the visit of another patient than prefetch.patient, or of one on another server "
            "than the call's fhirServer; send both of one visit.",
            is_missing=False,
        )
    if text(encounter.get("status")) in IGNORED_ENCOUNTERS:
        raise RequestRefused(
            "prefetch.encounter was planned, cancelled or entered in error; send a visit that takes place.",
            is_missing=False,
        )
    return visit


def _registration(patient: Json, encounter: Json, arrived: datetime) -> dict[str, FeatureValue]:
    gender = patient.get("gender")
    readmission = mapping(encounter.get("hospitalization")).get("reAdmission")
    return {
        "age_years": age_at(arrived.date(), patient),
        "sex": gender if gender in ("female", "male") else None,
        "arrival_hour": arrived.hour,
        "arrival_weekday": arrived.isoweekday(),
        "seen_72h": first_code(readmission) == READMISSION,
    }


def _complaint_groups(matcher: Matcher, known: Iterable[Observed]) -> set[str] | None:
    """The groups of every stated complaint; None when none was stated."""
    matched: set[str] | None = None
    for item in known:
        if item.code != CHIEF_COMPLAINT:
            continue
        concept = item.content.get("valueCodeableConcept")
        words = _written(item.content.get("valueString"), mapping(concept).get("text"))
        coded = first_coding(concept)
        if words or coded:
            matched = (matched or set()) | matcher.of_codes(coded) | matcher.in_text(words)
    return matched


def _written(*values: object) -> str:
    """The first value that is there, if it is text with a letter to read; the contract looks no further either."""
    first = next((value for value in values if value is not None), None)
    words = first.strip(" ") if isinstance(first, str) and len(first) <= MAX_WRITTEN_LENGTH else ""
    return words if _IS_WRITTEN.search(words) else ""


def _flags(matcher: Matcher, matched: set[str] | None) -> dict[str, FeatureValue]:
    flags: dict[str, FeatureValue] = {
        f"complaint_{group}": None if matched is None else group in matched for group in matcher.groups
    }
    flags["is_injury"] = flags.pop("complaint_injury", None)
    return flags


def _unit(encounter: Json) -> str | None:
    """The site's own id of the first place: of the reference, or of the location contained in the visit."""
    contained = {f"#{place.get('id')}": place for place in mappings(encounter.get("contained"))}
    for stay in mappings(encounter.get("location")):
        reference = mapping(stay.get("location"))
        place = contained.get(str(reference.get("reference")), {})
        named = [mapping(reference.get("identifier")), *mappings(place.get("identifier"))]
        unit = next((found for item in named if (found := text(item.get("value"), 64))), None)
        if unit is not None:
            return unit
    return None
