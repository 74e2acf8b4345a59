"""Is each feed of a site as fresh as its contract says, at a time that the caller names; what is stale is an incident.

A feed is due when its cadence and the time that its files may take on the way (frequency and latency of the contract)
have passed since its last file that brought anything. What does not belong here: schedules (defs), and the clock: it is
an argument, so that a simulated day can be judged as it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from orchestration.contracts import Contract, in_force, load_timelines
from orchestration.contracts.model import Agreement
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.intake.arrivals import newest_arrival
from orchestration.steps.record.incidents import (
    ALL_USE_CASES,
    MACHINE,
    close_incident,
    incident_label,
    list_incidents,
    open_once,
)

UNITS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "mo": timedelta(days=31),
    "y": timedelta(days=366),
}
PREFIX = "stale"


class Verdict(StrEnum):
    """How fresh a feed is."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER_SENT = "never sent"
    NOT_AGREED = "no cadence agreed"


@dataclass(frozen=True)
class Freshness:
    """One feed of one site at a time. `last` is when its newest file arrived, `due` when the next one had to."""

    site: str
    feed: str
    contract: str
    verdict: Verdict
    clock: datetime
    agreed: str
    last: datetime | None = None
    due: datetime | None = None

    @property
    def incident(self) -> str:
        """The name of the incident that this outage is: another one after the next file that arrives."""
        return incident_label(PREFIX, self.feed, self.site, f"{self.last:%Y%m%d%H%M%S}" if self.last else "never")

    @property
    def sentence(self) -> str:
        if self.verdict is Verdict.NEVER_SENT:
            return f"{self.feed} of {self.site}: no file has ever arrived; whether it is late cannot be said."
        if self.verdict is Verdict.NOT_AGREED:
            return f"{self.feed} of {self.site}: {self.contract} agrees no cadence."
        last, due = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (self.last, self.due) if at)
        state = "is stale" if self.verdict is Verdict.STALE else "is fresh"
        return f"{self.feed} of {self.site} {state}: last file {last}, the next was due {due} ({self.agreed})."

    def to_json(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "feed": self.feed,
            "contract": self.contract,
            "verdict": self.verdict.value,
            "clock": self.clock.isoformat(),
            "agreed": self.agreed,
            "last": self.last.isoformat() if self.last else None,
            "due": self.due.isoformat() if self.due else None,
        }


def site_freshness(settings: Settings, site: str, clock: datetime) -> list[Freshness]:
    """Judge every feed that a site lists, under the contracts in force at a time. Raises `UnknownSite`."""
    place = load_site(site)
    contracts = in_force(load_timelines(environment=settings.environment), clock)
    return [_judge(settings, place.id, contracts[feed], clock) for feed in place.feeds]


def unattended_freshness(settings: Settings, clock: datetime) -> list[Freshness]:
    """Judge every site at a time; a simulated site at its own present, which is when its newest file arrived."""
    return [one for site in list_sites() for one in site_freshness(settings, site, present_of(settings, site, clock))]


def present_of(settings: Settings, site: str, clock: datetime) -> datetime:
    """Return what a site's own clock shows: that of the wall, or where a simulator has come to."""
    place = load_site(site)
    if not place.simulated:
        return clock
    return max((at for feed in place.feeds if (at := newest_arrival(settings, site, feed, clock))), default=clock)


def _judge(settings: Settings, site: str, contract: Contract, clock: datetime) -> Freshness:
    frequency, latency = contract.agreed("frequency"), contract.agreed("latency")
    last = newest_arrival(settings, site, contract.feed, clock)
    told = " and ".join(f"{one.name} {one.value} {one.unit}" for one in (frequency, latency) if one)
    blank = Freshness(site, contract.feed, contract.label, Verdict.NEVER_SENT, clock, told, last)
    if last is None:
        return blank
    gap = allowed_gap(contract)
    if gap is None:
        return Freshness(site, contract.feed, contract.label, Verdict.NOT_AGREED, clock, told, last)
    due = last + gap
    verdict = Verdict.STALE if clock > due else Verdict.FRESH
    return Freshness(site, contract.feed, contract.label, verdict, clock, told, last, due)


def allowed_gap(contract: Contract) -> timedelta | None:
    """Return how long after a file the next one may come: cadence and time on the way; null where none is agreed."""
    frequency, latency = contract.agreed("frequency"), contract.agreed("latency")
    if frequency is None or (every := _span(frequency)) is None:
        return None
    return every + ((_span(latency) if latency else None) or timedelta())


def _span(agreed: Agreement) -> timedelta | None:
    unit = UNITS.get(agreed.unit)
    return unit * float(agreed.value) if unit else None


def stale_now(judged: Iterable[Freshness]) -> list[str]:
    """Return the incidents that are due, sorted: what a sensor compares with what it saw before."""
    return sorted(one.incident for one in judged if one.verdict is Verdict.STALE)


def tell(settings: Settings, judged: Iterable[Freshness]) -> None:
    """Open an incident for each feed that is stale, once for each outage, and close those of feeds that flow again."""
    open_now = {one["incident"]: one for one in list_incidents(settings) if one["is_open"]}
    for one in judged:
        if one.verdict is Verdict.STALE:
            what = f"{one.sentence} Ask the source; meanwhile the contract's fallback holds."
            open_once(settings, one.incident, use_case=ALL_USE_CASES, site=one.site, severity="medium", what=what)
        elif one.verdict is Verdict.FRESH:
            of_feed = incident_label(PREFIX, one.feed, one.site, "")
            for name in [name for name in open_now if name.startswith(of_feed) and open_now[name]["site"] == one.site]:
                close_incident(
                    settings,
                    name,
                    cause=f"No file of {one.feed} arrived in time; why, the source has to say.",
                    done=f"Files arrive again: {one.sentence}",
                    actor=MACHINE,
                    finding="feed",
                )
