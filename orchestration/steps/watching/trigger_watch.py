"""Triggers watched: a release that breaches one steps down by itself; then it is recorded, and one incident is opened.

The pointer is moved first, as for every step down (decision 0004). What serving stepped down by itself is recorded here
too, as soon as it is seen. What does not belong here: what is measured (watching/signals) and what a breach is
(evaluation/gates). Decision 0031.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from evaluation.canonical import document_digest
from evaluation.gates import Breach, breached, lowered_by, would_lower
from evaluation.ledger import instant_text
from evaluation.policies import Stage, Tier, Trigger, load_policy
from ml.registry.pointer import Pointer
from ml.serving.tables import EVENT, STEP_DOWN, instant_of
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.incidents import incident_label, list_incidents, open_incident
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.going_down import Descent, roll_back_if
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.releases.served import answering_tier, from_events
from orchestration.steps.watching.signals import Watching, read_signal

PREFIX, BY_ITSELF, STAMP = "trigger", "serving-stepped-down", "%Y%m%d%H%M%S"


@dataclass
class TriggerWatch:
    """What a look at everything served came to: ledger entries of steps down, incidents opened, what was in the way."""

    stepped_down: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    incidents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    problems: list[str] = field(default_factory=list[str])

    @property
    def is_quiet(self) -> bool:
        return not (self.stepped_down or self.incidents or self.problems)


def watch_triggers(settings: Settings, wall: datetime) -> TriggerWatch:
    """Look at every served release. One that cannot be looked at keeps no other waiting; that is told as a problem."""
    found = TriggerWatch()
    for use_case in use_case_names():
        for site in served_sites(settings, use_case):
            _watch_place(settings, use_case, site, wall, found)
    return found


def _watch_place(settings: Settings, use_case: str, site: str, wall: datetime, found: TriggerWatch) -> None:
    try:
        pointer = current_pointer(settings, use_case, site)
        if pointer is not None and pointer.glass is not None and pointer.glass.is_over(wall):
            found.stepped_down += _end_glass(settings, pointer)
            return
        release = released(settings, pointer)
        if pointer is None or release is None:
            return
        watching = Watching(settings, pointer, release.manifest.model.digest, wall)
        _tell_served(watching, found)
        breaches = _breaches(watching, found)
        _act(watching, breaches, found)
    except (*known_errors(), SQLAlchemyError, ArithmeticError) as error:
        found.problems.append(f"The triggers of {use_case} at {site} cannot be watched: {said(error)}")


def _end_glass(settings: Settings, pointer: Pointer) -> list[dict[str, Any]]:
    """Bring back what was there before the glass was broken, as far as that stands by now, or off: its time is over."""

    def judge(present: Pointer) -> tuple[None, str] | None:
        if present.generation != pointer.generation or present.glass is None:
            return None
        return None, f"The time of a broken glass is over. {present.glass.sentence}"

    entry = roll_back_if(settings, pointer.use_case, pointer.site, judge, Actor(AUTOMATIC))
    return [] if entry is None else [entry]


def _breaches(watching: Watching, found: TriggerWatch) -> list[Breach]:
    """Every trigger that is breached and would lower what stands; a signal that cannot be read is told."""
    pointer = watching.pointer
    stage, tier = Stage(pointer.stage.value), answering_tier(watching.settings, pointer)
    breaches: list[Breach] = []
    for trigger in load_policy(pointer.use_case).triggers:
        if not would_lower(trigger, stage, Tier(pointer.tier.value) if tier is None else tier) and not _is_self_taken(
            trigger, pointer, tier
        ):
            continue
        try:
            breach = breached(trigger, read_signal(watching, trigger))
        except (*known_errors(), SQLAlchemyError, ArithmeticError) as error:
            found.problems.append(f"{trigger.signal} of {pointer.use_case} at {pointer.site}: {said(error)}")
            continue
        breaches += [] if breach is None else [breach]
    return breaches


def _is_self_taken(trigger: Trigger, pointer: Pointer, tier: Tier | None) -> bool:
    """Whether serving went by itself where the trigger leads: the signed pointer follows it there."""
    target = trigger.steps_down_to.tier
    return target is not None and tier is not None and Tier(pointer.tier.value).rank < target.rank <= tier.rank


def _act(watching: Watching, breaches: Sequence[Breach], found: TriggerWatch) -> None:
    """Step down for what acts now; open one incident for each cause that has none open."""
    known = _open_by_cause(watching)
    due = [one for one in breaches if _acts_now(watching, one.trigger, known)]
    waited = [one for one in _waited_for(watching, known) if one.id not in {each.trigger.id for each in due}]
    entry = None
    if due or waited:
        reason = " ".join([*(one.sentence for one in due), *(_late_sentence(one) for one in waited)])
        entry = _step_down(watching, [*(one.trigger for one in due), *waited], reason)
        found.stepped_down += [] if entry is None else [entry]
        if entry is None:
            return
    for breach in breaches:
        if _cause(watching.pointer, breach.trigger.id) not in known:
            found.incidents.append(_open(watching, breach, entry if breach in due else None))


def _step_down(watching: Watching, triggers: Iterable[Trigger], reason: str) -> dict[str, Any] | None:
    """Move the pointer, then record it; nothing where it moved since it was looked at."""
    pointer = watching.pointer
    descent = Descent.begin(watching.settings, pointer.use_case, pointer.site, reason, Actor(AUTOMATIC))
    with descent.turn() as present:
        if present.pointer is None or present.pointer.generation != pointer.generation:
            return None
        stage, tier = lowered_by(list(triggers), Stage(pointer.stage.value), descent.lowest_tier(pointer))
        return descent.step(present, stage, None if stage is Stage.OFF else tier)


def _acts_now(watching: Watching, trigger: Trigger, known: dict[str, dict[str, Any]]) -> bool:
    """At once, or where the shift has ended in which it was first seen (and where a site knows no shifts)."""
    if trigger.acts == "at_once" or _shift(watching, watching.wall) is None:
        return True
    opened = known.get(_cause(watching.pointer, trigger.id))
    return opened is not None and _is_other_shift(watching, opened)


def _waited_for(watching: Watching, known: dict[str, dict[str, Any]]) -> list[Trigger]:
    """Triggers that were seen in an earlier shift, under this pointer, and wait for its end: what was seen counts."""
    return [
        trigger
        for trigger in load_policy(watching.pointer.use_case).triggers
        if trigger.acts == "end_of_shift"
        and (opened := known.get(_cause(watching.pointer, trigger.id)))
        and opened["detail"].get("waits")
        and opened["detail"].get("generation") == watching.pointer.generation
        and _is_other_shift(watching, opened)
    ]


def _late_sentence(trigger: Trigger) -> str:
    return f"Trigger {trigger.id} was breached in the shift before and acts at its end. {trigger.rationale}"


def _is_other_shift(watching: Watching, opened: dict[str, Any]) -> bool:
    return _shift(watching, datetime.fromisoformat(opened["opened_at"])) != _shift(watching, watching.wall)


def _shift(watching: Watching, at: datetime) -> tuple[str, str] | None:
    """The shift that covers a time at the site: its id and the day on which it began; None where there is none."""
    place = load_site(watching.pointer.site)
    local = at.astimezone(place.zone)
    shift = place.shift_at(local.time())
    if shift is None:
        return None
    began_before = local.time() < shift.starts
    return shift.id, str(local.date().toordinal() - began_before)


def _cause(pointer: Pointer, what: str) -> str:
    """The end of every incident's name about one cause at one place."""
    digest = document_digest({"use_case": pointer.use_case, "site": pointer.site, "cause": what})[:8]
    return f"-{what[:32]}-{digest}"


def _open_by_cause(watching: Watching) -> dict[str, dict[str, Any]]:
    pointer = watching.pointer
    mine = [
        one
        for one in list_incidents(watching.settings)
        if one["is_open"] and (one["use_case"], one["site"]) == (pointer.use_case, pointer.site)
    ]
    return {
        _cause(pointer, trigger.id): one
        for trigger in load_policy(pointer.use_case).triggers
        for one in mine
        if one["incident"].endswith(_cause(pointer, trigger.id))
    }


def _open(watching: Watching, breach: Breach, entry: dict[str, Any] | None) -> dict[str, Any]:
    pointer, trigger = watching.pointer, breach.trigger
    goes = trigger.steps_down_to.stage or trigger.steps_down_to.tier
    done = f"Stepped down to {goes}." if entry else f"Steps down to {goes} at the end of this shift."
    return open_incident(
        watching.settings,
        incident_label(f"{PREFIX}-{watching.wall:{STAMP}}{_cause(pointer, trigger.id)}"),
        use_case=pointer.use_case,
        site=pointer.site,
        severity="high" if trigger.acts == "at_once" else "medium",
        what=f"{breach.sentence} {done} To be told: {', '.join(trigger.told)}.",
        release=pointer.release,
        detail={
            "cause": trigger.id,
            "signal": trigger.signal,
            "value": breach.reading.value,
            "n": breach.reading.n,
            "window_minutes": trigger.window_minutes,
            "told": list(trigger.told),
            "generation": pointer.generation,
            "waits": entry is None,
            "step": entry and entry.get("hash"),
        },
    )


def _tell_served(watching: Watching, found: TriggerWatch) -> None:
    """Record, once, what serving stepped down by itself under this pointer, and open an incident for it."""
    pointer = watching.pointer
    query = select(EVENT.c.event_id, EVENT.c.at_us, EVENT.c.tier, EVENT.c.reason).where(
        EVENT.c.kind == STEP_DOWN,
        EVENT.c.use_case == pointer.use_case,
        EVENT.c.site == pointer.site,
        EVENT.c.generation == pointer.generation,
    )
    rows = from_events(watching.settings, lambda connection: connection.execute(query).all()) or []
    if not rows:
        return
    ledger = open_records(watching.settings)
    recorded = ledger.entries(kinds=("tier_change",), use_case=pointer.use_case, site=pointer.site)
    known = {str(dict(one.payload.get("detail") or {}).get("event")) for one in recorded}  # type: ignore[call-overload]
    for event, at_us, tier, reason in rows:
        if event in known:
            continue
        payload = {
            "use_case": pointer.use_case,
            "site": pointer.site,
            "release": pointer.release,
            "from_tier": Tier.MODEL.value,
            "tier": tier,
            "reason": reason,
            "is_automatic": True,
            "effective_at": instant_text(min(instant_of(at_us), now())),
            "detail": {"event": event},
        }
        entry = ledger.append("tier_change", AUTOMATIC, payload, at=now())
        found.stepped_down.append({"kind": entry.kind, "payload": entry.payload, "hash": entry.hash})
        found.incidents.append(_open_served(watching, event, tier, reason))


def _open_served(watching: Watching, event: str, tier: str, reason: str) -> dict[str, Any]:
    pointer = watching.pointer
    return open_incident(
        watching.settings,
        incident_label(BY_ITSELF, event[:8]),
        use_case=pointer.use_case,
        site=pointer.site,
        severity="high",
        what=f"The service stepped down to {tier} by itself: {reason}. Only a person steps up again.",
        release=pointer.release,
        detail={"cause": BY_ITSELF, "event": event, "generation": pointer.generation},
    )
