"""Breaking the glass: one stage up without the evidence, by a named person, with a reason, for a time that ends.

Everything else still holds: the person's right and signature, one stage at a time above what was earned, and nobody
their own work. Where it leads when its time is over belongs here too. Pure functions; what is unmet is recorded with it
by whoever acts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, isnan

from evaluation.gates.authorise import step_reasons
from evaluation.gates.refusal import Refusal
from evaluation.gates.rights import why_not_proven
from evaluation.gates.transitions import REFUSALS, STEP, Order, Stands, answer
from evaluation.ledger.glasses import GlassTime
from evaluation.ledger.people import People
from evaluation.policies.policy import Policy
from evaluation.policies.stage import Stage, Tier

LEAST_HOURS = 1 / 60
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
LEAST_REASON = 15
"""Characters: fewer are a placeholder and no reason."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for which step, why, for how many hours, and by which key; ``author`` made the model.

    ``current`` is the stage that was earned by evidence; ``is_broken`` says that a glass is broken there already, and
    ``stood`` when glasses stood there before.
    """

    person: str
    public_key: str | None
    reason: str
    hours: float
    current: Stage
    target: Stage
    author: str
    stood: tuple[GlassTime, ...]
    is_broken: bool = False

    def until(self, now: datetime) -> datetime:
        return now + timedelta(hours=self.hours)


@dataclass(frozen=True, slots=True)
class Stood:
    """The stage of a place and the tier that answered there."""

    stage: Stage
    tier: Tier


def earned(now: Stage, before: Stage) -> Stage:
    """The stage that evidence stands for while a glass is broken: what was there before, or lower by now."""
    return min(now, before, key=lambda one: one.rank)


def after_glass(before: Stood, now: Stood, allowed: Stage) -> Stood:
    """Where a place goes when its glass ends: never above what stood before, where it stands by now, or ``allowed``.

    ``allowed`` is the highest stage for which the approvals of the release before stand at this moment.
    """
    stage = min(earned(now.stage, before.stage), allowed, key=lambda one: one.rank)
    return Stood(stage, max(before.tier, now.tier, key=lambda one: one.rank))


def why_not_broken(policy: Policy, people: People, asked: Asked, now: datetime) -> tuple[Refusal, ...]:
    """Every reason why the glass may not be broken; empty when it may."""
    rules = policy.break_glass
    reasons: list[Refusal] = [*_once(asked), *_step(asked)]
    known = people.at(asked.person, now)
    if known is None or known.roles.isdisjoint(rules.roles):
        found = "is not registered with a valid key" if known is None else f"holds {', '.join(sorted(known.roles))}"
        wanted = f"one of {', '.join(rules.roles)}"
        reasons.append(
            Refusal("break-glass.who", f"{asked.person} {found}", wanted, "Let somebody in one of these roles do it.")
        )
    else:
        unproven = why_not_proven(
            people, asked.person, now, public_key=asked.public_key, wanted=f"the signature of {asked.person}"
        )
        reasons += [] if unproven is None else [Refusal("break-glass.signed", *_words(unproven))]
    return (*reasons, *_terms(policy, asked), *_week(policy, asked, now))


def _once(asked: Asked) -> tuple[Refusal, ...]:
    if not asked.is_broken:
        return ()
    what = "Release it by the gate (pilothouse promote), or end the one that is broken: pilothouse rollback"
    return (Refusal("break-glass.once", "a glass is broken here already", "no glass upon a glass", what),)


def _step(asked: Asked) -> tuple[Refusal, ...]:
    found = answer(Order.BREAK_GLASS, Stands(asked.current), asked.target)
    if found == STEP:
        steps = f"{asked.current} to {asked.target}"
        return (Refusal(STEP, steps, "one stage up", "To go down: pilothouse rollback"),)
    return step_reasons(asked.current, asked.target, is_same=True) if found in REFUSALS else ()


def _words(refusal: Refusal) -> tuple[str, str, str]:
    return refusal.figure, refusal.threshold, refusal.to_meet


def _terms(policy: Policy, asked: Asked) -> Sequence[Refusal]:
    limit, reasons = policy.break_glass.at_most_hours, list[Refusal]()
    if not LEAST_HOURS <= asked.hours <= limit:
        reasons.append(
            Refusal(
                "break-glass.hours",
                f"{asked.hours:g} hours",
                f"at least a minute and at most {limit:g}",
                "Name a time within which the board decides; it ends by itself.",
            )
        )
    if len(asked.reason.strip()) < LEAST_REASON:
        reasons.append(
            Refusal(
                "break-glass.reason",
                f"a reason of {len(asked.reason.strip())} characters",
                f"a reason of at least {LEAST_REASON}",
                "Say what harm waiting for the board would do; it is shown on every page.",
            )
        )
    if asked.person == asked.author:
        what = "Let somebody who did not make the model do it."
        reasons.append(Refusal("break-glass.author", f"{asked.person} made the model", "somebody else", what))
    return reasons


def _week(policy: Policy, asked: Asked, now: datetime) -> tuple[Refusal, ...]:
    """Whether any seven days would hold more hours under a glass than the policy allows.

    Of all seven days those that end with the glass asked for hold the most. Time that has passed counts where a glass
    really stood; what is asked for counts in full.
    """
    limit = policy.break_glass.at_most_hours_in_7_days
    if limit is None or isnan(asked.hours):
        return ()
    more = timedelta(hours=min(max(asked.hours, LEAST_HOURS), policy.break_glass.at_most_hours))
    stood, most = _stood(asked, now, more), timedelta(hours=limit)
    if stood + more <= most:
        return ()
    figure = f"{stood / HOUR:.4g} hours in the 7 days that would end with it, and {more / HOUR:.4g} more"
    whole = floor(_longest(asked, now, more, most) / HOUR * 100) / 100
    less = f"Ask for at most {whole:g} hours, or release" if whole >= LEAST_HOURS else "Release"
    what = f"{less} it by the gate (pilothouse promote): who needs it this often needs the board."
    return (Refusal("break-glass.hours-in-7-days", figure, f"at most {limit:g} in any 7 days", what),)


def _stood(asked: Asked, now: datetime, more: timedelta) -> timedelta:
    """How long glasses stood of the seven days that would end with one of ``more`` time."""
    return sum((one.within(now + more - WEEK, now) for one in asked.stood), timedelta(0))


def _longest(asked: Asked, now: datetime, at_most: timedelta, most: timedelta) -> timedelta:
    """The longest glass, shorter than ``at_most``, that leaves no seven days with more than ``most``.

    A shorter one ends earlier, and its seven days reach further back: what it leaves room for is looked up at each edge
    of what stood, between which it grows with what is asked for or stays.
    """
    edges = (edge + WEEK - now for one in asked.stood for edge in (one.start, one.end))
    lengths = [one for one in (timedelta(0), *edges) if timedelta(0) <= one <= at_most]
    return max(
        (most - _stood(asked, now, one) for one in lengths if _stood(asked, now, one) + one <= most), default=HOUR * 0
    )
