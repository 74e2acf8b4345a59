"""Breaking the glass: a release one stage up without its evidence, signed, loud, and for a time that ends by itself.

The release is written, signed and verified as any other; what is missing is recorded with it. When its time is over the
service serves nothing of it, and the watch brings back what was there before. What does not belong here: who may
(evaluation/gates), and the end (trigger_watch). Decision 0031.
"""

from datetime import datetime
from typing import Any

from evaluation.gates import Control, Decision, GlassAsked, Refusal, why_not_broken
from evaluation.gates.change_control import OF_CALENDAR
from evaluation.gates.refusal import some
from evaluation.ledger import GLASS_MOVES, Entry, glass_times, instant_text, parse_instant
from evaluation.policies import Stage
from evaluation.policies import Tier as EvaluatedTier
from ml.registry.glass import Before, Glass
from ml.registry.pointer import Pointer
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.intake.deidentification import require_dates
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.incidents import incident_label, list_incidents, open_incident, opening
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.decision import decide_proposal
from orchestration.steps.releases.held import control_of
from orchestration.steps.releases.proposal import Proposal, propose
from orchestration.steps.releases.putting_up import put_up
from orchestration.steps.releases.release import (
    authorise_proposal,
    going_up,
    record_refusal,
    released_subject,
    unsettled,
    write_proposal,
)
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.replacing import why_not_replacing
from orchestration.steps.releases.served import answering_tier

REFUSED_BY_A_PERSON = "no standing refusal"
LONGEST_REASON = 1000
LONGEST_PAST = 400


def break_glass(
    settings: Settings, use_case: str, site: str, stage: str, hours: float, reason: str, actor: Actor
) -> Answer:
    """Release the proposal of `stage` past the gate for some hours, or refuse with every reason (exit code 1)."""
    acting, declared, place = actor.required(), load_declaration(use_case), load_site(site)
    require_dates(declared, place.id)
    with exclusive(settings.home, f"release-{declared.use_case}-{place.id}"):
        proposal, at = propose(settings, declared.use_case, place.id, Stage(stage)), now()
        records = open_records(settings)
        asked = GlassAsked(
            person=acting.name,
            public_key=acting.public_key,
            reason=reason,
            hours=hours,
            current=proposal.current_stage,
            target=proposal.stage,
            author=proposal.candidate.author,
            stood=glass_times(records.entries(kinds=GLASS_MOVES), declared.use_case, place.id, at),
            is_broken=proposal.current is not None and proposal.current.glass is not None,
        )
        reasons = [
            *why_not_broken(proposal.policy, records.people(), asked, at),
            *unsettled(settings, declared.use_case, place.id),
        ]
        place_of = (declared.use_case, place.id, proposal.stage)
        if proposal.stage is Stage.OFF:  # no glass leads there, and there is nothing to decide
            return record_refusal(settings, *place_of, reasons, acting)
        decision = decide_proposal(settings, proposal)
        control = control_of(settings, proposal, at)
        current = released_subject(settings, proposal.current)
        authorised = authorise_proposal(settings, proposal, decision, current).reasons
        unmet = (*why_not_replacing(settings, proposal), *authorised, *control.reasons)
        reasons += _why_not_past(unmet)
        if reasons:
            return record_refusal(settings, *place_of, reasons, acting, decision.digest)
        return Answer(_break(settings, proposal, decision, unmet, control, asked.until(at), reason, acting, at))


def _why_not_past(unmet: tuple[Refusal, ...]) -> list[Refusal]:
    """Where nothing is unmet there is a door; and what a person refused is not overridden by another."""
    if not unmet:
        what = "Release it by the gate: pilothouse promote"
        return [Refusal("break-glass.needed", "nothing is unmet", "something that the gate refuses", what)]
    return [one for one in unmet if one.threshold == REFUSED_BY_A_PERSON]


def _break(
    settings: Settings,
    proposal: Proposal,
    decision: Decision,
    unmet: tuple[Refusal, ...],
    control: Control,
    until: datetime,
    reason: str,
    actor: Actor,
    at: datetime,
) -> dict[str, Any]:
    past = _told_past(control)
    words = f"{reason.strip()[: LONGEST_REASON - len(past)]}{past}"
    release, fields = write_proposal(settings, proposal, decision, ())
    missing = sorted({one.clause for one in unmet})
    detail = {**control.on_record(), "scope": fields["scope"]}
    said = {"unmet": missing, "reason": words, "until": instant_text(until), "detail": detail}
    glass = Glass(person=actor.name, reason=words, until=until, before=_before(settings, proposal.current))
    going = going_up(proposal, decision, release, fields)
    entry = put_up(settings, going, "break_glass", said, actor, at, release_signer(settings), glass)
    tell_broken(settings, entry)
    return {**entry_document(entry), "warnings": [glass.sentence]}


def _told_past(control: Control) -> str:
    """What of the calendar the glass goes past, behind the person's own words: it stands wherever these do."""
    past = some((one.figure for one in control.reasons if one.clause in OF_CALENDAR), "; ")
    return f" (Past the release calendar: {past[:LONGEST_PAST]}.)" if past else ""


def tell_broken(settings: Settings, entry: Entry) -> dict[str, Any] | None:
    """Open the incident of a glass that was broken, unless it has one; the reason is in it, and in no message."""
    with opening(settings):
        is_told = any(one["detail"].get("step") == entry.hash for one in list_incidents(settings))
        return None if is_told else _open_broken(settings, entry)


def _open_broken(settings: Settings, entry: Entry) -> dict[str, Any]:
    payload: Any = entry.payload
    use_case, site = str(payload["use_case"]), str(payload["site"])
    until = parse_instant(payload["until"])
    glass = Glass(person=entry.actor, reason=payload["reason"], until=until)
    return open_incident(
        settings,
        incident_label(f"glass-{entry.at:%Y%m%d%H%M%S}", use_case, site),
        use_case=use_case,
        site=site,
        severity="high",
        what=f"{glass.sentence} Not met: {', '.join(payload['unmet'])}.",
        release=payload["release"],
        detail={"cause": "break-glass", "generation": payload["generation"], "step": entry.hash},
        tell=f"BREAK-GLASS: {use_case} at {site} is released without its evidence until {until:%Y-%m-%d %H:%M} UTC.",
        is_change=True,
    )


def _before(settings: Settings, pointer: Pointer | None) -> Before:
    """What stands there now, and comes back at the most; where nobody can tell which tier answers, people alone."""
    if pointer is None or pointer.release is None:
        return Before(release=None, stage=ServedStage.OFF, tier=Tier.MODEL)
    answering = answering_tier(settings, pointer) or EvaluatedTier.MANUAL
    return Before(release=pointer.release, stage=pointer.stage, tier=Tier(answering.value))
