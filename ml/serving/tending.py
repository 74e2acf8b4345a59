"""Looking after the releases of one use case while they are served: stepping down, and remembering what went wrong.

Here belongs what the service does by itself and what it writes of it into the event store, from which orchestration
makes ledger entries and incidents. When to step down is `health.py`. Nothing here ever steps up.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid5

from ml.registry.pointer import Pointer
from ml.registry.stages import Tier
from ml.serving import StoreUnavailable
from ml.serving.advice import RELEASE_REFUSED, STEPPED_DOWN, Advice
from ml.serving.config import ServingConfig
from ml.serving.events import EVENT_NAMESPACE, MAX_REASON_LENGTH, Event, EventStore
from ml.serving.health import Health, StepDown, because_of_the_clock, because_silent, clock_tier
from ml.serving.live import Live, SiteState
from ml.serving.metrics import Meters
from ml.serving.tables import OUTAGE, STEP_DOWN, microseconds

STORE_UNAVAILABLE, TOO_LATE, CLOCK_JUMPED = "store_unavailable", "too_late", "clock_jumped"


@dataclass(frozen=True)
class _Missed:
    """Calls that were answered with a problem document, and are not recorded yet."""

    status: str
    reason: str
    first: datetime
    last: datetime
    calls: int

    def once_more(self, at: datetime) -> "_Missed":
        return replace(self, last=at, calls=self.calls + 1)

    def before(self, later: "_Missed | None") -> "_Missed":
        return self if later is None else replace(self, last=later.last, calls=self.calls + later.calls)


@dataclass(frozen=True)
class _Unwritten:
    """A step down that was acted upon and is not in the store yet."""

    event: Event
    pointer: Pointer
    step: StepDown


class Tending:
    """What one use case went through at every site."""

    def __init__(self, config: ServingConfig, store: EventStore, use_case: str, meters: Meters) -> None:
        self._config, self._store, self._use_case, self._meters = config, store, use_case, meters
        self._health: dict[str, tuple[Live, Health]] = {}
        self._missed: dict[tuple[str, str], _Missed] = {}
        self._unwritten: dict[str, list[_Unwritten]] = {}
        self._refused: dict[str, str] = {}
        self._jumped: dict[str, Pointer] = {}
        self._outages = 0

    async def after(self, site: str, live: Live, advice: Advice) -> None:
        """Take what a call came to."""
        tended, health = self._health.get(site, (None, Health()))
        if tended is not live:
            health = Health()
            self._health[site] = (live, health)
        step = health.after(live, advice, self._config.failures_to_step_down)
        if step is not None and step.tier.rank > live.tier.rank:
            await self._step_down(site, live, step)

    async def look(self, site: str, state: SiteState) -> None:
        """Step down for what shows without a call: a model that cannot be read or hangs, and a clock that jumped."""
        if not isinstance(state, Live):
            return
        for waiting in self._unwritten.get(site, ()):
            if waiting.pointer == state.pointer and waiting.step.tier.rank > state.tier.rank:
                state.tier, state.tier_reason = waiting.step.tier, waiting.step.reason
        if state.model_fault is not None:
            fault, state.model_fault = state.model_fault, None
            if state.tier_reason == fault:
                await self._step_down(site, state, StepDown(state.tier, fault))
        for asked in state.asked.values():
            asked.look(state.each_seconds)
        step = because_silent(state, self._config.silent_seconds_to_step_down)
        step = step or because_of_the_clock(state, self._jump_of(site, state))
        if step is not None:
            await self._step_down(site, state, step)

    async def record(self, site: str, state: SiteState) -> None:
        """Write what could not be written when it happened. Raises `StoreUnavailable` while it still cannot."""
        for waiting in tuple(self._unwritten.get(site, ())):
            await self._write(site, waiting)
        if any(place == site for place, _ in self._missed):
            await self._store.check()
        for key, missed in [(key, one) for key, one in self._missed.items() if key[0] == site]:
            said = f"{missed.calls} calls from {missed.first:%H:%M:%S} to {missed.last:%H:%M:%S} UTC: {missed.reason}"
            del self._missed[key]
            try:
                await self._outage(site, missed.status, said, missed.first, state)
            except StoreUnavailable:
                self._missed[key] = missed.before(self._missed.get(key))
                raise
        if not isinstance(state, Live) and state.status == RELEASE_REFUSED and self._refused.get(site) != state.reason:
            await self._outage(site, RELEASE_REFUSED, state.reason, self._config.clock(), state)
            self._refused[site] = state.reason
        elif isinstance(state, Live):
            self._refused.pop(site, None)
            await self._record_jump(site, state)

    def missed(self, site: str, status: str, reason: str) -> None:
        """Remember a call that was answered with a problem document."""
        now = self._config.clock()
        known = self._missed.get((site, status))
        self._missed[site, status] = known.once_more(now) if known else _Missed(status, reason, now, now, 1)

    def _jump_of(self, site: str, live: Live) -> float:
        """By how much the clock jumped; a step up since, which only a person takes, says that it is right."""
        jumped, before = self._config.steady_clock.jump(), self._jumped.get(site)
        if not jumped:
            self._jumped.pop(site, None)
        elif before is not None and before.generation < live.pointer.generation:
            if steps_up(before, live.pointer, clock_tier(live)):
                self._config.steady_clock.trust()
                del self._jumped[site]
                return 0.0
            self._jumped[site] = live.pointer
        return jumped

    async def _record_jump(self, site: str, live: Live) -> None:
        jumped = self._jump_of(site, live)
        if not jumped or site in self._jumped:
            return
        said = f"The service's clock jumped by {jumped:+.0f} seconds; it goes on by the seconds that passed."
        await self._outage(site, CLOCK_JUMPED, said, self._config.clock(), live)
        self._jumped[site] = live.pointer

    async def _step_down(self, site: str, live: Live, step: StepDown) -> None:
        """Act first; then write it, now or as soon as the store can be written again."""
        live.tier, live.tier_reason = step.tier, step.reason
        pointer, reason = live.pointer, step.reason[:MAX_REASON_LENGTH]
        name = f"{self._use_case}|{site}|step_down|{pointer.digest}|{step.tier}"
        event = self._event(site, STEP_DOWN, STEPPED_DOWN, reason, self._config.clock(), name)
        event = replace(event, tier=step.tier.value, **of_release(live))
        waiting = _Unwritten(event, pointer, replace(step, reason=reason))
        self._unwritten.setdefault(site, []).append(waiting)
        self._meters.step_downs.labels(self._use_case, site, step.tier.value).inc()
        with suppress(StoreUnavailable):  # `record` writes it later; the call says by itself that the store is away
            await self._write(site, waiting)

    async def _write(self, site: str, waiting: _Unwritten) -> None:
        await self._store.step_down(waiting.event, waiting.pointer, waiting.step.tier, waiting.step.reason)
        self._unwritten[site] = [one for one in self._unwritten[site] if one is not waiting]

    async def _outage(self, site: str, status: str, reason: str, at: datetime, state: SiteState) -> None:
        generation = None if state.pointer is None else state.pointer.generation
        self._outages += 1  # two outages may begin at the same instant of a clock that stands still
        name = f"{self._use_case}|{site}|outage|{status}|{microseconds(at)}|{self._outages}"
        event = self._event(site, OUTAGE, status, reason[:MAX_REASON_LENGTH], at, name)
        more = of_release(state) if isinstance(state, Live) else {"generation": generation}
        await self._store.record(replace(event, tier=Tier.MANUAL.value, **more))

    def _event(self, site: str, kind: str, status: str, reason: str, at: datetime, name: str) -> Event:
        return Event(
            event_id=str(uuid5(EVENT_NAMESPACE, name)),
            at_us=microseconds(at),
            kind=kind,
            use_case=self._use_case,
            site=site,
            status=status,
            payload="{}",
            reason=reason,
        )


def of_release(live: Live) -> Mapping[str, Any]:
    """What an event says of the release that it is about."""
    return {
        "release_digest": live.release.digest,
        "generation": live.pointer.generation,
        "stage": live.stage.value,
    }


def steps_up(before: Pointer, now: Pointer, clock: Tier | None) -> bool:
    """Whether a pointer is a person's step up from the tier that a jump of the clock steps down to (None: to none).

    What steps down by itself publishes pointers too, and they say nothing of the clock: of a lower stage, of a tier
    below the pointer's own, though it may be above the one that the clock stepped down to (whoever cannot read the
    events knows of no such step), or back to the release before. A lower tier is a step up only where it is signed.
    """
    if now.stage.rank < before.stage.rank or now.rollback not in (None, before.rollback):
        return False
    is_above = clock is None or now.tier.rank < clock.rank
    return is_above and (now.tier.rank <= before.tier.rank or now.is_signed_step)
