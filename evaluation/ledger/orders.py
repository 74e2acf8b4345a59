"""What people ordered last: the stage, the release and the tier that must be in force now.

Here belongs the derivation from entries, to hold release pointers against. What ran at some time, automatic steps
down included, is in ``history.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from evaluation.ledger.act import Proof, proof_of
from evaluation.ledger.entry import Entry
from evaluation.policies.stage import Stage, Tier

PROMOTED = ("promotion", "break_glass")
"""Kinds of entry that put a release in a stage, with the model answering."""
ORDERS = (*PROMOTED, "rollback", "tier_change")
"""Kinds of entry that go with a new release pointer."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What people ordered last for one use case at one site: what its release pointer must say.

    Automatic steps down do not count: serving takes them under a pointer that stays as it is. ``by`` and
    ``proof`` are those of the last order, ``kind`` is what it was.
    """

    stage: Stage
    release: str | None
    tier: Tier
    generation: int
    since: datetime
    by: str
    proof: Proof
    kind: str


def in_force(entries: Iterable[Entry]) -> dict[tuple[str, str], InForce]:
    """What holds after these entries, by use case and site; in the order in which they were recorded."""
    now: dict[tuple[str, str], InForce] = {}
    for entry in entries:
        if entry.kind not in ORDERS or entry.payload.get("is_automatic"):
            continue
        where = (cast("str", entry.payload["use_case"]), cast("str", entry.payload["site"]))
        after = _ordered(entry, now.get(where))
        if after is not None:
            now[where] = after
    return now


def _ordered(entry: Entry, before: InForce | None) -> InForce | None:
    """What holds after one order; a tier of something that was never released is nothing."""
    order: dict[str, Any] = {
        "since": entry.effective_at,
        "by": entry.actor,
        "proof": proof_of(entry),
        "kind": entry.kind,
    }
    generation = cast("int | None", entry.payload.get("generation"))
    tier = named_tier(entry, Tier.MODEL if before is None or entry.kind in PROMOTED else before.tier)
    if entry.kind == "tier_change":
        counted = 0 if before is None else before.generation + 1  # before tier changes named their generation
        return before and replace(before, tier=tier, generation=counted if generation is None else generation, **order)
    return InForce(
        stage=Stage(cast("str", entry.payload["stage"])),
        release=cast("str | None", entry.payload["release"]),
        tier=tier,
        generation=cast("int", generation),
        **order,
    )


def named_tier(entry: Entry, before: Tier) -> Tier:
    """The tier that an entry names; entries from before rollbacks named theirs kept the tier as it was."""
    named = entry.payload.get("tier")
    return before if named is None else Tier(cast("str", named))
