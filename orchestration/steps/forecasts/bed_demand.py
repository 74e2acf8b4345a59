"""Bed demand of the next hours at a site, from the stays that landed and triage's own risks of who is there now.

Where triage is off, stepped down or silent, or no stay of the last hours has landed, the distribution of the same hours
on past days is given instead, and that is said. What does not belong here: the distribution (ml/forecasting), and
showing it (the plan's own steps).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.compute as pc

from evaluation.policies import Tier
from ml.forecasting import NotEnoughHistory
from ml.forecasting.bed_demand import Distribution
from ml.forecasting.bed_flow import Flow, Present, learn, recalibrated
from ml.forecasting.bed_stays import Stays, historical
from ml.forecasting.history import Floats
from ml.usecases import UseCase, load_declaration
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.forecasts.bed_demand_input import OUTCOME, published_tables, scores_of, stays_of
from orchestration.steps.planning.upstream import Answered

WINDOWS = (4, 8, 24)
FEWEST_SCORED = 0.5
"""Share of those present whom triage scored, below which their risks are not triage's any more."""
LATEST_HOURS = 6.0
"""Stays that are older than this do not say who is there now."""
Told = Literal["model", "history", "manual"]


@dataclass(frozen=True)
class BedDemand:
    """Net beds needed by the end of each window (hours), the tier that gives them, and what is said of it.

    `as_of` is the newest movement that had landed: the windows begin there. `present` and `scored` count people in the
    emergency department then.
    """

    as_of: datetime
    tier: Told
    said: str
    windows: Mapping[int, Distribution]
    present: int = 0
    scored: int = 0

    def sentence(self) -> str:
        """The distribution in words: median, and the middle nine tenths, per window."""
        if not self.windows:
            return self.said
        parts = [f"{self.range(hours)} within {hours} h" for hours in self.windows]
        return f"Beds from {self.as_of:%d %b %H:%M}, admissions less discharges: {', '.join(parts)}. {self.said}"

    def range(self, hours: int) -> str:
        """Median and middle nine tenths of one window: beds needed, or, where more leave than come, beds to spare."""
        low, median, high = (self.windows[hours].quantile(share) for share in (0.05, 0.5, 0.95))
        if median < 0:
            return f"{-median} to spare ({_written(-high)} to {_written(-low)})"
        return f"{median} needed ({_written(low)} to {_written(high)})"

    def driver(self, begins_at: datetime) -> str:
        """What it says of a shift that begins within its windows, in a sentence; empty of any other."""
        ahead = (begins_at - self.as_of).total_seconds() / 3600
        reached = [hours for hours in self.windows if 0 < ahead <= hours]
        if not reached:
            return ""
        told = "triage's risks of who is in the department" if self.tier == "model" else "past days alone"
        return f"Beds within {min(reached)} h from {self.as_of:%H:%M}: {self.range(min(reached))}, by {told}."


def _written(beds: int) -> str:
    return str(beds).replace("-", "\N{MINUS SIGN}")


def bed_demand_asked(
    settings: Settings, site: Site, at: datetime, upstream: Mapping[str, Answered]
) -> BedDemand | None:
    """Bed demand from the use case upstream that gives a risk of admission; None where none does."""
    for name, answered in upstream.items():
        declared = load_declaration(name)
        if isinstance(declared, UseCase) and OUTCOME in {outcome.name for outcome in declared.outcomes}:
            whole = answered.tier is Tier.MODEL
            release, why = (answered.release, "") if whole else (None, answered.said.rstrip("."))
            return bed_demand_now(settings, site, at, upstream=name, release=release, why_not=why)
    return None


def bed_demand_now(
    settings: Settings, site: Site, at: datetime, *, upstream: str, release: str | None, why_not: str = ""
) -> BedDemand:
    """Work bed demand out, from the risks of the use case `upstream`, which gives one of admission.

    `release` is its released model here, or None (with `why_not`) where it may not be used.

    Never raises for thin data: tier `manual` says what is missing. Raises `SnapshotRefused` for tables that changed.
    """
    tables = published_tables(settings)
    if tables is None:
        return BedDemand(at, "manual", "Bed demand is not given: no stays have been published yet.", {})
    stays, events = (table.filter(pc.call_function("equal", [table["site"], site.id])) for table in tables)
    return bed_demand_of(stays_of(stays, site, at), scores_of(events, at, upstream, release), at, site.zone, why_not)


def bed_demand_of(
    stays: Stays, scores: Mapping[str, float], at: datetime, zone: ZoneInfo, why_not: str = ""
) -> BedDemand:
    """Bed demand from stays and risks by visit; `why_not` says why triage may not be used, or is empty.

    With triage the windows begin at the newest movement that has landed, since who is there is known then; without, at
    `at` itself.
    """

    def local_hour(moment: float) -> int:
        return datetime.fromtimestamp(moment, zone).hour

    if not stays.entered.size:
        return BedDemand(at, "manual", "Bed demand is not given: no stays of this site have landed.", {})
    newest = min(float(np.nanmax(np.concatenate([stays.entered, stays.left]))), at.timestamp())
    known = stays.at(newest)
    here = known.is_ed & np.isnan(known.left)
    present, scored = int(here.sum()), sum(visit in scores for visit in known.visit[here])
    why_not = why_not or _why_not(present, scored, (at.timestamp() - newest) / 3600)
    try:
        if why_not:
            said = f"From the same hours of past days alone, since {why_not}."
            now = at.timestamp()
            past = {hours: historical(stays, now, local_hour, hours, known_until=newest) for hours in WINDOWS}
            return BedDemand(at.astimezone(zone), "history", said, past, present, scored)
        flow = learn(stays, newest, local_hour, scores)
        people = _people(flow, scores, here, newest)
        windows = {hours: flow.demand(people, hours) for hours in WINDOWS}
    except NotEnoughHistory as error:
        return BedDemand(at, "manual", f"Bed demand is not given: {error}", {}, present, scored)
    said = f"From triage's risks of {scored} of the {present} people in the emergency department, and who is expected."
    return BedDemand(datetime.fromtimestamp(newest, zone), "model", said, windows, present, scored)


def _why_not(present: int, scored: int, hours: float) -> str:
    if hours > LATEST_HOURS:
        return f"the newest movement that has landed is {hours:.0f} hours old, more than {LATEST_HOURS:.0f}"
    if scored < FEWEST_SCORED * present:
        return f"triage scored only {scored} of the {present} people in the emergency department"
    return ""


def _people(flow: Flow, scores: Mapping[str, float], here: np.ndarray[Any, Any], now: float) -> list[Present]:
    """Everybody who is there, with triage's risk, held against what came of its risks; who has none, with the usual."""
    stays = flow.stays
    done = stays.is_ed & np.isfinite(stays.left)
    told = [n for n in np.flatnonzero(done) if stays.visit[n] in scores]
    past = np.array([scores[stays.visit[n]] for n in told], np.float64)
    outcomes = np.array([not stays.is_last[n] for n in told], np.float64)
    raw = np.array([scores.get(visit, np.nan) for visit in stays.visit[here]], np.float64)
    risks = np.where(np.isfinite(raw), recalibrated(np.nan_to_num(raw, nan=0.5), past, outcomes), _usual(flow, here))
    waited = (now - stays.entered[here]) / 3600
    told = [None if np.isnan(one) else float(one) for one in raw]
    return [Present(float(risk), float(hours), one) for risk, hours, one in zip(risks, waited, told, strict=True)]


def _usual(flow: Flow, here: np.ndarray[Any, Any]) -> Floats:
    """The share of those of the same triage level who were admitted, drawn to that of all where they are few."""
    stays, prior = flow.stays, 10.0
    done = stays.is_ed & np.isfinite(stays.left)
    found: list[float] = []
    for level in stays.level[here]:
        same = done & (stays.level == level)
        found.append((float((~stays.is_last[same]).sum()) + prior * flow.admitted_share) / (float(same.sum()) + prior))
    return np.array(found, np.float64)
