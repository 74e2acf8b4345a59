"""Triggers watched: a release that breaches one steps down by itself; then it is recorded, and one incident is opened.

The pointer is moved first, as for every step down (decision 0004). What serving stepped down by itself is recorded here
too, as soon as it is seen. What does not belong here: what is measured (signals), what a breach is (evaluation/gates),
when it acts (pacing), and the incidents (trigger_incidents). Decisions 0031 and 0036.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from evaluation.gates import Breach, breached, lowered_by, would_lower
from evaluation.policies import Stage, Tier, Trigger, load_policy
from ml.registry.pointer import Pointer
from ml.serving.tables import EVENT, OUTAGE, STEP_DOWN, instant_of
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.notifying import notify
from orchestration.steps.record.records import has_ledger
from orchestration.steps.releases.going_down import Descent, roll_back_if
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.releases.recording import safe_reason
from orchestration.steps.releases.served import answering_tier, from_events
from orchestration.steps.watching.ledger_fault import LedgerFault, ledger_fault
from orchestration.steps.watching.pacing import acts_now, late_sentence, waited_for
from orchestration.steps.watching.signals import Watching, read_signal
from orchestration.steps.watching.step_downs import ServedEvent, record_served
from orchestration.steps.watching.trigger_incidents import (
    Cause,
    open_by_cause,
    open_owed,
    open_waiting,
    said_of,
    tell_steps,
)

LEDGER_BROKEN = "ledger-broken"


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
    """Look at every served release. One that cannot be looked at keeps no other waiting; that is told as a problem.

    Where the ledger does not verify, triggers act all the same, and what is served steps down to people alone: nobody
    can say any more who approved it.
    """
    found = TriggerWatch()
    places = [(use_case, site) for use_case in use_case_names() for site in served_sites(settings, use_case)]
    if not places and not has_ledger(settings):
        return found
    fault = ledger_fault(settings, wall)
    found.problems += [] if fault is None else [fault.sentence]
    for use_case, site in places:
        _watch_place(settings, use_case, site, wall, fault, found)
    if fault is None:
        owed = open_owed(settings)
        tell_steps(settings, found.stepped_down, owed.opened)
        found.incidents += owed.opened
        found.problems += owed.problems
    return found


def _watch_place(
    settings: Settings, use_case: str, site: str, wall: datetime, fault: LedgerFault | None, found: TriggerWatch
) -> None:
    try:
        pointer = current_pointer(settings, use_case, site)
        if pointer is not None and pointer.glass is not None and pointer.glass.is_over(wall):
            found.stepped_down += _end_glass(settings, pointer)
            return
        release = released(settings, pointer)
        if pointer is None or release is None:
            return
        watching = Watching(settings, pointer, release.manifest.model.digest, wall)
        if fault is not None:
            _act_without_ledger(watching, _breaches(watching, found), fault, found)
            return
        _tell_served(watching, found)
        _act(watching, _breaches(watching, found), found)
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
    """Step down for what acts now, which the ledger keeps with its causes; tell at once of what waits for a shift."""
    known = open_by_cause(watching.settings, watching.pointer, breaches)
    due = [one for one in breaches if acts_now(watching, one.trigger, known)]
    waited = [one for one in waited_for(watching, known) if one.id not in {each.trigger.id for each in due}]
    if due or waited:
        causes = [*map(_cause, due), *(Cause(one.id, late_sentence(one), {}) for one in waited)]
        reason = " ".join([*(_sentence(one, known) for one in due), *(late_sentence(one) for one in waited)])
        entry = _step_down(watching, [*(one.trigger for one in due), *waited], reason, causes)
        if entry is None:
            return
        found.stepped_down.append(entry)
    for breach in breaches:
        if breach not in due and breach.trigger.id not in known:
            goes = str(breach.trigger.steps_down_to.stage or breach.trigger.steps_down_to.tier)
            told = open_waiting(watching.settings, watching.pointer, _cause(breach), goes, watching.wall)
            found.incidents.append(told)


def _act_without_ledger(
    watching: Watching, breaches: Sequence[Breach], fault: LedgerFault, found: TriggerWatch
) -> None:
    """Step down for every breach, at once, and to people alone where the ledger stays broken; tell whom the site names.

    The incidents are opened from the step's own entry, when the ledger takes it.
    """
    if not breaches and not fault.closes:
        return
    pointer, broke = watching.pointer, [Cause(LEDGER_BROKEN, safe_reason(fault.sentence), {})] if fault.closes else []
    reason = " ".join([*(one.sentence for one in broke), *(one.sentence for one in breaches)])
    floor = Tier.MANUAL if fault.closes else None
    entry = _step_down(watching, [one.trigger for one in breaches], reason, [*broke, *map(_cause, breaches)], floor)
    if entry is not None:
        found.stepped_down.append(entry)
        body = f"{reason} {pointer.use_case} at {pointer.site} stepped down. Run: pilothouse ledger verify"
        notify(watching.settings, pointer.site, f"Incident: {pointer.use_case} at {pointer.site}", body)


def _cause(breach: Breach) -> Cause:
    return Cause.of(breach, is_high=breach.trigger.severity == "safety")


def _step_down(
    watching: Watching, triggers: Sequence[Trigger], reason: str, causes: Sequence[Cause], floor: Tier | None = None
) -> dict[str, Any] | None:
    """Move the pointer, then record it; nothing where it moved since it was looked at, or stands as low already."""
    pointer, about = watching.pointer, said_of(watching.pointer, causes)
    descent = Descent.begin(watching.settings, pointer.use_case, pointer.site, reason, Actor(AUTOMATIC), about)
    with descent.turn() as present:
        if present.pointer is None or present.pointer.generation != pointer.generation:
            return None
        answers = max(descent.lowest_tier(pointer), floor or Tier.MODEL, key=lambda one: one.rank)
        stage, tier = lowered_by(triggers, Stage(pointer.stage.value), answers)
        if (stage.value, tier.value) == (pointer.stage.value, pointer.tier.value):
            return None
        return descent.step(present, stage, None if stage is Stage.OFF else tier)


def _sentence(breach: Breach, known: dict[str, dict[str, Any]]) -> str:
    """What was seen, and the incident that tells of it, where one is open."""
    told = known.get(breach.trigger.id)
    return breach.sentence + (f" Incident {told['incident']}." if told else "")


def _tell_served(watching: Watching, found: TriggerWatch) -> None:
    """Record, once, what serving did by itself under this pointer, with an incident for it."""
    pointer = watching.pointer
    query = select(EVENT).where(
        EVENT.c.kind.in_((STEP_DOWN, OUTAGE)),
        EVENT.c.use_case == pointer.use_case,
        EVENT.c.site == pointer.site,
        EVENT.c.generation == pointer.generation,
    )
    rows = from_events(watching.settings, lambda connection: connection.execute(query).all()) or []
    events = [
        ServedEvent(
            event=one.event_id,
            at=instant_of(one.at_us),
            release=one.release_digest,
            generation=one.generation,
            reason=one.reason,
            tier=one.tier if one.kind == STEP_DOWN else None,
            status=one.status,
        )
        for one in rows
    ]
    recorded = record_served(watching.settings, pointer.use_case, pointer.site, events)
    found.stepped_down += recorded.entries
    found.incidents += recorded.incidents
