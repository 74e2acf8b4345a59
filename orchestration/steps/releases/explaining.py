"""All that stands between a use case and a stage: every clause of the evidence, every approval, and the rehearsal.

What does not belong here: how to decide and to authorise (evaluation/gates).
"""

from collections.abc import Mapping
from typing import Any

from evaluation.gates import Decision, ExplainRow, Refusal, explain, render_rows
from evaluation.policies import Policy, Stage
from ml.registry.manifest import Scope
from orchestration.settings import Settings
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.releases.across_sites import Comparison, compare_sites
from orchestration.steps.releases.challenging import why_not_challenging
from orchestration.steps.releases.decision import decide_proposal
from orchestration.steps.releases.held import control_of
from orchestration.steps.releases.proposal import Proposal, propose, released_or_none
from orchestration.steps.releases.release import authorise_proposal, subject_before, unsettled
from orchestration.steps.releases.replaced import told_beside
from orchestration.steps.releases.replacing import why_not_replacing

REHEARSAL = "rehearsal"


def explain_step(settings: Settings, use_case: str, site: str, stage: str, *, challenger: bool = False) -> Answer:
    """Return the decision, each approval that the stage needs, what a rehearsal said, and how other sites do.

    `allowed` and the exit code are of the evidence alone, as in the decision's document: approvals are given upon it.
    `refused_by` names everything that is in the way.
    """
    proposal = propose(settings, use_case, site, Stage(stage), challenger=challenger)
    decision = decide_proposal(settings, proposal)
    compared = compare_sites(settings, proposal, decision)
    reasons = stands_between(settings, proposal, decision, compared)
    approvals, scope = _approvals(proposal.policy, proposal.stage, reasons), _scope(settings, proposal)
    document = {
        **decision.to_json(),
        "scope": scope,
        "approvals": approvals,
        "rehearsal": _rehearsal(decision),
        "across_sites": compared.to_json(),
        "refused_by": [one.to_json() for one in reasons],
    }
    clauses = {one.clause for one in decision.results}
    further = [_row(one) for one in reasons if _is_further(one, clauses, approvals)]
    rows = [*_rows(approvals), *further, *explain(decision)]
    lines = [_scope_line(scope), *compared.lines(), *told_beside(settings, proposal)]
    text = "\n".join([render_rows(rows), *lines])
    return Answer(document, text=text, exit_code=DONE if decision.allowed else FAILED)


def stands_between(
    settings: Settings, proposal: Proposal, decision: Decision, compared: Comparison | None = None
) -> list[Refusal]:
    """Everything that refuses a proposal now: evidence, approvals, comparisons, the calendar, the records."""
    across = compare_sites(settings, proposal, decision) if compared is None else compared
    return [*_reasons(settings, proposal, decision), *across.reasons, *control_of(settings, proposal).reasons]


def _scope(settings: Settings, proposal: Proposal) -> dict[str, Any]:
    """Where it would speak, the digest of that which approvals are bound to, and where what is released may speak."""
    release = released_or_none(settings, proposal.current)
    return {
        **proposal.scope.model_dump(mode="json"),
        "digest": proposal.scope.digest,
        "released": release and release.manifest.scope.model_dump(mode="json"),
        "changed": release is not None and release.manifest.scope.digest != proposal.scope.digest,
    }


def _scope_line(found: Mapping[str, Any]) -> str:
    now = f"It would speak in {_words(found)}"
    if not found["changed"]:
        return f"{now}."
    return (
        f"{now}; what is released was approved for {_words(found['released'])}: the scope changed and is signed anew."
    )


def _words(scope: Mapping[str, Any]) -> str:
    return Scope(units=scope["units"], shifts=scope["shifts"]).text


def _reasons(settings: Settings, proposal: Proposal, decision: Decision) -> list[Refusal]:
    current = subject_before(settings, proposal)
    authorised = authorise_proposal(settings, proposal, decision, current)
    not_beside = (*why_not_challenging(settings, proposal), *why_not_replacing(settings, proposal))
    return [*not_beside, *authorised.reasons, *unsettled(settings, proposal.use_case.use_case, proposal.site.id)]


def _approvals(policy: Policy, stage: Stage, reasons: list[Refusal]) -> list[dict[str, Any]]:
    """One line for each kind that the stage needs: whether it is there, and what is missing of it."""
    missing = {one.clause.removeprefix("approval."): one for one in reasons if one.clause.startswith("approval.")}
    return [
        {
            "kind": need.kind,
            "quorum": need.quorum,
            "by": need.by,
            "met": need.kind not in missing,
            "found": missing[need.kind].figure if need.kind in missing else "there",
            "to_meet": missing[need.kind].to_meet if need.kind in missing else "",
        }
        for need in policy.needs_for(stage)
    ]


def _rehearsal(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"clause": one.clause, "met": one.met, "found": one.found, "threshold": one.threshold, "to_meet": one.to_meet}
        for one in decision.results
        if one.kind == REHEARSAL
    ]


def _is_further(reason: Refusal, clauses: set[str], approvals: list[dict[str, Any]]) -> bool:
    """Whether no other row says it: neither a clause of the evidence nor the line of an approval."""
    return reason.clause not in clauses and reason.clause.removeprefix("approval.") not in {
        one["kind"] for one in approvals
    }


def _rows(approvals: list[dict[str, Any]]) -> list[ExplainRow]:
    return [
        ExplainRow(
            clause=f"approval.{one['kind']}",
            met="met" if one["met"] else "NOT MET",
            found=one["found"],
            threshold=f"{one['quorum']} by {one['by']}",
            counted="",
            owner="",
            to_meet=one["to_meet"],
        )
        for one in sorted(approvals, key=lambda one: bool(one["met"]))
    ]


def _row(reason: Refusal) -> ExplainRow:
    return ExplainRow(reason.clause, "NOT MET", reason.figure, reason.threshold, "", "", reason.to_meet)
