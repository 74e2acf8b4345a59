"""Published plans held against what happened: shadow figures, plans in time, and how often people set another figure.

Reads verified plans and the published snapshot. What does not belong here: making plans, statistics.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb
import numpy as np

from evaluation.evidence import Evidence, Figure
from evaluation.metrics.forecast import ForecastSample, forecast_figures
from evaluation.metrics.shares import share
from ml.forecasting.history import EPOCH, History
from ml.forecasting.mart import read_staffing, site_history
from ml.registry.plan import Line, Plan, plans_since
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.registry.stages import Stage
from ml.registry.store import VerifiedRelease
from ml.usecases import ForecastUseCase, load_forecast
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.shadow import NothingServed, releases_of
from orchestration.steps.learning.stores import CandidateRecord, read_candidate, save_evidence
from orchestration.steps.planning.meetings import clock_of, days_in_time
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.warehouse.tables import current_snapshot

LOOK_BACK = timedelta(days=90)
ADJUSTED = """
    select distinct unit, shift_date, shift_code from {adjustments}
    where use_case = $use_case and site = $site and plan_digest in (select unnest($plans))
"""


@dataclass(frozen=True)
class Row:
    """One published figure whose day is known now, with what simple rules would have said on the day it was issued."""

    name: str
    day: int
    truth: float
    quantiles: tuple[float, float, float]
    baselines: tuple[float, float]


def judge_plans(settings: Settings, use_case: str, site: str) -> list[Evidence]:
    """Write and return evidence of kinds shadow and slo about the model that is released at a site.

    Raises `NothingServed`, and `PlanError` or `SignatureError` for a plan that cannot be trusted.
    """
    record, plans, releases, present = plans_served(settings, use_case, site)
    evidence = [
        _shadow(settings, record, plans, releases),
        slo_of(record, load_site(site), plans, present),
    ]
    for piece in evidence:
        save_evidence(settings, piece)
    return evidence


def plans_served(
    settings: Settings, use_case: str, site: str
) -> tuple[CandidateRecord, list[Plan], dict[str, VerifiedRelease], datetime]:
    """Return the released candidate, its plans of the last 90 days (oldest first), its releases by digest, and the
    site's present. Raises as `judge_plans`."""
    release = released(settings, current_pointer(settings, use_case, site))
    if release is None:
        raise NothingServed(f"{use_case} serves no release at {site}; there are no plans to judge.")
    record = read_candidate(settings, use_case, site, release.manifest.model.digest)
    present = clock_of(settings, site, now())
    key = load_public_key(settings.home / RELEASE_PUBLIC_KEY)
    every = plans_since(settings.home, use_case, site, key, present - LOOK_BACK)
    releases = {one.digest: one for one in releases_of(settings, record)}
    plans = [plan for plan in reversed(every) if plan.release in releases]
    return record, plans, releases, present


def _shadow(
    settings: Settings, record: CandidateRecord, plans: Sequence[Plan], releases: dict[str, VerifiedRelease]
) -> Evidence:
    declared, place = load_forecast(record.use_case), load_site(record.site)
    mart = read_staffing(settings.snapshots, f"{record.use_case}_mart").mart
    rows = list(_rows(declared, place, plans, site_history(mart, declared, place.id)))
    figures = {
        f"shadow.{sample.name}.{of}": figure
        for sample in _samples(declared, rows)
        for of, figure in forecast_figures(sample, declared.coverage, record.seed).items()
    }
    shown = [plan for plan in plans if releases[plan.release].manifest.stage.rank >= Stage.ASSISTIVE.rank]
    figures["shadow.adjusted_share"] = adjusted_share(settings, record, shown)
    made = len({plan.issued_at.astimezone(place.zone).date() for plan in plans})
    figures["shadow.days_planned"] = Figure(float(made), n=made)
    head = head_of(record, window_of(plans))
    return head.evidence("shadow", figures, {"plans": len(plans), "shown": len(shown), "figures_known": len(rows)})


def _rows(declared: ForecastUseCase, site: Site, plans: Iterable[Plan], history: History) -> Iterator[Row]:
    """What the released model said, once for each figure and day of issue: the last word of that day counts."""
    newest: dict[tuple[date, tuple[str, date, str, str]], tuple[date, Line]] = {}
    names = {one.name for one in declared.targets}
    for plan in plans:
        if plan.tier.value == "model":
            issued = plan.issued_at.astimezone(site.zone).date()
            newest |= {(issued, line.about): (issued, line) for line in plan.lines if line.target in names}
    for issued, line in newest.values():
        row = _row(history, issued, line)
        if row is not None and (line.date - issued).days in declared.horizons_days:
            yield row


def _row(history: History, issued: date, line: Line) -> Row | None:
    if (line.unit, line.shift) not in history.series:
        return None
    values = history.values[line.target][history.series.index((line.unit, line.shift))]
    week = line.date - timedelta(days=7 if line.date - timedelta(days=7) < issued else 14)
    days = (line.date, issued - timedelta(days=1), week)
    if any(not 0 <= history.index(day) < history.days for day in days):
        return None
    truth, last, same = (float(values[history.index(day)]) for day in days)
    if not np.isfinite([truth, last, same]).all():
        return None
    name = f"{line.target}_{(line.date - issued).days}d"
    return Row(name, (line.date - EPOCH).days, truth, (line.lower, line.median, line.upper), (last, same))


def _samples(declared: ForecastUseCase, rows: Sequence[Row]) -> Iterator[ForecastSample]:
    tail = (1 - declared.coverage) / 2
    for name in sorted({row.name for row in rows}):
        own = [row for row in rows if row.name == name]
        yield ForecastSample(
            name=name,
            day=np.array([row.day for row in own]),
            truth=np.array([row.truth for row in own]),
            levels=(tail, 0.5, 1 - tail),
            quantiles=np.array([row.quantiles for row in own]),
            baselines={
                "persistence": np.array([row.baselines[0] for row in own]),
                "seasonal_naive": np.array([row.baselines[1] for row in own]),
            },
        )


def adjusted_share(settings: Settings, record: CandidateRecord, shown: Sequence[Plan]) -> Figure:
    """Share of the shifts on shown plans for which a person set another figure."""
    shifts = {(line.unit, line.date, line.shift) for plan in shown for line in plan.lines}
    if not shifts:
        return Figure(None, n=0)
    query = ADJUSTED.format(adjustments=sql.text(str(current_snapshot(settings).table("board_adjustment"))))
    given = {"use_case": record.use_case, "site": record.site, "plans": [plan.digest for plan in shown]}
    with duckdb.connect() as connection:
        changed = set(connection.execute(query, given).fetchall())
    return share(np.array([shift in changed for shift in sorted(shifts)]))


def slo_of(record: CandidateRecord, site: Site, plans: Sequence[Plan], present: datetime) -> Evidence:
    """Evidence of kind slo: the share of meetings, from the first plan on, that a plan was there before."""
    first = min((plan.issued_at.astimezone(site.zone).date() for plan in plans), default=None)
    met = days_in_time(site, plans, first, present) if first else []
    figure = share(np.array(met)) if met else Figure(None, n=0)
    detail = {"meeting": site.meeting.isoformat() if site.meeting else None, "timezone": site.timezone}
    return head_of(record, window_of(plans)).evidence("slo", {"slo.share_in_time": figure}, detail)


def window_of(plans: Sequence[Plan]) -> dict[str, str]:
    """When the first and the last of some plans were issued."""
    if not plans:
        return {}
    return {"issued_from": plans[0].issued_at.isoformat(), "issued_until": plans[-1].issued_at.isoformat()}
