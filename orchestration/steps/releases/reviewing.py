"""What a person signs, before they sign it: the very statement, what stands behind each digest, and what the gate says.

What does not belong here: signing (approval).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.gates import Decision
from evaluation.ledger import ApprovalStatement
from orchestration.settings import Settings
from orchestration.steps.releases.across_sites import compare_sites
from orchestration.steps.releases.decision import judge_proposal
from orchestration.steps.releases.proposal import Proposal, released_subject
from orchestration.steps.releases.replaced import told_beside

SHORT = 16


@dataclass(frozen=True)
class Review:
    """What is shown: as plain data and as lines for people."""

    document: Mapping[str, Any]
    text: str


def review_of(settings: Settings, proposal: Proposal, statement: ApprovalStatement) -> Review:
    """Return what `statement` says of `proposal`, beside what is released now and what the gate would answer."""
    decision = judge_proposal(settings, proposal)
    compared = compare_sites(settings, proposal, decision)
    document = {
        "intended_use": proposal.use_case.intended_use,
        "scope": proposal.scope.model_dump(mode="json"),
        "behind": _behind(proposal),
        "changed": _changed(settings, proposal),
        "gate": {"allowed": decision.allowed, "unmet": [one.clause for one in decision.refusals]},
        "across_sites": compared.to_json(),
    }
    beside = [*compared.lines(), *told_beside(settings, proposal)]
    lines = [*_lines(statement, document, decision), *(f"  {line}" for line in beside)]
    return Review({"statement": statement.to_json(), **document}, "\n".join(lines))


def _behind(proposal: Proposal) -> dict[str, str]:
    """In words what each digest of the subject is of."""
    candidate = proposal.candidate
    feeds = ", ".join(f"{feed} {one['version']}" for feed, one in sorted(proposal.contracts.items()))
    return {
        "model": f"version {candidate.version} by {candidate.author}, {candidate.n_train} to train and "
        f"{candidate.n_test} to test, tested from {candidate.test_from}",
        "data": f"snapshot as of {candidate.as_of}",
        "contracts": feeds,
        "policy": f"version {proposal.policy.version} of {proposal.policy.date}"
        if proposal.subject.policy == proposal.policy.digest
        else f"as released; version {proposal.policy.version}, in force now, differs",
        "card": "what people are shown",
        "intended_use": f"with {proposal.use_case.population.text.rstrip('.')}; "
        f"{len(proposal.use_case.contraindications)} contraindications, {len(proposal.use_case.non_goals)} non-goals",
        "features": f"what the model looks at, as declared in version {proposal.use_case.version}",
        "scope": proposal.scope.text,
    }


def _changed(settings: Settings, proposal: Proposal) -> list[str] | None:
    """Which digests differ from what is released; None where nothing is."""
    current = released_subject(settings, proposal.current)
    if current is None:
        return None
    return proposal.subject.changed_from(current)


def _lines(statement: ApprovalStatement, document: Mapping[str, Any], decision: Decision) -> list[str]:
    changed, unmet = document["changed"], document["gate"]["unmet"]
    told = "nothing is released here" if changed is None else ", ".join(changed) or "nothing"
    return [
        f"{statement.person} ({statement.role}) signs: {statement.verdict}, kind {statement.kind}, of "
        f"{statement.use_case} at {statement.site} for {statement.stage}.",
        f"  {'intended use':<12}  {document['intended_use']}",
        *([] if statement.subject.scope else [f"  {'scope':<12}  {document['behind']['scope']}, not bound"]),
        *(
            f"  {name:<12}  {digest[:SHORT]}  {document['behind'][name]}"
            for name, digest in statement.subject.to_json().items()
        ),
        f"  {'changed':<12}  {told}",
        *_certificate(statement),
        f"  {'note':<12}  {statement.note or '-'}",
        f"  {'gate':<12}  {len(unmet)} of {len(decision.results)} clauses are not met: {', '.join(unmet) or 'none'}",
    ]


def _certificate(statement: ApprovalStatement) -> list[str]:
    found = statement.certificate
    if found is None:
        return []
    return [f"  {'certificate':<12}  {found.number} for {found.region}, until {found.expires_on}, this intended use"]
