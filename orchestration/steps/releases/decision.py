"""The gate, asked: read every piece of evidence, decide by policy, keep the decision as a document.

What does not belong here: how to decide (evaluation/gates) and acting on it (release).
"""

from evaluation.gates import Decision, decide
from evaluation.policies import Stage
from orchestration.settings import Settings
from orchestration.steps.files import write_json
from orchestration.steps.learning.stores import evidence_folder, read_all_evidence
from orchestration.steps.record.records import now
from orchestration.steps.releases.proposal import Proposal, propose


def judge_proposal(settings: Settings, proposal: Proposal) -> Decision:
    """Decide on a proposal from the evidence on record; nothing is kept."""
    use_case, site = proposal.use_case.use_case, proposal.site.id
    evidence = read_all_evidence(settings, use_case, site)
    return decide(
        proposal.policy,
        proposal.stage,
        evidence.readable,
        proposal.subject,
        site=site,
        now=now(),
        unreadable=evidence.unreadable,
    )


def decide_proposal(settings: Settings, proposal: Proposal) -> Decision:
    """Decide on a proposal from the evidence on record, and keep the decision beside it."""
    decision = judge_proposal(settings, proposal)
    folder = evidence_folder(settings, proposal.use_case.use_case, proposal.site.id) / "decisions"
    write_json(folder / f"{proposal.stage}-{decision.digest[:16]}.json", decision.to_json())
    write_json(folder / f"{proposal.stage}.json", decision.to_json())
    return decision


def next_stage(current: Stage) -> Stage:
    """Return the stage a release would go to next; the last stage stays."""
    ladder = list(Stage)
    return ladder[min(ladder.index(current) + 1, len(ladder) - 1)]


def decide_next(settings: Settings, use_case: str, site: str) -> Decision:
    """Decide on what would come next for the newest candidate: shadow for one that is not released yet."""
    return decide_proposal(settings, propose(settings, use_case, site, Stage.SHADOW))
