"""Objectives at a site's present, and one incident for one cause where a budget burned too fast.

The look goes back over an objective's whole window, because events come back in the night: what burned since the last
incident of its kind is told once, by the time at which it burned. What does not belong here: measures, arithmetic.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evaluation.canonical import document_digest
from evaluation.slo import Burn, Happened, Objective, Standing, alert_between, by_group, load_objectives, standing
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError, known_errors
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.planning.meetings import clock_of
from orchestration.steps.record.incidents import ALL_USE_CASES, incident_label, list_incidents, open_incident
from orchestration.steps.record.records import TimeNotUnderstood, now
from orchestration.steps.releases.proposal import served_sites
from orchestration.steps.slo.measures import Asked, happened
from orchestration.steps.slo.telling import document, table, words
from orchestration.steps.warehouse.tables import current_snapshot, snapshot_digest

FEEDS = "feeds"
FIRST_YEAR, LAST_YEAR = 1971, 9000
PREFIX, STAMP = "slo", "%Y%m%d%H%M"


class NotJudged(StepError):
    """Service levels whose events cannot be read; the message says which, and why. The others were judged."""


def service_levels(settings: Settings, use_case: str | None, site: str | None, at: datetime | None) -> Answer:
    """Every objective of what is served and of the feeds that come, each at its site's present or at `at`.

    Raises `UnknownSite`, `UnknownUseCase`, and `TimeNotUnderstood` for a time that no event can have.
    """
    if use_case not in (None, FEEDS):
        load_declaration(str(use_case))
    if at is not None and not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise TimeNotUnderstood(f"{at:%Y-%m-%d} is no day of this service; expected {FIRST_YEAR} to {LAST_YEAR}.")
    judged = ((asked.site, _judged(asked)) for asked in _asked(settings, site, at, use_case))
    found = [document(place, one) for place, one in judged]
    return Answer({"slos": found}, table(found))


def tell_burning(settings: Settings, at: datetime | None) -> list[dict[str, Any]]:
    """Open an incident for each objective whose budget burned too fast since it was last told, and return these.

    Raises `NotJudged`, after all others were judged, where the events of one cannot be read.
    """
    known = list_incidents(settings)
    opened: list[dict[str, Any]] = []
    faults: list[str] = []
    for asked in _asked(settings, None, at):
        try:
            burn = _untold(known, asked)
        except known_errors() as error:
            faults.append(f"{asked.objective.name} at {asked.site}: {error}")
            continue
        if burn is not None:
            opened.append(_open(settings, asked, burn))
    if faults:
        raise NotJudged(f"{len(opened)} incidents were opened; not judged: {' '.join(faults)}")
    return opened


def _untold(known: list[dict[str, Any]], asked: Asked) -> Burn | None:
    after = _told_until(known, asked)
    return None if after is None else alert_between(asked.objective, happened(asked), after, asked.present)


def _asked(settings: Settings, site: str | None, at: datetime | None, only: str | None = None) -> Iterator[Asked]:
    chosen = [load_site(site).id] if site else list_sites()
    snapshot = current_snapshot(settings) if snapshot_digest(settings) else None
    use_cases = list_use_cases() if snapshot else []
    served = {use_case: served_sites(settings, use_case) for use_case in use_cases if only in (None, use_case)}
    for place in chosen:
        present = at or clock_of(settings, place, now())
        mine = [use_case for use_case in served if place in served[use_case]]
        for objective in (one for name in (*mine, FEEDS) if only in (None, name) for one in load_objectives(name)):
            yield Asked(settings, objective, place, present, snapshot)


def standings(settings: Settings, use_case: str, site: str) -> tuple[Standing, ...]:
    """Every objective of a use case at a site where it is served, at the site's present; none where it is not."""
    return tuple(_judged(asked) for asked in _asked(settings, site, None, use_case))


def _judged(asked: Asked) -> Standing:
    events = happened(asked)
    whole = standing(asked.objective, events, asked.present)
    return replace(whole, groups=tuple(one for name in events.groups for one in _groups(asked, events, name)))


def _groups(asked: Asked, events: Happened, name: str) -> list[Standing]:
    """The events by unit, shift or feed, where more than one is known."""
    found = [one for one in by_group(asked.objective, events, asked.present, name) if one.group and one.group[1]]
    return found if len(found) > 1 else []


def _told_until(known: list[dict[str, Any]], asked: Asked) -> datetime | None:
    """From when on a burn has not been told; null while an incident about it is open."""
    mine = [one for one in known if one["site"] == asked.site and one["incident"].endswith(_about(asked))]
    if any(one["is_open"] for one in mine):
        return None
    begin = asked.present - asked.objective.window
    longest = max((alert.long for alert in asked.objective.alerts), default=timedelta())
    stamps = [one["incident"].split("-", 2)[1] for one in mine]
    told = [datetime.strptime(stamp, STAMP).replace(tzinfo=UTC) + longest for stamp in stamps]
    return max([begin, *told])


def _about(asked: Asked) -> str:
    """The end of every incident's name about an objective; the digest stands for names of any length."""
    digest = document_digest({"objective": asked.objective.name, "site": asked.site})[:8]
    return f"-{asked.objective.name[:32]}-{digest}"


def _open(settings: Settings, asked: Asked, burn: Burn) -> dict[str, Any]:
    objective = asked.objective
    about = ALL_USE_CASES if objective.use_case == FEEDS else objective.use_case
    what = sentence(objective, asked.site, burn)
    return open_incident(
        settings,
        incident_label(f"{PREFIX}-{burn.at.astimezone(UTC):{STAMP}}{_about(asked)}"),
        use_case=about,
        site=asked.site,
        severity=burn.alert.severity,
        what=what,
        tell=what,
    )


def sentence(objective: Objective, site: str, burn: Burn) -> str:
    """Say what burned, how fast, since when, and who looks after it."""
    agreed, lost = objective.window, words(burn.alert.long)
    return (
        f"{objective.title}, at {site}: by {burn.at:%Y-%m-%d %H:%M} UTC {burn.bad} failed within {lost}, which spends "
        f"the error budget {burn.long:.1f} times as fast as agreed (told from {burn.alert.burn:g} on). Promised are "
        f"{100 * objective.target:g} % over {words(agreed)}. {objective.owner} looks for the cause: pilothouse slo "
        f"--site {site}"
    )
