"""What people are told after a step down, as serving shows it: on the card of a visit, and on the board.

Here belong when it is told and how it is put. The words come with the signed pointer (`ml/registry/notice.py`); their
time is the world's without its jumps (`clocks.py`). A notice is no advice: it carries no score and is never overridden.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from ml.registry.pointer import Pointer
from ml.registry.stages import Stage, Tier

SILENT = frozenset({Tier.HISTORY, Tier.MANUAL})
"""Tiers in which no card is shown about a visit."""


class HasPointer(Protocol):
    """Whatever is served under a pointer."""

    @property
    def pointer(self) -> Pointer: ...


@dataclass(frozen=True)
class Told:
    """`summary` in a few words and `text`; `is_withdrawn` where there is no advice any more, else another tier's."""

    summary: str
    text: str
    is_withdrawn: bool


def told(pointer: Pointer | None, tier: Tier | None, wall: datetime, silent: frozenset[Tier] = SILENT) -> Told | None:
    """What is told now where `tier` answers (None: nothing does); None where all is as it was released."""
    if pointer is None or pointer.notice is None:
        return None
    notice, answering = pointer.notice, tier or pointer.tier
    if pointer.glass is not None and pointer.glass.is_over(wall) and pointer.stage.rank >= Stage.ASSISTIVE.rank:
        notice = notice.begun(pointer.glass.until)  # over by itself, whoever was there to step down or not
    gone = Told(notice.summary, notice.withdrawn, is_withdrawn=True)
    if pointer.stage.rank < Stage.ASSISTIVE.rank or tier is None:
        return gone if notice.is_told(wall) else None
    if answering is Tier.MODEL:
        return None
    if answering not in silent:
        return Told("A lower tier answers.", notice.lowered, is_withdrawn=False)
    stepped_down_by_itself = answering.rank > pointer.tier.rank
    return gone if stepped_down_by_itself or notice.is_told(wall) else None


def glass_of(live: HasPointer | None) -> str | None:
    """The sentence about a broken glass under which something is served; None where nothing is, or all was judged."""
    glass = None if live is None else live.pointer.glass
    return None if glass is None else glass.sentence


def with_notice(card: dict[str, Any] | None, event_id: UUID, use_case: str, said: Told | None) -> dict[str, Any] | None:
    """The card with what is told; where there is none, a card that only tells that advice went away, if it did."""
    if said is None:
        return card
    if card is not None:
        return {**card, "detail": f"**{said.text}**\n\n{card['detail']}"}
    if not said.is_withdrawn:
        return None
    return {
        "uuid": str(uuid5(event_id, "notice")),
        "summary": said.summary,
        "detail": said.text,
        "indicator": "info",
        "source": {"label": f"Pilothouse {use_case}"},
    }
