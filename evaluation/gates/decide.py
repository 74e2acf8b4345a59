"""``decide(policy, stage, evidence, ...)``: the policy's answer about one subject, as a document.

Here belongs putting the clauses together. Choosing evidence belongs in ``selection.py``, one clause in
``judge.py``, and what people approved in ``authorise.py``.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from evaluation.evidence import Evidence, Subject
from evaluation.gates.decision import ClauseResult, Decision, Used
from evaluation.gates.errors import GateError
from evaluation.gates.judge import judge
from evaluation.gates.selection import select
from evaluation.policies.policy import Policy
from evaluation.policies.stage import Stage

POLICY_CLAUSE = "policy-is-the-one-reviewed"
READABLE_CLAUSE = "evidence-is-readable"


def decide(
    policy: Policy,
    stage: Stage,
    evidence: Iterable[Evidence],
    subject: Subject,
    *,
    site: str,
    now: datetime,
    unreadable: Iterable[str] = (),
) -> Decision:
    """Hold all evidence against every clause that ``stage`` needs, those of the stages below it included.

    ``unreadable`` are the messages of evidence files that could not be read: they refuse, because the one
    that cannot be read may be the newest. Raises :class:`GateError` for stage off, which needs no decision,
    and for a clock without a time zone.
    """
    stage = Stage(stage)
    if stage is Stage.OFF:
        raise GateError("stopping needs no decision; use a rollback.")
    if now.tzinfo is None:
        raise GateError("now has no time zone; pass a timezone-aware datetime.")
    selection = select(evidence, use_case=policy.use_case, site=site, subject=subject, now=now)
    clauses = policy.clauses_for(stage)
    results = (
        _same_policy(policy, subject),
        *(_unreadable(policy, message) for message in sorted(unreadable)),
        *(judge(clause, selection, now) for clause in clauses),
    )
    kinds = sorted({clause.kind for clause in clauses} & set(selection.chosen))
    return Decision(
        use_case=policy.use_case,
        site=site,
        stage=stage,
        subject=subject,
        policy=policy.digest,
        decided_at=now.astimezone(UTC),
        results=results,
        used=tuple(Used(kind, selection.chosen[kind].digest) for kind in kinds),
        ignored=tuple(selection.ignored),
    )


def _same_policy(policy: Policy, subject: Subject) -> ClauseResult:
    is_same = subject.policy == policy.digest
    return ClauseResult(
        clause=POLICY_CLAUSE,
        kind="policy",
        figure="policy digest",
        bound="value",
        observed=None,
        threshold="the policy named by the release",
        met=is_same,
        reason="" if is_same else "the release names another policy than the one in force",
        to_meet="Build the release again with the policy in force; approvals of the old one are void.",
        owner=policy.owner,
    )


def _unreadable(policy: Policy, message: str) -> ClauseResult:
    return ClauseResult(
        clause=READABLE_CLAUSE,
        kind="evidence",
        figure="evidence file",
        bound="value",
        observed=None,
        threshold="every file can be read",
        met=False,
        reason=message,
        to_meet="Measure again, and take the broken file away; never repair it by hand.",
        owner=policy.owner,
    )
