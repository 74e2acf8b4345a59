"""A policy as frozen data: clauses per stage, who may decide, when to step down.

The shape, its consistency and its digest belong here. Reading the file belongs in ``load.py``, deciding by it
in ``gates/``.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from evaluation import EvaluationError
from evaluation.canonical import document_digest
from evaluation.policies.approvals import MANDATORY_APPROVALS, Approvals, Days, Need, Needed, resolved
from evaluation.policies.change_control import ChangeControl
from evaluation.policies.clause import Clause, FiniteNumber, FrozenModel, Identifier, Text
from evaluation.policies.rollback import BreakGlassRules, Pace, RollbackPlan
from evaluation.policies.stage import Stage, Tier


class OtherAdvice(EvaluationError):
    """A policy's card was asked for where it has a board, or its board where it has a card."""


Probability = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=100)]


class Card(FrozenModel):
    """When the advice shows, how urgently, and how often it may: a card appears at or above the threshold."""

    outcome: Identifier
    display_threshold: Probability
    warning_threshold: Probability
    alerts_per_100_at_most: Share
    owner: Identifier
    rationale: Text
    date: date


class BoardLine(FrozenModel):
    """A line of the board: a target of the plan, and whether people may put their own figure beside it there."""

    target: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
    adjustable: bool


class Board(FrozenModel):
    """What a plan shows on the huddle board, in this order."""

    lines: Annotated[tuple[BoardLine, ...], Field(min_length=1, max_length=20)]
    owner: Identifier
    rationale: Text
    date: date


class Replacing(FrozenModel):
    """What a model must show before it takes the place of another that people see, or saw in the last `valid_days`: on
    the same visits, no AUROC lower by more than `auroc_margin` and no more cards per 100 than `alerts_per_100_margin`,
    by the worse bound of each 95 % interval; from at least `min_visits` and `min_events`, at most `valid_days` old; and
    scored at least `min_share_of_calls` of the calls that the release scored since the challenger came."""

    auroc_margin: Annotated[float, Field(gt=0, le=0.2)]
    alerts_per_100_margin: Annotated[float, Field(gt=0, le=100)]
    min_visits: Annotated[int, Field(ge=1)]
    min_events: Annotated[int, Field(ge=1)]
    min_share_of_calls: Annotated[float, Field(gt=0, le=1)]
    valid_days: Annotated[float, Field(gt=0)]
    owner: Identifier
    rationale: Text
    date: date


class Rights(FrozenModel):
    """Who may step a release down, and who may step a tier up again after a breach."""

    step_down_roles: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    step_up_roles: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    rationale: Text
    date: date


class StageRules(FrozenModel):
    """What one stage asks beyond the stages below it."""

    approvals: tuple[Identifier | Needed, ...]
    clauses: Annotated[tuple[Clause, ...], Field(min_length=1)]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of approval that the stage needs, by name."""
        return tuple(one.kind if isinstance(one, Needed) else one for one in self.approvals)


class Stages(FrozenModel):
    """Every stage that shows or scores anything has rules of its own."""

    shadow: StageRules
    assistive: StageRules
    decision_support: StageRules

    def in_order(self) -> tuple[tuple[Stage, StageRules], ...]:
        return (
            (Stage.SHADOW, self.shadow),
            (Stage.ASSISTIVE, self.assistive),
            (Stage.DECISION_SUPPORT, self.decision_support),
        )


class StepDown(FrozenModel):
    """What a trigger does by itself: a tier to fall to, or a stage."""

    tier: Tier | None = None
    stage: Stage | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.tier is None) == (self.stage is None):
            raise ValueError("a trigger steps down to a tier or to a stage: name exactly one")
        return self


Signal = Literal[
    "slo.share_within_30s",
    "slo.share_in_time",
    "serving.share_failed",
    "serving.alerts_per_100",
    "drift.share",
    "segment_drift.jumps",
    "shadow.adjusted_share",
    "feedback.share_overridden_as_wrong",
]
"""What is measured in operation; a trigger on anything else would watch nothing."""
Counted = Literal["cases", "columns"]
COUNTED: Mapping[Signal, Counted] = MappingProxyType({"segment_drift.jumps": "columns"})
"""What ``n`` of a signal counts, where it is not cases."""
OVERRIDDEN_AS_WRONG: Signal = "feedback.share_overridden_as_wrong"


class Trigger(FrozenModel):
    """A breach in operation: ``signal`` over ``window_minutes`` compared with ``threshold`` steps down by itself.

    Below ``min_n`` of what is ``counted`` nothing acts. ``reasons`` are the codes of an override that call the card
    wrong, for the signal that counts these. What concerns safety acts at once; what concerns the service alone, at the
    pace of the rollback plan.
    """

    id: Identifier
    signal: Signal
    reasons: tuple[Identifier, ...] = ()
    comparison: Literal[">=", ">", "<=", "<"]
    threshold: FiniteNumber
    window_minutes: Annotated[int, Field(ge=1)]
    min_n: Annotated[int, Field(ge=1)]
    counted: Counted = "cases"
    steps_down_to: StepDown
    told: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    severity: Literal["safety", "service"] = "safety"
    owner: Identifier
    rationale: Text
    date: date

    @model_validator(mode="after")
    def _says_what_wrong_is(self) -> Self:
        if (self.signal == OVERRIDDEN_AS_WRONG) != bool(self.reasons):
            raise ValueError(f"trigger {self.id}: reasons belong to {OVERRIDDEN_AS_WRONG}, which needs them")
        if self.counted != (counted := COUNTED.get(self.signal, "cases")):
            raise ValueError(f"trigger {self.id}: {self.signal} rests on {counted}; say counted: {counted}")
        return self


class Policy(FrozenModel):
    """The whole policy of one use case. Frozen; its digest is part of what an approval is bound to.

    What people are shown is either a card for a visit or a board for a unit: exactly one of the two.
    """

    schema_: Annotated[Literal["pilothouse.policy/1"], Field(alias="schema")]
    use_case: Identifier
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    owner: Identifier
    date: date
    review_every_days: Days
    decision_valid_days: Days
    card: Card | None = None
    board: Board | None = None
    approvals: Approvals
    rights: Rights
    stages: Stages
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)]
    rollback: RollbackPlan
    break_glass: BreakGlassRules
    change_control: ChangeControl | None = None
    replacing: Replacing | None = None
    """None: no other model takes the place of one that people saw. Of plans nothing is compared."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.card is None) == (self.board is None):
            raise ValueError("say what is shown: a card for a visit, or a board for a unit; exactly one of the two")
        if self.board:
            _require_unique("line of the board", [line.target for line in self.board.lines])
        _require_unique("clause id", [c.id for _, rules in self.stages.in_order() for c in rules.clauses])
        _require_unique("trigger id", [trigger.id for trigger in self.triggers])
        if not set(self.rollback.decides) <= set(self.rights.step_down_roles):
            raise ValueError("rollback.decides names a role that may not step down (rights.step_down_roles)")
        known = [entry.kind for entry in self.approvals.kinds]
        _require_unique("approval kind", known)
        for stage, rules in self.stages.in_order():
            _require_unique(f"approval of {stage}", list(rules.kinds))
            if not set(rules.kinds) <= set(known):
                raise ValueError(f"stage {stage} asks for an approval that approvals.kinds does not define")
            if not set(rules.kinds) >= MANDATORY_APPROVALS:
                raise ValueError(f"stage {stage} must ask for both approvals: model and workflow")
        return self

    @property
    def digest(self) -> str:
        """Digest of what the file says (64 hex digits): comments and layout do not count, every word does."""
        return document_digest(self.model_dump(mode="json", by_alias=True, exclude_unset=True))

    def pace_of(self, trigger: Trigger) -> Pace:
        """When a trigger acts: at once, or when the shift ends in which it was seen, as the plan has it."""
        return "at_once" if trigger.severity == "safety" else self.rollback.pace

    @property
    def shown_card(self) -> Card:
        """The card's rules. Raises ``OtherAdvice`` for a policy of a board."""
        if self.card is None:
            raise OtherAdvice(f"The policy of {self.use_case} is for a board; there is no card of it.")
        return self.card

    @property
    def shown_board(self) -> Board:
        """The board's rules. Raises ``OtherAdvice`` for a policy of a card."""
        if self.board is None:
            raise OtherAdvice(f"The policy of {self.use_case} is for a card; there is no board of it.")
        return self.board

    def clauses_for(self, stage: Stage) -> tuple[Clause, ...]:
        """Every clause that must hold for ``stage``: its own and those of the stages below it. Empty for
        off."""
        return tuple(
            clause for each, rules in self.stages.in_order() if each.rank <= stage.rank for clause in rules.clauses
        )

    def approvals_for(self, stage: Stage) -> tuple[str, ...]:
        """The kinds of approval that ``stage`` needs. Empty for off: stopping needs no permission."""
        return tuple(need.kind for need in self.needs_for(stage))

    def needs_for(self, stage: Stage) -> tuple[Need, ...]:
        """The approvals that ``stage`` needs, with quorum and validity settled. Empty for off."""
        asked = [one for each, rules in self.stages.in_order() if each is stage for one in rules.approvals]
        return tuple(resolved(self.approvals, one, self.review_every_days) for one in asked)

    def need_for(self, stage: Stage, kind: str) -> Need | None:
        """What ``stage`` asks of one kind; as the kind itself says where it asks for none; ``None`` for an unknown."""
        asked = next((need for need in self.needs_for(stage) if need.kind == kind), None)
        known = asked is None and any(entry.kind == kind for entry in self.approvals.kinds)
        return resolved(self.approvals, kind, self.review_every_days) if known else asked


def _require_unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} given twice: {', '.join(twice)}")
