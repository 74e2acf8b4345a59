"""A chart that is opened: what triage gave last about its visit is looked up, shown again or not, and written down.

Here belongs the way of one call of the hook `patient-view` from its bytes to its answer, in one transaction with the
token that it costs. When a card is shown again is `chart.py`. Nothing is scored, and no event is made: calls, alerts
and outages are those of triage alone, and no challenger is asked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from uuid import uuid5

import orjson
from sqlalchemy import Connection, exists, select

from ml.features.pseudonym import pseudonym
from ml.registry.stages import Stage, Tier
from ml.serving.bodies import shaped
from ml.serving.callers import Caller
from ml.serving.cards import named
from ml.serving.chart import Chart, Given, Outcome, outcome_of, shown_again
from ml.serving.config import ServingConfig
from ml.serving.events import EVENT_NAMESPACE, EventStore, Reader, Recorded, insert_new
from ml.serving.fetching import FhirReads
from ml.serving.hooks import ChartRequest
from ml.serving.live import SiteState
from ml.serving.metrics import Meters
from ml.serving.reading import Reading
from ml.serving.service import NO_CARDS, HookAdvice, fingerprint, refuse_another, too_late
from ml.serving.services import TRIAGE_CHART, HookService
from ml.serving.tables import CALL, CARD_SEEN, CHART_OPENED, EVENT, FEEDBACK, instant_of, microseconds
from ml.serving.tokens import REPLAYED, TokenRefused


@dataclass(frozen=True)
class Opened:
    """What a call came to: why, and the answer that it gets."""

    outcome: Outcome
    recorded: Recorded


class OpenedCharts:
    """The charts of one use case's visits, at every site. Feedback on what they show is feedback on the card."""

    def __init__(
        self,
        config: ServingConfig,
        store: EventStore,
        advice: HookAdvice,
        meters: Meters,
        service: HookService = TRIAGE_CHART,
    ) -> None:
        self._config, self._store, self._advice, self._meters = config, store, advice, meters
        self._service, self._use_case = service, service.use_case
        self.feedback = advice.feedback

    def reading(self, body: bytes) -> Reading[HookService]:
        """A call that came, of which nothing is read yet."""
        return Reading(self._service, body)

    def read_ahead(self, site: str, reading: Reading[HookService]) -> None:
        """Nothing: a chart that is opened says so little that it is read when its token was checked."""

    async def call(
        self,
        site: str,
        reading: Reading[HookService],
        caller: Caller,
        reads: FhirReads | None = None,  # noqa: ARG002 - there is no prefetch
    ) -> bytes:
        """Answer one call within its deadline. The opening is on disk before this returns, and the token spent with it.

        Raises as `HookAdvice.call` does. A chart that could not be answered is no outage: no advice was missed.
        """
        try:
            async with asyncio.timeout(self._config.answer_within_seconds):
                return await self._answer(site, reading, caller)
        except TimeoutError as error:
            raise too_late(self._config.answer_within_seconds) from error

    async def _answer(self, site: str, reading: Reading[HookService], caller: Caller) -> bytes:
        call = shaped(ChartRequest, reading.document, "The call")
        state, key, asked = await self._advice.state(site), self._advice.key(site), call.context
        chart = Chart(
            now=self._config.clock(),
            patient_key=pseudonym(key, "Patient", asked.patientId),
            visit_key=None if asked.encounterId is None else pseudonym(key, "Encounter", asked.encounterId),
            context=self._config.sites[site],
            use_case=self._use_case,
        )
        mac = fingerprint(key, reading.document)
        row = {
            "opening_id": str(uuid5(EVENT_NAMESPACE, f"{chart.use_case}|{site}|chart|{call.hookInstance}")),
            "at_us": microseconds(chart.now),
            "use_case": chart.use_case,
            "site": site,
            "patient_key": chart.patient_key,
            "visit_key": chart.visit_key,
            "hook_instance": str(call.hookInstance),
            "request_mac": mac,
        }
        reader = Reader(caller.issuer, pseudonym(key, "Staff", asked.userId), call.hook)
        spend, caller.spend = caller.spend, None
        opened = await self._store.write_spending(lambda store: _open(store, chart, state, row, reader), spend)
        if opened is None:
            raise TokenRefused(REPLAYED, caller.issuer or "")
        refuse_another(opened.recorded, mac)
        self._count(site, opened)
        return named(opened.recorded.payload, asked.patientId, asked.encounterId).encode()

    def _count(self, site: str, opened: Opened) -> None:
        if not opened.recorded.is_replay:
            self._meters.charts.labels(self._use_case, site, opened.outcome.value).inc()


def _open(connection: Connection, chart: Chart, state: SiteState, row: dict[str, Any], reader: Reader) -> Opened:
    """Decide and write down, once for each opening; the same call sent again gets what the first one got."""
    given = _last_given(connection, chart, row["site"])
    outcome = outcome_of(chart, state, given)
    said = {"outcome": outcome.value, "event_id": given.event_id if given and outcome is Outcome.SHOWN else None}
    opening = {**row, **said, "client": reader.client, "user_key": reader.user_key}
    is_first = insert_new(connection, CHART_OPENED, opening)
    if not is_first:
        first = select(CHART_OPENED).where(CHART_OPENED.c.opening_id == row["opening_id"])
        opening = dict(connection.execute(first).mappings().one())
    payload = None
    if opening["event_id"] is not None and opening["request_mac"] == row["request_mac"]:
        payload = _payload(connection, opening, chart.context.zone)
    if payload is not None:
        where = {name: row[name] for name in ("at_us", "use_case", "site")}
        insert_new(connection, CARD_SEEN, {**where, "event_id": opening["event_id"], **vars(reader)})
    recorded = Recorded(payload or NO_CARDS.decode(), opening["request_mac"], is_replay=not is_first)
    return Opened(Outcome(opening["outcome"]), recorded)


def _last_given(connection: Connection, chart: Chart, site: str) -> Given | None:
    """What the visit was answered last: an answer without a card takes the place of an earlier card."""
    if chart.visit_key is None:
        return None
    answered = exists().where(FEEDBACK.c.card_uuid == EVENT.c.card_uuid).label("is_answered")
    here = (EVENT.c.visit_key == chart.visit_key, EVENT.c.use_case == chart.use_case, EVENT.c.site == site)
    query = select(EVENT, answered).where(*here, EVENT.c.kind == CALL).order_by(EVENT.c.id.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    hour = orjson.loads(row["features"] or "{}").get("arrival_hour")
    return Given(
        event_id=row["event_id"],
        at=instant_of(row["at_us"]),
        patient_key=row["patient_key"],
        unit=row["unit"],
        release_digest=row["release_digest"],
        stage=None if row["stage"] is None else Stage(row["stage"]),
        tier=None if row["tier"] is None else Tier(row["tier"]),
        arrival_hour=None if hour is None else int(hour),
        is_displayed=bool(row["is_displayed"]),
        is_answered=bool(row["is_answered"]),
    )


def _payload(connection: Connection, opening: Mapping[str, Any], zone: tzinfo) -> str | None:
    """The answer that shows the card of an event again; None where the event was erased since."""
    event = select(EVENT.c.at_us, EVENT.c.card_uuid, EVENT.c.payload).where(EVENT.c.event_id == opening["event_id"])
    found = connection.execute(event).one_or_none()
    if found is None:
        return None
    card = next(one for one in orjson.loads(found.payload)["cards"] if one["uuid"] == found.card_uuid)
    again = shown_again(card, instant_of(found.at_us), instant_of(opening["at_us"]), zone)
    return orjson.dumps({"cards": [again]}).decode()
