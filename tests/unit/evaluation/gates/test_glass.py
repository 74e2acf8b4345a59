"""Breaking the glass: refused without any one of what it takes, each on both sides of its boundary."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evaluation.gates import GlassAsked, Stood, after_glass, why_not_broken
from evaluation.ledger import GlassTime, open_ledger, public_hex, register_person, revoke_key
from evaluation.ledger.people import People
from evaluation.policies import Stage, Tier, load_policy

POLICY = load_policy("triage")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")) for name in ("ledger", "ada", "olga")}
ASKED = GlassAsked(
    person="ada",
    public_key=public_hex(KEYS["ada"]),
    reason="A surge: forty are waiting, and the board meets on Monday.",
    hours=POLICY.break_glass.at_most_hours,
    current=Stage.SHADOW,
    target=Stage.ASSISTIVE,
    author="somebody.else",
    stood=(),
)


def people(tmp_path, *, revoked: bool = False) -> People:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", key=KEYS["ledger"])
    for person, role in (("ada", "clinical_safety_lead"), ("olga", "operator")):
        register_person(ledger, person, [role], KEYS[person], actor="os.tester", at=NOW)
    if revoked:
        revoke_key(ledger, "ada", reason="lost", actor="os.tester", at=NOW)
    return ledger.people()


def test_with_all_of_it_nothing_stands_in_the_way(tmp_path):
    assert why_not_broken(POLICY, people(tmp_path), ASKED, NOW) == ()


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"person": "olga", "public_key": public_hex(KEYS["olga"])}, "break-glass.who"),
        ({"person": "nobody"}, "break-glass.who"),
        ({"public_key": None}, "break-glass.signed"),
        ({"public_key": public_hex(KEYS["olga"])}, "break-glass.signed"),
        ({"hours": POLICY.break_glass.at_most_hours + 0.01}, "break-glass.hours"),
        ({"hours": 0.0}, "break-glass.hours"),
        ({"hours": 0.016}, "break-glass.hours"),
        ({"hours": float("nan")}, "break-glass.hours"),
        ({"reason": "x" * 14}, "break-glass.reason"),
        ({"reason": " " * 40}, "break-glass.reason"),
        ({"author": "ada"}, "break-glass.author"),
        ({"target": Stage.DECISION_SUPPORT}, "one-stage-at-a-time"),
        ({"target": Stage.SHADOW}, "break-glass.step"),
        ({"target": Stage.OFF}, "break-glass.step"),
        ({"current": Stage.DECISION_SUPPORT}, "one-stage-at-a-time"),
        ({"is_broken": True}, "break-glass.once"),
    ],
    ids=str,
)
def test_without_any_one_of_it_the_glass_holds_and_it_is_said_what_is_missing(tmp_path, changes, clause):
    [reason] = why_not_broken(POLICY, people(tmp_path), replace(ASKED, **changes), NOW)
    assert reason.clause == clause and reason.to_meet and reason.threshold


@pytest.mark.parametrize("changes", [{"reason": "x" * 15}, {"hours": 1 / 60}], ids=str)
def test_on_the_boundary_it_may(tmp_path, changes):
    assert why_not_broken(POLICY, people(tmp_path), replace(ASKED, **changes), NOW) == ()


def test_everything_that_is_missing_is_said_at_once(tmp_path):
    asked = replace(ASKED, person="nobody", hours=99, reason="now", target=Stage.DECISION_SUPPORT)
    clauses = {one.clause for one in why_not_broken(POLICY, people(tmp_path), asked, NOW)}
    assert clauses == {"one-stage-at-a-time", "break-glass.who", "break-glass.hours", "break-glass.reason"}


def test_a_glass_ends_no_higher_than_before_it_than_now_and_than_approvals_allow():
    for before, now, allowed in product(Stage, repeat=3):
        for tier, lower in product(Tier, repeat=2):
            after = after_glass(Stood(before, tier), Stood(now, lower), allowed)
            assert after.stage.rank == min(before.rank, now.rank, allowed.rank)
            assert after.tier.rank == max(tier.rank, lower.rank)


WEEKLY = POLICY.break_glass.at_most_hours_in_7_days
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
INSTANT = timedelta(microseconds=1)


def stood(*hours_ago_and_long):
    """Glasses by when they were broken and how long they stood, in hours."""
    return tuple(GlassTime(NOW - ago * HOUR, NOW - ago * HOUR + long * HOUR) for ago, long in hours_ago_and_long)


def test_glasses_one_after_another_are_counted_and_the_last_that_fits_may_be_broken(tmp_path):
    before = WEEKLY - ASKED.hours
    who, asked = people(tmp_path), replace(ASKED, stood=stood((100, before / 2), (50, before / 2)))
    assert why_not_broken(POLICY, who, asked, NOW) == ()
    [reason] = why_not_broken(POLICY, who, replace(asked, stood=stood((100, before), (50, 0.25))), NOW)
    assert reason.clause == "break-glass.hours-in-7-days"
    assert reason.figure == f"{before + 0.25:g} hours in the 7 days that would end with it, and {ASKED.hours:g} more"
    assert reason.threshold == f"at most {WEEKLY:g} in any 7 days"
    assert f"at most {ASKED.hours - 0.25:g} hours" in reason.to_meet
    assert why_not_broken(POLICY, who, replace(asked, hours=ASKED.hours - 0.25, stood=asked.stood), NOW) == ()


def test_an_instant_too_much_is_too_much(tmp_path):
    [one] = stood((100, WEEKLY - ASKED.hours))
    who, more = people(tmp_path), replace(one, end=one.end + INSTANT)
    assert why_not_broken(POLICY, who, replace(ASKED, stood=(one,)), NOW) == ()
    assert [each.clause for each in why_not_broken(POLICY, who, replace(ASKED, stood=(more,)), NOW)] == [
        "break-glass.hours-in-7-days"
    ]


def test_where_nothing_is_left_only_the_gate_is_named(tmp_path):
    [reason] = why_not_broken(POLICY, people(tmp_path), replace(ASKED, hours=1, stood=stood((60, WEEKLY))), NOW)
    assert reason.to_meet.startswith("Release it by the gate")


@pytest.mark.parametrize(
    ("ago", "later", "fits"), [(156, 30, 0), (156, 28, 2), (159, 28, 2), (160, 28, 8), (162, 28, 8)]
)
def test_what_is_told_to_fit_fits_although_its_seven_days_reach_further_back(tmp_path, ago, later, fits):
    """A shorter glass ends earlier: six hours that are over for one of twelve may still count for it."""
    who = people(tmp_path)
    asked = replace(ASKED, hours=12, stood=stood((ago + 6, 6), (90, later)))
    [reason] = why_not_broken(POLICY, who, asked, NOW)
    told = float(found[1]) if (found := re.search(r"at most ([\d.]+) hours, or", reason.to_meet)) else 0
    assert told == fits
    assert not told or why_not_broken(POLICY, who, replace(asked, hours=told), NOW) == ()
    assert why_not_broken(POLICY, who, replace(asked, hours=told + 0.02), NOW)


def test_no_seven_days_hold_more_of_it_and_what_is_older_counts_no_longer(tmp_path):
    """What counts are the seven days that end with the glass asked for, not those that end now."""
    who, asked = people(tmp_path), replace(ASKED, hours=1)
    begins = NOW + HOUR - WEEK
    full = GlassTime(begins, begins + (WEEKLY - 1) * HOUR)
    before = GlassTime(begins - 12 * HOUR, begins)
    assert why_not_broken(POLICY, who, replace(asked, stood=(before, full)), NOW) == ()
    assert why_not_broken(POLICY, who, replace(asked, stood=(replace(before, end=begins + INSTANT), full)), NOW)


def test_a_policy_that_does_not_limit_the_week_allows_one_after_another(tmp_path):
    rules = POLICY.break_glass.model_copy(update={"at_most_hours_in_7_days": None})
    policy = POLICY.model_copy(update={"break_glass": rules})
    assert why_not_broken(policy, people(tmp_path), replace(ASKED, stood=stood((160, 150))), NOW) == ()


def test_a_time_that_is_no_number_is_refused_once(tmp_path):
    asked = replace(ASKED, hours=float("nan"), stood=stood((60, WEEKLY)))
    assert [one.clause for one in why_not_broken(POLICY, people(tmp_path), asked, NOW)] == ["break-glass.hours"]


def test_a_revoked_key_breaks_nothing(tmp_path):
    [reason] = why_not_broken(POLICY, people(tmp_path, revoked=True), ASKED, NOW)
    assert reason.clause == "break-glass.who" and reason.figure == "ada is not registered with a valid key"
