"""Every trigger of every policy, on both sides of its threshold and of its least number of cases."""

import math

import pytest

from evaluation.gates import NOTHING_READ, Reading, breached, lowered_by, would_lower
from evaluation.policies import Stage, Tier, Trigger, load_policy
from evaluation.policies.load import FOLDER

TRIGGERS = [
    pytest.param(trigger, id=f"{path.stem}-{trigger.id}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for trigger in load_policy(path.stem).triggers
]
UP = {">", ">="}


def beyond(trigger: Trigger) -> float:
    return math.nextafter(trigger.threshold, math.inf if trigger.comparison in UP else -math.inf)


def within(trigger: Trigger) -> float:
    return math.nextafter(trigger.threshold, -math.inf if trigger.comparison in UP else math.inf)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_just_beyond_the_threshold_it_fires_and_just_within_it_does_not(trigger: Trigger) -> None:
    fired = breached(trigger, Reading(beyond(trigger), trigger.min_n))
    assert fired is not None and fired.trigger is trigger
    assert breached(trigger, Reading(within(trigger), trigger.min_n)) is None


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_on_the_threshold_it_fires_only_where_the_policy_says_or_equal(trigger: Trigger) -> None:
    fired = breached(trigger, Reading(trigger.threshold, trigger.min_n))
    assert (fired is not None) == (trigger.comparison in {">=", "<="})


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_one_case_too_few_and_nothing_acts(trigger: Trigger) -> None:
    assert breached(trigger, Reading(beyond(trigger), trigger.min_n - 1)) is None
    assert breached(trigger, Reading(beyond(trigger), trigger.min_n)) is not None


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("reading", [NOTHING_READ, Reading(None, 10**6), Reading(math.nan, 10**6)])
def test_what_could_not_be_measured_fires_nothing(trigger: Trigger, reading: Reading) -> None:
    assert breached(trigger, reading) is None


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_it_says_signal_figure_cases_and_threshold(trigger: Trigger) -> None:
    fired = breached(trigger, Reading(beyond(trigger), trigger.min_n))
    assert fired is not None
    for word in (trigger.id, trigger.signal, str(trigger.min_n), f"{trigger.threshold:g}", trigger.rationale):
        assert word in fired.sentence


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("tier", list(Tier))
def test_it_only_ever_lowers_and_off_is_left_alone(trigger: Trigger, stage: Stage, tier: Tier) -> None:
    after = lowered_by([trigger], stage, tier)
    assert after[0].rank <= stage.rank and after[1].rank >= tier.rank
    assert would_lower(trigger, stage, tier) == (stage is not Stage.OFF and after != (stage, tier))


def test_several_together_go_as_low_as_any_of_them() -> None:
    triggers = load_policy("triage").triggers
    assert lowered_by(triggers, Stage.ASSISTIVE, Tier.MODEL) == (Stage.SHADOW, Tier.RULE)
    assert lowered_by([], Stage.ASSISTIVE, Tier.MODEL) == (Stage.ASSISTIVE, Tier.MODEL)


def test_a_breach_says_what_was_counted() -> None:
    by_signal = {one.signal: one for one in load_policy("triage").triggers}
    jumped, failing = by_signal["segment_drift.jumps"], by_signal["serving.share_failed"]
    assert jumped.min_n == 1, "one column that could be judged"
    for trigger, counted in ((jumped, "1 columns"), (failing, "20 cases")):
        found = breached(trigger, Reading(beyond(trigger), trigger.min_n))
        assert found is not None and f"on {counted} within" in found.sentence


@pytest.mark.parametrize(("signal", "counted"), [("segment_drift.jumps", "cases"), ("drift.share", "columns")])
def test_a_trigger_that_counts_something_else_than_its_signal_rests_on_is_refused(signal: str, counted: str) -> None:
    known = next(one for one in load_policy("triage").triggers if one.signal == signal)
    with pytest.raises(ValueError, match="rests on"):
        Trigger.model_validate({**known.model_dump(), "counted": counted})
