"""The fallback tier of a release: down by anyone at the controls, up only by a person whom the policy names, who signs.

Serving steps down by itself under a pointer that stays; what counts as up is therefore held against the tier that
answers, not against the pointer's alone. What does not belong here: how a step down is taken (going_down).
"""

from typing import Any

from evaluation.gates import Refusal, may_step_up
from evaluation.ledger import Ledger
from evaluation.policies import Stage, Tier, load_policy
from ml.registry.pointer import Pointer, publish_pointer
from ml.registry.stages import Tier as ServedTier
from orchestration.settings import Settings
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.agreement import REMEDY, Present
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.going_down import Descent, nothing_served
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.releases.release import NotAllowed, unsettled
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.served import ServedTierUnknown, answering_tier, served_tier


def change_tier(
    settings: Settings, use_case: str, site: str, to: str, reason: str, actor: Actor | None = None
) -> dict[str, Any]:
    """Step the tier. Raises `NothingToTakeBack`, `NotAllowed`, and for an unknown use case or site."""
    descent, target = Descent.begin(settings, use_case, site, reason, actor), Tier(to)
    with descent.turn() as present:
        pointer = present.pointer
        if not descent.is_needed(present):
            raise nothing_served(use_case, site)
        if pointer is None or pointer.release is None:
            if target is Tier.MODEL:
                raise NotAllowed(_nothing_to_step_up(present))
            return descent.step(present, Stage.OFF, None)
        if _is_down(settings, pointer, target):
            return descent.step(present, Stage(pointer.stage.value), target)
    return _step_tier_up(settings, use_case, site, target, reason, descent.actor.required())


def _nothing_to_step_up(present: Present) -> Refusal:
    found = f"the pointer cannot be trusted: {present.fault}" if present.fault else "the ledger knows of a release here"
    return Refusal("pointer-agrees-with-ledger", found, "the pointer that the ledger records", REMEDY)


def _is_down(settings: Settings, pointer: Pointer, target: Tier) -> bool:
    """Whether the step only narrows what answers now, counting a step that serving took down by itself."""
    if target.rank <= Tier(pointer.tier.value).rank:
        return False
    try:
        return target.rank >= served_tier(settings, pointer).rank
    except ServedTierUnknown:
        return True


def _step_tier_up(
    settings: Settings, use_case: str, site: str, target: Tier, reason: str, actor: Actor
) -> dict[str, Any]:
    with exclusive(settings.home, f"release-{use_case}-{site}"):
        ledger, at = open_records(settings), now()
        refusal = may_step_up(load_policy(use_case), ledger.people(), actor.name, at, public_key=actor.public_key)
        reasons = [refusal] if refusal else list(unsettled(settings, use_case, site))
        pointer = current_pointer(settings, use_case, site)
        if pointer is None or pointer.release is None:
            raise nothing_served(use_case, site)
        answering = answering_tier(settings, pointer)
        if answering is target:
            reasons.insert(0, Refusal("tier", f"already at {target}", "another tier", "There is nothing to do."))
        if reasons:
            raise NotAllowed(*reasons)
        return _publish_tier(settings, ledger, pointer, target, answering or Tier(pointer.tier.value), reason, actor)


def _publish_tier(
    settings: Settings, ledger: Ledger, pointer: Pointer, target: Tier, before: Tier, reason: str, actor: Actor
) -> dict[str, Any]:
    at, signer = now(), release_signer(settings)
    payload = {
        "use_case": pointer.use_case,
        "site": pointer.site,
        "release": pointer.release,
        "from_tier": before.value,
        "tier": target.value,
        "reason": reason,
        "is_automatic": False,
        "generation": pointer.generation + 1,
        "detail": {},
    }
    entry = ledger.append("tier_change", actor.name, actor.act("tier_change", payload, at), at=at)
    publish_pointer(
        settings.home,
        use_case=pointer.use_case,
        site=pointer.site,
        release=pointer.release,
        stage=pointer.stage,
        tier=ServedTier(target.value),
        reason=f"tier, ledger entry {entry.seq}",
        signed_step=entry.seq,
        issued_at=at,
        signer=signer,
        rollback_ledger_hash=pointer.rollback.ledger_hash if pointer.rollback else None,
        follows=pointer.generation,
    )
    return entry_document(entry)
