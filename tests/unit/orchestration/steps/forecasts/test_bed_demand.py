"""Bed demand on the simulator: calibrated, from what had happened by then, and stepping down in words."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import kstest

from evaluation.policies import Tier
from ml.forecasting.bed_demand import Distribution
from ml.forecasting.bed_stays import DAY, Stays
from orchestration.settings import Settings
from orchestration.simulator.world import World
from orchestration.sites import UnitKind, load_site
from orchestration.steps.forecasts.bed_demand import WINDOWS, BedDemand, bed_demand_asked, bed_demand_of
from orchestration.steps.forecasts.bed_demand_input import scores_of, stays_of
from orchestration.steps.planning.upstream import Answered
from tests.unit.orchestration.steps.simulated_stays import RISK_OF_PRIORITY, stay_table

SITE = load_site("rural")
FIRST, DAYS, LEARNED = date(2026, 1, 5), 110, 60


@dataclass(frozen=True)
class Simulated:
    stays: Stays
    risks: dict[str, float]
    table: pa.Table


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    """The stays of some months of a simulated hospital, as the mart would tell them at the end."""
    world = World(SITE.id, FIRST, seed=5)
    charts = [chart for _ in range(DAYS) for chart in world.advance(measure=False).charts]
    table = stay_table(charts)
    risks = {chart.visit.id: RISK_OF_PRIORITY[chart.priority] for chart in charts}
    return Simulated(stays_of(table, SITE, datetime.fromtimestamp(world.hospital.now, UTC)), risks, table)


def moments(every_hours: float) -> Iterator[datetime]:
    """Times of day that do not fall into step with the day, from the end of the learned stretch on."""
    first = datetime.combine(FIRST, datetime.min.time(), SITE.zone) + timedelta(days=LEARNED)
    for n in range(int((DAYS - LEARNED - 2) * 24 / every_hours)):
        yield first + timedelta(hours=n * every_hours)


def test_the_distribution_is_calibrated_on_the_simulated_hospital(simulated: Simulated) -> None:
    rng = np.random.default_rng(2)
    drawn: dict[int, list[float]] = {hours: [] for hours in WINDOWS}
    widths = {"model": 0.0, "history": 0.0}
    for at in moments(19):
        found = bed_demand_of(simulated.stays, simulated.risks, at, SITE.zone)
        past = bed_demand_of(simulated.stays, {}, at, SITE.zone, why_not="it is off")
        assert (found.tier, past.tier) == ("model", "history")
        for hours, one in found.windows.items():
            came = simulated.stays.net(found.as_of.timestamp(), hours)
            drawn[hours].append(one.pit(came, rng.random()))
        widths = {tier: widths[tier] + one.windows[4].quantile(0.95) - one.windows[4].quantile(0.05)
                  for tier, one in (("model", found), ("history", past))}  # fmt: skip
    for hours, pits in drawn.items():
        assert len(pits) > 50 and kstest(pits, "uniform").pvalue > 0.01, hours
        assert 0.8 <= np.mean([0.05 <= pit <= 0.95 for pit in pits]) <= 1, hours
    assert widths["model"] < 1.2 * widths["history"]


@pytest.mark.parametrize(
    ("lowest", "said"),
    [
        (-2, "3 needed (−2 to 8)"),
        (-5, "0 needed (−5 to 5)"),
        (-6, "1 to spare (−4 to 6)"),
        (-14, "9 to spare (4 to 14)"),
    ],
)
def test_beds_are_needed_or_to_spare_and_never_less_than_none(lowest: int, said: str) -> None:
    told = BedDemand(datetime(2026, 3, 1, 10, tzinfo=UTC), "model", "", {4: Distribution(lowest, np.full(11, 1 / 11))})
    assert told.range(4) == said
    assert told.sentence() == f"Beds from 01 Mar 10:00, admissions less discharges: {said} within 4 h. "
    assert f"Beds within 4 h from 10:00: {said}, by triage's" in told.driver(datetime(2026, 3, 1, 11, tzinfo=UTC))


def test_nothing_that_happens_later_is_read(simulated: Simulated) -> None:
    at = next(moments(19))
    stays, now = simulated.stays, at.timestamp()
    later = stays.entered > now
    changed = replace(
        stays,
        left=np.where(stays.left > now, np.nan, stays.left),
        is_ed=np.where(later, ~stays.is_ed, stays.is_ed),
        is_last=np.where(stays.left > now, ~stays.is_last, stays.is_last),
    )
    one, other = (bed_demand_of(given, simulated.risks, at, SITE.zone) for given in (stays, changed))
    for hours in WINDOWS:
        assert one.windows[hours].probabilities == pytest.approx(other.windows[hours].probabilities)


def test_sicker_people_in_the_department_mean_more_beds(simulated: Simulated) -> None:
    at = next(one for one in moments(1) if one.hour == 18)
    known = simulated.stays.at(at.timestamp())
    here = set(known.visit[known.is_ed & np.isnan(known.left)])
    sicker = {visit: 0.95 if visit in here else risk for visit, risk in simulated.risks.items()}
    usual, more = (bed_demand_of(simulated.stays, risks, at, SITE.zone) for risks in (simulated.risks, sicker))
    assert here and all(more.windows[hours].mean > usual.windows[hours].mean for hours in WINDOWS)


def test_stale_stays_and_too_few_scores_step_down_to_past_days_and_say_so(simulated: Simulated) -> None:
    last = datetime.fromtimestamp(float(np.nanmax(simulated.stays.left)), SITE.zone)
    stale = bed_demand_of(simulated.stays, simulated.risks, last + timedelta(hours=14), SITE.zone)
    assert stale.tier == "history" and "is 14 hours old, more than 6" in stale.sentence()
    at = next(one for one in moments(1) if one.hour == 18)
    silent = bed_demand_of(simulated.stays, {}, at, SITE.zone)
    assert silent.tier == "history" and "triage scored only 0 of the" in silent.said
    assert set(silent.windows) == set(WINDOWS) and "past days alone" in silent.driver(at + timedelta(hours=5))
    assert silent.driver(at + timedelta(hours=30)) == ""


def test_a_hospital_that_has_only_begun_gives_no_figure_and_says_what_is_missing(simulated: Simulated) -> None:
    at = datetime.combine(FIRST, datetime.min.time(), SITE.zone) + timedelta(days=9)
    early = bed_demand_of(simulated.stays.at(at.timestamp()), simulated.risks, at, SITE.zone)
    assert (early.tier, early.windows) == ("manual", {}) and "at least 21 days" in early.sentence()


def test_the_clocks_going_forward_take_no_past_day_away(simulated: Simulated) -> None:
    at = datetime(2026, 3, 30, 12, tzinfo=SITE.zone)
    found = bed_demand_of(simulated.stays, {}, at, SITE.zone, why_not="it is off")
    assert found.tier == "history" and at.utcoffset() != (at - timedelta(days=5)).utcoffset()


def test_only_what_had_arrived_counts_and_only_answers_of_the_released_model(simulated: Simulated) -> None:
    at = datetime.fromtimestamp(simulated.stays.entered.min() + 30 * DAY, UTC)
    assert stays_of(simulated.table, SITE, at).entered.max() <= at.timestamp()
    answer = {"use_case": "triage", "release_digest": "a", "tier": "model", "visit_key": "v", "at": at}
    rows = [
        {**answer, "scores": '{"admission": 0.2}'},
        {**answer, "scores": '{"admission": 0.3}', "at": at + timedelta(minutes=1)},
        {**answer, "scores": '{"admission": 0.9}', "at": at + timedelta(hours=2)},
        {**answer, "scores": '{"admission": 0.9}', "release_digest": "b", "visit_key": "other"},
        {**answer, "scores": '{"admission": 0.9}', "tier": "rule", "visit_key": "other"},
        {**answer, "scores": None, "visit_key": "other"},
    ]
    events = pa.Table.from_pylist(rows)
    assert scores_of(events, at + timedelta(hours=1), "triage", "a") == {"v": 0.3}
    assert scores_of(events, at + timedelta(hours=1), "triage", None) == {}


def test_a_move_from_one_emergency_department_to_another_is_one_stay(simulated: Simulated) -> None:
    """The ward of a site that says it is an emergency department: nobody is admitted to it."""
    wards = {unit.id for unit in SITE.units if unit.kind is not UnitKind.ED}
    two = SITE.model_copy(update={"units": tuple(u.model_copy(update={"kind": UnitKind.ED}) for u in SITE.units)})
    at = datetime.fromtimestamp(simulated.stays.entered.max(), UTC)
    found = stays_of(simulated.table, two, at)
    assert wards & set(simulated.table["unit"].to_pylist())
    assert found.is_ed.all() and len(found.visit) == len(set(found.visit)) < len(simulated.stays.visit)


def test_a_use_case_upstream_that_is_off_is_said_and_one_without_admissions_gives_no_beds(settings: Settings) -> None:
    at = datetime(2026, 3, 1, tzinfo=SITE.zone)
    off = {"triage": Answered("triage", None, Tier.MANUAL, "Triage: not used, since it is off here.")}
    found = bed_demand_asked(settings, SITE, at, off)
    assert found is not None and found.tier == "manual" and "no stays have been published" in found.said
    assert bed_demand_asked(settings, SITE, at, {}) is None
