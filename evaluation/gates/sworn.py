"""What one signed statement is worth for one release: genuine, usable, or why not.

Here belong the checks of a single approval or refusal. What approvals are worth together is for
``authorise.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evaluation.evidence import Subject
from evaluation.ledger.approval import ApprovalStatement, RecordedApproval, verify_approval
from evaluation.ledger.people import People
from evaluation.policies.approvals import REGULATORY
from evaluation.policies.policy import Policy
from evaluation.policies.stage import Stage


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be released where: the thing an approval must name exactly.

    ``region`` and ``intended_use`` are what a certificate must be for; nobody said them where they are ``None``.
    """

    use_case: str
    site: str
    stage: Stage
    subject: Subject
    region: str | None = None
    intended_use: str | None = None


@dataclass(frozen=True, slots=True)
class Court:
    """What a statement is held against. ``rolled_back``: sequence number and time of the last rollback there, or of the
    last time that the model was taken away as a challenger."""

    policy: Policy
    people: People
    release: Release
    author: str
    now: datetime
    rolled_back: tuple[int, datetime] | None = None

    def why_not_bound(self, statement: ApprovalStatement) -> str:
        """Why the statement is not about this very release; empty when it is."""
        release = self.release
        for name, ours in (("use case", release.use_case), ("site", release.site), ("stage", release.stage)):
            theirs = {"use case": statement.use_case, "site": statement.site, "stage": statement.stage}[name]
            if theirs != ours:
                return f"is for {name} {theirs}"
        signed, names = statement.subject.to_json(), release.subject.changed_from(statement.subject)
        changed = [f"{'another' if name in signed else 'no'} {name.replace('_', ' ')}" for name in names]
        return f"names {' and '.join(changed)} digest" if changed else ""

    def why_not_genuine(self, approval: RecordedApproval) -> str:
        """Why it is not the word of somebody who might give it when it was recorded; empty when it is."""
        statement = approval.statement
        if statement.role not in self.policy.approvals.roles_for(statement.kind):
            return f"was given as {statement.role}, who may not decide this"
        person = self.people.before(statement.person, approval.seq)
        if person is None:
            return "is by somebody who was not registered"
        if statement.role not in person.roles:
            return "is by somebody who does not hold the role"
        if not verify_approval(approval.signed, person.public_key):
            return "is not signed with the registered key"
        return ""

    def why_not_usable(self, approval: RecordedApproval) -> str:
        """Why a genuine approval does not count now; empty when it does."""
        statement = approval.statement
        age = self.now - statement.decided_on
        if statement.person == self.author:
            return "is by the author, and nobody approves their own work"
        if self.people.is_void(approval.signed.public_key, approval.seq, approval.recorded_at):
            return "was signed with a key that was revoked, and is void with it"
        if self.rolled_back and (approval.seq <= self.rolled_back[0] or statement.decided_on <= self.rolled_back[1]):
            return "was given before the last rollback there (of a release, or of this challenger), which took it back"
        need = self.policy.need_for(self.release.stage, statement.kind)
        limit = self.policy.approvals.valid_days if need is None else need.valid_days
        if age > timedelta(days=limit):
            return f"is {age / timedelta(days=1):.1f} days old, at most {limit:g} count"
        if age < timedelta(0):
            return "is dated after now"
        return why_not_certified(statement, self.release, self.now) if statement.kind == REGULATORY else ""

    def standing_refusals(self, approvals: Sequence[RecordedApproval]) -> list[RecordedApproval]:
        """Refusals of this release that nobody took back.

        A refusal is taken back only by a later approval of the same person and kind. It outlives the
        revocation of its key, or revoking keys would be a way around it, and it does not expire. A rollback takes back
        approvals only.
        """
        ours = [each for each in approvals if not (self.why_not_bound(each.statement) or self.why_not_genuine(each))]
        refusals = [each for each in ours if each.statement.verdict == "refuse"]
        return [refusal for refusal in refusals if not any(self._takes_back(each, refusal) for each in ours)]

    def _takes_back(self, approval: RecordedApproval, refusal: RecordedApproval) -> bool:
        mine, theirs = approval.statement, refusal.statement
        is_same_voice = (mine.person, mine.kind, mine.verdict) == (theirs.person, theirs.kind, "approve")
        is_later = approval.seq > refusal.seq and mine.decided_on > theirs.decided_on
        return (
            is_same_voice
            and is_later
            and not self.people.is_void(approval.signed.public_key, approval.seq, approval.recorded_at)
        )


def why_not_certified(statement: ApprovalStatement, release: Release, now: datetime) -> str:
    """Why a regulatory approval's certificate does not cover this release now; empty when it does."""
    found = statement.certificate
    if found is None:
        return "carries no certificate"
    if found.region != release.region:
        return f"rests on certificate {found.number}, which is for {found.region} and not for {release.region}"
    if found.intended_use != release.intended_use:
        return f"rests on certificate {found.number}, which is for another intended use"
    if found.expires_on < now.astimezone(UTC).date():
        return f"rests on certificate {found.number}, which expired on {found.expires_on}"
    return ""
