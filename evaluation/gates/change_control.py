"""Change control: whether a step up may be taken at this moment, by the calendar and by what was planned.

Freezes and windows hold for every stage in their scope; a planned change is asked for where the policy says so. A plan
counts for exactly what it was made for: its window holds the moment, it was announced in time, and every digest of the
proposal is the same. Steps down are never asked. What belongs to approvals and evidence is judged elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluation.calendar.planned import RECORDED, Planned
from evaluation.calendar.rules import Calendar, Place, told_when
from evaluation.evidence import Subject
from evaluation.gates.errors import GateError
from evaluation.gates.refusal import Refusal, some
from evaluation.policies.change_control import ChangeControl
from evaluation.policies.policy import Policy

FREEZE, WINDOW, PLAN, READABLE = "change-freeze", "change-window", "planned-change", "calendar-readable"
OF_CALENDAR = (FREEZE, WINDOW, READABLE)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Control:
    """What change control says of a step: why it waits, and the plan it would fulfil. ``calendar`` is the digest of the
    one in force; None where it cannot be read."""

    reasons: tuple[Refusal, ...]
    calendar: str | None
    change: str | None = None

    def on_record(self) -> dict[str, object]:
        """What the entry of the step keeps: the calendar, the plan, and what of the calendar a glass goes past."""
        past = [one.figure for one in self.reasons if one.clause in OF_CALENDAR]
        return {RECORDED: {"calendar": self.calendar, "change": self.change, **({"past": past} if past else {})}}


def change_control(
    policy: Policy,
    calendar: Calendar,
    planned: Sequence[Planned],
    subject: Subject,
    place: Place,
    now: datetime,
    *,
    is_challenger: bool = False,
) -> Control:
    """Whether ``subject`` may go to the stage of ``place`` at ``now`` (aware); ``planned`` is all on the ledger.

    ``is_challenger``: it comes beside what is in force, or from there into its place; only a plan of that counts.
    """
    if now.tzinfo is None:
        raise GateError("now has no time zone; pass a timezone-aware datetime.")
    about = [one for one in planned if one.is_for(place.use_case, place.site, place.stage)]
    asked = policy.change_control if policy.change_control and place.stage in policy.change_control.stages else None
    why_not = {
        one.change: _why_not_of_kind(one, is_challenger=is_challenger) or _why_not(one, subject, place, now, asked)
        for one in about
    }
    counting = [one for one in about if not why_not[one.change]]
    reasons = [*_frozen(calendar, place, now), *_outside(calendar, place, now)]
    if asked is not None and not counting:
        reasons.append(_unplanned(why_not, place, asked, is_challenger=is_challenger))
    return Control(tuple(reasons), calendar.digest, counting[0].change if counting else None)


def unreadable(problem: str) -> Control:
    """What is said where the calendar cannot be read: nobody knows whether it is closed."""
    what = "Correct the calendar: calendar.yaml in the home, or the one that is shipped."
    refusal = Refusal(READABLE, f"the calendar cannot be read: {problem.rstrip('.')}", "a calendar", what)
    return Control((refusal,), None)


def _frozen(calendar: Calendar, place: Place, now: datetime) -> list[Refusal]:
    return [
        Refusal(
            FREEZE,
            f"{place.told(now)} lies in {rule.title} ({rule.id}), which ends {place.told(span.end)}",
            f"a time outside {rule.id}, kept by {rule.owner}",
            _next(calendar, place, now),
        )
        for rule, span in calendar.frozen_at(place, now)
    ]


def _outside(calendar: Calendar, place: Place, now: datetime) -> list[Refusal]:
    if calendar.is_in_window(place, now):
        return []
    rules = calendar.windows_of(place)
    found = f"{place.told(now)} ({now.astimezone(place.zone):%A}) is in no change window"
    return [
        Refusal(
            WINDOW, found, " or ".join(f"{told_when(one)} ({one.id})" for one in rules), _next(calendar, place, now)
        )
    ]


def _next(calendar: Calendar, place: Place, now: datetime) -> str:
    found = calendar.next_open(place, now)
    when = (
        "No time within 400 days is open; ask the calendar's owner"
        if found is None
        else f"Open from {place.told(found)}"
    )
    return f"{when}. In an emergency: pilothouse break-glass"


def _why_not_of_kind(one: Planned, *, is_challenger: bool) -> str:
    if one.is_challenger is is_challenger:
        return ""
    return "is for a challenger" if one.is_challenger else "is not for a challenger"


def _why_not(one: Planned, subject: Subject, place: Place, now: datetime, asked: ChangeControl | None) -> str:
    """Why a plan does not count for this step; empty where it does."""
    outcome = one.outcome(now)
    if outcome == "done":
        return f"was done by ledger entry {one.done_by}"
    if outcome == "cancelled":
        return "was cancelled"
    if changed := dict.fromkeys([*subject.changed_from(one.subject), *one.subject.changed_from(subject)]):
        return f"is for {' and '.join(_changed(name, subject, one.subject) for name in changed)}"
    if outcome == "missed":
        return f"was missed: its window ended {place.told(one.span.end)}"
    if outcome == "planned":
        return f"begins {place.told(one.span.start)}"
    if asked is not None and one.notice < asked.notice_hours * HOUR:
        return f"was announced {one.notice / HOUR:.1f} hours before its window"
    return ""


def _changed(name: str, ours: Subject, theirs: Subject) -> str:
    was, now = (one.to_json().get(name, "none")[:12] for one in (theirs, ours))
    return f"another {name.replace('_', ' ')} ({was}, proposed is {now})"


def _unplanned(why_not: Mapping[str, str], place: Place, asked: ChangeControl, *, is_challenger: bool) -> Refusal:
    """The one reason for all plans that there are (oldest first), told the newest first."""
    why = some((f"{change} {each}" for change, each in reversed([*why_not.items()])), "; ")
    return Refusal(
        PLAN,
        f"no planned change counts: {why}" if why else "no change is planned",
        f"a planned change of exactly this release, open now and announced {asked.notice_hours:g} hours before",
        f"Plan it: pilothouse change plan {place.use_case} --site {place.site} --stage {place.stage}"
        f"{' --challenger' * is_challenger} --from TIME --until TIME --reason TEXT --as PERSON",
    )
