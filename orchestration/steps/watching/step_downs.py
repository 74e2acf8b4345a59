"""What serving did by itself, on the record: each step down and each outage once, with an incident.

The service acts first and alone. The minute's watch reads its event store, the nightly one the events that landed; both
come here, under one lock, and nothing is written twice or left half-written. What does not belong here: what a trigger
lowers (trigger_watch).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.ledger import ORDERS, PROMOTED, Entry, Ledger, instant_text
from evaluation.policies import Tier
from orchestration.settings import Settings
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import AUTOMATIC
from orchestration.steps.record.incident_groups import BY_ITSELF, OUTAGE
from orchestration.steps.record.incidents import incident_label, open_incident
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.recording import safe_reason


@dataclass(frozen=True)
class ServedEvent:
    """A step down of the service to a tier, or an outage of a `status`, at one place, under one generation."""

    event: str
    at: datetime
    release: str | None
    generation: int | None
    reason: str | None
    tier: str | None = None
    status: str = ""


@dataclass(frozen=True)
class Recorded:
    """The ledger entries of steps down, and of incidents, that were new."""

    entries: tuple[dict[str, Any], ...]
    incidents: tuple[dict[str, Any], ...]


def record_served(settings: Settings, use_case: str, site: str, events: Iterable[ServedEvent]) -> Recorded:
    """Write what is not on the ledger yet: an entry for each step that lowered the tier, an incident for each event.

    An incident that an earlier run was killed before it could open is opened now. Raises `LedgerError`.
    """
    given, place = sorted(events, key=lambda one: (one.at, one.event)), (use_case, site)
    if not given:
        return Recorded((), ())
    with exclusive(settings.home, f"served-{use_case}-{site}"):
        ledger = open_records(settings)
        here = [entry for entry in ledger.entries() if _place_of(entry) == place]
        known, told = _events(here, "tier_change"), _events(here, "incident_opened") | _names(here)
        lowering = {one.event: tier for one, tier in _lowering(here, given)}
        new = [one for one in given if one.event in lowering and one.event not in known]
        entries = tuple(_enter(ledger, place, one, lowering[one.event]) for one in new)
        matters = [one for one in given if one.tier is None or one.event in known or one.event in lowering]
        return Recorded(entries, tuple(_open(settings, place, one) for one in matters if not _is_told(one, told)))


def _place_of(entry: Entry) -> tuple[object, object]:
    return entry.payload.get("use_case"), entry.payload.get("site")


def _lowering(here: Sequence[Entry], given: Sequence[ServedEvent]) -> Iterable[tuple[ServedEvent, Tier]]:
    """Each step down with the tier that answered before it: of the pointer, or of an earlier step under the same one.

    A step to where the service was already (two processes of it, say) lowered nothing, and the ledger takes none.
    """
    answers: dict[int | None, Tier] = {}
    for one in given:
        if one.tier is None:
            continue
        before = answers.get(one.generation) or _pointed(here, one.generation)
        if Tier(one.tier).rank > before.rank:
            answers[one.generation] = Tier(one.tier)
            yield one, before


def _pointed(here: Sequence[Entry], generation: int | None) -> Tier:
    """The tier that the pointer of a generation named, as it was ordered; the model where nobody can tell."""
    tier = Tier.MODEL
    for entry in here:
        if entry.kind not in ORDERS or entry.payload.get("is_automatic"):
            continue
        named = entry.payload.get("tier")
        tier = Tier.MODEL if entry.kind in PROMOTED else tier if named is None else Tier(str(named))
        if entry.payload.get("generation") == generation:
            return tier
    return Tier.MODEL


def _enter(ledger: Ledger, place: tuple[str, str], one: ServedEvent, before: Tier) -> dict[str, Any]:
    payload = {
        "use_case": place[0],
        "site": place[1],
        "release": one.release,
        "from_tier": before.value,
        "tier": one.tier,
        "reason": safe_reason(one.reason or ""),
        "is_automatic": True,
        "effective_at": instant_text(min(one.at, now())),
        "detail": {"event": one.event},
    }
    return entry_document(ledger.append("tier_change", AUTOMATIC, payload, at=now()))


def _open(settings: Settings, place: tuple[str, str], one: ServedEvent) -> dict[str, Any]:
    """An incident that tells everything; the message to people holds no more than which service did what, and when."""
    at = f"{one.at:%Y-%m-%d %H:%M:%S} UTC"
    if one.tier is not None:
        cause, did = BY_ITSELF, f"The service stepped down to {one.tier} by itself at {at}"
        label = incident_label(BY_ITSELF, one.event[:8])
    else:
        words = one.status.replace("_", " ")
        cause, did = f"{OUTAGE}-{one.status}", f"The service was in trouble ({words}) from {at}"
        label = incident_label("outage", one.event)
    rest = "Only a person steps up again." if one.tier is not None else ""
    return open_incident(
        settings,
        label,
        use_case=place[0],
        site=place[1],
        severity="high" if one.tier is not None else "medium",
        what=f"{did}: {safe_reason(one.reason or '')}. {rest}".strip(),
        release=one.release,
        detail={"cause": cause, "event": one.event, "generation": one.generation},
        tell=f"{did}. {rest}".strip(),
        is_change=one.tier is not None,
    )


def _events(here: Iterable[Entry], kind: str) -> set[str]:
    details = (one.payload.get("detail") for one in here if one.kind == kind)
    return {str(one["event"]) for one in details if isinstance(one, Mapping) and "event" in one}


def _names(here: Iterable[Entry]) -> set[str]:
    return {str(one.payload["incident"]) for one in here if one.kind == "incident_opened"}


def _is_told(one: ServedEvent, told: set[str]) -> bool:
    """Whether it has its incident, also under the names that earlier versions gave."""
    names = (incident_label("tier", one.event), incident_label("outage", one.event))
    return one.event in told or not told.isdisjoint(names)
