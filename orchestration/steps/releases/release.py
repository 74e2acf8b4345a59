"""Going up: promoting a release; the only writer of release folders. It fails closed.

A promotion reads evidence, approvals and digests again at the last moment and refuses with every reason at once. The
ledger is written before the pointer: what is served was always recorded first. What does not belong here: deciding,
tiers (tiers), and going down (going_down), which nothing holds up.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.evidence import Subject
from evaluation.gates import Authorisation, Control, Decision, Refusal, authorise, step_reasons, why_not_proven
from evaluation.ledger import CHALLENGES, WITHDRAWN, Entry, Ledger, RecordedApproval, challengers
from evaluation.policies import Stage
from ml.registry import RegistryError
from ml.registry.signing import load_public_key
from ml.registry.store import load_release, write_release
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import Refused, refused
from orchestration.steps.intake.deidentification import require_dates
from orchestration.steps.learning.stores import bundle_folder
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.agreement import REMEDY, agreement_at
from orchestration.steps.record.pending import record_waiting
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.across_sites import Comparison, compare_sites
from orchestration.steps.releases.card import card_yaml
from orchestration.steps.releases.challenging import put_beside, why_not_challenging
from orchestration.steps.releases.decision import decide_proposal
from orchestration.steps.releases.held import control_of
from orchestration.steps.releases.manifest import Standing, manifest_fields
from orchestration.steps.releases.proposal import Proposal, current_pointer, earned_stage, propose, released_subject
from orchestration.steps.releases.putting_up import GoingUp, put_up
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.replaced import on_record
from orchestration.steps.releases.replacing import why_not_replacing


class NotAllowed(Refused):
    """A person without the right asks for a change, or nothing proves that it is they; carries the gate's reason."""


def promote_release(
    settings: Settings, use_case: str, site: str, stage: str, actor: Actor | None = None, *, challenger: bool = False
) -> Answer:
    """Release the proposal of `stage`, or refuse with the clauses that are not met (exit code 1).

    With `challenger` it is what scores beside the release that is served: it comes there at shadow, and goes into
    service above. Raises `NoChallenger`.
    """
    acting = (actor or actor_of(None, None)).required()
    declared, place = load_declaration(use_case), load_site(site)
    require_dates(declared, place.id)
    use_case, site = declared.use_case, place.id
    with exclusive(settings.home, f"release-{use_case}-{site}"):
        _require_proof(settings, acting)
        target = Stage(stage)
        is_beside = challenger and target is Stage.SHADOW
        standing = unsettled(settings, use_case, site) if is_beside else None
        reasons = _standing_reasons(settings, use_case, site, target) if standing is None else standing
        if reasons:
            return record_refusal(settings, use_case, site, target, reasons, acting)
        proposal = propose(settings, use_case, site, target, challenger=challenger)
        current = subject_before(settings, proposal)
        against = (*why_not_challenging(settings, proposal), *why_not_replacing(settings, proposal))
        if target is proposal.current_stage and proposal.subject == current and not against:
            return record_refusal(settings, use_case, site, target, step_reasons(target, target, is_same=True), acting)
        decision = decide_proposal(settings, proposal)
        authorisation = authorise_proposal(settings, proposal, decision, current)
        compared = compare_sites(settings, proposal, decision)
        control = control_of(settings, proposal)
        refusals = (*against, *authorisation.reasons, *compared.reasons, *control.reasons)
        if refusals or not authorisation.allowed:
            return record_refusal(settings, use_case, site, target, refusals, acting, decision.digest)
        return Answer(_release(settings, proposal, decision, authorisation, compared, control, acting))


def _require_proof(settings: Settings, actor: Actor) -> None:
    """Raise `NotAllowed` if the actor signs with a key that is not theirs; who is only named may promote."""
    if actor.key is None:
        return
    wanted = "the key that the person registered"
    refusal = why_not_proven(
        open_records(settings).people(), actor.name, now(), public_key=actor.public_key, wanted=wanted
    )
    if refusal is not None:
        raise NotAllowed(refusal)


def _standing_reasons(settings: Settings, use_case: str, site: str, target: Stage) -> tuple[Refusal, ...]:
    """Why nothing can be released from where the site stands, before anything is asked of a candidate."""
    current = earned_stage(current_pointer(settings, use_case, site))
    if target.rank < current.rank or target is Stage.OFF:
        return step_reasons(current, target, is_same=True)
    return unsettled(settings, use_case, site)


def unsettled(settings: Settings, use_case: str, site: str) -> tuple[Refusal, ...]:
    """Why nothing goes up before the records are in order."""
    ledger = open_records(settings)
    left = [one for one in record_waiting(settings, ledger, now()) if one.may_concern(use_case, site)]
    if left:
        found = f"{left[0].path.name} in pending/ is not on the ledger yet: {left[0].reason.rstrip('.')}"
        wanted, what = "every order to go down on the ledger", "See what the ledger needs: pilothouse ledger verify"
        return (Refusal("everything-is-recorded", found, wanted, what),)
    found = agreement_at(settings, ledger, use_case, site)
    if found.differs:
        wanted = "the pointer that the ledger records"
        return (Refusal("pointer-agrees-with-ledger", found.differs, wanted, REMEDY),)
    return ()


def authorise_proposal(
    settings: Settings, proposal: Proposal, decision: Decision, current: Subject | None
) -> Authorisation:
    """What the gate says about a step, with everything that the ledger holds about it."""
    ledger, place = open_records(settings), (proposal.use_case.use_case, proposal.site.id)
    return authorise(
        proposal.policy,
        decision,
        ledger.approvals(*place),
        proposal.subject,
        site=proposal.site.id,
        author=proposal.candidate.author,
        people=ledger.people(),
        current=proposal.current_stage,
        now=now(),
        released=current,
        region=proposal.site.region,
        intended_use=proposal.use_case.intended_use,
        rolled_back=_last_rollback(ledger, proposal),
    )


def _is_past_the_gate(proposal: Proposal) -> bool:
    """Whether what stands there was never judged: releasing the very same by the gate is then no repetition."""
    return proposal.current is not None and proposal.current.glass is not None


def subject_before(settings: Settings, proposal: Proposal) -> Subject | None:
    """What a proposal would be released in the place of; None where nothing is, or nobody judged it."""
    challenging = proposal.challenger
    if challenging is not None and challenging.comes:
        return None if challenging.release is None else _subject(settings, challenging.release)
    return None if _is_past_the_gate(proposal) else released_subject(settings, proposal.current)


def _subject(settings: Settings, digest: str) -> Subject | None:
    try:
        release = load_release(settings.home, digest, load_public_key(settings.keys / "release.pub.pem"))
    except RegistryError:
        return None
    return Subject(**release.manifest.subject.model_dump())


def _last_rollback(ledger: Ledger, proposal: Proposal) -> tuple[int, datetime] | None:
    """Sequence number and time of the last step that took back what was approved before, and people sign anew: a
    rollback; and of a challenger, or of the model that was one, that a challenger was withdrawn."""
    use_case, site = proposal.use_case.use_case, proposal.site.id
    found = ledger.entries(kinds=("rollback", *CHALLENGES), use_case=use_case, site=site)
    taken = [one for n, one in enumerate(found) if one.kind == "rollback" or _is_taken(proposal, one, found[:n])]
    return (taken[-1].seq, taken[-1].at) if taken else None


def _is_taken(proposal: Proposal, entry: Entry, before: Sequence[Entry]) -> bool:
    """Whether an entry took away a challenger that a proposal is, or was."""
    if entry.kind != WITHDRAWN or proposal.challenger is not None:
        return entry.kind == WITHDRAWN
    return any(
        one.subject is not None and one.subject.model == proposal.subject.model for one in challengers(before).values()
    )


def record_refusal(
    settings: Settings,
    use_case: str,
    site: str,
    stage: Stage,
    reasons: Sequence[Refusal],
    actor: Actor,
    decision: str | None = None,
) -> Answer:
    """Record why a step up was refused, and answer so (exit code 1)."""
    at = now()
    payload = {
        "use_case": use_case,
        "site": site,
        "stage": stage.value,
        "reasons": [reason.to_json() for reason in reasons],
        "detail": {} if decision is None else {"decision": decision},
    }
    entry = open_records(settings).append(
        "promotion_refused", actor.name, actor.act("promotion_refused", payload, at), at=at
    )
    return refused(reasons, {"ledger_hash": entry.hash})


def _release(
    settings: Settings,
    proposal: Proposal,
    decision: Decision,
    authorisation: Authorisation,
    compared: Comparison,
    control: Control,
    actor: Actor,
) -> dict[str, Any]:
    release, fields = write_proposal(settings, proposal, decision, tuple(map(_approval, authorisation.approvals)))
    said = {
        "evidence": fields["evidence"],
        "approvals": fields["approvals"],
        "detail": {
            "run_id": proposal.candidate.run_id,
            "model_version": proposal.candidate.version,
            "scope": fields["scope"],
            **compared.on_record(),
            **control.on_record(),
            **on_record(settings, proposal),
        },
    }
    going = going_up(proposal, decision, release, fields)
    at, signer, beside = now(), release_signer(settings), proposal.challenger
    if beside is not None and beside.comes:
        return entry_document(put_beside(settings, proposal, beside, going, said, actor, at, signer))
    return entry_document(put_up(settings, going, "promotion", said, actor, at, signer))


def going_up(proposal: Proposal, decision: Decision, release: str, fields: Mapping[str, Any]) -> GoingUp:
    """The step that a written proposal takes."""
    return GoingUp(
        use_case=proposal.use_case.use_case,
        site=proposal.site.id,
        from_stage=proposal.current_stage,
        stage=proposal.stage,
        release=release,
        previous=fields["previous"],
        subject=proposal.subject.to_json(),
        decision=decision.digest,
        author=proposal.candidate.author,
        policy=proposal.policy,
        current=proposal.current,
    )


def write_proposal(
    settings: Settings, proposal: Proposal, decision: Decision, approvals: tuple[dict[str, str], ...]
) -> tuple[str, dict[str, Any]]:
    """Write a proposal as a signed release; returns its digest and the fields of its manifest."""
    standing = Standing(
        decision=decision.digest,
        evidence=tuple((one.kind, one.digest) for one in decision.used),
        approvals=approvals,
    )
    fields = manifest_fields(settings, proposal, standing, created_at=now())
    with tempfile.NamedTemporaryFile(suffix=".yaml") as card:
        card.write(card_yaml(proposal.card))
        card.flush()
        bundle = bundle_folder(settings, proposal.candidate)
        return write_release(settings.home, fields, bundle, Path(card.name), release_signer(settings)), fields


def _approval(recorded: RecordedApproval) -> dict[str, str]:
    statement = recorded.statement
    return {
        "kind": statement.kind,
        "person": statement.person,
        "role": statement.role,
        "ledger_hash": recorded.ledger_hash,
    }
