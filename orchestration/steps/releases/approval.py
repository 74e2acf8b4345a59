"""A person's verdict, signed with their key over exactly what is proposed now, shown to them first, and recorded.

What does not belong here: whether the verdict counts; the gate checks that when a release is promoted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from evaluation.ledger import (
    ApprovalStatement,
    Certificate,
    Person,
    load_private_key,
    record_approval,
    sign_approval,
)
from evaluation.policies import REGULATORY, Policy, Stage
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, WrongUsage
from orchestration.steps.record.records import entry_document, now, open_records
from orchestration.steps.releases.proposal import Proposal, as_served, propose
from orchestration.steps.releases.reviewing import Review, review_of

Verdict = Literal["approve", "refuse"]


class UnknownApprover(StepError):
    """The person is not registered, or holds no role that may give this kind of approval."""


class CertificateNotUsable(WrongUsage):
    """A regulatory approval without its certificate, or a certificate with another kind."""


@dataclass(frozen=True)
class Certified:
    """The certificate as a person gives it; `region` None is the site's."""

    number: str | None = None
    expires_on: date | None = None
    region: str | None = None

    @property
    def is_given(self) -> bool:
        return (self.number, self.expires_on, self.region) != (None, None, None)


def record_verdict(
    settings: Settings,
    use_case: str,
    site: str,
    stage: str,
    kind: str,
    person: str,
    key_file: Path,
    verdict: Verdict,
    note: str = "",
    *,
    certified: Certified | None = None,
    show: Callable[[Review], None] | None = None,
    served: bool = False,
    challenger: bool = False,
) -> dict[str, Any]:
    """Show (`show`), sign and record `verdict` ("approve" or "refuse"); returns the ledger entry with what was shown.

    With `served` it is about the release that is served, as a renewal must be; else about what is proposed, with
    `challenger` about what scores beside it, with both about the challenger as it was released. Whatever `show` raises
    stops it: nothing is signed. Raises `UnknownApprover`, `CertificateNotUsable`, `NoCandidate`, `NoChallenger` and
    `LedgerError`.
    """
    if served:
        proposal = as_served(settings, use_case, site, Stage(stage), challenger=challenger)
    else:
        proposal = propose(settings, use_case, site, Stage(stage), challenger=challenger)
    ledger = open_records(settings)
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
        certificate=_certificate(proposal, kind, verdict, certified or Certified()),
    )
    key, review = load_private_key(key_file), review_of(settings, proposal, statement)
    if show is not None:
        show(review)
    entry = record_approval(ledger, sign_approval(statement, key), at=now())
    return {**entry_document(entry), "reviewed": review.document}


def _certificate(proposal: Proposal, kind: str, verdict: Verdict, given: Certified) -> Certificate | None:
    """A regulatory approval's certificate: for this intended use, in the site's region unless another is named.

    Raises `CertificateNotUsable`.
    """
    if kind != REGULATORY or verdict == "refuse":
        if given.is_given:
            raise CertificateNotUsable(f"A certificate belongs to an approval of kind {REGULATORY}, and nowhere else.")
        return None
    if not given.number or given.expires_on is None:
        raise CertificateNotUsable(
            f"A {REGULATORY} approval rests on a certificate: give --certificate NUMBER and --expires YYYY-MM-DD, its "
            f"last day. It is for {proposal.site.region} and this intended use: {proposal.use_case.intended_use}"
        )
    return Certificate(
        given.number, given.region or proposal.site.region, proposal.use_case.intended_use, given.expires_on
    )


def _role(held: Person | None, policy: Policy, person: str, kind: str) -> str:
    roles, wanted = held.roles if held else frozenset[str](), policy.approvals.roles_for(kind)
    if not wanted:
        known = ", ".join(one.kind for one in policy.approvals.kinds)
        raise UnknownApprover(f"The policy of {policy.use_case} knows no {kind} approval; it knows {known}.")
    fitting = sorted(roles & wanted)
    if not fitting:
        raise UnknownApprover(
            f"{person} holds {', '.join(sorted(roles)) or 'no registered role'}; a {kind} approval needs one of "
            f"{', '.join(sorted(wanted))}. Register people with: pilothouse key new"
        )
    return fitting[0]
