"""The report of an incident, from the ledger and the service's event log: for engineers, or for clinicians.

Counts and pseudonymous ids of who was affected are read when the report is made and never written to the ledger. What
does not belong here: the page (evaluation/reports), and what opening or closing takes (incidents).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any, Literal, get_args

from sqlalchemy import Connection, and_, func, select

from evaluation.ledger import Entry, proof_of
from evaluation.policies import load_policy
from evaluation.reports.incident import IncidentPage, page_name, write_incident
from ml.serving.tables import CALL, EVENT, instant_of, microseconds
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.planning.meetings import clock_of
from orchestration.steps.record.incident_groups import groups_of
from orchestration.steps.record.incidents import (
    ALL_SITES,
    ALL_USE_CASES,
    UnknownIncident,
    close_incident,
    list_incidents,
)
from orchestration.steps.record.records import now, open_records, who
from orchestration.steps.releases.served import from_events

Audience = Literal["engineers", "clinicians"]
LOOKED_BACK = timedelta(hours=24)
"""How far an incident reaches back of which nobody said when it began."""
MOST_IDS = 200
NOBODY: Mapping[str, Any] = {"calls": 0, "patients": 0, "visits": 0, "cards": 0, "from": None, "until": None, "ids": []}


def report_of(settings: Settings, name: str, audience: Audience = "engineers") -> Answer:
    """Write the page of an incident and return what it says, as data and as text. Raises `UnknownIncident`."""
    everything = list_incidents(settings)
    incident = next((one for one in everything if one["incident"] == name), None)
    if incident is None:
        known = ", ".join(one["incident"] for one in everything[:10]) or "none"
        raise UnknownIncident(f"There is no incident {name!r}; known are {known}. All: pilothouse incident list")
    group = next(one for one in groups_of(everything) if incident in one.incidents)
    affected = _affected(settings, incident)
    if audience == "clinicians":
        affected.pop("ids", None)
    document: dict[str, Any] = {
        **incident,
        "audience": audience,
        "detected": _detected(incident),
        "affected": affected,
        "timeline": _timeline(settings, incident),
        "group": group.to_json(),
        "process_defect": group.sentence if group.is_process_defect else None,
        "told": _told(incident),
        "plan": _plan(incident),
    }
    if audience == "clinicians":
        document.pop("detail")
        document.pop("corrected")
    page = IncidentPage(document, now(), version("pilothouse"))
    path = write_incident(settings.reports / "incidents", page)
    shown = path.relative_to(settings.reports).as_posix()
    return Answer({**document, "page": f"reports/{shown}"}, text=page.text)


def close_and_print(settings: Settings, name: str, **words: Any) -> dict[str, Any]:
    """Close an incident (`close_incident` says with what), and print anew the pages of it that lie there."""
    entry = close_incident(settings, name, **words)
    for audience in get_args(Audience):
        if (settings.reports / "incidents" / page_name(name, audience)).exists():
            report_of(settings, name, audience)
    return entry


def _detected(incident: dict[str, Any]) -> dict[str, Any]:
    detail = incident["detail"]
    how = f"trigger on {detail['signal']}" if "signal" in detail else "a person" if _by_person(incident) else "a watch"
    began = incident["occurred_at"]
    opened = datetime.fromisoformat(incident["opened_at"])
    seconds = None if began is None else (opened - datetime.fromisoformat(began)).total_seconds()
    return {"by": incident["found_by"], "how": how, "seconds": seconds}


def _by_person(incident: dict[str, Any]) -> bool:
    return bool(incident["found_by"] != "pilothouse")


def _told(incident: dict[str, Any]) -> dict[str, str] | None:
    """What the rollback plan has told to clinicians; None where the incident is of no single use case."""
    if incident["use_case"] not in use_case_names():
        return None
    message = load_policy(incident["use_case"]).rollback.message
    return {"withdrawn": message.withdrawn, "lowered": message.lowered}


def _plan(incident: dict[str, Any]) -> dict[str, Any] | None:
    """Who decides and what is to be done by when, by the rollback plan; None where the incident is of no use case."""
    if incident["use_case"] not in use_case_names():
        return None
    plan, opened = load_policy(incident["use_case"]).rollback, datetime.fromisoformat(incident["opened_at"])
    steps = [
        {"do": one.do, "by": one.by, "due_at": (opened + timedelta(minutes=one.within_minutes)).isoformat()}
        for one in plan.steps
    ]
    return {"decides": list(plan.decides), "steps": steps}


def _affected(settings: Settings, incident: dict[str, Any]) -> dict[str, Any]:
    """Patients, visits and cards of the incident's release in its window, from the service's event log.

    Of a trigger: its window up to the last call under the pointer that was lowered. Else from when it began, or a day
    before it was told, until it was closed, by the site's clock.
    """
    if incident["use_case"] == ALL_USE_CASES or incident["release"] is None or incident["site"] == ALL_SITES:
        return dict(NOBODY)
    return from_events(settings, lambda connection: _count(settings, connection, incident)) or dict(NOBODY)


def _count(settings: Settings, connection: Connection, incident: dict[str, Any]) -> dict[str, Any]:
    here = and_(
        EVENT.c.kind == CALL,
        EVENT.c.use_case == incident["use_case"],
        EVENT.c.site == incident["site"],
        EVENT.c.release_digest == incident["release"],
    )
    detail = incident["detail"]
    if "generation" in detail:
        here = and_(here, EVENT.c.generation == detail["generation"])
    begin, end = _window(settings, connection, incident, here)
    found = and_(here, EVENT.c.at_us >= begin, EVENT.c.at_us <= end)
    shown = and_(found, EVENT.c.is_displayed)
    calls, patients, visits = connection.execute(
        select(
            func.count(), func.count(EVENT.c.patient_key.distinct()), func.count(EVENT.c.visit_key.distinct())
        ).where(found)
    ).one()
    cards = connection.scalar(select(func.count()).where(shown))
    listed = select(EVENT.c.patient_key, EVENT.c.visit_key, EVENT.c.card_uuid).where(found).order_by(EVENT.c.id)
    ids = [
        {"patient": patient, "visit": visit, "card": card}
        for patient, visit, card in connection.execute(listed.limit(MOST_IDS)).all()
    ]
    window = {"from": instant_of(begin).isoformat(), "until": instant_of(end).isoformat()}
    return {"calls": calls, "patients": patients, "visits": visits, "cards": cards or 0, **window, "ids": ids}


def _window(settings: Settings, connection: Connection, incident: dict[str, Any], here: Any) -> tuple[int, int]:
    detail = incident["detail"]
    if "generation" in detail:
        last = connection.scalar(select(func.max(EVENT.c.at_us)).where(here)) or 0
        first = connection.scalar(select(func.min(EVENT.c.at_us)).where(here)) or 0
        return (last - detail["window_minutes"] * 60_000_000 if "window_minutes" in detail else first), last
    opened = datetime.fromisoformat(incident["opened_at"])
    began = incident["occurred_at"]
    over = datetime.fromisoformat(incident["closed_at"]) if incident["closed_at"] else now()
    end = clock_of(settings, incident["site"], over)
    begin = datetime.fromisoformat(began) if began else min(end, opened) - LOOKED_BACK
    return microseconds(begin), microseconds(end)


def _timeline(settings: Settings, incident: dict[str, Any]) -> list[dict[str, str]]:
    """What the ledger holds about the place from the incident's beginning to its end, in order of taking effect."""
    place = (incident["use_case"], incident["site"])
    begin = datetime.fromisoformat(incident["occurred_at"] or incident["opened_at"]) - timedelta(minutes=5)
    end = datetime.fromisoformat(incident["closed_at"]) if incident["closed_at"] else now()
    entries = [
        entry
        for entry in open_records(settings).entries()
        if begin <= entry.effective_at <= end and _is_about(entry, place, incident["incident"])
    ]
    return [_line(entry) for entry in sorted(entries, key=lambda one: (one.effective_at, one.seq))]


TOLD = ("promotion", "promotion_refused", "break_glass", "rollback", "tier_change", "rehearsal")


def _is_about(entry: Entry, place: tuple[str, str], incident: str) -> bool:
    if entry.kind in ("incident_opened", "incident_closed"):
        return entry.payload["incident"] == incident
    return entry.kind in TOLD and (entry.payload["use_case"], entry.payload["site"]) == place


def _line(entry: Entry) -> dict[str, str]:
    payload = entry.payload
    to = payload.get("stage") or payload.get("tier") or ""
    reason = payload.get("reason") or payload.get("what") or payload.get("cause") or ""
    return {
        "at": entry.effective_at.isoformat(),
        "what": f"{entry.kind.replace('_', ' ')} {to}".strip(),
        "by": who(entry.actor, proof_of(entry)),
        "reason": str(reason),
        "ledger_hash": entry.hash,
    }


def listed(settings: Settings) -> dict[str, Sequence[Any]]:
    """Every incident, open ones first, the groups that they make, and what came back so often that it is a defect."""
    incidents = list_incidents(settings)
    groups = groups_of(incidents)
    defects = [group.sentence for group in groups if group.is_process_defect]
    return {
        "incidents": incidents,
        **({"groups": [group.to_json() for group in groups]} if groups else {}),
        **({"warnings": defects} if defects else {}),
    }
