"""Incidents of what stepped down by itself: one for one cause, also where a watch was killed before it could open it.

What a step down was for stands in its own ledger entry, so that its incidents can be opened from there at any time.
What does not belong here: deciding and taking the step (trigger_watch).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.canonical import document_digest
from evaluation.gates import Breach
from evaluation.ledger import Entry
from evaluation.policies import load_policy
from ml.registry.pointer import Pointer
from orchestration.settings import Settings
from orchestration.steps.record.actors import AUTOMATIC
from orchestration.steps.record.incidents import incident_label, list_incidents, open_incident
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.breaking import tell_broken

PREFIX, STAMP, CAUSES = "trigger", "%Y%m%d%H%M%S", "causes"
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
        detail = {"signal": trigger.signal, "value": reading.value, "n": reading.n, "told": list(trigger.told)}
        told = f"{breach.sentence} To be told: {', '.join(trigger.told)}."
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


def open_by_cause(settings: Settings, pointer: Pointer) -> dict[str, dict[str, Any]]:
    """The open incidents about triggers of the policy at a place, by trigger."""
    mine = [one for one in list_incidents(settings) if one["is_open"]]
    return {
        trigger.id: one
        for trigger in load_policy(pointer.use_case).triggers
        for one in mine
        if _is_about(one, (pointer.use_case, pointer.site), trigger.id, trigger.signal)
    }


def _is_about(incident: Mapping[str, Any], place: tuple[str, str], cause: str, signal: str) -> bool:
    """Whether an incident tells of a cause at a place: the trigger's own, or that of the watch it reads."""
    if str(incident["incident"]).endswith(name_end(*place, cause)):
        return True
    is_here = (incident["use_case"], incident["site"]) == place
    return is_here and incident["detail"].get("kind") == signal.partition(".")[0]


def open_waiting(settings: Settings, pointer: Pointer, cause: Cause, goes: str, at: datetime) -> dict[str, Any]:
    """Open the incident of a breach that steps down when the shift ends."""
    detail = {**cause.detail, "generation": pointer.generation, "waits": True, "step": None}
    what = f"{cause.sentence} Steps down to {goes} at the end of this shift."
    return _open(settings, pointer.use_case, pointer.site, cause, what, pointer.release, detail, at)


def open_owed(settings: Settings) -> list[dict[str, Any]]:
    """Open what automatic steps down and broken glasses ask for and does not exist yet; returns the new entries."""
    glasses = [tell_broken(settings, one) for one in open_records(settings).entries(kinds=("break_glass",))]
    return [*(one for one in glasses if one is not None), *_open_of_steps(settings)]


def _open_of_steps(settings: Settings) -> list[dict[str, Any]]:
    steps = [one for one in open_records(settings).entries(kinds=STEPS) if one.actor == AUTOMATIC and _detail(one)]
    opened: list[dict[str, Any]] = []
    known = list_incidents(settings) if steps else []
    for entry in steps:
        detail = _detail(entry)
        place = (str(entry.payload["use_case"]), str(entry.payload["site"]))
        for said in detail[CAUSES]:
            cause = Cause(said["cause"], said["sentence"], said["detail"], said["is_high"])
            if _has_incident(known, entry, place, cause):
                continue
            goes = entry.payload["stage" if entry.kind == "rollback" else "tier"]
            told = {**cause.detail, "generation": detail["of"]["generation"], "waits": False, "step": entry.hash}
            what, release = f"{cause.sentence} Stepped down to {goes}.", detail["of"]["release"]
            opened.append(_open(settings, *place, cause, what, release, told, entry.effective_at))
    return opened


def _detail(entry: Entry) -> dict[str, Any]:
    """What a step of this version says of its causes; empty for every other entry."""
    detail: Any = entry.payload.get("detail")
    return dict(detail) if isinstance(detail, Mapping) and CAUSES in detail else {}


def _has_incident(known: Sequence[dict[str, Any]], entry: Entry, place: tuple[str, str], cause: Cause) -> bool:
    """Whether an incident of the cause was opened for this step, or was open when it was taken."""
    mine = [one for one in known if _is_about(one, place, cause.name, str(cause.detail.get("signal", "")))]
    return any(one["detail"].get("step") == entry.hash or _was_open(one, entry.at) for one in mine)


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
    )
