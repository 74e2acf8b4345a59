import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from evaluation.gates import StageError, step, tier_step
from evaluation.policies import Stage, Tier

STAGES = list(Stage)


@given(st.sampled_from(STAGES), st.sampled_from(STAGES))
def test_every_pair_of_stages_has_one_answer(current, target):
    distance = target.rank - current.rank
    if distance > 1 or current is target is Stage.OFF:
        with pytest.raises(StageError):
            step(current, target)
    else:
        expected = "up" if distance == 1 else "replace" if distance == 0 else "down"
        assert step(current, target) == expected


def test_skipped_stage_is_named():
    with pytest.raises(StageError, match="assistive does not follow off: the next stage up is shadow"):
        step(Stage.OFF, Stage.ASSISTIVE)


def test_off_cannot_be_switched_off():
    with pytest.raises(StageError, match="off already"):
        step(Stage.OFF, Stage.OFF)


@given(st.sampled_from(list(Tier)), st.sampled_from(list(Tier)))
def test_tiers_step_any_number_but_never_nowhere(current, target):
    if current is target:
        with pytest.raises(StageError, match="already"):
            tier_step(current, target)
    else:
        assert tier_step(current, target) == ("down" if target.rank > current.rank else "up")


class Rollout(RuleBasedStateMachine):
    """A site whose people try every step in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage.OFF
        self.stages_since_off = {Stage.OFF}

    @rule(stage=st.sampled_from(STAGES))
    def try_to_step(self, stage: Stage) -> None:
        try:
            kind = step(self.stage, stage)
        except StageError:
            assert stage.rank > self.stage.rank + 1 or stage is self.stage is Stage.OFF
            return
        assert (kind == "up") == (stage.rank == self.stage.rank + 1)
        self.stage = stage
        self.stages_since_off = {Stage.OFF} if stage is Stage.OFF else self.stages_since_off | {stage}

    @rule()
    def switch_off(self) -> None:
        if self.stage is not Stage.OFF:
            assert step(self.stage, Stage.OFF) == "down"
            self.stage, self.stages_since_off = Stage.OFF, {Stage.OFF}

    @invariant()
    def no_stage_was_ever_skipped(self) -> None:
        assert {each for each in STAGES if each.rank <= self.stage.rank} <= self.stages_since_off


TestRollout = Rollout.TestCase
