"""Who may step down, and who may step a tier up again. Stepping a stage up needs ``authorise.py``.

Stepping down is never held up by these answers: what they say about it is told and recorded. Stepping up is, and
takes the person's own signature: a name that somebody typed proves nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from evaluation.gates.refusal import Refusal
from evaluation.ledger.people import People
from evaluation.policies.policy import Policy

STEP_UP = "who-may-step-up"


def may_step_down(policy: Policy, people: People, actor: str, now: datetime) -> Refusal | None:
    """Why ``actor`` may not roll back a release or step a tier down; ``None`` when they may."""
    return _refusal("who-may-step-down", policy.rights.step_down_roles, people, actor, now)


def may_step_up(policy: Policy, people: People, actor: str, now: datetime, *, public_key: str | None) -> Refusal | None:
    """Why ``actor`` may not step a tier up again after a breach; ``None`` when they may. Only people step up.

    ``public_key`` (64 hex digits) is that of the key they sign this step with; ``None`` when they are only named.
    """
    roles = policy.rights.step_up_roles
    refusal = _refusal(STEP_UP, roles, people, actor, now)
    if refusal is not None:
        return refusal
    return why_not_proven(people, actor, now, public_key=public_key, wanted=f"the signature of one of {_list(roles)}")


def why_not_proven(people: People, actor: str, now: datetime, *, public_key: str | None, wanted: str) -> Refusal | None:
    """Why a key does not prove that ``actor`` acts; ``None`` when it does."""
    if public_key is None:
        found, what = f"{actor} is claimed, not proven", "Sign it: add --as PERSON and --key FILE."
        return Refusal(STEP_UP, found, wanted, what)
    known = people.at(actor, now)
    if known is None or known.public_key != public_key:
        found = f"the key is not the one that {actor} registered, or it was revoked"
        return Refusal(STEP_UP, found, wanted, "Sign it with the person's own key.")
    return None


def _refusal(clause: str, roles: Sequence[str], people: People, actor: str, now: datetime) -> Refusal | None:
    known = people.at(actor, now)
    if known is not None and not known.roles.isdisjoint(roles):
        return None
    found = "is not registered with a valid key" if known is None else f"holds {', '.join(sorted(known.roles))}"
    wanted = f"one of {_list(roles)}"
    return Refusal(clause, f"{actor} {found}", wanted, "Let somebody in one of these roles do it.")


def _list(roles: Sequence[str]) -> str:
    return ", ".join(roles)
