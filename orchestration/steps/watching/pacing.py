"""When a breach acts: at once, or as the shift ends in which it was first seen, as the plan of rollback says.

What does not belong here: taking the step (trigger_watch), and what the incident says (trigger_incidents).
"""

from datetime import datetime
from typing import Any

from evaluation.policies import Trigger, load_policy
from orchestration.sites import load_site
from orchestration.steps.watching.signals import Watching


def acts_now(watching: Watching, trigger: Trigger, known: dict[str, dict[str, Any]]) -> bool:
    """Whether a breach acts now: at once, or when the shift in which it was seen is over (if the site has shifts)."""
    if load_policy(watching.pointer.use_case).pace_of(trigger) == "at_once" or _shift(watching, watching.wall) is None:
        return True
    opened = known.get(trigger.id)
    return opened is not None and _is_other_shift(watching, opened)


def waited_for(watching: Watching, known: dict[str, dict[str, Any]]) -> list[Trigger]:
    """Triggers that were seen in an earlier shift, under this pointer, and wait for its end: what was seen counts."""
    policy = load_policy(watching.pointer.use_case)
    return [
        trigger
        for trigger in policy.triggers
        if policy.pace_of(trigger) == "end_of_shift"
        and (opened := known.get(trigger.id))
        and opened["detail"].get("waits")
        and opened["detail"].get("generation") == watching.pointer.generation
        and _is_other_shift(watching, opened)
    ]


def late_sentence(trigger: Trigger) -> str:
    """What is said of a breach that waited."""
    return f"Trigger {trigger.id} was breached in the shift before and acts at its end. {trigger.rationale}"


def _is_other_shift(watching: Watching, opened: dict[str, Any]) -> bool:
    return _shift(watching, datetime.fromisoformat(opened["opened_at"])) != _shift(watching, watching.wall)


def _shift(watching: Watching, at: datetime) -> tuple[str, str] | None:
    """The shift that covers a time at the site: its id and the day on which it began; None where there is none."""
    place = load_site(watching.pointer.site)
    local = at.astimezone(place.zone)
    shift = place.shift_at(local.time())
    if shift is None:
        return None
    began_before = local.time() < shift.starts
    return shift.id, str(local.date().toordinal() - began_before)
