"""Until when the approvals under a served release stand, and down to which stage it goes when they do not.

A promotion asks who approved lately (``authorise.py``); a release that is served is reviewed again at the policy's
cadence: whoever approves the same again renews it, and who may take a kind ends it by refusing. A kind that the release
was not promoted with is not asked of it before its next promotion. Here belongs the arithmetic, not who acts on it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from evaluation.gates.refusal import some
from evaluation.gates.sworn import Court, why_not_certified
from evaluation.gates.team import find_team
from evaluation.ledger.approval import ApprovalStatement, RecordedApproval
from evaluation.policies.approvals import REGULATORY
from evaluation.policies.stage import Stage


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of approval under a release. ``until`` is when it ends; ``None`` where it does not stand at all.

    ``people`` are those on whom it rests now; ``why`` says what ends it.
    """

    kind: str
    until: datetime | None
    people: tuple[str, ...]
    why: str

    def is_over(self, now: datetime) -> bool:
        return self.until is None or self.until <= now

    def is_due(self, now: datetime, within: timedelta) -> bool:
        """Whether it is over or ends soon."""
        return self.until is None or self.until - now <= within


def standing(
    court: Court, counted: Mapping[str, int], approvals: Sequence[RecordedApproval], promoted: Collection[str]
) -> tuple[Standing, ...]:
    """Until when each kind stands that the release was promoted with (``counted``: how many of each), by name.

    ``promoted`` are the ledger hashes of the approvals that the promotion rests on: they were judged then. Later ones
    renew them where they are sound by today's policy. A kind that somebody refused who may take it does not stand,
    asked or not, until they approve it. As at a promotion, nobody and no key holds up two seats, and no role two kinds
    (``team.py``): a kind for which nobody is left does not stand.
    """
    refusals = _refusals(court, approvals)
    taken_back = {(one.person, one.kind, one.stage) for one in refusals}
    left = [
        one for one in approvals if (one.statement.person, one.statement.kind, one.statement.stage) not in taken_back
    ]
    given = {kind: _given(court, kind, left, promoted) for kind in sorted(counted)}
    team = _team(court.now, counted, given)
    asked = {kind: _standing(court.now, kind, counted[kind], given[kind], team) for kind in given}
    refused = {one.kind: _refused(one) for one in refusals if one.stage is court.release.stage}
    return tuple(one for _, one in sorted({**asked, **refused}.items()))


def lower_stage(
    court: Court, counted: Mapping[str, int], approvals: Sequence[RecordedApproval], promoted: Collection[str]
) -> Stage:
    """The highest stage below the court's for which every approval stands that the release has for it; else off."""
    below = [stage for stage in reversed(Stage) if Stage.OFF.rank < stage.rank < court.release.stage.rank]
    for stage in below:
        lower = replace(court, release=replace(court.release, stage=stage))
        needs = [need for need in court.policy.needs_for(stage) if need.kind in counted]
        asked = {need.kind: min(need.quorum, counted[need.kind]) for need in needs}
        found = standing(lower, asked, approvals, promoted)
        if asked and not any(each.is_over(court.now) for each in found):
            return stage
    return Stage.OFF


def _refusals(court: Court, approvals: Sequence[RecordedApproval]) -> list[ApprovalStatement]:
    """The refusals that stand of this release in its stage; and for a higher one, whose approvals would hold it up."""
    stages = [stage for stage in Stage if stage.rank >= court.release.stage.rank]
    courts = [replace(court, release=replace(court.release, stage=stage)) for stage in stages]
    return [one.statement for each in courts for one in each.standing_refusals(approvals)]


def _refused(refusal: ApprovalStatement) -> Standing:
    return Standing(refusal.kind, None, (), f"{refusal.person} refused it on {refusal.decided_on:%Y-%m-%d}")


_ALONE = "who gave it cannot decide it beside the other kinds: it takes another person in another role for each kind"


@dataclass(frozen=True, slots=True)
class _Given:
    """Of one kind: the approvals that are sound, each with its end and what ends it, the last to end first; and what is
    wrong with the others, the latest first."""

    ends: tuple[tuple[RecordedApproval, datetime, str], ...]
    faults: tuple[str, ...]

    def of(self, team: Collection[RecordedApproval]) -> "_Given":
        return replace(self, ends=tuple(one for one in self.ends if one[0] in team))


def _given(court: Court, kind: str, approvals: Sequence[RecordedApproval], promoted: Collection[str]) -> _Given:
    of_kind = [one for one in approvals if (one.statement.kind, one.statement.verdict) == (kind, "approve")]
    faults = {one.seq: _fault(court, one, promoted) for one in of_kind}
    ends = [(one, *_end(court, one)) for one in of_kind if not faults[one.seq]]
    bad = [f"that of {one.statement.person} {faults[one.seq]}" for one in reversed(of_kind) if faults[one.seq]]
    return _Given(tuple(sorted(ends, key=lambda one: (one[1], one[0].seq), reverse=True)), tuple(bad))


def _team(now: datetime, counted: Mapping[str, int], given: Mapping[str, _Given]) -> tuple[RecordedApproval, ...]:
    """Who holds up the kinds together, of the approvals that have not ended; a kind that finds no seats is left out."""
    live = {kind: [one for one, end, _ in found.ends if end > now] for kind, found in given.items()}
    seated: dict[str, int] = {}
    team: tuple[RecordedApproval, ...] = ()
    for kind in given:
        larger = find_team({**seated, kind: counted[kind]}, live)
        if larger:
            seated[kind], team = counted[kind], larger
    return team


def _standing(now: datetime, kind: str, quorum: int, given: _Given, team: Collection[RecordedApproval]) -> Standing:
    seated = given.of(team)
    voices = {one.statement.person: (end, why) for one, end, why in reversed((seated if seated.ends else given).ends)}
    latest = sorted(voices.items(), key=lambda one: one[1], reverse=True)[:quorum]
    people = tuple(sorted(person for person, _ in latest))
    if len(latest) < quorum:
        return Standing(kind, None, people, some(given.faults, "; ") or "there is none")
    until, why = latest[-1][1]
    if until > now and not seated.ends:
        return Standing(kind, None, people, _ALONE)
    return Standing(kind, until, people, why)


def _fault(court: Court, approval: RecordedApproval, promoted: Collection[str]) -> str:
    """Why an approval holds up nothing, whatever its age; empty when it does."""
    statement, release = approval.statement, court.release
    if statement.stage.rank < release.stage.rank:
        return f"is for stage {statement.stage}"
    same_stage = replace(court, release=replace(release, stage=statement.stage))
    fault = same_stage.why_not_bound(statement)
    if fault or court.people.is_void(approval.signed.public_key, approval.seq, approval.recorded_at):
        return fault or "was signed with a key that was revoked, and is void with it"
    if approval.ledger_hash not in promoted:
        if statement.person == court.author:
            return "is by the author, and nobody approves their own work"
        fault = same_stage.why_not_genuine(approval)
    return fault or (why_not_certified(statement, release, court.now) if statement.kind == REGULATORY else "")


def _end(court: Court, approval: RecordedApproval) -> tuple[datetime, str]:
    """When an approval ends, and what ends it: the next review, or the last day of its certificate."""
    statement = approval.statement
    need = court.policy.need_for(court.release.stage, statement.kind)
    days = court.policy.review_every_days if need is None else need.review_every_days
    review = (_later(statement.decided_on, days), f"it is reviewed every {days:g} days")
    if statement.certificate is None:
        return review
    last = _later(datetime.combine(statement.certificate.expires_on, time(), UTC), 1)
    return min(review, (last, f"certificate {statement.certificate.number} expires"))


def _later(at: datetime, days: float) -> datetime:
    """So many days after ``at``; the last moment of the calendar where there is no such day."""
    try:
        return at + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
