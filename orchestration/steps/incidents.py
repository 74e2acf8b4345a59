"""Incidents on the ledger: opened by people, by a failed run, by drift; closed by people, with a cause.

What does not belong here: what counts as an incident (policy).
"""

from typing import Any

from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.records import entry_document, now, open_records

AUTOMATIC = "pilothouse"
ALL_SITES = "all"


def open_incident(
    settings: Settings,
    incident: str,
    *,
    use_case: str,
    site: str,
    severity: str,
    what: str,
    found_by: str = AUTOMATIC,
    release: str | None = None,
) -> dict[str, Any]:
    """Record an incident under a name of its own; returns the ledger entry."""
    payload = {
        "incident": incident,
        "use_case": use_case,
        "site": site,
        "severity": severity,
        "what": what,
        "found_by": found_by,
        "release": release,
        "detail": {},
    }
    return entry_document(open_records(settings).append("incident_opened", found_by, payload, at=now()))


def open_run_incident(settings: Settings, run_id: str, job: str, site: str | None) -> dict[str, Any] | None:
    """Open an incident for a failed Dagster run, once per run."""
    incident = f"run-{run_id[:8]}"
    known = {str(entry.payload["incident"]) for entry in open_records(settings).entries(kinds=("incident_opened",))}
    if incident in known:
        return None
    return open_incident(
        settings,
        incident,
        use_case="triage",
        site=site if site in list_sites() else ALL_SITES,
        severity="medium",
        what=f"Dagster run {run_id[:8]} of {job} failed; see the run's page for the step and its reason.",
    )


def close_incident(
    settings: Settings, incident: str, *, use_case: str, site: str, cause: str, done: str, actor: str
) -> dict[str, Any]:
    """Record what caused an incident and what was done."""
    payload = {
        "incident": incident,
        "use_case": use_case,
        "site": site,
        "cause": cause,
        "done": done,
        "detail": {},
    }
    return entry_document(open_records(settings).append("incident_closed", actor, payload, at=now()))
