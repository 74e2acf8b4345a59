"""Refusals of a challenger, of putting it in the place of what people see, and of taking it away."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evaluation.policies import load_policy
from ml.registry import PointerError
from ml.registry.challenger import challenger_path
from orchestration.steps.learning.stores import candidate_folder, save_candidate
from orchestration.steps.releases import proposal, withdrawing
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.release import promote_release
from orchestration.steps.releases.withdrawing import withdraw
from tests.unit.orchestration.steps.governed import Governed

from ..challenged import approve, city_record, promote, side_by_side
from .of_going_down import denied
from .rows import BESIDE, CANDIDATE, SHOWN, fails, refuses

Do = Callable[[], object]
CLAUSE = "challenger-beside-a-release"
INTO_PLACE = "beside-the-release-it-replaces"
OTHER = "a release that is served, of another model"
WAIT = "--to shadow --challenger, then pilothouse run --site city"


@refuses(
    "challenging.why_not_challenging",
    clause=CLAUSE,
    words=("cannot be trusted", "the challenger that the ledger records", "pilothouse rollback USE_CASE"),
    begins=BESIDE,
)
def a_challenger_whose_pointer_is_torn(one: Governed, _: pytest.MonkeyPatch) -> Do:
    challenger_path(one.settings.home, "triage", "city").write_bytes(b"x")
    return lambda: promote(one, "shadow", challenger=True)


@refuses(
    "challenging._plans",
    clause=CLAUSE,
    words=("staffing writes plans", "a use case that scores cases", "pilothouse backtest"),
    begins=SHOWN,
)
def a_challenger_that_writes_plans(one: Governed, _: pytest.MonkeyPatch) -> Do:
    save_candidate(one.settings, replace(city_record(), use_case="staffing"))
    return lambda: promote_release(one.settings, "staffing", "city", "shadow", one.signs("ada"), challenger=True)


@refuses(
    "challenging._incumbent/1",
    clause=CLAUSE,
    words=("triage serves no release at city", OTHER, "pilothouse promote triage --site city --to shadow"),
    begins=CANDIDATE,
)
def a_challenger_of_nobody(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "shadow", challenger=True)


@refuses(
    "challenging._incumbent/2",
    clause=CLAUSE,
    words=("the newest candidate is the model that is served", OTHER, "pilothouse run --site city"),
    begins=SHOWN,
)
def a_model_that_challenges_itself(one: Governed, _: pytest.MonkeyPatch) -> Do:
    model = one.entries("promotion")[-1].payload["subject"]["model"]  # type: ignore[index,call-overload]
    current = candidate_folder(one.settings, "triage", "city") / "current.json"
    current.write_text(f'{{"model": "{model}"}}')
    return lambda: promote(one, "shadow", challenger=True)


@fails(
    "proposal._beside",
    error="NoChallenger",
    words=("triage has no challenger at city", "pilothouse promote triage --site city --to shadow --challenger"),
    begins=SHOWN,
)
def a_challenger_that_never_came(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: promote(one, "assistive", challenger=True)


# into the place of what people see


def asked(one: Governed) -> Do:
    return lambda: promote(one, "assistive", challenger=True)


@refuses(
    "replacing.why_not_replacing/1",
    clause=INTO_PLACE,
    words=("the policy of triage says nothing of one model in the place of another", "margins", "Let its owner decide"),
    begins=BESIDE,
)
def a_policy_that_knows_no_margins(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    silent = load_policy("triage").model_copy(update={"replacing": None})
    patch.setattr(proposal, "load_policy", lambda _: silent)
    return asked(one)


@refuses(
    "replacing.why_not_replacing/2",
    clause=INTO_PLACE,
    words=("no side_by_side evidence of this model", "both on the same visits", WAIT),
    begins=BESIDE,
)
def a_challenger_that_nobody_compared(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return asked(one)


def _compared(site: str, found: str, wanted: str, **worse: Any) -> None:
    def bring(one: Governed, _: pytest.MonkeyPatch) -> Do:
        side_by_side(one, **worse)
        return asked(one)

    bring.__name__ = f"a_challenger_with_too_little_of_{'_'.join(worse)}"
    refuses(site, clause=INTO_PLACE, words=(found, wanted, WAIT), begins=BESIDE)(bring)


_compared("replacing._reasons/1", "a model that is not served (ffff", "that people saw last", beside="f" * 64)
_compared("replacing._reasons/2", "side_by_side evidence of 31 days ago", "at most 30 days old", days=31.5)
_compared("replacing._reasons/3", "499 visits that both scored", "at least 500", visits=499)
_compared("replacing._reasons/4", "since it came that it scored, too: 0.949", "at least 0.95", share=0.949)
_compared("replacing._reasons/5", "cards per 100: 2.1 (1.1 to 3.1)", "at most 3 more per 100", alerts=3.1)
_compared("replacing._of_auroc/2", "AUROC of critical_care: -0.011", "a lower bound of at least -0.02", auroc=-0.021)
_compared("replacing._of_auroc/1", "15 events of critical_care", "at least 20 on visits of both", visits=300, auroc=0.0)


# without the word: another model than people saw last


def _swapped(one: Governed, by_way_of: str) -> Do:
    """What people saw is taken down, and the newer model let into shadow by itself."""
    roll_back(one.settings, "triage", "city", by_way_of, "a test", one.signs("olga"))
    approve(one, "shadow")
    assert promote(one, "shadow").exit_code == 0
    return lambda: promote(one, "assistive")


@refuses(
    "replacing.why_not_replacing/2",
    clause=INTO_PLACE,
    words=("no side_by_side evidence of this model", "that people saw last", "pilothouse rollback triage --site city"),
    begins=SHOWN,
)
def another_model_after_a_step_down(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return _swapped(one, "shadow")


@refuses(
    "replacing.why_not_replacing/2",
    clause=INTO_PLACE,
    words=("no side_by_side evidence of this model", "that people saw last", "UTC on people will not have seen it"),
    begins=SHOWN,
)
def another_model_after_all_was_off(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return _swapped(one, "off")


# taking it away


@refuses(
    "withdrawing._withdrawn",
    "withdrawing._none",
    clause="something-to-change",
    words=("triage has no challenger at city", "a challenger", "nothing to do"),
    begins=SHOWN,
)
def a_withdrawal_of_nothing(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return lambda: withdraw(one.settings, "triage", "city", "a test", one.signs("ada"))


@fails(
    "withdrawing._taken_away",
    error="ChallengerStays",
    words=("can be neither replaced nor set aside (Permission denied)", "the right to write in challengers/"),
    begins=BESIDE,
)
def a_challenger_that_cannot_be_written(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    patch.setattr(withdrawing, "withdraw_challenger", denied)
    path = challenger_path(one.settings.home, "triage", "city")
    real = type(path).rename
    patch.setattr(type(path), "rename", lambda one, to: denied() if one == path else real(one, to))
    return lambda: withdraw(one.settings, "triage", "city", "a test", one.signs("ada"))


@fails(
    "withdrawing.leave_if_promoted",
    error="ChallengerNotTakenAway",
    words=("The release is in service, recorded as entry", "pilothouse rollback triage --site city --challenger"),
    begins=BESIDE,
    goes_down=True,
)
def a_challenger_that_stays_behind_its_own_promotion(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    side_by_side(one)
    approve(one, "assistive", challenger=True)

    def torn(*_: object, **__: object) -> None:
        raise PointerError("The challenger's pointer is no JSON; withdraw it.")

    patch.setattr(withdrawing, "withdraw_challenger", torn)
    return lambda: promote(one, "assistive", challenger=True)
