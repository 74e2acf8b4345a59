"""The decisions that people sign: which kinds there are, who may take them, how many, and for how long they hold.

The shape and what a stage asks of it belong here. What a single signed statement is worth belongs in ``gates/``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field

from evaluation.policies.clause import FrozenModel, Identifier, Text

KindName = Literal[
    "model",
    "workflow",
    "safety",
    "privacy",
    "security",
    "compliance",
    "ethics",
    "regulatory",
    "training",
    "champions",
]
KINDS: tuple[str, ...] = get_args(KindName)
"""``training``: the people who will see the advice were trained. ``champions``: on each unit it is named who stands for
it. ``regulatory`` rests on a certificate for a region and an intended use, which ends on a day."""
REGULATORY = "regulatory"
MANDATORY_APPROVALS = frozenset({"model", "workflow"})
"""Model and workflow approval are two decisions by different roles, in every stage (promise G3)."""

Days = Annotated[float, Field(gt=0, le=36500, allow_inf_nan=False)]
"""At most a hundred years: no date that is reckoned with it leaves the calendar."""
Quorum = Annotated[int, Field(ge=1, le=9)]


class ApprovalKind(FrozenModel):
    """One of the decisions people take, and the roles that may take it; what is left out holds as for all kinds.

    ``quorum`` people must agree. An approval is used for a promotion within ``valid_days``; under a release that is
    served it is given again every ``review_every_days``.
    """

    kind: KindName
    roles: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    rationale: Text
    quorum: Quorum = 1
    valid_days: Days | None = None
    review_every_days: Days | None = None


class Needed(FrozenModel):
    """A kind that a stage asks for in another measure than ``approvals.kinds`` says."""

    kind: KindName
    quorum: Quorum | None = None
    valid_days: Days | None = None
    review_every_days: Days | None = None


class Approvals(FrozenModel):
    """Who approves. Every kind is decided by another person in another role; the author decides none."""

    valid_days: Days
    remind_days: Days = 14
    kinds: Annotated[tuple[ApprovalKind, ...], Field(min_length=1)]
    owner: Identifier
    rationale: Text
    date: date

    def roles_for(self, kind: str) -> frozenset[str]:
        """The roles that may take this kind of decision; empty for a kind the policy does not know."""
        return frozenset(role for entry in self.kinds if entry.kind == kind for role in entry.roles)


@dataclass(frozen=True, slots=True)
class Need:
    """What a stage needs of one kind, settled: nothing is left out."""

    kind: str
    roles: frozenset[str]
    quorum: int
    valid_days: float
    review_every_days: float
    rationale: str

    @property
    def by(self) -> str:
        """The roles for a reader."""
        return " or ".join(sorted(self.roles))


def resolved(approvals: Approvals, asked: str | Needed, review_every_days: float) -> Need:
    """Settle what is asked: the stage's own word first, then the kind's, then that for all kinds."""
    name = asked.kind if isinstance(asked, Needed) else asked
    kind = next(entry for entry in approvals.kinds if entry.kind == name)
    stage = asked if isinstance(asked, Needed) else Needed(kind=kind.kind)
    return Need(
        kind=name,
        roles=frozenset(kind.roles),
        quorum=stage.quorum or kind.quorum,
        valid_days=stage.valid_days or kind.valid_days or approvals.valid_days,
        review_every_days=stage.review_every_days or kind.review_every_days or review_every_days,
        rationale=kind.rationale,
    )
