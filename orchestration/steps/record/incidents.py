"""Incidents on the ledger: opened by people, by a failed run, by drift, by a feed that is late; closed with a cause.

What does not belong here: what counts as an incident (policy).
"""

import itertools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.ledger import Entry, instant_text
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.corrections import SentAgain, checked
from orchestration.steps.record.incident_groups import cause_of
from orchestration.steps.record.notifying import notify
from orchestration.steps.record.records import entry_document, now, open_records

ALL_SITES = ALL_USE_CASES = "all"
LONGEST_NAME = 64
MACHINE = Actor(AUTOMATIC)
KINDS = ("incident_opened", "incident_closed")
SAYING_NOTHING = frozenset({"", "unknown", "none", "n/a", "na", "tbd", "todo", "not known", "nothing", "unclear"})


class UnknownIncident(StepError):
    """No open incident has that name; the message lists those that are open."""


class NoFinding(StepError):
    """An incident was to be closed with nothing found; the message says what a finding is."""


@dataclass(frozen=True)
class Seen:
    """What a person may say beside what happened: since when, in which feed, and what it meant for the work."""

    since: datetime | None = None
    feed: str | None = None
    consequence: str | None = None


def report_incident(
    settings: Settings,
    use_case: str,
    site: str,
    what: str,
    severity: str,
    actor: Actor,
    seen: Seen | None = None,
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
        seen=seen,
    )


def _free_name(settings: Settings, name: str) -> str:
    """The name, numbered if another incident was seen at the same instant."""
    taken = {one["incident"] for one in list_incidents(settings)}
    numbered = (f"{name}-{n}" for n in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


def opening(settings: Settings) -> AbstractContextManager[None]:
    """Held by whoever looks whether an incident exists and opens it if not: nobody else does so in between.

    It is not taken twice by one caller: `open_once` holds it itself.
    """
    return exclusive(settings.home, "incidents")


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
    seen: Seen | None = None,
    tell: str | None = None,
    is_change: bool = False,
) -> dict[str, Any]:
    """Record an incident under a name of its own; returns the ledger entry.

    With `tell`, words that name nobody, whom the site names is told of it: once for one cause, and not again while
    another incident of that cause is open there. What is new or changed what is served (`is_change`) is
    told each time.
    """
    said = seen or Seen()
    payload = {
        "incident": incident,
        "use_case": use_case,
        "site": site,
        "severity": severity,
        "what": what,
        "found_by": actor.name,
        "release": release,
        "detail": dict(detail or {}),
        **({"occurred_at": instant_text(said.since)} if said.since else {}),
        **({"feed": said.feed} if said.feed else {}),
        **({"consequence": said.consequence} if said.consequence else {}),
    }
    entry = _append(settings, "incident_opened", payload, actor)
    if tell is not None and (is_change or not _is_told(settings, incident)):
        tell_of(settings, use_case, site, incident, tell)
    return entry


def tell_of(settings: Settings, use_case: str, site: str, incident: str, words: str) -> None:
    """Send whom the site names a message about an incident."""
    notify(settings, site, f"Incident: {use_case} at {site}", f"{words} Read: pilothouse incident report {incident}")


def _is_told(settings: Settings, incident: str) -> bool:
    """Whether another incident of the same cause is open at the same place."""
    by_name = {one["incident"]: one for one in list_incidents(settings) if one["is_open"]}
    mine = by_name.pop(incident)
    about = (mine["use_case"], mine["site"], cause_of(mine))
    return any((one["use_case"], one["site"], cause_of(one)) == about for one in by_name.values())


def open_once(settings: Settings, incident: str, *, use_case: str, site: str, severity: str, what: str) -> None:
    """Open an incident that a machine saw, and tell of it, unless one of that name was ever opened.

    `what` names nobody: it goes out as it is.
    """
    with opening(settings):
        opened = open_records(settings).entries(kinds=("incident_opened",))
        if incident not in {str(entry.payload["incident"]) for entry in opened}:
            open_incident(settings, incident, use_case=use_case, site=site, severity=severity, what=what, tell=what)


def open_run_incident(settings: Settings, run_id: str, job: str, site: str | None, use_case: str | None = None) -> None:
    """Open an incident for a failed Dagster run, once per run; it concerns every use case where it is not of one."""
    open_once(
        settings,
        f"run-{run_id[:8]}",
        use_case=use_case or ALL_USE_CASES,
        site=site if site in list_sites() else ALL_SITES,
        severity="medium",
        what=f"Dagster run {run_id[:8]} of {job} failed; see the run's page for the step and its reason.",
    )


def close_incident(
    settings: Settings,
    incident: str,
    *,
    cause: str,
    done: str,
    actor: Actor,
    finding: str,
    consequence: str | None = None,
    correction: SentAgain | None = None,
) -> dict[str, Any]:
    """Record what was found to have caused an open incident and what was done. `finding` is the kind of cause.

    With `correction`, also what the source had sent wrong and sent again (`corrections` says what that takes).
    Raises `UnknownIncident`, `NoFinding` for words that say nothing, and `NotCorrected`.
    """
    _require_found(cause, "cause")
    _require_found(done, "done")
    _require_found(finding, "finding")
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
        "finding": finding,
        **({"consequence": consequence} if consequence else {}),
        **({"corrected": checked(settings, still_open[incident], correction, actor)} if correction else {}),
    }
    return _append(settings, "incident_closed", payload, actor.required())


def _require_found(words: str, member: str) -> None:
    if words.strip().strip(".?!-").lower() in SAYING_NOTHING:
        raise NoFinding(
            f"--{member} {words!r} is no finding; an incident is closed with what was found and what was done. "
            "While nobody knows, it stays open."
        )


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
                "finding": entry.payload.get("finding"),
                "consequence": entry.payload.get("consequence") or found[name]["consequence"],
                "corrected": entry.payload.get("corrected"),
            }
    newest_first = reversed(list(found.values()))
    return sorted(newest_first, key=lambda one: not one["is_open"])


def _opened(name: str, entry: Entry) -> dict[str, Any]:
    kept = ("use_case", "site", "severity", "what", "found_by", "release", "occurred_at", "feed", "consequence")
    return {
        "incident": name,
        "is_open": True,
        "opened_at": entry.at.isoformat(),
        **{member: entry.payload.get(member) for member in kept},
        "detail": entry.payload.get("detail") or {},
        "closed_at": None,
        "cause": None,
        "done": None,
        "finding": None,
        "corrected": None,
    }
