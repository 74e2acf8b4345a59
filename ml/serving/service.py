"""One call from its bytes to its stored answer.

Here belongs the order of steps: decode, verify, decide, store, answer. What is decided is `advice.py`; HTTP
is `app.py`.
"""

import asyncio
import hmac
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid5

import orjson

from ml.features.population import MAX_CLOCK_SKEW
from ml.features.pseudonym import pseudonym
from ml.features.request import RequestFeatures
from ml.serving import Problem, ServingRefused, StoreUnavailable
from ml.serving.advice import FALLBACK, MANUAL, SCORED, Advice, Case, advise
from ml.serving.bodies import decoded, shaped
from ml.serving.callers import Caller
from ml.serving.cards import linked, named
from ml.serving.challengers import Challengers
from ml.serving.config import ServingConfig
from ml.serving.events import EVENT_NAMESPACE, MAX_REASON_LENGTH, Event, EventStore, Feedback, Reader, Recorded
from ml.serving.fetching import FhirReads
from ml.serving.hooks import AnyRequest, FeedbackItem, FeedbackRequest
from ml.serving.live import Live, SiteState
from ml.serving.metrics import Meters
from ml.serving.notices import told, with_notice
from ml.serving.reading import CaseReading, Reading
from ml.serving.releases import Idle, ReleaseWatch
from ml.serving.services import TRIAGE_SERVICE, ScoringService
from ml.serving.tables import CALL, microseconds
from ml.serving.tending import STORE_UNAVAILABLE, TOO_LATE, Tending, of_release
from ml.serving.tokens import REPLAYED, TokenRefused

ADVISED = (SCORED, FALLBACK, MANUAL)
"""Of whom advice is given: nobody else is told that it went away."""
TOO_LATE_KIND = "too-late"
NO_CARDS = b'{"cards":[]}'
EARLIEST_OUTCOME = datetime(2015, 1, 1, tzinfo=UTC)
"""No card is older: CDS Hooks was not there yet."""


@dataclass(frozen=True)
class Answer:
    """The body of an answer as it is on disk, without the call's ids, and what it came to."""

    body: str
    event: Event
    is_replay: bool


class HookAdvice:
    """One use case over all sites of a home."""

    def __init__(
        self,
        config: ServingConfig,
        store: EventStore,
        watch: ReleaseWatch[Live],
        meters: Meters,
        service: ScoringService = TRIAGE_SERVICE,
    ) -> None:
        self._service = service
        self._config = config
        self._store = store
        self._watch = watch
        self._meters = meters
        self._tending = Tending(config, store, watch.use_case, meters)
        self.challengers = Challengers(config, store, meters, service)

    def reading(self, body: bytes) -> CaseReading:
        """A call that came, of which nothing is read yet."""
        return Reading(self._service, body)

    def read_ahead(self, site: str, reading: CaseReading) -> None:
        """Read what a call says, while its token is checked."""
        state = self._watch.at_hand(site)
        reading.ahead(state.rules if isinstance(state, Live) else None, self._config.clock())

    async def call(self, site: str, reading: CaseReading, caller: Caller, reads: FhirReads | None = None) -> bytes:
        """Answer one call within its deadline. The answer is on disk before this returns, and the token spent with it.

        What was not sent is read by `reads`, where the client has a FHIR server that is listed.

        Raises `TokenRefused` for a token that was spent before, `Problem`, `RequestRefused` or `StoreUnavailable`; then
        nothing was advised.
        """
        try:
            async with asyncio.timeout(self._config.answer_within_seconds):
                return await self._answer(site, reading, caller, reads)
        except StoreUnavailable as error:
            self._tending.missed(site, STORE_UNAVAILABLE, str(error))
            raise
        except TimeoutError as error:
            late = too_late(self._config.answer_within_seconds)
            self._tending.missed(site, TOO_LATE, late.detail)
            raise late from error

    async def _answer(self, site: str, reading: CaseReading, caller: Caller, reads: FhirReads | None) -> bytes:
        started, call = reading.began, reading.call
        state = await self.state(site)
        key = self.key(site)
        event = self._event(site, call, reading.document, key)
        if isinstance(state, Idle):
            notice = with_notice(
                None, UUID(event.event_id), event.use_case, told(state.pointer, None, self._config.steady_clock.now())
            )
            event = replace(event, **_idle(state), payload=_payload(notice))
            answer = await self._stored(event, caller, None, started)
        else:
            call = await reads.complete(call, self._service.description.prefetch) if reads else call
            answer = await self._live_call(state, reading, call, event, caller, started)
        self._count(answer, time.perf_counter() - started)
        return named(answer.body, call.context.patientId, self._service.case(call)).encode()

    async def feedback(self, site: str, body: bytes) -> int:
        """Store feedback on cards that this site displayed; return how many items. Raises `Problem`."""
        sent = shaped(FeedbackRequest, decoded(body), "The feedback")
        now = self._config.clock()
        _refuse_other_times(sent.feedback, now)
        received_us = microseconds(now)
        items = [_feedback(site, item, received_us) for item in sent.feedback]
        recorded = await self._store.record_feedback(self._watch.use_case, site, items)
        if recorded.unknown_cards:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "unknown-card",
                f"{recorded.unknown_cards} of the cards were never displayed at this site; nothing was stored.",
            )
        if recorded.unoffered_reasons:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "unoffered-reason",
                f"{recorded.unoffered_reasons} of the override reasons are none that the card offered; "
                "nothing was "
                "stored. Send a code of the card's overrideReasons.",
            )
        if recorded.unoffered_suggestions:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "unoffered-suggestion",
                f"{recorded.unoffered_suggestions} of the accepted cards name no suggestion that the card offered; "
                "nothing was stored. Send the uuid of each suggestion that was taken.",
            )
        for item in items:
            self._meters.feedback.labels(self._watch.use_case, site, item.outcome).inc()
        return len(items)

    async def state(self, site: str) -> SiteState:
        """The site's state; what shows without a call is stepped down from, once, on the way."""
        state = await self._watch.state(site)
        await self._tending.look(site, state)
        return state

    async def tend(self, site: str) -> SiteState:
        """As `state`, and write what could not be written when it happened. Raises `StoreUnavailable`."""
        state = await self.state(site)
        await self._tending.record(site, state)
        return state

    async def _live_call(
        self, live: Live, reading: CaseReading, call: AnyRequest, event: Event, caller: Caller, started: float
    ) -> Answer:
        now = self._config.clock()
        features = reading.features(call, live.rules, now)
        self._refuse_other_case(call, features)
        context, layout = self._config.sites[event.site], live.release.card
        patience = (self._config.answer_within_seconds - self._config.store_timeout_seconds) / 2
        case = Case(UUID(event.event_id), features, now, context.hours, patience, context.launch_of(event.use_case))
        advice = await advise(case, live, self._service)
        await self._tending.after(event.site, live, advice)
        card = advice.card
        if card is not None:
            card = linked(card, layout.links, self._config.base_url, event.site, features.unit)
        if advice.status in ADVISED:
            lowest = max(advice.tier, live.tier, key=lambda tier: tier.rank)
            said = told(live.pointer, lowest, self._config.steady_clock.now())
            card = with_notice(card, case.event_id, event.use_case, said)
        event = replace(
            event,
            **of_release(live),
            **_of_advice(advice),
            unit=features.unit,
            visit_key=pseudonym(self.key(event.site), self._service.resource, features.encounter_id),
            features=orjson.dumps(dict(features.values)).decode(),
            payload=_payload(card),
        )
        user_key = pseudonym(self.key(event.site), "Staff", call.context.userId)
        answer = await self._stored(event, caller, Reader(caller.issuer, user_key, call.hook), started)
        if advice.status in ADVISED and not answer.is_replay:
            self.challengers.offer(live, event, self._service.sent(call), now, started)
        return answer

    def key(self, site: str) -> bytes:
        """The site's pseudonym key. Raises `Problem` 503 where there is none."""
        try:
            return self._config.pseudonym_key(site)
        except ServingRefused as error:  # without pseudonyms nothing may be recorded, and so nothing advised
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", str(error)) from error

    def _event(self, site: str, call: AnyRequest, document: dict[str, Any], key: bytes) -> Event:
        case = self._service.case(call)
        name = f"{self._watch.use_case}|{site}|{call.hookInstance}"
        return Event(
            event_id=str(uuid5(EVENT_NAMESPACE, name)),
            at_us=microseconds(self._config.clock()),
            kind=CALL,
            use_case=self._watch.use_case,
            site=site,
            status="",
            payload=NO_CARDS.decode(),
            visit_key=None if case is None else pseudonym(key, self._service.resource, case),
            patient_key=pseudonym(key, "Patient", call.context.patientId),
            hook_instance=str(call.hookInstance),
            request_mac=fingerprint(key, document),
        )

    def _refuse_other_case(self, call: AnyRequest, features: RequestFeatures) -> None:
        case = self._service.case(call)
        if call.context.patientId != features.patient_id or case not in (None, features.encounter_id):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "prefetch-contradicts",
                "The prefetch is of another patient or visit than the context; send both of one visit.",
            )

    async def _stored(self, event: Event, caller: Caller, reader: Reader | None, started: float) -> Answer:
        """Store the event and return its answer: that of the first call, if this one is sent again."""
        event = replace(event, latency_ms=round((time.perf_counter() - started) * 1000, 3))
        spend, caller.spend = caller.spend, None
        recorded = await self._store.record(event, spend, reader)
        if recorded is None:
            raise TokenRefused(REPLAYED, caller.issuer or "")
        refuse_another(recorded, event.request_mac)
        return Answer(recorded.payload, event, recorded.is_replay)

    def _count(self, answer: Answer, seconds: float) -> None:
        event = answer.event
        labels = (event.use_case, event.site)
        self._meters.seconds.labels(*labels).observe(seconds)
        if answer.is_replay:
            self._meters.replays.labels(*labels).inc()
            return
        self._meters.calls.labels(*labels, event.stage or "off", event.tier or "none", event.status).inc()
        if event.is_displayed:
            self._meters.cards.labels(*labels).inc()


def _payload(card: dict[str, Any] | None) -> str:
    return (NO_CARDS if card is None else orjson.dumps({"cards": [card]})).decode()


def fingerprint(key: bytes, document: dict[str, Any]) -> str:
    """Fingerprint of what a call is about, under the site's key, to tell a replay from a reused
    hookInstance.
    """
    content = orjson.dumps([document.get("context"), document.get("prefetch")])
    return hmac.digest(key, content, "sha256").hex()


def too_late(seconds: float) -> Problem:
    """What a call is told that could not be answered in time."""
    detail = f"There was no answer within {seconds:g} seconds, and no advice is given."
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, TOO_LATE_KIND, detail, {"Retry-After": "5"})


def refuse_another(recorded: Recorded, request_mac: str | None) -> None:
    """Raise `Problem` 409 for a call that carries the hookInstance of another one."""
    if recorded.is_replay and not hmac.compare_digest(recorded.request_mac or "", request_mac or ""):
        raise Problem(
            HTTPStatus.CONFLICT,
            "hook-instance-reused",
            "This hookInstance was used for another request; send a new UUID for every call.",
        )


def _refuse_other_times(items: list[FeedbackItem], now: datetime) -> None:
    """Raise `Problem` 400 for an outcome that has not happened yet, or that no card can have had."""
    times = [item.outcomeTimestamp for item in items]
    if future := sum(at - now > MAX_CLOCK_SKEW for at in times):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "outcome-in-the-future",
            f"{future} of the outcomeTimestamps lie in the future; nothing was stored. Set the clock, and send the "
            "time at which the outcome happened.",
        )
    if early := sum(at < EARLIEST_OUTCOME for at in times):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "outcome-too-early",
            f"{early} of the outcomeTimestamps lie before {EARLIEST_OUTCOME:%Y}, when there were no cards; nothing was "
            "stored. Send the time at which the outcome happened.",
        )


def _idle(state: Idle) -> dict[str, Any]:
    pointer = state.pointer
    return {
        "status": state.status,
        "reason": state.reason[:MAX_REASON_LENGTH],
        "generation": None if pointer is None else pointer.generation,
        "stage": None if pointer is None else pointer.stage.value,
    }


def _of_advice(advice: Advice) -> dict[str, Any]:
    return {
        "tier": advice.tier.value,
        "status": advice.status,
        "reason": None if advice.reason is None else advice.reason[:MAX_REASON_LENGTH],
        "scores": None if advice.probabilities is None else orjson.dumps(dict(advice.probabilities)).decode(),
        "risk_band": advice.band,
        "card_uuid": None if advice.card is None else advice.card["uuid"],
        "is_displayed": advice.card is not None,
    }


def _feedback(site: str, item: FeedbackItem, received_us: int) -> Feedback:
    reason = item.overrideReason.reason if item.overrideReason is not None else None
    comment = item.overrideReason.userComment if item.overrideReason is not None else None
    code = reason.code if reason is not None else None
    suggestions = tuple(sorted({str(one.id) for one in item.acceptedSuggestions or ()}))
    name = "|".join(
        (site, str(item.card), item.outcome, str(code), str(microseconds(item.outcomeTimestamp)), *suggestions)
    )
    return Feedback(
        feedback_id=str(uuid5(EVENT_NAMESPACE, name)),
        received_us=received_us,
        card_uuid=str(item.card),
        outcome=item.outcome,
        override_reason_code=code,
        override_reason_system=reason.system if reason is not None else None,
        accepted_suggestions=len(suggestions),
        outcome_us=microseconds(item.outcomeTimestamp),
        user_comment=comment.replace("\x00", "") if comment is not None else None,
        suggestions=suggestions,
    )
