"""Releasing and taking back: the only writer of release folders and release pointers.

A promotion reads evidence, approvals and digests again at the last moment and refuses with every reason at once. The
ledger is written before the pointer: what is served was always recorded first. What does not belong here: deciding.
"""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.gates import Authorisation, Decision, Refusal, authorise, may_step_down, may_step_up
from evaluation.ledger import Entry, Ledger, People, RecordedApproval
from evaluation.policies import Policy, Stage, Tier, load_policy
from ml.registry.pointer import Pointer, publish_pointer
from ml.registry.signing import Signer, load_signer, new_private_key, write_public_key
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier as ServedTier
from ml.registry.store import write_release
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import FAILED, Answer
from orchestration.steps.card import card_yaml
from orchestration.steps.decision import decide_proposal
from orchestration.steps.errors import StepError
from orchestration.steps.locks import exclusive
from orchestration.steps.manifest import Standing, manifest_fields
from orchestration.steps.people import OPERATOR
from orchestration.steps.proposal import Proposal, current_pointer, propose, released
from orchestration.steps.records import entry_document, now, open_records
from orchestration.steps.stores import bundle_folder


class NothingToTakeBack(StepError):
    """The site serves no release, or a step asked for is not a step down."""


class NotAllowed(StepError):
    """A person without the right asks for a change; carries the gate's reason."""


def release_signer(settings: Settings) -> Signer:
    """Return the home's release-signing key, made on first use with its public half for serving."""
    private, public = settings.keys / "release.key.pem", settings.keys / "release.pub.pem"
    if not private.exists():
        settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_public_key(public, new_private_key(private).public)
    return load_signer(private)


def promote_release(settings: Settings, use_case: str, site: str, stage: str) -> Answer:
    """Release the proposal of `stage`, or refuse with the clauses that are not met (exit code 1)."""
    site = load_site(site).id
    with exclusive(settings.home, f"release-{use_case}-{site}"):
        proposal = propose(settings, use_case, site, Stage(stage))
        decision = decide_proposal(settings, proposal)
        authorisation = _authorise(settings, proposal, decision)
        if not authorisation.allowed:
            return _refuse(settings, proposal, decision, authorisation.reasons)
        return Answer(_release(settings, proposal, decision, authorisation))


def _authorise(settings: Settings, proposal: Proposal, decision: Decision) -> Authorisation:
    ledger = open_records(settings)
    return authorise(
        proposal.policy,
        decision,
        _approvals_since_rollback(ledger, proposal.use_case.use_case, proposal.site.id),
        proposal.subject,
        site=proposal.site.id,
        author=proposal.candidate.author,
        people=ledger.people(),
        current=proposal.current_stage,
        now=now(),
    )


def _approvals_since_rollback(ledger: Ledger, use_case: str, site: str) -> list[RecordedApproval]:
    """The approvals that still count: a rollback takes back what was approved before it, and people sign anew."""
    rollbacks = [entry.at for entry in ledger.entries(kinds=("rollback",), use_case=use_case, site=site)]
    return [
        approval
        for approval in ledger.approvals(use_case, site)
        if not rollbacks or approval.statement.decided_on > rollbacks[-1]
    ]


def _refuse(settings: Settings, proposal: Proposal, decision: Decision, reasons: Sequence[Refusal]) -> Answer:
    found = [reason.to_json() for reason in reasons]
    payload = {
        "use_case": proposal.use_case.use_case,
        "site": proposal.site.id,
        "stage": proposal.stage.value,
        "reasons": found,
        "detail": {"decision": decision.digest},
    }
    entry = open_records(settings).append("promotion_refused", OPERATOR, payload, at=now())
    return Answer({"refused": True, "reasons": found, "ledger_hash": entry.hash}, exit_code=FAILED)


def _release(
    settings: Settings, proposal: Proposal, decision: Decision, authorisation: Authorisation
) -> dict[str, Any]:
    use_case, site, signer = proposal.use_case.use_case, proposal.site.id, release_signer(settings)
    standing = Standing(
        decision=decision.digest,
        evidence=tuple((one.kind, one.digest) for one in decision.used),
        approvals=tuple(_approval(one) for one in authorisation.approvals),
    )
    fields = manifest_fields(settings, proposal, standing, created_at=now())
    with tempfile.NamedTemporaryFile(suffix=".yaml") as card:
        card.write(card_yaml(proposal.card))
        card.flush()
        bundle = bundle_folder(settings, proposal.candidate)
        release = write_release(settings.home, fields, bundle, Path(card.name), signer)
    payload = {
        "use_case": use_case,
        "site": site,
        "from_stage": proposal.current_stage.value,
        "stage": proposal.stage.value,
        "release": release,
        "previous": fields["previous"],
        "generation": _next_generation(proposal.current),
        "subject": proposal.subject.to_json(),
        "decision": decision.digest,
        "evidence": fields["evidence"],
        "approvals": fields["approvals"],
        "author": proposal.candidate.author,
        "detail": {"run_id": proposal.candidate.run_id, "model_version": proposal.candidate.version},
    }
    entry = open_records(settings).append("promotion", OPERATOR, payload, at=now())
    publish_pointer(
        settings.home,
        use_case=use_case,
        site=site,
        release=release,
        stage=ServedStage(proposal.stage.value),
        tier=ServedTier.MODEL,
        reason=f"promotion, ledger entry {entry.seq}",
        issued_at=now(),
        signer=signer,
    )
    return entry_document(entry)


def _approval(recorded: RecordedApproval) -> dict[str, str]:
    statement = recorded.statement
    return {
        "kind": statement.kind,
        "person": statement.person,
        "role": statement.role,
        "ledger_hash": recorded.ledger_hash,
    }


def _next_generation(pointer: Pointer | None) -> int:
    return 1 if pointer is None else pointer.generation + 1


def roll_back(
    settings: Settings, use_case: str, site: str, to: str | None, reason: str, actor: str = OPERATOR
) -> dict[str, Any]:
    """Take a release back: to the release before it, or, with `to`, to a lower stage of the same release."""
    site = load_site(site).id
    _require(None if actor == OPERATOR else may_step_down(*_rights(settings, use_case, actor)))
    with exclusive(settings.home, f"release-{use_case}-{site}"):
        pointer = _serving(settings, use_case, site)
        release, stage = _target(settings, pointer, to)
        payload = {
            "use_case": use_case,
            "site": site,
            "from_stage": pointer.stage.value,
            "stage": stage.value,
            "release": release,
            "previous": pointer.release,
            "generation": pointer.generation + 1,
            "reason": reason,
            "detail": {},
        }
        entry = open_records(settings).append("rollback", actor, payload, at=now())
        _publish(settings, pointer, release, stage, Tier(pointer.tier), reason, entry)
    return entry_document(entry)


def _target(settings: Settings, pointer: Pointer, to: str | None) -> tuple[str | None, Stage]:
    if to is None:
        current = released(settings, pointer)
        previous = current.manifest.previous if current else None
        if previous is None:
            return None, Stage.OFF
        before = released(settings, pointer.model_copy(update={"release": previous}))
        return previous, Stage(before.manifest.stage.value) if before else Stage.OFF
    stage = Stage(to)
    if stage.rank >= Stage(pointer.stage.value).rank:
        raise NothingToTakeBack(
            f"The release is in {pointer.stage}; {stage} is not a step down. To go up: pilothouse promote"
        )
    return (None if stage is Stage.OFF else pointer.release), stage


def change_tier(
    settings: Settings, use_case: str, site: str, to: str, reason: str, actor: str = OPERATOR
) -> dict[str, Any]:
    """Step the fallback tier; down by anyone at the controls, up only by a person whom the policy names."""
    site = load_site(site).id
    with exclusive(settings.home, f"release-{use_case}-{site}"):
        pointer, target = _serving(settings, use_case, site), Tier(to)
        if target.rank < Tier(pointer.tier.value).rank:
            _require(may_step_up(*_rights(settings, use_case, actor)))
        payload = {
            "use_case": use_case,
            "site": site,
            "release": pointer.release,
            "from_tier": pointer.tier.value,
            "tier": target.value,
            "reason": reason,
            "is_automatic": False,
            "detail": {},
        }
        entry = open_records(settings).append("tier_change", actor, payload, at=now())
        _publish(settings, pointer, pointer.release, Stage(pointer.stage.value), target, reason, entry)
    return entry_document(entry)


def _serving(settings: Settings, use_case: str, site: str) -> Pointer:
    pointer = current_pointer(settings, use_case, site)
    if pointer is None or pointer.release is None:
        raise NothingToTakeBack(f"{use_case} serves no release at {site}; there is nothing to change.")
    return pointer


def _publish(
    settings: Settings,
    pointer: Pointer,
    release: str | None,
    stage: Stage,
    tier: Tier,
    reason: str,
    entry: Entry,
) -> None:
    publish_pointer(
        settings.home,
        use_case=pointer.use_case,
        site=pointer.site,
        release=release,
        stage=ServedStage(stage.value),
        tier=ServedTier(tier.value),
        reason=reason,
        issued_at=now(),
        signer=release_signer(settings),
        rollback_ledger_hash=entry.hash,
    )


def _rights(settings: Settings, use_case: str, actor: str) -> tuple[Policy, People, str, datetime]:
    return load_policy(use_case), open_records(settings).people(), actor, now()


def _require(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise NotAllowed(f"{refusal.clause}: {refusal.figure}. {refusal.to_meet}")
