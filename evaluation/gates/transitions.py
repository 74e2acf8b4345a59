"""Every step a place can take, as one table: where it stands × what is ordered -> where it stands then, or the clause
that refuses.

The gate reads it for what goes up (``step_reasons``, ``why_not_broken``); tests hold every cell against the arithmetic
of what goes down, and the commands against each cell that they come by. It says where an order leads once nothing else
stands in its way; evidence, approvals, rights and time are judged elsewhere, and refuse what the table would allow.
Fallback tiers step any number in both directions and have no table; who may step one up is for ``rights.py``.

A place stands in a stage, or in one that a broken glass lent it: ``assistive over shadow`` is assistive while the glass
lasts, where shadow was earned. A column is a stage that the order names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evaluation.gates.errors import StageError
from evaluation.policies.stage import Stage


class Order(StrEnum):
    """What moves a place from one stage to another."""

    PROMOTE = "promote"
    BREAK_GLASS = "break-glass"
    ROLL_BACK_TO = "rollback --to"
    TAKE_BACK = "rollback"
    APPROVALS_OVER = "approvals over"
    TRIGGER = "trigger"
    GLASS_OVER = "glass over"


OFF, SH, AS, DS = "off", "shadow", "assistive", "decision_support"
SH_OFF, SH_SH, SH_AS = "shadow over off", "shadow over shadow", "shadow over assistive"
AS_SH, AS_AS, DS_AS = "assistive over shadow", "assistive over assistive", "decision_support over assistive"
"""Where a place may stand."""

ONE_UP, STEP, ONCE = "one-stage-at-a-time", "break-glass.step", "break-glass.once"
LOWER, NOTHING = "down-only", "something-to-change"
REFUSALS = (ONE_UP, STEP, ONCE, LOWER, NOTHING)

UNMOVED = ("approve", "refuse", "gate", "change", "tier", "drill")
"""The other commands about releases: whatever they do, the stage of a place stays."""

Row = tuple[str, str, str, str]
"""One answer for each stage that can be named, from off to decision support: a state's name, or a refusing clause."""
Rows = Mapping[str, Row]

_PROMOTE: Rows = {
    #        off      shadow   assistive  decision support
    OFF:    (ONE_UP , SH     , ONE_UP , ONE_UP),
    SH:     (ONE_UP , SH     , AS     , ONE_UP),
    AS:     (ONE_UP , ONE_UP , AS     , DS),
    DS:     (ONE_UP , ONE_UP , ONE_UP , DS),
    SH_OFF: (ONE_UP , SH     , ONE_UP , ONE_UP),
    SH_SH:  (ONE_UP , SH     , AS     , ONE_UP),
    SH_AS:  (ONE_UP , SH     , AS     , ONE_UP),
    AS_SH:  (ONE_UP , SH     , AS     , ONE_UP),
    AS_AS:  (ONE_UP , ONE_UP , AS     , DS),
    DS_AS:  (ONE_UP , ONE_UP , AS     , DS),
}  # fmt: skip
"""A stage named again is another release in it; under a glass it is also the same release, now by the gate."""

_BREAK_GLASS: Rows = {
    OFF:    (STEP   , SH_OFF , ONE_UP , ONE_UP),
    SH:     (STEP   , STEP   , AS_SH  , ONE_UP),
    AS:     (STEP   , ONE_UP , STEP   , DS_AS),
    DS:     (STEP   , ONE_UP , ONE_UP , STEP),
    SH_OFF: (ONCE   , ONCE   , ONCE   , ONCE),
    SH_SH:  (ONCE   , ONCE   , ONCE   , ONCE),
    SH_AS:  (ONCE   , ONCE   , ONCE   , ONCE),
    AS_SH:  (ONCE   , ONCE   , ONCE   , ONCE),
    AS_AS:  (ONCE   , ONCE   , ONCE   , ONCE),
    DS_AS:  (ONCE   , ONCE   , ONCE   , ONCE),
}  # fmt: skip

_ROLL_BACK_TO: Rows = {
    OFF:    (NOTHING, NOTHING, NOTHING, NOTHING),
    SH:     (OFF    , LOWER  , LOWER  , LOWER),
    AS:     (OFF    , SH     , LOWER  , LOWER),
    DS:     (OFF    , SH     , AS     , LOWER),
    SH_OFF: (OFF    , LOWER  , LOWER  , LOWER),
    SH_SH:  (OFF    , LOWER  , LOWER  , LOWER),
    SH_AS:  (OFF    , LOWER  , LOWER  , LOWER),
    AS_SH:  (OFF    , SH_SH  , LOWER  , LOWER),
    AS_AS:  (OFF    , SH_AS  , LOWER  , LOWER),
    DS_AS:  (OFF    , SH_AS  , AS_AS  , LOWER),
}  # fmt: skip

_TRIGGER: Rows = {
    OFF:    (OFF    , OFF    , OFF    , OFF),
    SH:     (OFF    , SH     , SH     , SH),
    AS:     (OFF    , SH     , AS     , AS),
    DS:     (OFF    , SH     , AS     , DS),
    SH_OFF: (OFF    , SH_OFF , SH_OFF , SH_OFF),
    SH_SH:  (OFF    , SH_SH  , SH_SH  , SH_SH),
    SH_AS:  (OFF    , SH_AS  , SH_AS  , SH_AS),
    AS_SH:  (OFF    , SH_SH  , AS_SH  , AS_SH),
    AS_AS:  (OFF    , SH_AS  , AS_AS  , AS_AS),
    DS_AS:  (OFF    , SH_AS  , AS_AS  , DS_AS),
}  # fmt: skip
"""What lowers, by a trigger that leads to the stage named; one that leads no lower changes nothing."""

_BACK: Rows = {
    OFF:    (NOTHING, NOTHING, NOTHING, NOTHING),
    SH:     (OFF    , SH     , SH     , SH),
    AS:     (OFF    , SH     , AS     , AS),
    DS:     (OFF    , SH     , AS     , DS),
    SH_OFF: (OFF    , OFF    , OFF    , OFF),
    SH_SH:  (OFF    , SH     , SH     , SH),
    SH_AS:  (OFF    , SH     , SH     , SH),
    AS_SH:  (OFF    , SH     , SH     , SH),
    AS_AS:  (OFF    , SH     , AS     , AS),
    DS_AS:  (OFF    , SH     , AS     , AS),
}  # fmt: skip
"""The column is the highest stage that the release before may still have, by its manifest and its approvals."""

_GLASS_OVER: Rows = {
    OFF:    (OFF,     OFF,     OFF,     OFF),
    SH:     (SH,      SH,      SH,      SH),
    AS:     (AS,      AS,      AS,      AS),
    DS:     (DS,      DS,      DS,      DS),
    SH_OFF: (OFF,     OFF,     OFF,     OFF),
    SH_SH:  (OFF,     SH,      SH,      SH),
    SH_AS:  (OFF,     SH,      SH,      SH),
    AS_SH:  (OFF,     SH,      SH,      SH),
    AS_AS:  (OFF,     SH,      AS,      AS),
    DS_AS:  (OFF,     SH,      AS,      AS),
}  # fmt: skip
"""As the row before where a glass is broken; without one nothing is over."""

TABLE: Mapping[Order, Rows] = {
    Order.PROMOTE: _PROMOTE,
    Order.BREAK_GLASS: _BREAK_GLASS,
    Order.ROLL_BACK_TO: _ROLL_BACK_TO,
    Order.TAKE_BACK: _BACK,
    Order.APPROVALS_OVER: _TRIGGER,
    Order.TRIGGER: _TRIGGER,
    Order.GLASS_OVER: _GLASS_OVER,
}


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a place stands; ``before`` is what stood there before a glass that is broken, None where none is."""

    stage: Stage
    before: Stage | None = None

    @property
    def name(self) -> str:
        return (
            self.stage.value if self.before is None or self.stage is Stage.OFF else f"{self.stage} over {self.before}"
        )


def answer(order: Order, stands: Stands, named: Stage) -> str:
    """The cell of the table: the name of the state that follows, or the clause that refuses.

    Raises :class:`StageError` for a state that no order leads to, such as two stages above what was earned.
    """
    row = TABLE[order].get(stands.name)
    if row is None:
        raise StageError(f"no order leads to {stands.name}: the pointer says what cannot be; switch it off.")
    return row[named.rank]


def allows(order: Order, stands: Stands, named: Stage) -> bool:
    """Whether the table lets an order through; what else it needs is judged elsewhere."""
    return answer(order, stands, named) not in REFUSALS
