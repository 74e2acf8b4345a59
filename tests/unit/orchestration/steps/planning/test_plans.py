"""Plans for the meeting: each tier reached by breaking its input, and what upstream says seen in the plan."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from evaluation.canonical import document_digest
from evaluation.policies import Stage as Policied
from ml.registry.stages import Stage, Tier
from ml.registry.store import model_files
from ml.usecases import OtherKind, load_declaration
from orchestration.settings import Settings
from orchestration.sites import LaunchScope, Site, load_site
from orchestration.steps.drills.rehearsal import rehearse
from orchestration.steps.learning.stores import CandidateRecord, bundle_folder, save_candidate
from orchestration.steps.planning.meetings import daily_cron, days_in_time, judge_meetings, meeting_on, minutes_before
from orchestration.steps.planning.plans import NothingToPlan, make_plan, plan_order, planner_of
from orchestration.steps.planning.upstream import ask_upstream
from orchestration.steps.record.actors import actor_of
from tests.unit.orchestration.steps.chained import Chain
from tests.unit.orchestration.steps.planned import DAYS, FIRST, NOW, ZONE, Planning, mart, small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model") / "bundle")


@pytest.fixture
def city(settings: Settings, model: Path) -> Planning:
    return Planning.at(settings, model)


def test_the_released_model_plans_every_coming_shift_of_eight_days_with_people_and_hours(city):
    plan = city.plan().plan
    assert (plan.tier.value, plan.tier_reason, plan.release) == ("model", None, city.releases[-1])
    assert {line.target for line in plan.lines} == {"census", "nurse_hours", "rn_hours", "lpn_hours", "rn", "lpn"}
    shifts = {(line.date, line.shift) for line in plan.lines}
    assert len(shifts) == 8 * 3 and all(line.ends_at > NOW for line in plan.lines)
    rn = {(one.unit, one.date, one.shift): one for one in plan.lines if one.target == "rn"}
    for line in plan.lines:
        if line.target == "rn_hours":
            assert rn[line.unit, line.date, line.shift].median == pytest.approx(line.median / 8)
    assert plan.valid_until == max(line.ends_at for line in plan.lines)


def test_hours_follow_the_length_of_the_night_in_which_clocks_change(city):
    spring = date(2026, 3, 8)
    city.publish(mart(days=(spring - FIRST).days - 2))
    plan = city.plan(datetime.combine(spring - timedelta(days=2), time(12, 45), ZONE)).plan
    by = {(one.target, one.date, one.shift): one for one in plan.lines if one.unit == "MED"}
    night, people = by["rn_hours", spring - timedelta(days=1), "night"], by["rn", spring - timedelta(days=1), "night"]
    assert (night.ends_at - night.starts_at) == timedelta(hours=7)
    assert night.median == pytest.approx(people.median * 7)


@pytest.mark.parametrize(
    ("days", "tier", "why"),
    [(DAYS, "model", None), (DAYS - 3, "rule", "hours old, more than 48"), (DAYS - 20, "manual", "more than 48")],
)
def test_stale_counts_step_the_plan_down_by_themselves_and_say_so(city, days, tier, why):
    city.publish(mart(days=days))
    plan = city.plan().plan
    assert plan.tier.value == tier
    assert plan.tier_reason is None if why is None else why in plan.tier_reason
    assert bool(plan.lines) is (tier != "manual")


def test_yesterday_answers_where_neither_the_model_nor_the_weekday_can(city):
    city.publish(mart(skip=("MED", range(DAYS - 40, DAYS - 1))))
    plan = city.plan().plan
    told = {line.reason for line in plan.lines if line.unit == "MED"}
    assert plan.tier is Tier.HISTORY and any("last known figure" in (one or "") for one in told)
    assert "MED: Days of the last two weeks are missing" in (plan.tier_reason or "")


def test_counts_that_had_not_arrived_by_the_time_of_the_plan_are_not_read(city):
    early = NOW - timedelta(days=5)
    plan = city.plan(early).plan
    city.publish(mart(days=DAYS - 5))
    assert [line.median for line in city.plan(early).plan.lines] == [line.median for line in plan.lines]


@pytest.mark.parametrize("tier", [Tier.RULE, Tier.HISTORY, Tier.MANUAL])
def test_a_release_that_people_stepped_down_plans_no_higher(city, tier):
    city.point(Stage.ASSISTIVE, tier)
    plan = city.plan().plan
    assert plan.tier is tier and f"stepped down to its {tier}" in (plan.tier_reason or "")


def test_no_row_no_snapshot_and_damaged_rows_are_each_a_plan_that_says_what_is_wrong(city):
    table = mart()
    for broken, why in (
        (table.slice(0, 0), "has no staffing rows"),
        (table.drop_columns(["rn_hours"]), "no column 'rn_hours'"),
    ):
        city.publish(broken)
        plan = city.plan().plan
        assert plan.tier is Tier.MANUAL and not plan.lines and why in (plan.tier_reason or "")
    (city.settings.snapshots / "current.json").unlink()
    assert "no snapshot yet" in (city.plan().plan.tier_reason or "")


def test_a_sites_file_that_says_nowhere_leaves_a_plan_of_no_lines_that_says_so(city, monkeypatch):
    assert city.plan().plan.lines
    monkeypatch.setattr(Site, "scope_of", lambda *_: LaunchScope.model_validate({"units": "none"}))
    plan = city.plan().plan
    assert plan.lines == () and "Nothing is planned: the site's file lets staffing speak nowhere" in plan.tier_reason


def test_without_a_release_there_is_no_plan_and_a_use_case_of_cards_has_none(settings, city):
    with pytest.raises(NothingToPlan, match="no release at rural"):
        make_plan(settings, "staffing", "rural", NOW)
    with pytest.raises(OtherKind, match="answers visits with cards"):
        planner_of("triage")


def _upstream(city, stage="assistive"):
    return ask_upstream(city.settings, load_declaration("staffing"), "city", Policied(stage), NOW)["triage"]


def test_an_upstream_that_is_off_observed_stepped_down_or_whole_is_said_in_the_plan(city):
    [said] = city.plan().plan.upstream
    assert said.tier is None and "off here" in said.said and _upstream(city).said == said.said
    release = city.triage(Stage.SHADOW)
    assert not _upstream(city).is_usable and "only observed" in _upstream(city).said
    city.triage(Stage.ASSISTIVE, Tier.RULE, release)
    assert _upstream(city).tier == "rule" and "stepped down to its rule" in _upstream(city).said
    city.triage(Stage.ASSISTIVE, release=release)
    assert (_upstream(city).tier, _upstream(city).release) == ("model", release)
    [said] = city.plan().plan.upstream
    assert (said.tier, said.release) == (Tier.MODEL, release)


def test_a_shadow_plan_may_build_on_what_is_in_shadow_too(city):
    city.triage(Stage.SHADOW)
    assert _upstream(city, "shadow").is_usable and not _upstream(city).is_usable


def test_triage_that_was_stepped_down_lowers_the_plan_whose_reasons_hold_its_bed_demand(city):
    """Off is no step down: nobody counted on it. Without stays no bed demand is told, and nothing is lowered."""
    release = city.triage(Stage.ASSISTIVE, Tier.RULE)
    assert city.plan().plan.tier == "model"
    city.publish(mart(), staffing_stay=stays(), serving_event=no_events())
    down = city.plan(NOW + timedelta(minutes=1)).plan
    assert any("by past days alone" in (line.reason or "") for line in down.lines)
    assert down.tier == "history" and "stepped down to its rule. Bed demand is that of past days" in down.tier_reason
    city.home.point(None, Stage.ASSISTIVE, use_case="triage")
    off = city.plan(NOW + timedelta(minutes=2)).plan
    assert off.tier == "model" and any("it is off here" in note for note in off.notes)
    city.triage(Stage.ASSISTIVE, release=release)
    silent = city.plan(NOW + timedelta(minutes=3)).plan
    assert silent.tier == "model" and any("triage scored only" in note for note in silent.notes)


def stays():
    """Forty days of stays: one visit every three hours, two hours in the department, every second then 30 h in bed."""
    rows = []
    for n in range(40 * 8):
        came = NOW - timedelta(hours=3 * n + 1)
        spans = [("ED", came, came + timedelta(hours=2))]
        spans += [("MED", spans[0][2], spans[0][2] + timedelta(hours=30))] * (n % 2)
        rows += [
            {
                "site": "city", "visit_key": f"v{n}", "unit": unit, "entered_at": start,
                "left_at": end if end < NOW else None, "is_first": place == 0, "is_last": place == len(spans) - 1,
                "triage_level": 3, "known_at": start,
            }
            for place, (unit, start, end) in enumerate(spans) if start < NOW
        ]  # fmt: skip
    instant = pa.timestamp("us", "UTC")
    kinds = {"entered_at": instant, "left_at": instant, "known_at": instant, "triage_level": pa.int32()}
    return pa.table({name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]})


def no_events():
    names = ("site", "use_case", "release_digest", "tier", "visit_key", "scores")
    return pa.table(
        {**{name: pa.array([], pa.string()) for name in names}, "at": pa.array([], pa.timestamp("us", "UTC"))}
    )


def test_an_upstream_whose_pointer_was_changed_is_not_used(city):
    city.triage(Stage.ASSISTIVE)
    pointer = city.settings.home / "pointers" / "triage" / "city.json"
    pointer.write_bytes(pointer.read_bytes().replace(b"assistive", b"decision_support"))
    assert not _upstream(city).is_usable and "cannot be trusted" in _upstream(city).said


def test_plans_are_made_in_the_order_of_what_builds_on_what():
    order = plan_order()
    assert {"staffing", "roster"} <= set(order) and "triage" not in order
    assert order.index("staffing") < order.index("roster")


def test_a_meeting_is_on_the_sites_own_clock_and_plans_start_before_it():
    city = load_site("city")
    summer, winter = meeting_on(city, date(2026, 7, 1)), meeting_on(city, date(2026, 1, 15))
    assert summer and winter and summer.astimezone(UTC).hour == 17 and winter.astimezone(UTC).hour == 18
    assert daily_cron(city, minutes_before(0)) == "45 12 * * *" and daily_cron(city, 0) == "30 13 * * *"
    assert meeting_on(load_site("nhamcs"), date(2026, 1, 15)) is None


def test_a_plan_before_the_meeting_is_in_time_one_after_it_or_none_is_an_incident(city):
    meeting = datetime.combine(NOW.date(), time(13, 30), ZONE)
    city.plan()
    [judged] = judge_meetings(city.settings, "staffing", meeting + timedelta(minutes=1))
    assert judged.is_met and "a plan was there" in judged.sentence
    city.plan(meeting + timedelta(days=1, minutes=1))
    [late] = judge_meetings(city.settings, "staffing", meeting + timedelta(days=1, minutes=2))
    assert not late.is_met and "People plan by themselves" in late.sentence
    from orchestration.steps.record.incidents import list_incidents

    assert [one["is_open"] for one in list_incidents(city.settings) if "late-plan" in one["incident"]] == [True]


def test_every_day_counts_once_for_plans_in_time(city):
    plans = [city.plan(NOW + timedelta(days=n, hours=late)).plan for n, late in ((0, 0), (1, 1), (2, 0))]
    until = NOW + timedelta(days=3, hours=2)
    assert days_in_time(load_site("city"), plans, NOW.date(), until) == [True, False, True, False]


@pytest.mark.filterwarnings("ignore")  # Dagster warns about its own previews
def test_the_graph_makes_the_chain_and_a_step_down_upstream_is_seen_downstream(settings, model, monkeypatch):
    monkeypatch.setenv("PILOTHOUSE_HOME", str(settings.home))
    chain = Chain(settings, model)
    plans = chain.materialise()
    staffing, roster = plans["staffing"], plans["roster"]
    assert [(one.use_case, one.tier) for one in staffing.upstream] == [("triage", Tier.MODEL)]
    assert [(one.use_case, one.tier, one.release) for one in roster.upstream] == [
        ("staffing", Tier.MODEL, staffing.release)
    ]
    assert (roster.tier, roster.tier_reason) == (Tier.MODEL, None)
    needed = {line.about: (line.lower, line.median, line.upper) for line in staffing.of_unit("SUR")}
    told = [line for line in roster.lines if "forecast at its 60% quantile" in (line.reason or "")]
    assert told
    assert all(needed[line.about] == (line.lower, line.median, line.upper) for line in told)
    assert chain.rostered(roster)
    assert chain.broken(roster) == []
    chain.step_down("triage", Tier.RULE)
    chain.step_down("staffing", Tier.HISTORY)
    plans = chain.materialise(NOW + timedelta(minutes=1))
    assert [one.tier for one in plans["staffing"].upstream] == [Tier.RULE]
    assert "stepped down to its rule" in plans["staffing"].upstream[0].said
    assert (plans["staffing"].tier, plans["roster"].tier) == (Tier.HISTORY, Tier.HISTORY)
    assert "stepped down to its history" in (plans["roster"].tier_reason or "")
    assert chain.broken(plans["roster"]) == []


def test_the_drill_takes_a_plan_off_the_board_says_so_and_brings_it_back(
    city: Planning, model: Path, record: Callable[..., CandidateRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.steps.drills.rehearsal.clock_of", lambda *_: NOW)
    made = replace(record(), use_case="staffing", model=document_digest(model_files(model)))
    save_candidate(city.settings, made)
    shutil.copytree(model, bundle_folder(city.settings, made))
    done = rehearse(city.settings, "staffing", "city", actor_of("olga", None))
    assert [one["step"] for one in done["steps"]][-5:] == [
        "board shows the plan",
        "decided and rolled back",
        "board says no more",
        "message seen on the board",
        "plan shown again",
    ]
    assert done["dropped"] == 0 and done["calls"] > 0 and 0 < done["seconds_to_roll_back"] < 5
