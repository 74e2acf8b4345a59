"""The fields of a release manifest, gathered from the proposal and from what it stands on.

What does not belong here: writing and signing (ml/registry).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml.registry.store import model_files
from ml.usecases import UseCase
from orchestration.settings import Settings
from orchestration.steps.learning.stores import bundle_folder
from orchestration.steps.releases.proposal import Proposal, earned_release

SCHEMA = "pilothouse.release/1"
FALLBACK = {"fail": "open", "tiers": ["model", "rule", "history", "manual"]}
"""Of a use case that declares no ladder: plans, whose tiers follow the age of their feeds."""


@dataclass(frozen=True)
class Standing:
    """On what a release stands: the decision's digest, the evidence it used, the approvals as recorded."""

    decision: str
    evidence: tuple[tuple[str, str], ...]
    approvals: tuple[dict[str, str], ...]


def manifest_fields(settings: Settings, proposal: Proposal, standing: Standing, created_at: datetime) -> dict[str, Any]:
    """Return the manifest as plain data (`pilothouse.release/1`), ready for `write_release`."""
    candidate, subject = proposal.candidate, proposal.subject
    return {
        "schema": SCHEMA,
        "use_case": proposal.use_case.use_case,
        "site": proposal.site.id,
        "stage": proposal.stage.value,
        "created_at": created_at.isoformat(),
        "subject": subject.to_json(),
        "model": {
            "digest": candidate.model,
            "version": candidate.version,
            "run_id": candidate.run_id,
            "files": model_files(bundle_folder(settings, candidate)),
        },
        "data": {"snapshot": candidate.data, "as_of": candidate.as_of},
        "contracts": proposal.contracts,
        "policy": {"digest": subject.policy},
        "card": {"digest": subject.card},
        "evidence": [{"kind": kind, "digest": digest} for kind, digest in standing.evidence],
        "decision": {"digest": standing.decision},
        "approvals": list(standing.approvals),
        "author": candidate.author,
        "scope": proposal.scope.model_dump(mode="json"),
        "accountable": proposal.use_case.accountable.name,
        "fallback": _fallback(proposal),
        "previous": earned_release(proposal.current),
    }


def _fallback(proposal: Proposal) -> dict[str, Any]:
    """The tiers that the use case declares; what each needs is in the card layout, which is approved."""
    declared = proposal.use_case
    ladder = declared.fallback if isinstance(declared, UseCase) else None
    return FALLBACK if ladder is None else {"fail": ladder.fail, "tiers": list(ladder.tiers)}
