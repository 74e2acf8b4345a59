"""When triage's card is shown again where a chart is opened: each condition alone, and both sides of each bound."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from serving_homes import CARD, KEY, NOW, SITE, THREE_SHIFTS, TRIAGE, Home, digest_of

from ml.features.population import MAX_CLOCK_SKEW
from ml.registry.card import CardLayout
from ml.registry.manifest import EVERYWHERE, Launch, Nowhere, Scope
from ml.registry.stages import Stage, Tier
from ml.serving.chart import Chart, Given, Outcome, outcome_of, shown_again
from ml.serving.config import SiteContext
from ml.serving.live import Live, SiteState
from ml.serving.releases import Idle

MINUTE = timedelta(minutes=1)
RELEASE = digest_of("release")
GIVEN = Given(
    event_id="e", at=NOW, patient_key="p", unit="ED", release_digest=RELEASE, stage=Stage.ASSISTIVE, tier=Tier.MODEL,
    arrival_hour=7, is_displayed=True, is_answered=False,
)  # fmt: skip
NEW_YORK = ZoneInfo("America/New_York")
DAY, EVENING = (Scope(shifts=(shift,)) for shift in ("day", "evening"))


def chart(launch: Launch = EVERYWHERE, **changes: Any) -> Chart:
    """A chart that is opened at 07:40 on the site's clock, forty minutes after the card was given."""
    context = SiteContext(NEW_YORK.key, KEY, launch={TRIAGE: launch}, shifts=THREE_SHIFTS)
    sound = {"now": NOW + 40 * MINUTE, "patient_key": "p", "visit_key": "v", "context": context, "use_case": TRIAGE}
    return Chart(**{**sound, **changes})


@pytest.fixture
def live(home: Home) -> Live:
    """What is served in stage assistive; its layout shows cards again for four hours."""
    layout = CardLayout.model_validate({**CARD, "shown_again_minutes": 240})
    release: Any = SimpleNamespace(card=layout, digest=RELEASE, manifest=SimpleNamespace(scope=EVERYWHERE))
    pointer = home.point(home.release())
    rules: Any = None
    return Live(pointer, release, rules, {}, {}, Tier.MODEL)


def scoped(live: Live, scope: Scope) -> Live:
    live.release.manifest.scope = scope  # type: ignore[misc]
    return live


def never_again(live: Live) -> Live:
    live.release.card = live.release.card.model_copy(update={"shown_again_minutes": None})  # type: ignore[misc]
    return live


def at_stage(live: Live, stage: Stage) -> Live:
    return replace(live, pointer=live.pointer.model_copy(update={"stage": stage}))


def test_a_card_that_all_conditions_hold_for_is_shown_again(live: Live) -> None:
    assert outcome_of(chart(), live, GIVEN) is Outcome.SHOWN


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"patient_key": "q"}, Outcome.OTHER_PATIENT),
        ({"is_answered": True}, Outcome.ANSWERED),
        ({"release_digest": digest_of("another")}, Outcome.OTHER_RELEASE),
        ({"release_digest": None}, Outcome.OTHER_RELEASE),
        ({"stage": Stage.DECISION_SUPPORT}, Outcome.STAGE_LOWERED),
        ({"is_displayed": False}, Outcome.NO_CARD),
        ({"stage": None}, Outcome.NO_CARD),
        ({"tier": None}, Outcome.NO_CARD),
        ({"tier": Tier.RULE}, Outcome.SHOWN),
    ],
)
def test_one_thing_of_the_answer_decides(live: Live, changed: dict[str, Any], outcome: Outcome) -> None:
    assert outcome_of(chart(), live, replace(GIVEN, **changed)) is outcome


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (lambda _: Idle("no_release", "switched off"), Outcome.NOT_SERVED),
        (lambda _: Idle("release_refused", "tampered"), Outcome.NOT_SERVED),
        (never_again, Outcome.NEVER_AGAIN),
        (lambda live: at_stage(live, Stage.SHADOW), Outcome.STAGE_LOWERED),
        (lambda live: at_stage(live, Stage.DECISION_SUPPORT), Outcome.SHOWN),
        (lambda live: replace(live, tier=Tier.REDUCED), Outcome.TIER_LOWERED),
        (lambda live: replace(live, tier=Tier.MANUAL), Outcome.TIER_LOWERED),
    ],
    ids=["off", "refused", "layout", "shadow", "stage up", "tier reduced", "tier manual"],
)
def test_one_thing_of_the_site_decides(live: Live, state: Any, outcome: Outcome) -> None:
    found: SiteState = state(live)
    assert outcome_of(chart(), found, GIVEN) is outcome


def test_a_card_of_a_lower_tier_is_shown_while_that_tier_or_a_better_one_answers(live: Live) -> None:
    given = replace(GIVEN, tier=Tier.RULE)
    found = {tier: outcome_of(chart(), replace(live, tier=tier), given) for tier in Tier}
    assert [tier for tier in Tier if found[tier] is Outcome.SHOWN] == [Tier.MODEL, Tier.REDUCED, Tier.RULE]


def test_without_a_visit_or_an_answer_there_is_nothing_to_show(live: Live) -> None:
    assert outcome_of(chart(visit_key=None), live, None) is Outcome.NO_VISIT_NAMED
    assert outcome_of(chart(), live, None) is Outcome.NO_CARD


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (240 * MINUTE - MINUTE, Outcome.SHOWN),
        (240 * MINUTE, Outcome.SHOWN),
        (240 * MINUTE + timedelta(microseconds=1), Outcome.TOO_OLD),
        (-MAX_CLOCK_SKEW, Outcome.SHOWN),
        (-MAX_CLOCK_SKEW - timedelta(microseconds=1), Outcome.TOO_OLD),
    ],
    ids=["before", "at the bound", "after", "another clock", "a clock set back"],
)
def test_it_is_shown_up_to_its_age_and_no_longer(live: Live, age: timedelta, outcome: Outcome) -> None:
    assert outcome_of(chart(now=NOW + age), live, GIVEN) is outcome


@pytest.mark.parametrize("where", ["release", "launch"])
@pytest.mark.parametrize(
    ("scope", "changed", "now", "outcome"),
    [
        (Scope(units=("ED",)), {}, NOW, Outcome.SHOWN),
        (Scope(units=("ICU",)), {}, NOW, Outcome.OUT_OF_SCOPE),
        (Scope(units=("ED",)), {"unit": None}, NOW, Outcome.OUT_OF_SCOPE),
        (DAY, {}, NOW, Outcome.SHOWN),
        (DAY, {"arrival_hour": 6}, NOW, Outcome.OUT_OF_SCOPE),
        (DAY, {"arrival_hour": None}, NOW, Outcome.OUT_OF_SCOPE),
        (DAY, {"at": NOW + 7 * 60 * MINUTE, "arrival_hour": 14}, NOW + 8 * 60 * MINUTE, Outcome.OUT_OF_SCOPE),
        (EVENING, {"arrival_hour": 15}, NOW, Outcome.OUT_OF_SCOPE),
    ],
    ids=[
        "unit in", "unit out", "unit unknown", "hours in", "arrived at night", "arrival unknown", "read in the evening",
        "read in the day",
    ],
)  # fmt: skip
def test_unit_arrival_and_this_hour_are_inside_both_scopes(
    live: Live, where: str, scope: Scope, changed: dict[str, Any], now: Any, outcome: Outcome
) -> None:
    is_launch = where == "launch"
    asked = chart(scope if is_launch else EVERYWHERE, now=now)
    state = live if is_launch else scoped(live, scope)
    assert outcome_of(asked, state, replace(GIVEN, **changed)) is outcome


def test_an_arrival_in_an_hour_in_which_the_shift_changes_is_in_scope_only_if_both_shifts_are(live: Live) -> None:
    shifts = tuple(replace(one, starts=one.starts.replace(minute=30), ends=one.ends.replace(minute=30))
                   for one in THREE_SHIFTS)  # fmt: skip
    context = SiteContext(NEW_YORK.key, KEY, shifts=shifts)
    asked = chart(context=context)
    assert outcome_of(asked, scoped(live, DAY), GIVEN) is Outcome.OUT_OF_SCOPE
    assert outcome_of(asked, scoped(live, Scope(shifts=("day", "night"))), GIVEN) is Outcome.SHOWN


def test_where_the_sites_file_lets_it_speak_nowhere_nothing_is_shown(live: Live) -> None:
    assert outcome_of(chart(Nowhere("the site's file says none")), live, GIVEN) is Outcome.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(42, "Given at triage at 07:00, from"), (17 * 60, "Given at triage at 07:00 on 2 March, from")],
    ids=["on the same day", "after midnight"],
)
def test_the_first_line_says_when_it_was_given_by_the_sites_clock(minutes: int, said: str) -> None:
    card = {"uuid": SITE, "summary": "s", "detail": "Oxygen saturation 50 %."}
    again = shown_again(card, NOW, NOW + minutes * MINUTE, NEW_YORK)
    first, *rest = again["detail"].split("\n\n")
    assert first == f"**{said} what was known then; not updated since.**" and rest == ["Oxygen saturation 50 %."]
    assert {**again, "detail": card["detail"]} == card
