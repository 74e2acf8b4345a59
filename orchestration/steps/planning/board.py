"""The board layout of a release: what the use case says to the people at a huddle, with the lines that policy shows.

Approvals are bound to its digest. What does not belong here: drawing a board (ml/serving).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.policies import Policy
from ml.registry.board import SCHEMA
from ml.usecases.declaration import BoardText
from orchestration.steps.errors import StepError


class LineNotPublished(StepError):
    """A policy shows a line that the use case does not publish."""


@dataclass(frozen=True)
class Published:
    """A line as a plan holds it: its name for people, and what it is measured in."""

    label: str
    measure: str


def board_layout(use_case: str, text: BoardText, policy: Policy, published: Mapping[str, Published]) -> dict[str, Any]:
    """Return the board layout (`pilothouse.board/1`) as plain data. Raises `LineNotPublished`."""
    return {
        "schema": SCHEMA,
        "use_case": use_case,
        "title": text.title,
        "window": text.window,
        "targets": [_target(use_case, line.target, line.adjustable, published) for line in policy.shown_board.lines],
        "adjustment_reasons": [{"code": one.code, "display": one.display} for one in text.override_reasons],
        "not_for": text.not_for,
        "ignore_when": text.ignore_when,
        "source": dict(text.source),
    }


def _target(use_case: str, name: str, adjustable: bool, published: Mapping[str, Published]) -> dict[str, Any]:
    if name not in published:
        known = ", ".join(published)
        raise LineNotPublished(f"The policy of {use_case} shows {name!r}, but its plans hold {known}; correct it.")
    one = published[name]
    return {
        "target": name,
        "label": one.label[:1].upper() + one.label[1:],
        "measure": one.measure,
        "is_adjustable": adjustable,
    }
