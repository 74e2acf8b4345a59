"""Features of one visit from the prefetch of a CDS Hooks request: the live twin of the mart's SQL.

Here belong the visit, its complaint, history and eligibility, for FHIR R4 as it stands in a request; a parity test
holds the rules to the mart, feature by feature. Readings are `observed.py`; encoding for the model (`encoding.py`),
scoring and answering do not belong here.

Only a request that cannot be about one known visit of one known patient is refused: `RequestRefused`. Whatever else
is malformed reads as missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from ml.features import ColumnUnknown, FeatureError
from ml.features.complaint import Matcher, Pattern
from ml.features.fhir import (
    MAX_ID_LENGTH,
    Json,
    codings,
    day,
    first_code,
    first_coding,
    instant,
    mapping,
    mappings,
    refers_elsewhere,
    resources,
    text,
)
from ml.features.observed import (
    CHIEF_COMPLAINT,
    READINGS,
    FeatureValue,
    Note,
    Observed,
    by_ambulance,
    measured,
    observations,
    triage_time,
)
from ml.features.vocabulary import Vocabulary
from ml.usecases import UseCase

READMISSION = "R"
"""HL7 v2-0092: readmission. Known at registration."""

IGNORED_CONDITIONS: Final = frozenset({"entered-in-error", "refuted"})
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


class RequestRefused(FeatureError):
    """The prefetch cannot be about one known visit of one known patient.

    `is_missing` tells data that was not sent from data that contradicts itself. Messages hold no identifiers.
    """

    def __init__(self, message: str, *, is_missing: bool) -> None:
        super().__init__(message)
        self.is_missing = is_missing


@dataclass(frozen=True)
class RequestFeatures:
    """What was known at triage. `values` has every declared feature by name; None is missing."""

    values: Mapping[str, FeatureValue]
    eligible: bool
    ineligible_reason: str | None
    patient_id: str
    encounter_id: str
    unit: str | None
    arrived_at: datetime
    triaged_at: datetime
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
            Pattern(group, system if kind == "code" else "", pattern)
            for group, kind, system, pattern in vocabulary.complaint_groups
        )
        histories = Matcher(Pattern(*row) for row in vocabulary.history_groups)
        declared = tuple(names)
        filled = {*READINGS, *REGISTRATION, *_flags(complaints, set()), *_histories(histories, set())}
        if unknown := sorted(set(declared) - filled):
            raise ColumnUnknown(f"No rule fills {', '.join(unknown)} from a request; write it, as the mart has it.")
        return cls(declared, complaints, histories, minimum_age_years, timezone)

    def features(self, prefetch: object, now: datetime) -> RequestFeatures:
        """Read the features of the visit. `now` stands in for an arrival time that was not sent.

        Raises `RequestRefused`, and nothing else, whatever `prefetch` holds.
        """
        sent = mapping(prefetch)
        patient, encounter = _visit(sent)
        patient_id, encounter_id = str(text(patient["id"])), str(text(encounter["id"]))
        notes: list[Note] = []
        arrived_at = _arrival(encounter, now, notes)
        observed = observations(sent, patient_id, encounter_id, notes)
        triaged_at = triage_time(observed, arrived_at)
        known = [item for item in observed if arrived_at <= item.at <= triaged_at]
        earlier = _history_groups(self.histories, sent, patient_id, arrived_at, notes)
        values: dict[str, FeatureValue] = {
            **_registration(patient, encounter, arrived_at.astimezone(self.timezone)),
            **measured(known, notes),
            "arrived_by_ambulance": by_ambulance(known),
            **_flags(self.complaints, _complaint_groups(self.complaints, known)),
            **_histories(self.histories, earlier),
        }
        reason = self._ineligible(values["age_years"], patient, encounter, arrived_at)
        return RequestFeatures(
            values={name: values[name] for name in self.names},
            eligible=reason is None,
            ineligible_reason=reason,
            patient_id=patient_id,
            encounter_id=encounter_id,
            unit=_unit(encounter),
            arrived_at=arrived_at,
            triaged_at=triaged_at,
            notes=tuple(notes),
        )

    def _ineligible(self, age: FeatureValue, patient: Json, encounter: Json, arrived_at: datetime) -> str | None:
        if not _is_emergency(encounter):
            return "no emergency visit"
        if _died_before(patient.get("deceasedDateTime"), arrived_at):
            return "dead on arrival"
        if not isinstance(age, int):
            return "age not known"
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


def _visit(prefetch: Json) -> tuple[Json, Json]:
    patient, encounter = mapping(prefetch.get("patient")), mapping(prefetch.get("encounter"))
    for key, resource, expected in (("patient", patient, "Patient"), ("encounter", encounter, "Encounter")):
        if resource.get("resourceType") != expected or text(resource.get("id")) is None:
            raise RequestRefused(
                f"prefetch.{key} is no {expected} with an id of at most {MAX_ID_LENGTH} characters; "
                "send the resource as the discovery document asks.",
                is_missing=True,
            )
    if refers_elsewhere(encounter.get("subject"), "Patient", str(text(patient["id"]))):
        raise RequestRefused(
            "prefetch.encounter is the visit of another patient than prefetch.patient; send both of one visit.",
            is_missing=False,
        )
    if text(encounter.get("status")) in IGNORED_ENCOUNTERS:
        raise RequestRefused(
            "prefetch.encounter was planned, cancelled or entered in error; send a visit that takes place.",
            is_missing=False,
        )
    return patient, encounter


def _arrival(encounter: Json, now: datetime, notes: list[Note]) -> datetime:
    arrived_at = instant(mapping(encounter.get("period")).get("start"))
    if arrived_at is None:
        notes.append(Note("arrival_hour", "the visit has no usable start; the time of the request stands in"))
        return now.astimezone(UTC)
    return arrived_at


def _registration(patient: Json, encounter: Json, arrived: datetime) -> dict[str, FeatureValue]:
    gender = patient.get("gender")
    readmission = mapping(encounter.get("hospitalization")).get("reAdmission")
    return {
        "age_years": _age(day(patient.get("birthDate")), arrived.date()),
        "sex": gender if gender in ("female", "male") else None,
        "arrival_hour": arrived.hour,
        "arrival_weekday": arrived.isoweekday(),
        "seen_72h": first_code(readmission) == READMISSION,
    }


def _age(born: date | None, today: date) -> int | None:
    if born is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _complaint_groups(matcher: Matcher, known: Iterable[Observed]) -> set[str] | None:
    """The groups of every stated complaint; None when none was stated."""
    matched: set[str] | None = None
    for item in known:
        if item.code != CHIEF_COMPLAINT:
            continue
        concept = item.content.get("valueCodeableConcept")
        words = text(item.content.get("valueString"), MAX_WRITTEN_LENGTH)
        words = words or text(mapping(concept).get("text"), MAX_WRITTEN_LENGTH)
        coded = codings(concept)[:1]
        if words or coded:
            matched = (matched or set()) | matcher.of_codes(coded) | matcher.in_text(words or "")
    return matched


def _flags(matcher: Matcher, matched: set[str] | None) -> dict[str, FeatureValue]:
    flags: dict[str, FeatureValue] = {
        f"complaint_{group}": None if matched is None else group in matched for group in matcher.groups
    }
    flags["is_injury"] = flags.pop("complaint_injury", None)
    return flags


def _history_groups(
    matcher: Matcher, sent: Json, patient_id: str, arrived_at: datetime, notes: list[Note]
) -> set[str] | None:
    """The groups of every condition known before arrival; None when conditions were not sent."""
    bundle = mapping(sent.get("conditions"))
    if bundle.get("resourceType") != "Bundle":
        notes.append(Note("history_count", "the conditions were not sent as a searchset"))
        return None
    earlier = (item for item in resources(bundle, "Condition") if _is_earlier(item, patient_id, arrived_at))
    return matcher.of_codes(coding for condition in earlier for coding in first_coding(condition.get("code")))


def _histories(matcher: Matcher, matched: set[str] | None) -> dict[str, FeatureValue]:
    flags: dict[str, FeatureValue] = {
        f"history_{group}": None if matched is None else group in matched for group in matcher.groups
    }
    return {**flags, "history_count": None if matched is None else len(matched)}


def _is_earlier(condition: Json, patient_id: str, arrived_at: datetime) -> bool:
    if first_code(condition.get("verificationStatus")) in IGNORED_CONDITIONS:
        return False
    if refers_elsewhere(condition.get("subject"), "Patient", patient_id):
        return False
    onset = (condition.get("onsetDateTime"), mapping(condition.get("onsetPeriod")).get("start"))
    written = (condition.get("recordedDate"), *onset)  # an old onset first written down now is a finding of this visit
    known_at = next((at for at in map(instant, written) if at is not None), None)
    return known_at is not None and known_at < arrived_at


def _is_emergency(encounter: Json) -> bool:
    admitted_from = first_code(mapping(encounter.get("hospitalization")).get("admitSource"))
    return mapping(encounter.get("class")).get("code") == "EMER" or admitted_from == "emd"


def _died_before(written: object, arrived_at: datetime) -> bool:
    """True for a death at or before arrival; a death known by its day alone must be of an earlier day."""
    died_at = instant(written)
    if died_at is None:
        return False
    return died_at.date() < arrived_at.date() if day(written) is not None else died_at <= arrived_at


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
