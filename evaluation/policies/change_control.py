"""For which stages a change is planned beforehand, and how long beforehand.

The shape belongs here. Freezes and windows are of hospitals and lie in their calendar; whether a plan covers a release
is judged in ``gates/change_control.py``.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from evaluation.policies.clause import FrozenModel, Identifier, Text
from evaluation.policies.stage import Stage


class ChangeControl(FrozenModel):
    """Going to one of ``stages`` needs a planned change, announced ``notice_hours`` before its window begins."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    notice_hours: Annotated[float, Field(ge=0, le=2160, allow_inf_nan=False)]
    owner: Identifier
    rationale: Text
    date: date
