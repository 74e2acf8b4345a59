"""No sequence of orders, kills and clock changes reaches a stage without its evidence and approvals."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis.stateful import run_state_machine_as_test

from evaluation.policies import Stage

from .ledgers import InFiles
from .power import Killed
from .rollout import DAY, KEPT, KEYED, POINTED, RECORDED, WRITTEN, Rollout
from .running import BRIEFLY, candidate, ready


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Rollout]]:
    with ready(candidate(tmp_path_factory.mktemp("bundle")), InFiles()) as made:
        yield made


def test_whatever_is_ordered_killed_and_set_back_serves_nothing_that_is_not_allowed(machine: type[Rollout]) -> None:
    run_state_machine_as_test(machine, settings=BRIEFLY)
    assert machine.seen.killed >= 3 and len(machine.seen.cells) >= 8


@pytest.mark.parametrize("point", [*WRITTEN, *RECORDED, *POINTED])
def test_a_promotion_that_is_killed_anywhere_is_whole_or_not_there_and_can_be_asked_for_again(
    machine: type[Rollout], point: str
) -> None:
    one = machine()
    one.open(1)
    one.go_up((point, 0), True)
    assert machine.power.kills[point], f"{point} is no point that a promotion comes by"
    assert one.stands == Stage.ASSISTIVE
    one.teardown()


@pytest.mark.parametrize("point", KEYED, ids=str)
def test_a_first_promotion_that_is_killed_while_keys_are_made_can_be_asked_for_again(
    machine: type[Rollout], point: tuple[str, int]
) -> None:
    one, killed = machine(), machine.power.kills[point[0]]
    one.open(0)
    one.go_up(point, True)
    assert machine.power.kills[point[0]] == killed + 1, f"{point} is no point that a first promotion comes by"
    assert one.stands == Stage.SHADOW
    one.teardown()


@pytest.mark.parametrize("point", [*POINTED, *KEPT, *RECORDED])
def test_a_step_down_that_is_killed_anywhere_leads_down_and_can_be_asked_for_again(
    machine: type[Rollout], point: str
) -> None:
    one = machine()
    one.open(2)
    one.roll_back_to(Stage.SHADOW, (point, 0))
    assert machine.power.kills[point], f"{point} is no point that a step down comes by"
    assert one.stands.rank <= Stage.ASSISTIVE.rank
    one.roll_back_to(Stage.OFF, None)
    assert one.stands is Stage.OFF
    one.teardown()


@pytest.mark.parametrize(
    ("compared", "wait", "reached"),
    [(None, 0, Stage.SHADOW), (False, 0, Stage.SHADOW), (True, 0, Stage.ASSISTIVE), (None, 31, Stage.ASSISTIVE)],
    ids=["not compared", "compared and worse", "compared", "seen too long ago"],
)
def test_another_model_than_people_saw_last_comes_before_them_compared_or_long_after(
    machine: type[Rollout], compared: bool | None, wait: int, reached: Stage
) -> None:
    one = machine()
    one.open(2)
    one.roll_back_to(Stage.SHADOW, None)
    one.the_other_model_is_trained()
    one.people_measure(True)
    one.people_approve(Stage.SHADOW, "")
    one.promote(Stage.SHADOW, None, False)
    if compared is not None:
        one.both_models_are_compared(compared)
    one.the_clock_moves(wait * DAY)
    one.go_up(None, False)
    assert one.stands is reached
    one.teardown()


def test_who_is_killed_does_nothing_more_whatever_cleans_up(machine: type[Rollout], tmp_path: Path) -> None:
    draft, power = tmp_path / "draft", machine.power
    with pytest.raises(Killed), power.running(tmp_path, ("draft sync", 0)):
        try:
            with draft.open("wb") as stream:
                stream.write(b"whole")
                stream.flush()
                os.fsync(stream.fileno())
        finally:
            draft.unlink()
    assert draft.read_bytes() == b"wh", "torn, and not cleaned up"
