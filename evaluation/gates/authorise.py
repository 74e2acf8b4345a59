"""``authorise(...)``: whether a decision and what people signed permit exactly this step of exactly this
release.

Here belongs putting it together: the decision, the order of stages, and the approvals of every kind that the stage
asks for. What a single statement is worth is for ``sworn.py``, who may stand together for ``team.py``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluation.evidence import Subject
from evaluation.gates.decision import Decision
from evaluation.gates.errors import GateError
from evaluation.gates.refusal import Refusal, some
from evaluation.gates.sworn import Court, Release
from evaluation.gates.team import find_team
from evaluation.gates.transitions import Order, Stands, allows
from evaluation.ledger.approval import PERSON, RecordedApproval
from evaluation.ledger.people import People
from evaluation.policies.approvals import Need
from evaluation.policies.policy import Policy
from evaluation.policies.stage import Stage


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Permission with the approvals it rests on (of each kind its quorum), or the reasons why not."""

    approvals: tuple[RecordedApproval, ...]
    reasons: tuple[Refusal, ...]

    @property
    def allowed(self) -> bool:
        """Permission needs approvals; having no reason against it is not enough."""
        return bool(self.approvals) and not self.reasons


def authorise(
    policy: Policy,
    decision: Decision,
    approvals: Iterable[RecordedApproval],
    subject: Subject,
    *,
    site: str,
    author: str,
    people: People,
    current: Stage,
    now: datetime,
    released: Subject | None = None,
    region: str | None = None,
    intended_use: str | None = None,
    rolled_back: tuple[int, datetime] | None = None,
) -> Authorisation:
    """Whether ``subject`` may step from ``current`` to the decision's stage at ``site``, now.

    ``released`` is what stands in the stage ``current``: the very same is not released into it again.
    ``approvals`` are all that the ledger holds for the use case and site, refusals included; ``people`` is all it
    knows about keys and roles; ``author`` is the person who made the model; ``region`` and ``intended_use`` are what
    a regulatory certificate must be for; ``rolled_back`` is the sequence number and time of the last rollback there:
    approvals of before it are taken back, refusals are not. Nothing given here is trusted: a decision about something
    else refuses, and so does every approval that is not sound by itself.
    """
    if now.tzinfo is None:
        raise GateError("now has no time zone; pass a timezone-aware datetime.")
    release = Release(policy.use_case, site, decision.stage, subject, region, intended_use)
    court = Court(policy, people, release, author, now, rolled_back)
    everything = tuple(approvals)
    reasons = [
        *_decision_reasons(policy, decision, release, now),
        *step_reasons(current, decision.stage, is_same=subject == released),
        *_author_reasons(author),
        *_refusal_reasons(court, everything),
    ]
    needs = policy.needs_for(decision.stage)
    usable = {need.kind: _usable(court, need.kind, everything) for need in needs}
    short = [need for need in needs if len(_voices(usable[need.kind])) < need.quorum]
    reasons += [_missing(court, need, usable[need.kind], everything) for need in short]
    team = () if short else find_team({need.kind: need.quorum for need in needs}, usable)
    if not team and not short:
        reasons.append(_too_few_people(needs, usable))
    return Authorisation(() if reasons else team, tuple(reasons))


def _decision_reasons(policy: Policy, decision: Decision, release: Release, now: datetime) -> list[Refusal]:
    wanted = (release.use_case, release.site, release.subject, policy.digest)
    if (decision.use_case, decision.site, decision.subject, decision.policy) != wanted:
        return [_decision_refusal("is about another release, site or policy", "about exactly this release")]
    if not decision.covers(policy):
        return [_decision_refusal("leaves clauses of the policy open", "every clause answered")]
    age = now - decision.decided_at
    if not timedelta(0) <= age <= timedelta(days=policy.decision_valid_days):
        found = f"was made {age / timedelta(days=1):.1f} days ago"
        return [_decision_refusal(found, f"at most {policy.decision_valid_days:g} days ago")]
    return list(decision.refusals)


def _decision_refusal(found: str, wanted: str) -> Refusal:
    return Refusal("decision", f"the decision {found}", wanted, "Decide again on the evidence of this release.")


def step_reasons(current: Stage, target: Stage, *, is_same: bool) -> tuple[Refusal, ...]:
    """Why a promotion may not go from ``current`` to ``target``; empty when it may.

    It goes up by one stage, or puts another release in the place of the one in ``current``; ``is_same`` says that it
    would be the very same.
    """
    found, wanted = f"{current} to {target}", "one stage up, or another release in the same stage"
    if target is current and (is_same or target is Stage.OFF):
        what = "There is nothing to do; only something changed (model, contract, policy, card) is released there again."
        return (Refusal("one-stage-at-a-time", f"already in {current}", wanted, what),)
    if target.rank < current.rank:
        what = f"A promotion goes up. To go down: pilothouse rollback USE_CASE --site SITE --to {target} --reason TEXT"
        return (Refusal("one-stage-at-a-time", found, wanted, what),)
    if not allows(Order.PROMOTE, Stands(current), target):
        what = f"The next stage up is {tuple(Stage)[current.rank + 1]}, with its own evidence."
        return (Refusal("one-stage-at-a-time", found, wanted, what),)
    return ()


def _author_reasons(author: str) -> list[Refusal]:
    if PERSON.fullmatch(author):
        return []
    what = "Name the person who made the model by their id, so that they cannot approve it."
    return [Refusal("author-is-named", f"author is {author!r}", "the id of a person", what)]


def _refusal_reasons(court: Court, approvals: Sequence[RecordedApproval]) -> list[Refusal]:
    return [
        Refusal(
            f"approval.{each.statement.kind}",
            f"{each.statement.person} ({each.statement.role}) refused it",
            "no standing refusal",
            f"Change what {each.statement.person} objected to, or let them approve it later.",
        )
        for each in court.standing_refusals(approvals)
    ]


def _usable(court: Court, kind: str, approvals: Sequence[RecordedApproval]) -> list[RecordedApproval]:
    """The approvals of one kind that count, the latest first."""
    found = [each for each in _of_kind(kind, approvals) if not _why_not(court, each)]
    return sorted(found, key=lambda each: each.seq, reverse=True)


def _of_kind(kind: str, approvals: Sequence[RecordedApproval]) -> list[RecordedApproval]:
    return [each for each in approvals if each.statement.kind == kind and each.statement.verdict == "approve"]


def _why_not(court: Court, approval: RecordedApproval) -> str:
    return court.why_not_bound(approval.statement) or court.why_not_genuine(approval) or court.why_not_usable(approval)


def _voices(approvals: Sequence[RecordedApproval]) -> set[str]:
    return {each.statement.person for each in approvals}


def _missing(
    court: Court, need: Need, usable: Sequence[RecordedApproval], approvals: Sequence[RecordedApproval]
) -> Refusal:
    """What is missing of one kind: what there is, why it does not count, and who may give it."""
    kind, there = need.kind, len(_voices(usable))
    why = [
        f"that of {each.statement.person} {reason}"
        for each in sorted(_of_kind(kind, approvals), key=lambda one: one.seq, reverse=True)
        if (reason := _why_not(court, each))
    ]
    found = f"{there} of {need.quorum} {kind} approvals" if there else f"no valid {kind} approval"
    wanted = f"one {kind} approval by {need.by}"
    if need.quorum > 1:
        wanted = f"{need.quorum} {kind} approvals of different people by {need.by}"
    named = [one for one in court.people.holding(need.roles, court.now) if one not in {court.author, *_voices(usable)}]
    known = some(named, ", ") or "nobody yet; register somebody with: pilothouse key new"
    what = f"Let a {need.by} who did not make the model approve exactly this release; registered: {known}."
    return Refusal(f"approval.{kind}", found + (f": {some(why, '; ')}" if why else ""), wanted, what)


def _too_few_people(needs: Sequence[Need], usable: dict[str, list[RecordedApproval]]) -> Refusal:
    names = sorted(set[str]().union(*(_voices(found) for found in usable.values())))
    found = f"all approvals are by {some(names, ' and ')}, who cannot decide all kinds in different roles"
    kinds = " and ".join(need.kind for need in needs)
    what = "Let another person in another role take one of the decisions."
    return Refusal("approvals-by-different-people", found, f"{kinds} by different people in different roles", what)
