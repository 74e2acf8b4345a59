"""Gates: whether a use case may step up at a site, decided by policy over evidence and approvals. Pure
functions.

Here belong deciding, authorising, the order of the stages and explaining a decision. Measuring belongs in
``metrics/``, thresholds in ``policies/``, what people signed in ``ledger/``; nothing here reads a file or a
clock. A gate fails closed: what is missing, unreadable, not estimable, too old, or about something else
refuses.

::

    GateError
    ├── DecisionError    a decision document that was changed, or is none
    └── StageError       a stage that no order leads to
"""

from evaluation.gates.authorise import Authorisation, authorise, step_reasons
from evaluation.gates.change_control import Control, change_control
from evaluation.gates.change_control import unreadable as calendar_unreadable
from evaluation.gates.decide import decide
from evaluation.gates.decision import ClauseResult, Decision, Ignored
from evaluation.gates.errors import DecisionError, GateError, StageError
from evaluation.gates.explain import ExplainRow, explain, render_rows
from evaluation.gates.glass import Asked as GlassAsked
from evaluation.gates.glass import Stood, after_glass, earned, why_not_broken
from evaluation.gates.refusal import Refusal
from evaluation.gates.rights import may_step_down, may_step_up, why_not_proven
from evaluation.gates.standing import Standing, lower_stage, standing
from evaluation.gates.sworn import Court, Release
from evaluation.gates.transitions import TABLE, UNMOVED, Order, Stands, allows, answer
from evaluation.gates.triggers import NOTHING_READ, Breach, Reading, breached, lowered_by, would_lower

__all__ = [
    "NOTHING_READ",
    "TABLE",
    "UNMOVED",
    "Authorisation",
    "Breach",
    "ClauseResult",
    "Control",
    "Court",
    "Decision",
    "DecisionError",
    "ExplainRow",
    "GateError",
    "GlassAsked",
    "Ignored",
    "Order",
    "Reading",
    "Refusal",
    "Release",
    "StageError",
    "Standing",
    "Stands",
    "Stood",
    "after_glass",
    "allows",
    "answer",
    "authorise",
    "breached",
    "calendar_unreadable",
    "change_control",
    "decide",
    "earned",
    "explain",
    "lower_stage",
    "lowered_by",
    "may_step_down",
    "may_step_up",
    "render_rows",
    "standing",
    "step_reasons",
    "why_not_broken",
    "why_not_proven",
    "would_lower",
]
