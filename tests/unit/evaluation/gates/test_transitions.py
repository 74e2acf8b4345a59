"""The table of steps: complete, closed, never more than one stage above what was earned, and what the gates go by."""

from datetime import UTC, datetime
from itertools import product

import pytest

from evaluation.gates import (
    TABLE,
    GlassAsked,
    Order,
    StageError,
    Stands,
    Stood,
    after_glass,
    allows,
    answer,
    earned,
    lowered_by,
    step_reasons,
    why_not_broken,
)
from evaluation.gates.transitions import ONCE, REFUSALS, STEP
from evaluation.ledger.people import People
from evaluation.policies import Stage, StepDown, Tier, Trigger, load_policy

STAGES = tuple(Stage)
STATES = [Stands(stage) for stage in STAGES] + [
    Stands(stage, before)
    for stage, before in product(STAGES[1:], STAGES)
    if stage.rank <= before.rank + 1 and before is not Stage.DECISION_SUPPORT and (stage, before) != (Stage.OFF, before)
]
CELLS = list(product(STATES, STAGES))
UP = (Order.PROMOTE, Order.BREAK_GLASS)


def judged(stands: Stands) -> Stage:
    return stands.stage if stands.before is None else earned(stands.stage, stands.before)


def state(name: str) -> Stands:
    stage, _, before = name.partition(" over ")
    return Stands(Stage(stage), Stage(before) if before else None)


def test_no_pair_of_state_and_order_is_left_out_and_no_order_leads_to_another_state() -> None:
    names = {one.name for one in STATES}
    assert set(TABLE) == set(Order)
    assert {order: set(rows) for order, rows in TABLE.items()} == dict.fromkeys(Order, names)
    cells = {cell for rows in TABLE.values() for row in rows.values() for cell in row}
    assert cells - names == set(REFUSALS)
    reached = {"off"}
    for _ in names:
        reached |= {cell for rows in TABLE.values() for name in reached for cell in rows[name]} & names
    assert reached == names, "every state is reached by some orders"


@pytest.mark.parametrize("order", Order)
def test_nothing_leads_above_the_stage_after_what_was_earned_and_only_two_orders_lead_up(order: Order) -> None:
    for stands, named in CELLS:
        cell = answer(order, stands, named)
        if cell in REFUSALS:
            continue
        after = state(cell)
        assert judged(after).rank <= judged(stands).rank + (order is Order.PROMOTE)
        assert after.stage.rank <= (judged(stands).rank + 1 if order in UP else stands.stage.rank)
        if order is Order.GLASS_OVER:
            assert after.before is None
        if order in UP:
            assert after.stage is named


@pytest.mark.parametrize("stands", STATES, ids=lambda one: one.name)
def test_off_is_one_order_away_from_wherever_something_is_served(stands: Stands) -> None:
    assert (answer(Order.ROLL_BACK_TO, stands, Stage.OFF) == "off") == (stands.stage is not Stage.OFF)


@pytest.mark.parametrize(("stands", "named"), CELLS)
def test_a_promotion_goes_by_the_table(stands: Stands, named: Stage) -> None:
    reasons = step_reasons(judged(stands), named, is_same=False)
    assert allows(Order.PROMOTE, stands, named) == (not reasons)
    assert {one.clause for one in reasons} <= {answer(Order.PROMOTE, stands, named)}


@pytest.mark.parametrize(("stands", "named"), CELLS)
def test_a_glass_goes_by_the_table(stands: Stands, named: Stage) -> None:
    asked = GlassAsked("ada", None, "", 1, judged(stands), named, "mia", (), stands.before is not None)
    found = why_not_broken(load_policy("triage"), People(), asked, datetime(2026, 1, 1, tzinfo=UTC))
    steps = [one.clause for one in found if one.clause in (*REFUSALS, ONCE, STEP)]
    cell = answer(Order.BREAK_GLASS, stands, named)
    assert (steps[:1] or [f"{named} over {stands.name}"]) == [cell]


@pytest.mark.parametrize(("stands", "named"), CELLS)
def test_what_goes_down_goes_by_the_table(stands: Stands, named: Stage) -> None:
    lower = lowered_by([leading_to(named)], stands.stage, Tier.MODEL)[0]
    assert answer(Order.TRIGGER, stands, named) == Stands(lower, stands.before).name
    if stands.stage is Stage.OFF:
        return
    before = Stood(stands.before or stands.stage, Tier.MODEL)
    back = after_glass(before, Stood(stands.stage, Tier.MODEL), named).stage.value
    assert answer(Order.TAKE_BACK, stands, named) == back
    assert answer(Order.GLASS_OVER, stands, named) == (stands.name if stands.before is None else back)


def test_a_state_that_cannot_be_has_no_answer() -> None:
    with pytest.raises(StageError, match="no order leads to decision_support over off"):
        answer(Order.PROMOTE, Stands(Stage.DECISION_SUPPORT, Stage.OFF), Stage.SHADOW)


def leading_to(stage: Stage) -> Trigger:
    one = load_policy("triage").triggers[0]
    return one.model_copy(update={"steps_down_to": StepDown(stage=stage)})
