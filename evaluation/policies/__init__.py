"""What must hold before a use case may step up, who may decide it, and what makes it step down.

Here belong the policy files (one ``<use_case>.yaml`` each, thresholds with owner, rationale and date) and the
frozen models they are read into. Deciding by them belongs in ``gates/``.

::

    EvaluationError
    ├── OtherAdvice     a card was asked for where the policy has a board, or the other way round
    └── PolicyError     a policy file that is missing, is not YAML, or breaks the model (names file and field)
"""

from evaluation.policies.approvals import KINDS, REGULATORY, ApprovalKind, Need
from evaluation.policies.change_control import ChangeControl
from evaluation.policies.clause import Bound, Clause, Comparison, OtherFigure
from evaluation.policies.load import PolicyError, load_policy, parse_policy, read_policy
from evaluation.policies.policy import Board, Card, OtherAdvice, Policy, Replacing, StageRules, StepDown, Trigger
from evaluation.policies.rollback import BreakGlassRules, PlannedStep, RollbackPlan, ToldToClinicians
from evaluation.policies.stage import Stage, Tier

__all__ = [
    "KINDS",
    "REGULATORY",
    "ApprovalKind",
    "Board",
    "Bound",
    "BreakGlassRules",
    "Card",
    "ChangeControl",
    "Clause",
    "Comparison",
    "Need",
    "OtherAdvice",
    "OtherFigure",
    "PlannedStep",
    "Policy",
    "PolicyError",
    "Replacing",
    "RollbackPlan",
    "Stage",
    "StageRules",
    "StepDown",
    "Tier",
    "ToldToClinicians",
    "Trigger",
    "load_policy",
    "parse_policy",
    "read_policy",
]
