"""Incidents on the ledger: opened by people, by a failed run, by drift, by a feed that is late; closed with a cause.

What does not belong here: what counts as an incident (policy).
"""

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evaluation.ledger import Entry
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.agreement import read_present

ALL_SITES = ALL_USE_CASES = "all"
LONGEST_NAME = 64
MACHINE = Actor(AUTOMATIC)
KINDS = ("incident_opened", "incident_closed")


class UnknownIncident(StepError):
    """No open incident has that name; the message lists those that are open."""


def report_incident(
    settings: Settings, use_case: str, site: str, what: str, severity: str, actor: Actor
) -> dict[str, Any]:
    """Open an incident that a person saw; its name is made from the time."""
    place = load_site(site).id
    pointer = read_present(settings, load_declaration(use_case).use_case, place).pointer
    return open_incident(
        settings,
        _free_name(settings, incident_name(now())),
        use_case=use_case,
        site=place,
        severity=severity,
        what=what,
        actor=actor.required(),
        release=pointer.release if pointer else None,
    )


def _free_name(settings: Settings, name: str) -> str:
    """The name, numbered if another incident was seen at the same instant."""
    taken = {one["incident"] for one in list_incidents(settings)}
    numbered = (f"{name}-{n}" for n in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


def incident_name(at: datetime) -> str:
    """Return a name for an incident seen at a time: short, sortable, without meaning."""
    return f"incident-{at:%Y%m%d-%H%M%S}"


def incident_label(*parts: str) -> str:
    """Return a name for an incident that a machine saw, made of what it is about."""
    return "-".join(parts)[:LONGEST_NAME]


def open_incident(
    settings: Settings,
    incident: str,
    *,
    use_case: str,
    site: str,
    severity: str,
    what: str,
    actor: Actor = MACHINE,
    release: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Record an incident under a name of its own; returns the ledger entry."""
    payload = {
        "incident": incident,
        "use_case": use_case,
        "site": site,
        "severity": severity,
        "what": what,
        "found_by": actor.name,
        "release": release,
        "detail": dict(detail or {}),
    }
    return _append(settings, "incident_opened", payload, actor)


def open_once(settings: Settings, incident: str, *, use_case: str, site: str, severity: str, what: str) -> None:
    """Open an incident that a machine saw, unless one of that name was ever opened."""
    known = {str(entry.payload["incident"]) for entry in open_records(settings).entries(kinds=("incident_opened",))}
    if incident not in known:
        open_incident(settings, incident, use_case=use_case, site=site, severity=severity, what=what)


def open_run_incident(settings: Settings, run_id: str, job: str, site: str | None) -> None:
    """Open an incident for a failed Dagster run, once per run."""
    open_once(
        settings,
        f"run-{run_id[:8]}",
        use_case="triage",
        site=site if site in list_sites() else ALL_SITES,
        severity="medium",
        what=f"Dagster run {run_id[:8]} of {job} failed; see the run's page for the step and its reason.",
    )


def close_incident(settings: Settings, incident: str, *, cause: str, done: str, actor: Actor) -> dict[str, Any]:
    """Record what caused an open incident and what was done. Raises `UnknownIncident`."""
    still_open = {one["incident"]: one for one in list_incidents(settings) if one["is_open"]}
    if incident not in still_open:
        raise UnknownIncident(f"No incident {incident!r} is open; open are: {', '.join(still_open) or 'none'}.")
    payload = {
        "incident": incident,
        "use_case": still_open[incident]["use_case"],
        "site": still_open[incident]["site"],
        "cause": cause,
        "done": done,
        "detail": {},
    }
    return _append(settings, "incident_closed", payload, actor.required())


def _append(settings: Settings, kind: str, payload: dict[str, Any], actor: Actor) -> dict[str, Any]:
    at = now()
    return entry_document(open_records(settings).append(kind, actor.name, actor.act(kind, payload, at), at=at))


def list_incidents(settings: Settings) -> list[dict[str, Any]]:
    """Return every incident, open ones first, newest first."""
    found: dict[str, dict[str, Any]] = {}
    for entry in open_records(settings).entries(kinds=KINDS):
        name = str(entry.payload["incident"])
        if entry.kind == "incident_opened":
            found[name] = _opened(name, entry)
        elif name in found:
            found[name] |= {
                "is_open": False,
                "closed_at": entry.at.isoformat(),
                "cause": entry.payload["cause"],
                "done": entry.payload["done"],
            }
    newest_first = reversed(list(found.values()))
    return sorted(newest_first, key=lambda one: not one["is_open"])


def _opened(name: str, entry: Entry) -> dict[str, Any]:
    kept = ("use_case", "site", "severity", "what", "found_by", "release")
    return {
        "incident": name,
        "is_open": True,
        "opened_at": entry.at.isoformat(),
        **{member: entry.payload.get(member) for member in kept},
        "detail": entry.payload.get("detail") or {},
        "closed_at": None,
        "cause": None,
        "done": None,
    }
