"""CDS Hooks 2.0 (https://cds-hooks.hl7.org/2.0/): the shapes of discovery, request, response and feedback.

Here belong the standard's own words as pydantic models. Which services there are (`services.py`) and what the answer is
do not.
"""

import re
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SERVICE_PREFIX = "pilothouse-"
TRIAGE = "triage"
MAX_FEEDBACK_ITEMS = 100
MAX_COMMENT_LENGTH = 2000


class _Part(BaseModel):
    """CDS Hooks lets anybody add members; what is not known here is let pass and not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Service(_Part):
    """One service in the discovery document."""

    hook: str
    title: str
    description: str
    id: str
    prefetch: dict[str, str]
    usageRequirements: str  # noqa: N815 - the standard's own name


class Discovery(_Part):
    """Answer to `GET /cds-services`."""

    services: list[Service]


class Context(BaseModel):
    """Context of the hook `encounter-start` 1.0."""

    model_config = ConfigDict(frozen=True, extra="allow")

    userId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    patientId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    encounterId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815


class BookingContext(BaseModel):
    """Context of the hook `appointment-book` 1.0: `appointments` is a Bundle of Appointment."""

    model_config = ConfigDict(frozen=True, extra="allow")

    userId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    patientId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    appointments: dict[str, Any]


class ChartContext(BaseModel):
    """Context of the hook `patient-view` 1.0. A chart may be opened for no visit."""

    model_config = ConfigDict(frozen=True, extra="allow")

    userId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    patientId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815
    encounterId: Annotated[str, Field(min_length=1, max_length=256)] | None = None  # noqa: N815


class FhirAuthorization(_Part):
    """Access to the client's FHIR server, for this call alone. The token is never kept or logged."""

    access_token: Annotated[str, Field(pattern=r"^[!-~]{1,8192}$", repr=False)]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the standard's fixed value
    expires_in: Annotated[int, Field(ge=0)] | None = None
    scope: str | None = None
    subject: str | None = None


class _Call(_Part):
    """A call of a service."""

    hookInstance: UUID  # noqa: N815
    prefetch: dict[str, Any] = Field(default_factory=dict)
    fhirServer: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=512)] | None = None  # noqa: N815
    fhirAuthorization: FhirAuthorization | None = None  # noqa: N815

    @model_validator(mode="after")
    def _names_its_server(self) -> Self:
        if self.fhirAuthorization is not None and self.fhirServer is None:
            raise ValueError("fhirAuthorization needs the fhirServer that it is for")
        return self


class HookRequest(_Call):
    """A call of a service for an encounter."""

    hook: Literal["encounter-start"]
    context: Context


class BookingRequest(_Call):
    """A call of a service for a booking."""

    hook: Literal["appointment-book"]
    context: BookingContext


class ChartRequest(_Call):
    """A call of a service for a chart that is opened."""

    hook: Literal["patient-view"]
    context: ChartContext


AnyRequest = HookRequest | BookingRequest | ChartRequest


class Coding(_Part):
    """A code of a code system."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
    system: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    display: Annotated[str, Field(max_length=1000)] | None = None


class Source(_Part):
    """Who speaks."""

    label: str
    url: str | None = None
    topic: Coding | None = None


class Action(_Part):
    """What accepting a suggestion does: a new FHIR R4 resource. Nothing here changes or deletes one."""

    type: Literal["create"]
    description: str
    resource: dict[str, Any]


class Suggestion(_Part):
    """Something that a person may accept with one click."""

    label: str
    uuid: UUID
    actions: list[Action] | None = None


class Link(_Part):
    """Where to read on."""

    label: str
    url: str
    type: Literal["absolute"]


class Card(_Part):
    """One piece of advice."""

    uuid: UUID
    summary: Annotated[str, Field(max_length=139)]
    detail: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None  # noqa: N815
    overrideReasons: list[Coding]  # noqa: N815
    links: list[Link] | None = None


class HookResponse(_Part):
    """Answer to a call: the cards, often none. There are no `systemActions`: nothing is done that nobody accepted."""

    cards: list[Card]


class OverrideReason(_Part):
    """Why advice was not taken: one of the card's reasons, or words that stay in the event store, or both."""

    reason: Coding | None = None
    userComment: Annotated[str, Field(min_length=1, max_length=MAX_COMMENT_LENGTH)] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.reason is None and self.userComment is None:
            raise ValueError("it needs a reason, a userComment, or both; leave it out where there is neither")
        return self


class AcceptedSuggestion(_Part):
    """The suggestion that was taken."""

    id: UUID


def _written(value: object) -> object:
    """The standard's timestamps are ISO 8601; a number of seconds or milliseconds would be read as one or the other."""
    if not isinstance(value, str) or ISO_TIME.match(value) is None:
        raise ValueError("it must be an ISO 8601 timestamp with an offset, such as 2026-03-02T12:00:00Z")
    return value


ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


class FeedbackItem(_Part):
    """What became of one card.

    `accepted` says which suggestions were taken; for a card that offered none (in stage assistive) the list is empty.
    """

    card: UUID
    outcome: Literal["accepted", "overridden"]
    acceptedSuggestions: Annotated[list[AcceptedSuggestion], Field(max_length=20)] | None = None  # noqa: N815
    overrideReason: OverrideReason | None = None  # noqa: N815
    outcomeTimestamp: Annotated[AwareDatetime, BeforeValidator(_written)]  # noqa: N815

    @model_validator(mode="after")
    def _fits_its_outcome(self) -> Self:
        if self.outcome == "accepted" and self.acceptedSuggestions is None:
            raise ValueError("an accepted card needs acceptedSuggestions")
        if self.outcome == "accepted" and self.overrideReason is not None:
            raise ValueError("an accepted card has no overrideReason")
        if self.outcome == "overridden" and self.acceptedSuggestions:
            raise ValueError("an overridden card has no acceptedSuggestions")
        return self


class FeedbackRequest(_Part):
    """A call of a service's feedback address."""

    feedback: Annotated[list[FeedbackItem], Field(min_length=1, max_length=MAX_FEEDBACK_ITEMS)]
