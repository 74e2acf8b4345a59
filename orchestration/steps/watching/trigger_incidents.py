"""Incidents of what stepped down by itself: one for one cause, also where a watch was killed before it could open it.

What a step down was for stands in its own ledger entry, so that its incidents can be opened from there at any time.
What does not belong here: deciding and taking the step (trigger_watch).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.canonical import document_digest
from evaluation.gates import Breach
from evaluation.ledger import Entry
from evaluation.policies import load_policy
from ml.registry.pointer import Pointer
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.actors import AUTOMATIC
from orchestration.steps.record.incidents import incident_label, list_incidents, open_incident, opening
from orchestration.steps.record.notifying import notify
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.breaking import tell_broken
from orchestration.steps.watching.drift_telling import KIND as DRIFT
from orchestration.steps.watching.drift_telling import jumped_in

PREFIX, STAMP, CAUSES, COLUMNS = "trigger", "%Y%m%d%H%M%S", "causes", "columns"
STEPS = ("rollback", "tier_change")


@dataclass(frozen=True)
class Cause:
    """One cause of a step down: a breach of a trigger, or the ledger that does not verify."""

    name: str
    sentence: str
    detail: Mapping[str, Any]
    is_high: bool = True

    @staticmethod
    def of(breach: Breach, *, is_high: bool) -> "Cause":
        reading, trigger = breach.reading, breach.trigger
        detail: dict[str, Any] = {
            "signal": trigger.signal,
            "value": reading.value,
            "n": reading.n,
            "told": list(trigger.told),
        }
        told = f"{breach.sentence} To be told: {', '.join(trigger.told)}."
        if reading.columns:
            detail |= {COLUMNS: list(reading.columns)}
        return Cause(trigger.id, told, {**detail, "window_minutes": trigger.window_minutes}, is_high)

    def to_json(self) -> dict[str, Any]:
        return {"cause": self.name, "sentence": self.sentence, "is_high": self.is_high, "detail": dict(self.detail)}


def said_of(pointer: Pointer, causes: Iterable[Cause]) -> dict[str, Any]:
    """What the entry of a step down keeps about why it was taken, and from under which pointer."""
    of = {"release": pointer.release, "generation": pointer.generation}
    return {CAUSES: [one.to_json() for one in causes], "of": of}


def name_end(use_case: str, site: str, cause: str) -> str:
    """The end of every incident's name about one cause at one place."""
    digest = document_digest({"use_case": use_case, "site": site, "cause": cause})[:8]
    return f"-{cause[:32]}-{digest}"


def open_by_cause(settings: Settings, pointer: Pointer, breaches: Iterable[Breach]) -> dict[str, dict[str, Any]]:
    """The open incidents about triggers of the policy at a place, by trigger; `breaches` say what was seen now."""
    mine = [one for one in list_incidents(settings) if one["is_open"]]
    columns = {one.trigger.id: one.reading.columns for one in breaches}
    place = (pointer.use_case, pointer.site)
    names = [one.id for one in load_policy(pointer.use_case).triggers]
    return {name: told[0] for name in names if (told := _about(mine, place, name, columns.get(name, ())))}


def _about(
    incidents: Iterable[dict[str, Any]], place: tuple[str, str], cause: str, columns: Collection[str]
) -> list[dict[str, Any]]:
    """The incidents that tell of a cause at a place: the trigger's own, or those of the watch that saw what jumped.

    These tell of it where they name, together, every column that did; slow drift of the same feed does not.
    """
    given, end = list(incidents), name_end(*place, cause)
    own = [one for one in given if str(one["incident"]).endswith(end)]
    seen = [
        one
        for one in given
        if (one["use_case"], one["site"]) == place
        and one["detail"].get("kind") == DRIFT
        and not jumped_in(one["detail"]).isdisjoint(columns)
    ]
    named = frozenset[str]().union(*(jumped_in(one["detail"]) for one in seen))
    return own or (seen if named.issuperset(columns) else [])


def open_waiting(settings: Settings, pointer: Pointer, cause: Cause, goes: str, at: datetime) -> dict[str, Any]:
    """Open the incident of a breach that steps down when the shift ends."""
    detail = {**cause.detail, "generation": pointer.generation, "waits": True, "step": None}
    what = f"{cause.sentence} Steps down to {goes} at the end of this shift."
    return _open(settings, pointer.use_case, pointer.site, cause, what, pointer.release, detail, at)


@dataclass(frozen=True)
class Owed:
    """Entries of incidents that were opened, and what could not be opened, one sentence each."""

    opened: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def open_owed(settings: Settings) -> Owed:
    """Open what automatic steps down and broken glasses ask for and does not exist yet; an entry that cannot be told
    keeps no other waiting."""
    opened: list[dict[str, Any]] = []
    problems: list[str] = []
    try:
        known = list_incidents(settings)
        entries = open_records(settings).entries(kinds=("break_glass", *STEPS))
    except known_errors() as error:
        return Owed((), (f"Nobody can say which incidents are owed: {said(error)}",))
    for entry in entries:
        try:
            opened += _owed_by(settings, entry, known)
        except Exception as error:  # noqa: BLE001 - one entry must not hide the others; what it owes is told
            what = entry.kind.replace("_", " ")
            problems.append(f"Entry {entry.seq} ({what}) asks for an incident that cannot be opened: {said(error)}")
    return Owed(tuple(opened), tuple(problems))


def _owed_by(settings: Settings, entry: Entry, known: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Open what one entry lacks; who looked before and found it lacking looks again while nobody else opens."""
    if entry.kind == "break_glass":
        is_told = any(one["detail"].get("step") == entry.hash for one in known)
        opened = None if is_told else tell_broken(settings, entry)
        return [] if opened is None else [opened]
    if not _lacking(entry, known):
        return []
    with opening(settings):
        return [_open_of_step(settings, entry, cause) for cause in _lacking(entry, list_incidents(settings))]


def _lacking(entry: Entry, known: Sequence[dict[str, Any]]) -> list[Cause]:
    """The causes of an automatic step down that no incident tells of."""
    found = _detail(entry).get(CAUSES, ()) if entry.actor == AUTOMATIC else ()
    causes = [Cause(one["cause"], one["sentence"], one["detail"], one["is_high"]) for one in found]
    return [one for one in causes if not _has_incident(known, entry, one)]


def _open_of_step(settings: Settings, entry: Entry, cause: Cause) -> dict[str, Any]:
    of = _detail(entry)["of"]
    told = {**cause.detail, "generation": of["generation"], "waits": False, "step": entry.hash}
    what = f"{cause.sentence} Stepped down to {_goes(entry.kind, entry.payload)}."
    return _open(settings, *_place_of(entry), cause, what, of["release"], told, entry.effective_at)


def tell_steps(settings: Settings, entries: Iterable[Mapping[str, Any]], opened: Iterable[Mapping[str, Any]]) -> None:
    """Tell of each step down that moved a pointer and opened no incident now: of a cause that is told already, or the
    end of a broken glass. What the service did by itself is told as it is recorded."""
    told = {one["payload"]["detail"].get("step") for one in opened}
    for entry in entries:
        payload = entry["payload"]
        detail = payload.get("detail") or {}
        if "event" in detail or entry.get("hash", "") in told:
            continue
        use_case, site = payload["use_case"], payload["site"]
        why = " ".join(one["sentence"] for one in detail.get(CAUSES, ())) or "The time of a broken glass is over."
        body = f"{why} {use_case} at {site} stepped down to {_goes(entry['kind'], payload)}. Run: pilothouse status"
        notify(settings, site, f"Incident: {use_case} at {site}", body)


def _goes(kind: str, payload: Mapping[str, Any]) -> str:
    return str(payload["stage" if kind == "rollback" else "tier"])


def _place_of(entry: Entry) -> tuple[str, str]:
    return str(entry.payload["use_case"]), str(entry.payload["site"])


def _detail(entry: Entry) -> dict[str, Any]:
    """What a step of this version says of its causes; empty for every other entry."""
    detail: Any = entry.payload.get("detail")
    return dict(detail) if isinstance(detail, Mapping) and CAUSES in detail else {}


def _has_incident(known: Iterable[dict[str, Any]], entry: Entry, cause: Cause) -> bool:
    """Whether an incident of the cause was opened for this step, or such as tell of it were open when it was taken."""
    counts = [one for one in known if one["detail"].get("step") == entry.hash or _was_open(one, entry.at)]
    return bool(_about(counts, _place_of(entry), cause.name, cause.detail.get(COLUMNS, ())))


def _was_open(incident: dict[str, Any], at: datetime) -> bool:
    closed = incident["closed_at"]
    return datetime.fromisoformat(incident["opened_at"]) <= at and (
        closed is None or at <= datetime.fromisoformat(closed)
    )


def _open(
    settings: Settings,
    use_case: str,
    site: str,
    cause: Cause,
    what: str,
    release: str | None,
    detail: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    return open_incident(
        settings,
        incident_label(f"{PREFIX}-{at:{STAMP}}{name_end(use_case, site, cause.name)}"),
        use_case=use_case,
        site=site,
        severity="high" if cause.is_high else "medium",
        what=what,
        release=release,
        detail={"cause": cause.name, **detail},
        tell=what,
        is_change=not detail["waits"],
    )
