"""Whatever moves a place has its row in the table of steps: a new command, or module that moves pointers, fails."""

import ast
from pathlib import Path

from evaluation.gates import TABLE, UNMOVED, Order
from orchestration.cli import RELEASES

ROOT = Path(__file__).parents[5]
MOVES = {"publish_pointer", "publish_lower", "withdraw_pointer", "put_up", "Descent", "roll_back_if", "roll_back"}
MOVERS = {
    "steps/releases/release.py": {Order.PROMOTE},
    "steps/releases/breaking.py": {Order.BREAK_GLASS},
    "steps/releases/putting_up.py": {Order.PROMOTE, Order.BREAK_GLASS},
    "steps/releases/going_down.py": {Order.ROLL_BACK_TO, Order.TAKE_BACK},
    "steps/watching/approval_watch.py": {Order.APPROVALS_OVER},
    "steps/watching/trigger_watch.py": {Order.TRIGGER, Order.GLASS_OVER},
    "commands/releases.py": {Order.ROLL_BACK_TO, Order.TAKE_BACK},
    "steps/releases/tiers.py": set[Order](),
    "steps/releases/withdrawing.py": set[Order](),
    "steps/drills/sandbox.py": set[Order](),
    "steps/drills/rehearsal.py": set[Order](),
}
"""Who moves pointers, by which orders of the table. A tier moves no stage, a challenger neither, and a
drill no place but its own."""
FORGERS = {"safety_case/catalogue/record.py", "safety_case/catalogue/serving.py"}
"""Faults that are put in on purpose, in a sandbox of their own."""


def test_every_command_about_releases_has_a_row_or_moves_no_stage() -> None:
    ordered = {order.value.split()[0] for order in (Order.PROMOTE, Order.BREAK_GLASS, Order.ROLL_BACK_TO)}
    assert {one.name for one in RELEASES} == ordered | set(UNMOVED)


def test_every_module_that_moves_a_pointer_carries_out_an_order_of_the_table() -> None:
    found = {
        str(path.relative_to(ROOT / "orchestration"))
        for path in (ROOT / "orchestration").rglob("*.py")
        if MOVES & _imported(path)
    }
    assert found == set(MOVERS) | FORGERS
    assert set().union(*MOVERS.values()) == set(TABLE)


def _imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {one.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for one in node.names}
