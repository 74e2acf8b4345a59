"""A challenger at work: it scores the same request after the answer is on disk, and nobody waits for it or sees it.

Here belong watching its pointer, a bounded number of scores at a time, and their events. What becomes of a score, and
whether the ledger knows of the challenger, is judged elsewhere. Whatever goes wrong is counted and logged; it never
touches what is served. Where a site has no challenger, a call costs one look into an empty dictionary.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid5

import orjson

from ml.registry.challenger import Challenger, challenger_path, check_challenger, check_follows, read_challenger
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.registry.stages import Stage, Tier
from ml.registry.store import VerifiedRelease
from ml.serving import ServingRefused
from ml.serving.advice import SCORED, outside_scope
from ml.serving.asking import AskedModel, ModelThread
from ml.serving.config import ServingConfig
from ml.serving.events import EVENT_NAMESPACE, Event, EventStore
from ml.serving.live import Live
from ml.serving.metrics import Meters
from ml.serving.scoring import Scorer
from ml.serving.services import Rules, ScoringService
from ml.serving.tables import CHALLENGER

LOG = logging.getLogger("pilothouse.serving")
MOST_AT_ONCE: Final = 64
"""Scores under way; a call beyond them is not scored by the challenger, and is counted."""
SCORE_SECONDS, PATIENCE_SECONDS, CLOSE_SECONDS = 1.0, 10.0, 5.0
RETRY_SECONDS = 60.0
FAILED, DROPPED, OUTSIDE = "failed", "dropped", "outside"


@dataclass(frozen=True)
class Beside:
    """A verified challenger with what scores for it."""

    pointer: Challenger
    release: VerifiedRelease
    rules: Rules
    scorer: Scorer
    asked: AskedModel

    @property
    def model(self) -> str:
        return self.release.manifest.model.digest


@dataclass(frozen=True)
class Scored:
    """What a challenger made of one request."""

    unit: str | None
    features: Mapping[str, Any]
    scores: Mapping[str, float]


class Challengers:
    """The challengers of one use case, by site."""

    def __init__(self, config: ServingConfig, store: EventStore, meters: Meters, service: ScoringService) -> None:
        self._config, self._store, self._meters, self._service = config, store, meters, service
        self._beside: dict[str, Beside] = {}
        self._looked: dict[str, tuple[object, float | None]] = {}
        self._threads: dict[str, ModelThread] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self, site: str) -> None:
        """Load the challenger of a site again if its pointer changed, or could not be loaded a minute ago.

        Never raises; what cannot be verified scores nothing.
        """
        present = _print_of(challenger_path(self._config.home, self._service.use_case, site))
        before, failed_at = self._looked.get(site, (None, None))
        is_due = failed_at is not None and time.monotonic() - failed_at >= RETRY_SECONDS
        if present == before and not is_due:
            return
        self._looked[site] = (present, None)
        self._beside.pop(site, None)
        if present is None:
            return
        try:
            loaded = await asyncio.to_thread(self._load, site)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a challenger, what is served goes on
            self._looked[site] = (present, time.monotonic())
            self._failed(site, "cannot be loaded", error)
            return
        if loaded is not None:
            self._beside[site] = loaded
            LOG.info("%s at %s: challenger %s", self._service.use_case, site, loaded.release.digest[:12])

    def offer(self, live: Live, event: Event, sent: object, now: datetime, started: float) -> None:
        """Have the challenger score what was answered, later and in its own thread; returns at once.

        `event` is the answer's, `started` when the call came by `time.perf_counter`.
        """
        beside = self._beside.get(event.site)
        if beside is None or beside.model == live.release.manifest.model.digest:
            return
        if len(self._tasks) >= MOST_AT_ONCE:
            self._count(event.site, DROPPED)
            return
        task = asyncio.get_running_loop().create_task(self._score(beside, event, sent, now, started))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for what was begun, for seconds at the most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)

    async def close(self) -> None:
        """Finish what was begun, and end the threads."""
        await self.finish()
        for thread in self._threads.values():
            thread.close()

    async def _score(self, beside: Beside, event: Event, sent: object, now: datetime, started: float) -> None:
        hours = self._config.sites[event.site].hours

        def work() -> Scored | None:
            features = beside.rules.features(sent, now)
            if not features.eligible or outside_scope(beside.release.manifest.scope, features, hours) is not None:
                return None
            known = beside.scorer.known(features.values)
            return Scored(features.unit, dict(features.values), beside.scorer.score(known))

        try:
            scored = await beside.asked.ask(work, SCORE_SECONDS, PATIENCE_SECONDS)
            if scored is not None:
                await self._store.record(_event(beside, event, scored, started))
            self._count(event.site, OUTSIDE if scored is None else SCORED)
        except Exception as error:  # noqa: BLE001 - the answer went out; a challenger that fails is counted
            self._failed(event.site, "did not score", error)

    def _load(self, site: str) -> Beside | None:
        home, use_case = self._config.home, self._service.use_case
        public_key = load_public_key(home / RELEASE_PUBLIC_KEY)
        pointer = read_challenger(home, use_case, site, public_key)
        if pointer is None:
            return None
        seen = self._store.challenger_seen(use_case, site)
        if seen is not None:
            check_follows(pointer, *seen)
        release = check_challenger(home, pointer, public_key)
        self._store.remember_challenger(use_case, site, pointer.generation, pointer.digest)
        return None if release is None else self._opened(site, pointer, release)

    def _opened(self, site: str, pointer: Challenger, release: VerifiedRelease) -> Beside:
        thread = self._threads.setdefault(site, ModelThread(f"{self._service.use_case}-{site}-challenger"))
        if thread.is_busy:
            raise ServingRefused("The challenger's thread is busy with the one before; it is tried again in a minute.")
        scorer = _within(thread, lambda: Scorer.load(release)[Tier.MODEL], self._config.load_within_seconds)
        model = scorer.model
        rules = self._service.rules(model.feature_names, model.vocabulary, self._config.sites[site].zone)
        return Beside(pointer, release, rules, scorer, AskedModel(thread, scorer.probe))

    def _count(self, site: str, outcome: str) -> None:
        self._meters.challengers.labels(self._service.use_case, site, outcome).inc()

    def _failed(self, site: str, what: str, error: Exception) -> None:
        self._count(site, FAILED)
        LOG.warning("%s at %s: the challenger %s (%s)", self._service.use_case, site, what, type(error).__name__)


def _within(thread: ModelThread, work: Callable[[], Scorer], seconds: float) -> Scorer:
    item = thread.submit(work)
    try:
        return item.future.result(seconds)
    except TimeoutError as error:
        item.future.cancel()
        raise ServingRefused(f"The challenger could not be loaded within {seconds:g} seconds.") from error


def _event(beside: Beside, answered: Event, scored: Scored, started: float) -> Event:
    """The challenger's own event: of the same call and moment, with no card, and shown to nobody."""
    return replace(
        answered,
        event_id=str(uuid5(EVENT_NAMESPACE, f"challenger|{answered.event_id}|{beside.release.digest}")),
        kind=CHALLENGER,
        status=SCORED,
        payload="{}",
        request_mac=None,
        release_digest=beside.release.digest,
        generation=beside.pointer.generation,
        stage=Stage.SHADOW.value,
        tier=Tier.MODEL.value,
        reason=None,
        unit=scored.unit,
        latency_ms=round((time.perf_counter() - started) * 1000, 3),
        features=orjson.dumps(scored.features).decode(),
        scores=orjson.dumps(scored.scores).decode(),
        risk_band=None,
        card_uuid=None,
        is_displayed=False,
    )


def _print_of(path: Any) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
