"""The challenger beside a release as pages show it: since when, both on the same visits, and what is missing.

What does not belong here: the comparison itself (learning/challenger), and whether it suffices (releases/replacing).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evaluation.gates import Decision, Refusal
from evaluation.ledger import Readable
from evaluation.policies import Stage
from evaluation.reports import ChallengerView
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors, said
from orchestration.steps.record.lanes import lane_at
from orchestration.steps.releases.decision import judge_proposal
from orchestration.steps.releases.explaining import stands_between
from orchestration.steps.releases.proposal import Proposal, propose
from orchestration.steps.releases.replaced import compared, replaced
from orchestration.steps.releases.replacing import CLAUSE as BESIDE

NEXT = Stage.ASSISTIVE
"""One stage above shadow at the most (decision 0045)."""


def challenger_view(settings: Settings, records: Readable, use_case: str, site: str) -> ChallengerView | None:
    """What scores beside the release of a site, where pointer and ledger agree upon it; None where nothing does.

    What of it cannot be read is said among what is missing.
    """
    lane = lane_at(settings, records, use_case, site)
    if lane.release is None or lane.ordered is None:
        return None
    known = ChallengerView(
        release=lane.release,
        since=lane.ordered.since,
        entry=lane.ordered.ledger_hash,
        approvals=tuple(one.ledger_hash for one in lane.ordered.approvals),
        beside=lane.ordered.beside,
    )
    try:
        release = load_release(settings.home, lane.release, load_public_key(settings.keys / "release.pub.pem"))
        return _judged(settings, propose(settings, use_case, site, NEXT, challenger=True), known, release)
    except known_errors() as error:
        return replace(known, missing=(said(error),))


def _judged(settings: Settings, proposal: Proposal, known: ChallengerView, release: VerifiedRelease) -> ChallengerView:
    decision = judge_proposal(settings, proposal)
    unmet = tuple(stands_between(settings, proposal, decision))
    return replace(
        known,
        model_version=release.manifest.model.version,
        evidence=compared(settings, proposal, replaced(settings, proposal)),
        missing=tuple(_missing(unmet, decision)),
        decision=decision,
        unmet=unmet,
    )


def _missing(unmet: Sequence[Refusal], decision: Decision) -> Iterator[str]:
    for one in unmet:
        if one.clause == BESIDE:
            yield f"{one.figure}; wanted: {one.threshold}"
    clauses = len(decision.refusals)
    if clauses:
        yield f"{clauses} clause{'s' * (clauses > 1)} of the gate of {NEXT} not met"
