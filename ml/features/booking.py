"""Features of one booking from a CDS Hooks `appointment-book` request: the live twin of the appointments mart's SQL.

Here belong the appointment that is about to be booked and what came of the person's earlier ones, for FHIR R4 as it
stands in a request; a parity test holds the rules to the mart, feature by feature. What was known at triage
(`request.py`), scoring and answering do not.

The scoring clock is the moment of the call. Whoever sends earlier appointments sends them as they stand then: a state
that is decided later is not in them. Whoever sends none at all (no Bundle, not an empty one) has told nothing of the
past, and its features are missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from ml.features import ColumnUnknown
from ml.features.fhir import (
    MAX_ID_LENGTH,
    Json,
    Origin,
    first_code,
    instant,
    mapping,
    mappings,
    originals,
    text,
)
from ml.features.observed import FeatureValue, Note
from ml.features.request import RequestFeatures, RequestRefused

FEATURES: Final = (
    "lead_days",
    "start_weekday",
    "start_hour",
    "service",
    "is_new",
    "earlier_kept",
    "earlier_no_shows",
    "earlier_cancelled",
    "missed_last",
)
BOOKABLE: Final = frozenset({"proposed", "pending", "booked"})
KEPT: Final = frozenset({"arrived", "fulfilled", "checked-in"})
MISSED: Final = "noshow"
GIVEN_BACK: Final = "cancelled"

NO_START = "start of the appointment not known"
NOT_BOOKABLE = "not about to be booked"
AS_IT_BEGINS = "booked as it began"
NOT_SENT = "no Bundle of earlier appointments was sent, so that none is known; an empty one says that there were none"


@dataclass(frozen=True)
class BookingRules:
    """The rules with what they depend on: declared features and the site's time zone."""

    names: tuple[str, ...]
    timezone: tzinfo

    @classmethod
    def of(cls, names: Iterable[str], timezone: tzinfo) -> "BookingRules":
        """Prepare the rules once. Raises `ColumnUnknown` for a declared feature that no rule here fills."""
        declared = tuple(names)
        if unknown := sorted(set(declared) - set(FEATURES)):
            raise ColumnUnknown(f"No rule fills {', '.join(unknown)} from a request; write it, as the mart has it.")
        return cls(declared, timezone)

    def features(self, sent: object, now: datetime) -> RequestFeatures:
        """Read the features of the appointment that begins first of those that are booked in one call.

        `sent` has `appointments` (the Bundle of the hook's context), `patient` and `history` (the prefetch). Raises
        `RequestRefused`, and nothing else, whatever they hold.
        """
        document = mapping(sent)
        patient_id = _patient(document)
        appointment = _soonest(document, patient_id, self.timezone)
        starts_at = instant(appointment.get("start"), self.timezone)
        reason = _against(appointment, starts_at, now)
        values: dict[str, FeatureValue] = dict.fromkeys(FEATURES)
        notes: list[Note] = []
        if starts_at is not None:
            values |= self._booking(appointment, starts_at, now)
            if _is_bundle(document.get("history")):
                values |= _history(
                    self._earlier(document, patient_id, str(appointment.get("id")), now, notes), self.timezone
                )
            else:
                notes.append(Note("history", NOT_SENT))
        return RequestFeatures(
            values={name: values[name] for name in self.names},
            eligible=reason is None,
            ineligible_reason=reason,
            patient_id=patient_id,
            encounter_id=str(text(appointment.get("id"))),
            unit=None,
            arrived_at=starts_at,
            triaged_at=now,
            notes=tuple(notes),
        )

    def _booking(self, appointment: Json, starts_at: datetime, now: datetime) -> dict[str, FeatureValue]:
        start, booked = starts_at.astimezone(self.timezone), now.astimezone(self.timezone)
        return {
            "lead_days": (start.date() - booked.date()).days,
            "start_weekday": start.isoweekday(),
            "start_hour": start.hour,
            "service": _service(appointment),
        }

    def _earlier(self, document: Json, patient_id: str, own_id: str, now: datetime, notes: list[Note]) -> list[Json]:
        """The person's other appointments that had been decided by now; of one id the first that was sent."""
        found: dict[str, Json] = {}
        for one, origin in originals(document.get("history"), "Appointment", Origin.of_call(document)):
            identifier, starts_at = text(one.get("id")), instant(one.get("start"), self.timezone)
            if identifier is None or not _is_of(one, origin, patient_id) or starts_at is None:
                notes.append(Note("history", "an appointment without id or start, or of somebody else"))
                continue
            changed = instant(mapping(one.get("meta")).get("lastUpdated"), self.timezone)
            if identifier != own_id and (changed is None or changed <= now):
                found.setdefault(identifier, one)
        return list(found.values())


def _patient(document: Json) -> str:
    patient = mapping(document.get("patient"))
    identifier = text(patient.get("id"))
    if patient.get("resourceType") != "Patient" or identifier is None:
        raise RequestRefused(
            f"prefetch.patient is no Patient with an id of at most {MAX_ID_LENGTH} characters; send the resource as "
            "the discovery document asks.",
            is_missing=True,
        )
    return identifier


def _soonest(document: Json, patient_id: str, zone: tzinfo) -> Json:
    came = list(originals(document.get("appointments"), "Appointment", Origin.of_call(document)))
    found = [one for one, _ in came]
    if not found or any(text(one.get("id")) is None for one in found):
        raise RequestRefused(
            "context.appointments is no Bundle of Appointments that each have an id; send what is about to be booked.",
            is_missing=True,
        )
    if any(not _is_of(one, origin, patient_id) for one, origin in came):
        raise RequestRefused(
            "context.appointments are of another patient than prefetch.patient; send both of one person.",
            is_missing=False,
        )
    return min(found, key=lambda one: (str(instant(one.get("start"), zone) or "~"), str(one.get("id"))))


def _is_of(appointment: Json, origin: Origin, patient_id: str) -> bool:
    """Whether no participant is another patient."""
    actors = [mapping(one.get("actor")) for one in mappings(appointment.get("participant"))]
    patients = [one for one in actors if "Patient" in str(one.get("reference"))]
    return not any(origin.refers_elsewhere(one, "Patient", patient_id) for one in patients)


def _against(appointment: Json, starts_at: datetime | None, now: datetime) -> str | None:
    if starts_at is None:
        return NO_START
    if appointment.get("status") not in BOOKABLE:
        return NOT_BOOKABLE
    return AS_IT_BEGINS if starts_at <= now else None


def _service(appointment: Json) -> str | None:
    """The first coding of the first service, else of the first specialty, as the contract reads them."""
    for member in ("serviceType", "specialty"):
        listed = mappings(appointment.get(member))
        if listed and (code := first_code(listed[0])) is not None:
            return code
    return None


def _is_bundle(sent: object) -> bool:
    return mapping(sent).get("resourceType") == "Bundle"


def _history(earlier: Iterable[Json], zone: tzinfo) -> Mapping[str, FeatureValue]:
    states = [(instant(one.get("start"), zone), one.get("status")) for one in earlier]
    came = [(start, status == MISSED) for start, status in states if start and (status in KEPT or status == MISSED)]
    given_back = sum(status == GIVEN_BACK for _, status in states)
    missed = sum(is_missed for _, is_missed in came)
    return {
        "is_new": not came and not given_back,
        "earlier_kept": len(came) - missed,
        "earlier_no_shows": missed,
        "earlier_cancelled": given_back,
        "missed_last": max(came)[1] if came else None,
    }
