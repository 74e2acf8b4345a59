"""The roster's plan at the end of the chain: tiers reached by breaking input, upstream switched off, repairs."""

import json
import stat
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from evaluation.evidence import EvidenceHead
from evaluation.metrics.roster import evaluate_rosters
from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules
from evaluation.policies import Tier as Allowed
from ml.registry import ReleaseError
from ml.registry.plan import Plan
from ml.registry.stages import Tier
from ml.registry.store import load_release
from ml.rostering import Problem, RosterAnswer
from ml.usecases import load_roster
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.kinds import kind_of
from orchestration.steps.kinds.planned import Asked
from orchestration.steps.planning.plans import plan_order, planner_of
from orchestration.steps.rosters import roster_making
from orchestration.steps.rosters.roster_bundle import roster_files
from orchestration.steps.rosters.roster_inputs import read_rows, units_of
from orchestration.steps.rosters.roster_judging import staff_of
from orchestration.steps.rosters.roster_making import problem_of_unit
from orchestration.steps.rosters.roster_people import read_personnel
from orchestration.steps.rosters.roster_weeks import rostered_weeks
from orchestration.steps.rosters.shifts import span_of
from tests.unit.orchestration.steps.rostered import (
    NOW,
    PLACE,
    TODAY,
    UNIT,
    Rostered,
    contract,
    duties,
    leave,
    quick,
    wish,
)


@pytest.fixture
def rural(settings: Settings) -> Rostered:
    return Rostered.at(settings)


def named(plan: Plan) -> set[str]:
    return {row["staff_key"] for row in duties() if row["staff_key"] in str(plan.to_json())}


def test_the_graph_makes_a_roster_after_the_staffing_that_it_builds_on() -> None:
    order = plan_order()
    assert order.index("staffing") < order.index("roster")


def test_a_staffing_plan_is_rostered_for_at_its_quantile_and_no_hard_rule_is_broken(rural: Rostered) -> None:
    rural.staffing_says(3.0)
    plan = rural.plan()
    assert (plan.tier.value, plan.tier_reason) == ("model", None)
    assert [one.said for one in plan.upstream] == [
        "Census and nurse demand per unit and shift, one to seven days ahead: used, from its released model."
    ]
    rn = [line for line in plan.lines if line.target == "rn"]
    assert {(line.lower, line.median, line.upper) for line in rn} == {(2.0, 3.0, 5.0)}
    assert all("4 needed (forecast at its 60% quantile)" in (line.reason or "") for line in rn)
    rostered = rural.rosters()["assignments"]
    held = Counter((one["date"], one["shift"]) for one in rostered if one["skill"] == "rn")
    assert {(line.date, line.shift): line.planned for line in rn} == {
        (line.date, line.shift): held[line.date.isoformat(), line.shift] for line in rn
    }
    assert broken(rostered) == []
    assert named(plan) == set()


def broken(rostered: list[dict[str, Any]]) -> list[str]:
    """Judge assignments by code that shares nothing with the solver."""
    rows = [row for row in duties() if row["status"] in ("worked", "confirmed", "planned") and row["date"] < TODAY]
    history = [
        Duty(row["staff_key"], row["date"], UNIT, row["shift"], row["skill"], row["starts_at"], row["ends_at"],
             row["shift"] == "night")
        for row in rows
        if row["date"] >= TODAY - timedelta(days=14)
    ]  # fmt: skip
    made = []
    for one in rostered:
        on = date.fromisoformat(one["date"])
        span = span_of(PLACE, on, one["shift"])
        made.append(
            Duty(one["person"], on, one["unit"], one["shift"], one["skill"], span.starts_at, span.ends_at,
                 one["shift"] == "night")
        )  # fmt: skip
    skills: dict[str, set[str]] = {}
    for row in rows:
        skills.setdefault(row["staff_key"], set()).add(row["skill"])
    staff = [Staff(name, frozenset(found), frozenset({UNIT})) for name, found in skills.items()]
    rules = [HardRule(one.name, one.kind, dict(one.parameters)) for one in load_roster("roster").rules if one.hard]
    return broken_rules(made, history, staff, rules)


def test_a_draft_writes_nothing_and_a_plan_its_names_for_its_owner_alone(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    release = load_release(rural.settings.home, rural.releases["roster"], rural.home.signer.public)
    draft = planner_of("roster").draft(rural.settings, Asked(quick(), PLACE, release, Allowed.HISTORY, NOW, {}))
    assert draft.document is not None
    assert [one["unit"] for one in draft.document["units"]] == [UNIT]
    assert not (rural.settings.home / "rosters").exists(), "a rehearsal drafts too"
    rural.plan()
    assert stat.S_IMODE(rural.named().stat().st_mode) == 0o600


def test_upstream_off_degraded_late_and_back_is_seen_in_tier_and_sentence(rural: Rostered) -> None:
    off = rural.plan()
    assert off.tier.value == "rule"
    assert "not used, since it is off here. Shifts are rostered for the usual number" in (off.tier_reason or "")
    rural.staffing_says(2.0)
    assert rural.plan(NOW + timedelta(minutes=1)).tier.value == "model"
    rural.point("staffing", Tier.HISTORY)
    degraded = rural.plan(NOW + timedelta(minutes=2))
    assert (degraded.tier.value, "stepped down to its history" in (degraded.tier_reason or "")) == ("history", True)
    rural.point("staffing", is_on=False)
    gone = rural.plan(NOW + timedelta(minutes=3))
    assert (gone.tier.value, gone.upstream[0].tier) == ("rule", None)


def test_a_late_staffing_plan_is_not_rostered_for(rural: Rostered) -> None:
    rural.staffing_says(2.0, at=NOW - timedelta(hours=30))
    late = rural.plan()
    assert (late.tier.value, "its plan is late" in (late.tier_reason or "")) == ("rule", True)


@pytest.mark.parametrize(
    ("tier", "said"),
    [(Tier.RULE, "The published roster was repaired."), (Tier.HISTORY, "Last week's pattern is shown.")],
)
def test_a_release_that_was_stepped_down_answers_by_the_tier_below(rural: Rostered, tier: Tier, said: str) -> None:
    rural.staffing_says(2.0)
    rural.point("roster", tier)
    plan = rural.plan()
    assert (plan.tier, said in (plan.tier_reason or "")) == (tier, True)
    assert broken(rural.rosters()["assignments"]) == []


def test_why_no_higher_tier_answered_is_what_happened(rural: Rostered, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = RosterAnswer("unknown", None, 0, None)
    monkeypatch.setattr(roster_making, "solve", lambda *_, **__: nothing)
    rural.publish([row for row in duties() if row["date"] < TODAY])
    plan = rural.plan()
    assert plan.tier.value == "history"
    assert "HDU: the solver found no roster in its time. HDU: nothing is published that could be repaired. Last" in (
        plan.tier_reason or ""
    )
    rural.publish(duties())
    monkeypatch.setattr(roster_making, "judge_roster", lambda *_: ["anna: rest between shifts: 7 h"])
    nobody = rural.plan(NOW + timedelta(minutes=1))
    assert nobody.tier.value == "manual"
    assert "HDU: the roster by repairing the published one breaks hard rules by the judge (1 times)" in (
        nobody.tier_reason or ""
    )
    assert "last week's pattern breaks hard rules by the judge (1 times). HDU: people plan" in (
        nobody.tier_reason or ""
    )
    assert "anna" not in (nobody.tier_reason or "")


@pytest.mark.parametrize(("days", "tier"), [(4, "history"), (20, "manual")])
def test_a_feed_that_is_silent_steps_the_roster_down_and_says_since_when(rural: Rostered, days: int, tier: str) -> None:
    rural.staffing_says(2.0)
    rural.publish(duties(TODAY - timedelta(days=days)))
    plan = rural.plan()
    assert plan.tier.value == tier
    assert "the newest of the rosters feed is of 2026-03" in (plan.tier_reason or "")


def test_a_sick_call_in_the_feed_changes_the_next_plan_and_says_why(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    rows = duties()
    gone = next(row for row in rows if row["date"] == TODAY + timedelta(days=1) and row["skill"] == "rn")
    rural.publish([{**row, "status": "sick"} if row is gone else row for row in rows])
    plan = rural.plan()
    changed = {(one["person"], one["date"]): one["why"] for one in rural.rosters()["changes"]}
    assert changed[gone["staff_key"], gone["date"].isoformat()] == f"{gone['staff_key']} is sick"
    assert any("1 for sickness" in note for note in plan.notes)
    assert named(plan) == set()


def test_a_managers_own_figure_comes_before_the_forecasts_and_is_said(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    about = {"unit": UNIT, "shift_date": TODAY + timedelta(days=1), "shift_code": "day", "target": "rn"}
    own = {"site": PLACE.id, "use_case": "staffing", **about, "wanted": 5.0, "made_at": NOW.astimezone(UTC)}
    rural.publish(duties(), ({**own, "is_last": True},))
    plan = rural.plan()
    line = next(
        one for one in plan.lines if (one.date, one.shift, one.target) == (TODAY + timedelta(days=1), "day", "rn")
    )
    assert (line.median, "a person's own figure" in (line.reason or "")) == (5.0, True)
    assert (line.planned or 0) >= 4


def test_the_night_of_a_clock_change_is_as_long_as_it_is(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    nights = {one.date: one.ends_at - one.starts_at for one in rural.plan().lines if one.shift == "night"}
    assert nights[date(2026, 3, 28)] == timedelta(hours=7)
    assert nights[date(2026, 3, 30)] == timedelta(hours=8)


def test_what_does_not_fit_is_said_and_never_an_exception(rural: Rostered) -> None:
    rural.publish([{**row, "shift": "twilight"} for row in duties()])
    strange = rural.plan()
    assert strange.tier.value == "manual"
    assert any("HDU: no roster, since its data do not fit together" in note for note in strange.notes)
    gap = range(TODAY.toordinal() - 5, TODAY.toordinal() - 2)
    rural.publish([row for row in duties() if row["date"].toordinal() not in gap])
    told = rural.plan(NOW + timedelta(seconds=30)).notes
    assert any("HDU: the rosters feed tells no duty of 3 days (2026-03-22 to 2026-03-24)" in note for note in told)
    rural.publish([{**row, "staff_key": None} for row in duties()])
    nobody = rural.plan(NOW + timedelta(minutes=1))
    assert nobody.tier.value == "manual"
    assert "tells of nobody" in (nobody.tier_reason or "")


def nurses(skill: str = "rn") -> list[str]:
    return sorted({row["staff_key"] for row in duties() if row["skill"] == skill and row["date"] >= TODAY})


def test_nobody_is_rostered_on_leave_or_after_their_credential_has_ended_and_it_is_said(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    away, expired, *others = nurses()
    contracts = [contract(name) for name in (away, *others)]
    contracts.append(contract(expired, credential_until=TODAY + timedelta(days=1)))
    rural.publish(duties(), people=(contracts, [leave(away, TODAY - timedelta(days=1), TODAY + timedelta(days=9))], []))
    published = [row for row in duties() if TODAY <= row["date"] < TODAY + timedelta(days=7)]
    lost = [
        row
        for row in published
        if row["staff_key"] == away or (row["staff_key"] == expired and row["date"] > TODAY + timedelta(days=1))
    ]
    assert lost
    for tier in (Tier.MODEL, Tier.RULE):
        rural.point("roster", tier)
        plan = rural.plan(NOW + timedelta(minutes=tier.rank))
        assert plan.tier is tier
        worked = {(one["person"], date.fromisoformat(one["date"])) for one in rural.rosters()["assignments"]}
        assert {day for name, day in worked if name == away} == set()
        assert {day for name, day in worked if name == expired and day > TODAY + timedelta(days=1)} == set()
        assert any(f"{len(lost)} published duties fall on leave" in note for note in plan.notes)
        assert named(plan) == set()


def test_a_contract_says_unit_skill_and_hours_and_its_most_hours_are_kept(rural: Rostered) -> None:
    rural.staffing_says(4.0)
    short, *others = nurses()
    new = "newcomer"
    contracts = [contract(name) for name in (new, *others)]
    contracts.append(contract(short, weekly_hours=8.0, maximum_hours=8.0))
    rural.publish(duties(), people=(contracts, [], []))
    plan = rural.plan()
    assigned = [one for one in rural.rosters()["assignments"] if date.fromisoformat(one["date"]) >= TODAY]
    weeks = Counter(date.fromisoformat(one["date"]).isocalendar()[:2] for one in assigned if one["person"] == short)
    before = sum(
        row["staff_key"] == short and row["status"] == "worked" and TODAY - timedelta(days=4) <= row["date"] < TODAY
        for row in duties()
    )
    assert before + weeks[2026, 13] <= max(1, before)
    assert weeks[2026, 14] <= 1
    assert any(one["person"] == new for one in assigned), "somebody new has a contract and no duty yet"
    assert any("no contract is told" in note for note in plan.notes), "the practical nurses have none"


def test_a_contract_that_has_not_arrived_or_has_ended_keeps_nobody_on_the_unit(rural: Rostered) -> None:
    gone, *others = nurses()
    contracts = [contract(name) for name in others]
    ended = contract(gone, valid_until=TODAY - timedelta(days=1))
    late = contract("newcomer", known_at=NOW + timedelta(hours=1))
    rural.publish(duties(), people=([*contracts, ended, late], [], []))
    rural.plan()
    working = {one["person"] for one in rural.rosters()["assignments"]}
    assert working & set(others)
    assert not working & {gone, "newcomer"}


def test_what_was_agreed_counts_day_by_day_for_the_solver_and_for_the_judge(rural: Rostered) -> None:
    """A contract that is renewed, changed or begun within a week is no second one; two at once add up."""
    renewed, twofold, more, new, late = [name for name in nurses() if name not in in_charge()][:5]
    half = {"weekly_hours": 24.0, "minimum_hours": 16.0, "maximum_hours": 32.0}
    whole = {"weekly_hours": 40.0, "minimum_hours": 37.0, "maximum_hours": 46.0}
    sunday, monday = TODAY + timedelta(days=2), TODAY + timedelta(days=3)
    contracts = [
        contract(renewed, **half, valid_until=sunday),
        contract(renewed, **half, valid_from=monday),
        contract(twofold, **half),
        contract(twofold, **half),
        contract(more, **half, valid_until=TODAY),
        contract(more, **whole, valid_from=TODAY + timedelta(days=1)),
        contract(new, **half, valid_from=sunday),
        contract(late, credential_from=monday, experience="novice"),
    ]
    problem = problem_of(rural, contracts, [])
    made, week = {one.name: one for one in problem.staff}, range(-4, 3)
    agreed = {name: (one.agreed_minutes(week, "most"), one.agreed_minutes(week, "least")) for name, one in made.items()}
    assert agreed[renewed] == (32 * 60, 16 * 60)
    assert agreed[twofold] == (64 * 60, 32 * 60)
    assert agreed[more] == ((5 * 32 + 2 * 46) * 60 // 7, (5 * 16 + 2 * 37) * 60 // 7), "two days of the new one"
    assert agreed[new] == (round(32 * 60 / 7), round(16 * 60 / 7)), "one day"
    assert (made[renewed].share, made[twofold].share) == (0.6, 1.0)
    assert made[more].share == round((24 + 6 * 40) / 7 / 40, 2)
    assert (made[new].skills_from, made[late].skills_from) == ({"rn": 2}, {"rn": 3})
    assert [made[name].level for name in (renewed, new, late)] == ["competent", "competent", "novice"]
    rows = read_rows(rural.settings, quick(), PLACE, NOW)
    people = read_personnel(rural.settings, quick(), PLACE, NOW)
    [unit] = units_of(quick(), PLACE, rows, TODAY, 7, people)
    judged = {one.name: one for one in staff_of(unit)}
    this = TODAY - timedelta(days=4)
    for name in (renewed, twofold, more, new):
        assert round((judged[name].weeks[this] or 0) * 60) == agreed[name][0]
    assert (judged[new].since, judged[late].since) == ({"rn": sunday}, {"rn": monday})


def test_trained_nurses_are_kept_for_isolation_beds_and_count_as_the_shifts_own(rural: Rostered) -> None:
    rural.staffing_says(2.0)
    rural.release("roster", roster_files(quick(seconds=5.0), PLACE.id))  # how many are kept is a matter of the best
    trained = nurses()[::2]
    told = [contract(name, trained_for="isolation" if name in trained else None) for name in nurses()]
    counted = {"site": PLACE.id, "unit": UNIT, "beds": 3}
    early, late, old = (NOW - timedelta(hours=hours) for hours in (20, 5, 40))
    counts = [{**counted, "counted_at": late, "known_at": late}, {**counted, "beds": 9, "counted_at": early}]
    rural.publish(duties(), (), (told, [], []), (counts[0], {**counts[1], "known_at": early}))
    plan = rural.plan()
    made = rural.rosters()["assignments"]
    day = (TODAY + timedelta(days=1)).isoformat(), "day"
    there = [one for one in made if (one["date"], one["shift"]) == day and one["skill"] == "isolation"]
    assert len(there) == 2, "three beds, two to a nurse"
    assert {one["person"] for one in made if one["skill"] == "isolation"} <= set(trained)
    assert max(one["date"] for one in made if one["skill"] == "isolation") == str(TODAY + timedelta(days=2))
    [line] = [one for one in plan.lines if (one.date.isoformat(), one.shift, one.target) == (*day, "rn")]
    assert line.planned == sum((one["date"], one["shift"]) == day and one["skill"] != "lpn" for one in made)
    assert any(f"HDU: 3 beds are under isolation precautions; {len(trained)} of its" in note for note in plan.notes)
    rural.publish(duties(), (), (told, [], []), ({**counted, "counted_at": old, "known_at": old},))
    rural.plan(NOW + timedelta(minutes=1))
    assert "isolation" not in {one["skill"] for one in rural.rosters()["assignments"]}, "a count of 40 hours ago"


def in_charge() -> set[str]:
    return {row["staff_key"] for row in duties() if row["role"] == "charge"}


def problem_of(rural: Rostered, contracts: list[dict[str, Any]], wishes: list[dict[str, Any]]) -> Problem:
    rural.publish(duties(), people=(contracts, [], wishes))
    rows = read_rows(rural.settings, quick(), PLACE, NOW)
    people = read_personnel(rural.settings, quick(), PLACE, NOW)
    [unit] = units_of(quick(), PLACE, rows, TODAY, 7, people)
    return problem_of_unit(quick(), PLACE, unit, {(TODAY, "day", "rn"): 1}, NOW)


def test_wishes_are_asked_and_whoever_was_refused_before_carries_it(rural: Rostered) -> None:
    one, other = nurses()[:2]
    worked = {(row["staff_key"], row["date"]): row["shift"] for row in duties() if row["status"] == "worked"}
    days = sorted(day for name, day in worked if name == one and day > TODAY - timedelta(days=40))
    wishes = [
        wish(one, TODAY + timedelta(days=2), "day", wants_on=False, weight=7),
        wish(one, days[0], worked[one, days[0]], wants_on=False),  # refused: worked it all the same
        wish(one, days[1], worked[one, days[1]], wants_on=True),  # granted
        wish(one, days[2], None, wants_on=False),  # refused: any shift
        wish(other, TODAY + timedelta(days=1), "twilight", wants_on=True),  # no shift of the site
    ]
    problem = problem_of(rural, [contract(name) for name in nurses()], wishes)
    person = problem.person_by_name[one]
    asked = [(each.day, each.shift, each.is_on, each.weight) for each in person.requests if problem.is_wish(each)]
    assert asked == [(2, "day", False, 7)]
    assert (person.carried.refused, problem.person_by_name[other].carried.refused) == (2, 0)
    assert not [each for each in problem.person_by_name[other].requests if problem.is_wish(each)]


def test_a_site_whose_feeds_tell_nothing_of_people_says_what_is_guessed(
    rural: Rostered, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = PLACE.model_copy(update={"feeds": ("rosters",)})

    def load(_name: str) -> Site:
        return bare

    monkeypatch.setattr("orchestration.steps.planning.plans.load_site", load)
    assert any("lists no feed workforce, leave, wishes" in note for note in rural.plan().notes)


def test_leave_that_is_held_at_the_door_is_told_on_the_plan_until_it_is_taken(rural: Rostered) -> None:
    rural.publish(duties())
    rural.point("roster", Tier.HISTORY)
    folder = rural.settings.home / "receipts" / PLACE.id / "leave"
    folder.mkdir(parents=True)
    told = {"attempt": 0, "received": 9, "quarantined": 2}
    first = {"sha256": "a", **told, "arrived_at": "2026-03-20T06:00:00+00:00"}
    (folder / "a.json").write_text(json.dumps({**first, "first_arrived_at": None}))
    old = {**first, "sha256": "b", "arrived_at": "2025-03-20T06:00:00+00:00", "first_arrived_at": None}
    (folder / "b.json").write_text(json.dumps(old))
    assert any("2 rows of the leave feed are in quarantine" in note for note in rural.plan().notes)
    again = {"attempt": 1, "quarantined": 0, "first_arrived_at": first["arrived_at"]}
    (folder / "a.1.json").write_text(json.dumps({**first, **again, "arrived_at": "2026-03-26T06:00:00+00:00"}))
    assert not any("quarantine" in note for note in rural.plan(NOW + timedelta(minutes=1)).notes)


@pytest.mark.parametrize(
    ("feed", "arrived", "tier", "said"),
    [
        ("leave", "2026-03-19T12:31:00+00:00", "model", ""),
        ("leave", "2026-03-19T12:29:00+00:00", "rule", "Who was granted leave since then is not known."),
        ("workforce", "2026-03-19T11:00:00+00:00", "model", "New contracts and licences since then are not known."),
        ("wishes", "2026-03-10T11:00:00+00:00", "model", "Wishes since then are not known."),
    ],
    ids=["in-time", "leave", "workforce", "wishes"],
)
def test_a_feed_of_people_that_is_overdue_is_told_and_steps_down_where_the_rules_say(
    rural: Rostered, feed: str, arrived: str, tier: str, said: str
) -> None:
    """Due every seven days, with a day on the way; the plan is of 12:30, and a minute too late is too late."""
    rural.staffing_says(2.0)
    folder = rural.settings.home / "receipts" / PLACE.id / feed
    folder.mkdir(parents=True)
    receipt = {"sha256": "a", "attempt": 0, "received": 9, "quarantined": 0, "arrived_at": arrived}
    (folder / "a.json").write_text(json.dumps({**receipt, "first_arrived_at": None}))
    plan = rural.plan()
    assert plan.tier.value == tier
    stale = [note for note in plan.notes if note.startswith(f"{feed} of {PLACE.id} is stale")]
    assert len(stale) == bool(said)
    assert not said or said in stale[0]
    assert (f"{feed} of {PLACE.id} is stale" in (plan.tier_reason or "")) is (tier != "model")
    others = {"leave", "workforce", "wishes"} - {feed}
    assert all(any(f"{one} of {PLACE.id}: no file has ever arrived" in note for note in plan.notes) for one in others)


def test_who_has_a_contract_in_another_role_is_not_guessed_to_be_a_nurse(rural: Rostered) -> None:
    porter, *others = nurses()
    rural.publish(duties(), people=([contract(porter, skill=None, role="other"), contract(others[0])], [], []))
    plan = rural.plan()
    working = {one["person"] for one in rural.rosters()["assignments"]}
    assert porter not in working
    assert set(others) & working
    assert any("HDU: 1 who have nurses' duties have no contract in a nursing role" in note for note in plan.notes)
    assert any("no contract is told" in note for note in plan.notes), "the others are still guessed at, and it is said"


def test_a_past_week_is_rostered_with_what_was_known_and_judged_beside_the_worked_one(rural: Rostered) -> None:
    kind, settings = kind_of("roster"), rural.settings
    assert kind.why_not_trainable(settings, "roster", PLACE.id) == ""
    assert len(kind.inputs(settings, "roster", PLACE.id)) == 64
    rows = read_rows(settings, quick(), PLACE, NOW)
    weeks = rostered_weeks(quick(), PLACE, rows, TODAY - timedelta(days=7))
    rules = [HardRule(one.name, one.kind, dict(one.parameters)) for one in quick().rules if one.hard]
    head = EvidenceHead("roster", PLACE.id, "0" * 64, "0" * 64, NOW, {})
    performance, _ = evaluate_rosters(weeks, rules, head, seed=7)
    values = {name: one.value for name, one in performance.figures.items()}
    assert (values["hard_rules_broken"], values["solved_share"]) == (0, 1)
    assert weeks[0].asked == 0
    assert (values["demand_covered"] or 0) >= (values["worked.demand_covered"] or 1)
    first = TODAY - timedelta(days=7)
    late = [row for row in rows if row.date < first and row.date >= first - timedelta(days=3)]
    told = [replace(row, known_at=NOW) if row in late else row for row in rows]
    [week] = rostered_weeks(quick(), PLACE, told, first)
    assert late
    assert max(one.date for one in week.history) == first - timedelta(days=4), "what arrived later was not known then"
    rural.publish([{**row, "known_at": NOW} for row in duties()])
    assert "had arrived by" in kind.why_not_trainable(settings, "roster", PLACE.id)
    rural.publish([row for row in duties() if row["date"] > TODAY - timedelta(days=9)])
    assert "35 are needed to roster past weeks" in kind.why_not_trainable(settings, "roster", PLACE.id)


def test_rules_that_are_not_those_that_were_signed_are_refused(rural: Rostered) -> None:
    assert roster_files(quick(), PLACE.id) != roster_files(load_roster("roster"), PLACE.id), "others were signed"
    folder = next(path.parent for path in (rural.settings.home / "releases").rglob("roster.json"))
    (folder / "roster.json").chmod(0o644)
    (folder / "roster.json").write_bytes(roster_files(load_roster("roster"), PLACE.id)["roster.json"])
    with pytest.raises(ReleaseError, match=r"model/roster\.json is changed"):
        rural.plan(datetime(2026, 3, 27, 12, 31, tzinfo=PLACE.zone))
