"""A person's verdict, signed with their key over exactly what is proposed now, and recorded on the ledger.

What does not belong here: whether the verdict counts; the gate checks that when a release is promoted.
"""

from pathlib import Path
from typing import Any, Literal

from evaluation.ledger import ApprovalStatement, Person, load_private_key, record_approval, sign_approval
from evaluation.policies import Policy, Stage
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.proposal import propose
from orchestration.steps.records import entry_document, now, open_records


class UnknownApprover(StepError):
    """The person is not registered, or holds no role that may give this kind of approval."""


def record_verdict(
    settings: Settings,
    use_case: str,
    site: str,
    stage: str,
    kind: str,
    person: str,
    key_file: Path,
    verdict: Literal["approve", "refuse"],
    note: str = "",
) -> dict[str, Any]:
    """Sign and record `verdict` ("approve" or "refuse"); returns the ledger entry."""
    proposal, ledger = propose(settings, use_case, site, Stage(stage)), open_records(settings)
    statement = ApprovalStatement(
        use_case=use_case,
        site=site,
        stage=Stage(stage),
        kind=kind,
        person=person,
        role=_role(ledger.people().current(person), proposal.policy, person, kind),
        subject=proposal.subject,
        verdict=verdict,
        decided_on=now(),
        note=note,
    )
    entry = record_approval(ledger, sign_approval(statement, load_private_key(key_file)), at=now())
    return entry_document(entry)


def _role(held: Person | None, policy: Policy, person: str, kind: str) -> str:
    roles = held.roles if held else frozenset[str]()
    fitting = sorted(roles & policy.approvals.roles_for(kind))
    if not fitting:
        raise UnknownApprover(
            f"{person} holds {', '.join(sorted(roles)) or 'no registered role'}; a {kind} approval needs one of "
            f"{', '.join(sorted(policy.approvals.roles_for(kind)))}. Register people with: pilothouse key new"
        )
    return fitting[0]
