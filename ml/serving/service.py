"""One call from its bytes to its stored answer.

Here belongs the order of steps: decode, verify, decide, store, answer. What is decided is `advice.py`; HTTP
is `app.py`.
"""

import hashlib
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
from ml.registry.stages import Tier
from ml.serving import Problem, ServingRefused
from ml.serving.advice import FALLBACK, MANUAL, SCORED, STEPPED_DOWN, Advice, advise, next_tier
from ml.serving.bodies import decoded, shaped
from ml.serving.cards import linked, named
from ml.serving.config import ServingConfig, utc_now
from ml.serving.events import Event, EventStore, Feedback
from ml.serving.fetching import FhirReads
from ml.serving.hooks import AnyRequest, FeedbackItem, FeedbackRequest
from ml.serving.live import Live, SiteState
from ml.serving.metrics import Meters
from ml.serving.notices import told, with_notice
from ml.serving.releases import Idle, ReleaseWatch
from ml.serving.services import TRIAGE_SERVICE, HookService
from ml.serving.tables import CALL, STEP_DOWN, microseconds

EVENT_NAMESPACE = UUID("6f0c2a52-8f5f-5d0a-9d0e-1f6b8f0f5a11")
"""Event ids are name-based (RFC 9562, version 5), so that the same call has the same id wherever it
arrives.
"""
ADVISED = (SCORED, FALLBACK, MANUAL)
"""Of whom advice is given: nobody else is told that it went away."""
NO_CARDS = b'{"cards":[]}'
MAX_REASON_LENGTH = 1000
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
        service: HookService = TRIAGE_SERVICE,
    ) -> None:
        self._service = service
        self._config = config
        self._store = store
        self._watch = watch
        self._meters = meters

    async def call(self, site: str, body: bytes, reads: FhirReads | None = None) -> bytes:
        """Answer one call. The answer is on disk before this returns.

        What was not sent is read by `reads`, where the client has a FHIR server that is listed.

        Raises `Problem`, `RequestRefused` or `StoreUnavailable`; then nothing was advised.
        """
        started = time.perf_counter()
        document = decoded(body)
        call = shaped(self._service.request, document, "The call")
        state = await self.state(site)
        key = self._key(site)
        event = self._event(site, call, document, key)
        if isinstance(state, Idle):
            notice = with_notice(None, UUID(event.event_id), event.use_case, told(state.pointer, None, utc_now()))
            event = replace(event, **_idle(state), payload=_payload(notice))
            answer = await self._stored(event, started)
        else:
            call = await reads.complete(call, self._service.description.prefetch) if reads else call
            answer = await self._live_call(state, call, event, started)
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
        """The site's state; a model that cannot be read is stepped down, once, on the way."""
        state = await self._watch.state(site)
        if isinstance(state, Live) and state.model_fault is not None:
            fault, state.model_fault = state.model_fault, None
            if state.tier_reason == fault:
                await self._step_down(site, state, state.tier, fault)
        return state

    async def _live_call(self, live: Live, call: AnyRequest, event: Event, started: float) -> Answer:
        features = live.rules.features(self._service.sent(call), self._config.clock())
        self._refuse_other_case(call, features)
        scorer, zone = live.scorer, self._config.sites[event.site].zone
        event_id = UUID(event.event_id)
        service, layout = self._service, live.release.card
        advice = advise(
            event_id,
            live.release,
            live.stage,
            live.tier,
            scorer,
            features,
            zone,
            service.fallback,
            is_visit=service.is_of_visits,
        )
        await self._watch_breach(event.site, live, advice)
        card = advice.card
        if card is not None:
            card = linked(card, layout.links, self._config.base_url, event.site, features.unit)
        if advice.status in ADVISED:
            said = told(live.pointer, max(advice.tier, live.tier, key=lambda tier: tier.rank), utc_now())
            card = with_notice(card, event_id, event.use_case, said)
        event = replace(
            event,
            **_of_release(live),
            **_of_advice(advice),
            unit=features.unit,
            visit_key=pseudonym(self._key(event.site), self._service.resource, features.encounter_id),
            features=orjson.dumps(dict(features.values)).decode(),
            payload=_payload(card),
        )
        return await self._stored(event, started)

    async def _watch_breach(self, site: str, live: Live, advice: Advice) -> None:
        """Count failures in a row; at the limit the tier goes down and stays down until a person acts."""
        if advice.model_fault is None:
            live.failures = 0 if advice.probabilities is not None else live.failures
            return
        live.failures += 1
        if live.failures >= self._config.failures_to_step_down and live.tier is Tier.MODEL:
            lower = next_tier(live.release, Tier.MODEL)
            reason = f"{live.failures} calls in a row: {advice.model_fault}"
            live.tier, live.tier_reason = lower, reason
            await self._step_down(site, live, lower, reason)

    async def _step_down(self, site: str, live: Live, tier: Tier, reason: str) -> None:
        pointer = live.pointer
        name = f"{self._watch.use_case}|{site}|step_down|{pointer.digest}|{tier}"
        event = Event(
            event_id=str(uuid5(EVENT_NAMESPACE, name)),
            at_us=microseconds(self._config.clock()),
            kind=STEP_DOWN,
            use_case=self._watch.use_case,
            site=site,
            status=STEPPED_DOWN,
            payload="{}",
            reason=reason[:MAX_REASON_LENGTH],
            tier=tier.value,
            **_of_release(live),
        )
        await self._store.step_down(event, pointer, tier, reason[:MAX_REASON_LENGTH])

    def _key(self, site: str) -> bytes:
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
            request_mac=_mac(key, document),
        )

    def _refuse_other_case(self, call: AnyRequest, features: RequestFeatures) -> None:
        case = self._service.case(call)
        if call.context.patientId != features.patient_id or case not in (None, features.encounter_id):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "prefetch-contradicts",
                "The prefetch is of another patient or visit than the context; send both of one visit.",
            )

    async def _stored(self, event: Event, started: float) -> Answer:
        """Store the event and return its answer: that of the first call, if this one is sent again."""
        event = replace(event, latency_ms=round((time.perf_counter() - started) * 1000, 3))
        recorded = await self._store.record(event)
        if recorded.is_replay and not hmac.compare_digest(recorded.request_mac or "", event.request_mac or ""):
            raise Problem(
                HTTPStatus.CONFLICT,
                "hook-instance-reused",
                "This hookInstance was used for another request; send a new UUID for every call.",
            )
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


def _mac(key: bytes, document: dict[str, Any]) -> str:
    """Fingerprint of what a call is about, under the site's key, to tell a replay from a reused
    hookInstance.
    """
    content = orjson.dumps([document.get("context"), document.get("prefetch")])
    return hmac.new(key, content, hashlib.sha256).hexdigest()


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


def _of_release(live: Live) -> dict[str, Any]:
    return {
        "release_digest": live.release.digest,
        "generation": live.pointer.generation,
        "stage": live.stage.value,
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
