"""The CDS Hooks services: of each its use case, hook and request, and of one that scores how features are read from it.

Here belongs all that differs between services; one entry is one service. Those that score one case at a time are named
by their use case, and others may stand beside one. What an answer is (`advice.py`, `cards.py`, `chart.py`), the
standard's words (`hooks.py`) and HTTP (`app.py`) do not.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final, Literal, Protocol

from ml.features.booking import FEATURES as BOOKING_FEATURES
from ml.features.booking import BookingRules
from ml.features.fhir import SERVER
from ml.features.observed import READINGS, FeatureValue
from ml.features.request import REGISTRATION, RequestFeatures, TriageRules
from ml.features.vocabulary import Vocabulary
from ml.serving.hooks import (
    SERVICE_PREFIX,
    TRIAGE,
    AnyRequest,
    BookingRequest,
    ChartRequest,
    HookRequest,
    Service,
)
from ml.serving.rules import missed_before, triage_reasons
from ml.usecases import load_use_case

APPOINTMENTS = "appointments"

_VITALS = "8867-4,9279-1,59408-5,2708-6,8480-6,8462-4,85354-9,8310-5,72514-3"
_TRIAGE = "75636-1,8661-1,11459-5"


def _loinc(codes: str) -> str:
    return ",".join(f"http://loinc.org|{code}" for code in codes.split(","))


class Rules(Protocol):
    """How the features of one call are read."""

    def features(self, sent: object, now: datetime, /) -> RequestFeatures:
        """The features of what is to be scored `now`. Raises `RequestRefused`, and nothing else."""
        ...


@dataclass(frozen=True)
class FallbackRule:
    """The deterministic rule that answers when the model may not. `summary` and `detail` take `{found}`."""

    reasons: Callable[[Mapping[str, FeatureValue]], list[str]]
    none: str
    summary: str
    detail: str
    indicator: Literal["info", "warning"]


@dataclass(frozen=True)
class HookService:
    """One service as clients see it: of which use case, under which hook, and the shape of its calls."""

    use_case: str
    description: Service
    request: type[AnyRequest]

    @property
    def id(self) -> str:
        """The service's id in its addresses."""
        return self.description.id

    @property
    def name(self) -> str:
        """The service's id as a name in descriptions of the interface."""
        return self.id.removeprefix(SERVICE_PREFIX).replace("-", "_")

    @property
    def is_scoring(self) -> bool:
        """Whether its calls are events of the use case, which boards count."""
        return False


@dataclass(frozen=True)
class ScoringService(HookService):
    """One that scores. `resource` and `case` say what: the FHIR type, and its id where the context names it."""

    resource: str
    case: Callable[[AnyRequest], str | None]
    sent: Callable[[AnyRequest], Mapping[str, Any]]
    rules: Callable[[Iterable[str], Vocabulary, tzinfo], Rules]
    bare: tuple[str, ...]
    fallback: FallbackRule

    @property
    def is_scoring(self) -> bool:
        return True

    @property
    def is_of_visits(self) -> bool:
        """Whether what is scored is a visit, and so has an Encounter."""
        return self.resource == "Encounter"

    def bare_rules(self, timezone: tzinfo) -> Rules:
        """The rules where the model cannot be read: what the fallback rule needs."""
        return self.rules(self.bare, Vocabulary((), ()), timezone)


def _triage_rules(names: Iterable[str], vocabulary: Vocabulary, timezone: tzinfo) -> Rules:
    return TriageRules.of(names, vocabulary, load_use_case(TRIAGE).population.minimum_age_years, timezone)


def _booking_rules(names: Iterable[str], vocabulary: Vocabulary, timezone: tzinfo) -> Rules:  # noqa: ARG001 - no words in it
    return BookingRules.of(names, timezone)


def _booking_sent(call: AnyRequest) -> Mapping[str, Any]:
    booked = call.context.appointments if isinstance(call, BookingRequest) else {}
    return {**_prefetch(call), "appointments": booked}


def _prefetch(call: AnyRequest) -> Mapping[str, Any]:
    """What was sent, with the server that it is from, whatever else may be called like it."""
    return {**call.prefetch, SERVER: call.fhirServer}


TRIAGE_SERVICE: Final = ScoringService(
    use_case=TRIAGE,
    description=Service(
        hook="encounter-start",
        title="Pilothouse triage",
        description="Risk of critical care and of admission for an adult at triage; the nurse decides.",
        id=SERVICE_PREFIX + TRIAGE,
        prefetch={
            "patient": "Patient/{{context.patientId}}",
            "encounter": "Encounter/{{context.encounterId}}",
            "vitals": f"Observation?encounter={{{{context.encounterId}}}}&code={_loinc(_VITALS)}",
            "triage": f"Observation?encounter={{{{context.encounterId}}}}&code={_loinc(_TRIAGE)}",
            "conditions": "Condition?patient={{context.patientId}}",
        },
        usageRequirements=(
            "Send the prefetch; what is missing is read with fhirAuthorization where your FHIR server is listed here. "
            "No advice under 18 years, nor without an arrival time."
        ),
    ),
    request=HookRequest,
    resource="Encounter",
    case=lambda call: call.context.encounterId if isinstance(call, HookRequest) else None,
    sent=_prefetch,
    rules=_triage_rules,
    bare=(*READINGS, *REGISTRATION),
    fallback=FallbackRule(
        reasons=triage_reasons,
        none="not at high risk by the rule",
        summary="High acuity by rule: {found}",
        detail=(
            "Rule: {found}. The model is not in use at the moment; this is the fallback rule (ESI danger zone, NEWS2 "
            "without oxygen and consciousness)."
        ),
        indicator="warning",
    ),
)

APPOINTMENTS_SERVICE: Final = ScoringService(
    use_case=APPOINTMENTS,
    description=Service(
        hook="appointment-book",
        title="Pilothouse appointments",
        description=(
            "Risk that an appointment is missed, to offer a reminder or help; never a reason to deny or downgrade it."
        ),
        id=SERVICE_PREFIX + APPOINTMENTS,
        prefetch={
            "patient": "Patient/{{context.patientId}}",
            "history": "Appointment?patient={{context.patientId}}",
        },
        usageRequirements=(
            "Send the prefetch; what is missing is read with fhirAuthorization where your FHIR server is listed here. "
            "Of several appointments in one call, advice is on the one that begins first."
        ),
    ),
    request=BookingRequest,
    resource="Appointment",
    case=lambda _: None,
    sent=_booking_sent,
    rules=_booking_rules,
    bare=BOOKING_FEATURES,
    fallback=FallbackRule(
        reasons=missed_before,
        none="the last appointment was not missed, there was none, or none was told",
        summary="Worth a reminder by rule: {found}",
        detail="Rule: {found}. The model is not in use at the moment; this is what people go by without it.",
        indicator="info",
    ),
)

TRIAGE_CHART: Final = HookService(
    use_case=TRIAGE,
    description=Service(
        hook="patient-view",
        title="Pilothouse triage in the chart",
        description=(
            "Shows again the card that triage gave for this visit, with the time at which it was given, until somebody "
            "answers it or it is too old. Nothing is scored when a chart is opened."
        ),
        id=f"{SERVICE_PREFIX}{TRIAGE}-chart",
        prefetch={},
        usageRequirements="Send context.encounterId; without it there are no cards. No prefetch is read.",
    ),
    request=ChartRequest,
)

SERVICES: Final[Mapping[str, ScoringService]] = {one.use_case: one for one in (TRIAGE_SERVICE, APPOINTMENTS_SERVICE)}
"""The services that score, by use case."""
OFFERED: Final[tuple[HookService, ...]] = (*SERVICES.values(), TRIAGE_CHART)
"""Every service that has an address."""
