"""Who may step down, and who may step a tier up again. Stepping a stage up needs ``authorise.py``."""

from collections.abc import Sequence
from datetime import datetime

from evaluation.gates.refusal import Refusal
from evaluation.ledger.people import People
from evaluation.policies.policy import Policy


def may_step_down(policy: Policy, people: People, actor: str, now: datetime) -> Refusal | None:
    """Why ``actor`` may not roll back a release or step a tier down; ``None`` when they may."""
    return _refusal("who-may-step-down", policy.rights.step_down_roles, people, actor, now)


def may_step_up(policy: Policy, people: People, actor: str, now: datetime) -> Refusal | None:
    """Why ``actor`` may not step a tier up again after a breach; ``None`` when they may. Only people step
    up."""
    return _refusal("who-may-step-up", policy.rights.step_up_roles, people, actor, now)


def _refusal(clause: str, roles: Sequence[str], people: People, actor: str, now: datetime) -> Refusal | None:
    known = people.at(actor, now)
    if known is not None and not known.roles.isdisjoint(roles):
        return None
    found = "is not registered with a valid key" if known is None else f"holds {', '.join(sorted(known.roles))}"
    wanted = f"one of {', '.join(roles)}"
    return Refusal(clause, f"{actor} {found}", wanted, "Let somebody in one of these roles do it.")
