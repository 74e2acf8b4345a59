"""Planning a change, cancelling one, and listing them with what came of each.

A plan is bound to the digests of what is proposed now, and says at once what stands against it: a freeze over its whole
window refuses it; another change at the hour, or notice that is too short, is told. What does not belong here: what a
plan is worth at the gate (evaluation/gates/change_control).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from evaluation.calendar import Calendar, Place, Planned, Span, touching
from evaluation.gates import Refusal
from evaluation.policies import Stage
from ml.usecases import load_declaration
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.errors import Refused
from orchestration.steps.locks import exclusive
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.changes import calendar_in_force, changes_on_record
from orchestration.steps.record.records import believed_records, broken, entry_document, instant, now, open_records, who
from orchestration.steps.releases.held import place_of
from orchestration.steps.releases.proposal import Proposal, propose


class NotPlanned(Refused):
    """A plan that could never be kept, or none of that name: carries the reason."""


def plan_change(
    settings: Settings,
    use_case: str,
    site: str,
    stage: str,
    starts: str,
    until: str,
    reason: str,
    actor: Actor,
    *,
    challenger: bool = False,
) -> dict[str, Any]:
    """Record that the proposal of `stage` is to go up within a window (ISO times with a zone); returns the entry.

    With `challenger` it is to come beside the release that is served (shadow), or from there into its place (above).
    Raises `NotPlanned`, `NoCandidate`, `NoChallenger`, `TimeNotUnderstood` and `CalendarError`.
    """
    acting, span = actor.required(), Span(instant(starts), instant(until))
    declared, place = load_declaration(use_case), load_site(site)
    with exclusive(settings.home, f"release-{declared.use_case}-{place.id}"):
        proposal = propose(settings, declared.use_case, place.id, Stage(stage), challenger=challenger)
        calendar, at = calendar_in_force(settings), now()
        reasons = [*_why_not_off(proposal), *_why_no_window(span, at), *_why_closed(calendar, proposal, span)]
        if reasons:
            raise NotPlanned(*reasons)
        ledger = open_records(settings)
        others = touching(changes_on_record(ledger).planned, place.id, span, at)
        name = f"change-{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}"
        payload = {
            "use_case": declared.use_case,
            "site": place.id,
            "change": name,
            "stage": proposal.stage.value,
            "starts_at": span.start,
            "until": span.end,
            "reason": reason,
            "subject": proposal.subject.to_json(),
            "calendar": calendar.digest,
            **({"challenger": True} if challenger else {}),
        }
        entry = ledger.append("change_planned", acting.name, acting.act("change_planned", payload, at), at=at)
        warnings = [
            *_told_conflicts(others, proposal),
            *_told_closed(calendar, proposal, span),
            *_told_notice(proposal, span, at),
        ]
        conflicts = [one.change for one in others]
        return {**entry_document(entry), "change": name, "conflicts": conflicts, "warnings": warnings}


def cancel_change(settings: Settings, change: str, reason: str, actor: Actor) -> dict[str, Any]:
    """Take back a plan that has not happened and whose window is not over; returns the entry. Raises `NotPlanned`."""
    acting = actor.required()
    ledger, at = open_records(settings), now()
    planned = {one.change: one for one in changes_on_record(ledger).planned}
    found = planned.get(change)
    if found is None or not found.is_live(at):
        was = "is not on the ledger" if found is None else f"was {found.outcome(at)}"
        live = ", ".join(one.change for one in planned.values() if one.is_live(at)) or "none"
        raise NotPlanned(
            Refusal("planned-change", f"{change} {was}", "a change that is still planned", f"Planned: {live}.")
        )
    payload = {"use_case": found.use_case, "site": found.site, "change": change, "reason": reason}
    entry = ledger.append("change_cancelled", acting.name, acting.act("change_cancelled", payload, at), at=at)
    return {**entry_document(entry), "change": change}


def list_changes(settings: Settings, site: str | None) -> Answer:
    """Return every planned change, every step with its plan, and which plans conflict; missed ones are told first."""
    place = load_site(site).id if site else None
    verdict, records = believed_records(settings)
    changes, at = changes_on_record(records), now()
    planned = [one for one in changes.planned if place in (None, one.site)]
    done = [one for one in changes.steps if place in (None, one.site)]
    conflicts = [(a, b) for a, b in changes.conflicts(at) if place in (None, a.site)]
    document: dict[str, Any] = {
        "planned": [_plain(one, at) for one in planned],
        "done": [
            {
                "at": one.at.isoformat(),
                "kind": one.kind,
                "use_case": one.use_case,
                "site": one.site,
                "stage": one.stage.value,
                "by": one.by,
                "release": one.release,
                "planned": one.change is not None,
                "change": one.change,
                "past": list(one.past),
            }
            for one in done
        ],
        "conflicts": [{"site": a.site, "changes": [a.change, b.change]} for a, b in conflicts],
        "warnings": [
            *([] if verdict.ok else [broken(verdict)]),
            *_told_missed(planned, at),
            *map(_told_pair, conflicts),
        ],
    }
    lines = [*(_line(one, at) for one in planned)] or ["No change is planned."]
    return Answer(document, text="\n".join(lines))


def _plain(one: Planned, at: datetime) -> dict[str, Any]:
    return {
        "change": one.change,
        "outcome": one.outcome(at),
        "use_case": one.use_case,
        "site": one.site,
        "stage": one.stage.value,
        "challenger": one.is_challenger,
        "from": one.span.start.isoformat(),
        "until": one.span.end.isoformat(),
        "reason": one.reason,
        "subject": one.subject.to_json(),
        "planned_at": one.planned_at.isoformat(),
        "by": one.by,
        "proof": one.proof,
        "done_by": one.done_by,
    }


def _line(one: Planned, at: datetime) -> str:
    place = Place(one.use_case, one.site, one.stage, load_site(one.site).zone)
    when = f"{place.told(one.span.start)} to {place.told(one.span.end)}"
    what = f"{one.use_case} at {one.site} {_to(one)}"
    return f"{one.outcome(at):>9}  {one.change}  {what}  {when}  by {who(one.by, one.proof)}  {one.reason}"


def _to(one: Planned) -> str:
    return f"{'challenger ' * one.is_challenger}to {one.stage}"


def _told_missed(planned: list[Planned], at: datetime) -> Iterator[str]:
    for one in planned:
        if one.outcome(at) == "missed":
            yield f"{one.change} ({one.use_case} at {one.site} {_to(one)}) was planned and did not happen."


def _told_pair(pair: tuple[Planned, Planned]) -> str:
    a, b = pair
    return f"{a.change} ({a.use_case}) and {b.change} ({b.use_case}) are planned for the same time at {a.site}."


def _told_conflicts(others: list[Planned], proposal: Proposal) -> Iterator[str]:
    for one in others:
        yield (
            f"CONFLICT: {one.change} ({one.use_case} {_to(one)}) is planned at {proposal.site.id} from "
            f"{place_of(proposal).told(one.span.start)} to {place_of(proposal).told(one.span.end)}."
        )


def _told_notice(proposal: Proposal, span: Span, at: datetime) -> Iterator[str]:
    asked = proposal.policy.change_control
    if asked and proposal.stage in asked.stages and span.start - at < timedelta(hours=asked.notice_hours):
        given = (span.start - at) / timedelta(hours=1)
        wanted = f"the policy asks for {asked.notice_hours:g}"
        yield f"The gate will not count it: {given:.1f} hours of notice, and {wanted}."


def _told_closed(calendar: Calendar, proposal: Proposal, span: Span) -> Iterator[str]:
    """What of the window is closed; all of it may be for a step down, which no calendar holds up."""
    place = place_of(proposal)
    opens = calendar.next_open(place, span.start)
    if opens is None or opens >= span.end:
        yield (
            f"All of it lies in closed time: a rollback to {proposal.stage} may be taken then, and nothing goes up. A "
            "model that is to score beside what is served is planned with --challenger."
        )
    elif opens > span.start and not _goes_down(proposal):
        yield f"It begins in closed time: the calendar is open from {place.told(opens)}."


def _why_not_off(proposal: Proposal) -> Iterator[Refusal]:
    if proposal.challenger is not None and proposal.stage is Stage.OFF:
        what = f"Take it away: pilothouse rollback {proposal.use_case.use_case} --site {proposal.site.id} --challenger"
        yield Refusal("change-plan.stage", "a challenger to off", "shadow, or a stage above it", f"{what}.")


def _why_no_window(span: Span, at: datetime) -> Iterator[Refusal]:
    if span.end <= span.start:
        found, wanted = f"from {span.start.isoformat()} until {span.end.isoformat()}", "an end after the start"
        yield Refusal("change-plan.window", found, wanted, "Give --until a later time than --from.")
    elif span.end <= at:
        found = f"it ended {span.end.isoformat()}, now is {at.isoformat(timespec='seconds')}"
        yield Refusal("change-plan.window", found, "a window that is still to come", "Plan what is ahead.")


def _goes_down(proposal: Proposal) -> bool:
    """Whether the change is a step down, which no calendar holds up."""
    return proposal.challenger is None and proposal.stage.rank < proposal.current_stage.rank


def _why_closed(calendar: Calendar, proposal: Proposal, span: Span) -> Iterator[Refusal]:
    """A window in which no moment is open could never be kept."""
    place = place_of(proposal)
    opens = calendar.next_open(place, span.start)
    if not _goes_down(proposal) and (opens is None or opens >= span.end):
        rules = [f"{rule.title} ({rule.id})" for rule, _ in calendar.frozen_at(place, span.start)]
        found = (
            f"{place.told(span.start)} to {place.told(span.end)} is closed: {', '.join(rules) or 'in no change window'}"
        )
        what = "Ask the calendar's owner." if opens is None else f"Plan it for {place.told(opens)} or later."
        yield Refusal("change-plan.closed", found, "a window in which some time is open", what)
