"""The record of an order to go down: what it says, whose it is, and where it is kept until the ledger takes it.

What does not belong here: taking the step (going_down), and the files in between (pending).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evaluation.gates import may_step_down
from evaluation.ledger import Entry, InForce, Ledger, PayloadError, check_payload, instant_text
from evaluation.policies import Stage, Tier, load_policy
from ml.registry.pointer import Pointer
from orchestration.settings import Settings
from orchestration.steps.errors import said
from orchestration.steps.record.actors import AUTOMATIC, Actor
from orchestration.steps.record.agreement import Present
from orchestration.steps.record.pending import RECORD, Pending, keep, new_record, record_waiting, unproven, write
from orchestration.steps.record.records import entry_document, now, open_records

LONGEST_REASON = 2000
UNCHECKED = "unchecked"
"""Stands for the proof of a signature that could not be held against the ledger yet."""
NO_REASON = "no reason was given"
REASON_LEFT_OUT = "the reason was left out: it held what may not be written to the ledger"


@dataclass
class Recorder:
    """Writes down one order at one place; `about` is kept with it, `warnings` are what must be told about it."""

    settings: Settings
    use_case: str
    site: str
    reason: str
    actor: Actor
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    warnings: list[str] = field(default_factory=list[str])

    def order(
        self, ledger: Ledger | None, ordered: InForce | None, present: Present, pointer: Pointer | None, at: datetime
    ) -> Pending:
        """The order as it is to be recorded, from what lay there before and what lies there now (None: nothing)."""
        before = present.pointer
        if before is not None and pointer is not None and pointer.release is not None and pointer.stage is before.stage:
            return self.signed("tier_change", self._tier(before, pointer, at), at, ledger)
        counted = max(present.generation, ordered.generation if ordered else 0) + 1
        members = self.rollback(
            before,
            Stage(pointer.stage.value) if pointer is not None else Stage.OFF,
            pointer.release if pointer is not None else None,
            Tier(pointer.tier.value) if pointer is not None else Tier.MODEL,
            pointer.generation if pointer is not None else counted,
            at,
        )
        if before is None and ordered is not None:
            members |= {"from_stage": ordered.stage.value, "previous": ordered.release}
        return self.signed("rollback", members, at, ledger)

    def rollback(
        self, before: Pointer | None, stage: Stage, release: str | None, tier: Tier, generation: int, at: datetime
    ) -> dict[str, Any]:
        """The members of a rollback from what lay there before (None: nothing that can be trusted)."""
        return {
            "use_case": self.use_case,
            "site": self.site,
            "from_stage": None if before is None else before.stage.value,
            "stage": stage.value,
            "release": release,
            "previous": None if before is None else before.release,
            "generation": generation,
            "reason": self.reason,
            "tier": tier.value,
            "effective_at": instant_text(at),
        }

    def _tier(self, before: Pointer, after: Pointer, at: datetime) -> dict[str, Any]:
        return {
            "use_case": self.use_case,
            "site": self.site,
            "release": after.release,
            "from_tier": before.tier.value,
            "tier": after.tier.value,
            "reason": self.reason,
            "is_automatic": False,
            "generation": after.generation,
            "effective_at": instant_text(at),
        }

    def signed(self, kind: str, members: dict[str, Any], at: datetime, ledger: Ledger | None = None) -> Pending:
        """An order with what stands behind its actor, and what the policy says against them, if it can be asked."""
        record = new_record()
        payload = {**members, "detail": {**self.about, RECORD: record, **self._outside_policy(ledger)}}
        try:
            payload = self.actor.act(kind, payload, at)
        except PayloadError as error:
            payload = unproven(payload, str(error))
        return Pending(record, kind, self.actor.name, payload, at)

    def _outside_policy(self, ledger: Ledger | None) -> dict[str, str]:
        """What the policy says against this person; it is told and recorded, and holds nothing up."""
        if ledger is None or self.actor.is_account or self.actor.name == AUTOMATIC:
            return {}
        try:
            refusal = may_step_down(load_policy(self.use_case), ledger.people(), self.actor.name, now())
        except Exception:  # noqa: BLE001 - a policy that cannot be read must not hold up a stop
            return {}
        if refusal is None:
            return {}
        self.warnings.append(f"{refusal.clause}: {refusal.figure}. The step was taken all the same.")
        return {"outside_policy": refusal.figure}

    def record(self, ledger: Ledger | None, order: Pending) -> dict[str, Any]:
        """Keep the order beside the ledger, then on it; a step that was taken never fails for its record."""
        kept = ""
        try:
            kept = f"pending/{keep(self.settings, order).name}"
        except OSError as error:
            self.warnings.append(f"The order could not be kept in pending/ ({error.strerror}).")
        try:
            if ledger is None:
                ledger = open_records(self.settings)
            left = record_waiting(self.settings, ledger, now())
            mine = [one.reason for one in left if one.order is not None and one.order.record == order.record]
            if not mine:
                return self.told(write(ledger, order, now()))
            reason = mine[0]
        except Exception as error:  # noqa: BLE001 - the step is taken; why it is not recorded is told, not raised
            reason = said(error)
        self.warnings.append(
            f"NOT ON THE LEDGER YET: {reason.rstrip('.')}. The step was taken; it is recorded as soon as the ledger "
            "verifies again."
        )
        return self._kept(order, kept)

    def keep_unrecorded(self, present: Present, pointer: Pointer | None, at: datetime) -> None:
        """Keep the order beside the ledger, without having asked the ledger anything."""
        keep(self.settings, self.order(None, None, present, pointer, at))

    def told(self, entry: Entry) -> dict[str, Any]:
        """A recorded order as an answer, with the warnings."""
        document = entry_document(entry)
        if self.actor.key is not None and document["proof"] != "signature":
            detail: Any = entry.payload.get("detail") or {}
            self.warnings.append(f"The signature does not count: {detail.get('not_proven')}")
        return {**document, "recorded": True, "warnings": self.warnings}

    def _kept(self, order: Pending, kept: str) -> dict[str, Any]:
        return {
            "at": order.made_at.isoformat(),
            "kind": order.kind,
            "actor": order.actor,
            "proof": "none" if self.actor.key is None else UNCHECKED,
            "payload": dict(order.payload),
            "recorded": False,
            "pending": kept or None,
            "warnings": self.warnings,
        }


def safe_reason(reason: str) -> str:
    """The reason as it can be recorded: never empty, too long, or with what would identify a patient."""
    words = reason.strip()[:LONGEST_REASON] or NO_REASON
    example: Mapping[str, object] = {"person": "nobody", "public_key": "0" * 64, "reason": words}
    try:
        check_payload("key_revoked", example)
    except PayloadError:
        return REASON_LEFT_OUT
    return words
