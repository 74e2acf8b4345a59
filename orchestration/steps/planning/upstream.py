"""What one use case says to another that builds on it: whole, stepped down, or nothing, and why.

A consumer never asks whether a use case is any good (the gate does): it takes what is released, and never more than is
shown to people while it is shown itself. What does not belong here: what a consumer makes of the answer (kinds).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evaluation.policies import Stage, Tier
from ml.registry import RegistryError
from ml.registry.plan import Plan, is_current, read_plan
from ml.registry.pointer import Pointer
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.usecases import PLANNED, Declaration, load_declaration
from orchestration.settings import Settings
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.releases.served import ServedTierUnknown, served_tier

LATE_AFTER = timedelta(hours=20)
"""A plan older than this was made for the meeting before."""


@dataclass(frozen=True)
class Answered:
    """What an upstream use case says at a site. `tier` manual means: nothing that may be used, and `said` is why.

    `plan` is its published plan, where it is a kind that publishes one and may be used.
    """

    use_case: str
    release: str | None
    tier: Tier
    said: str
    plan: Plan | None = None

    @property
    def is_usable(self) -> bool:
        return self.tier is not Tier.MANUAL


def ask_upstream(
    settings: Settings, declared: Declaration, site: str, stage: Stage, at: datetime
) -> dict[str, Answered]:
    """Ask every use case that `declared` builds on; `stage` is that of the asking release."""
    return {one.use_case: _ask(settings, one.use_case, site, stage, at) for one in declared.upstream}


def _ask(settings: Settings, use_case: str, site: str, stage: Stage, at: datetime) -> Answered:
    title = load_declaration(use_case).title
    try:
        pointer = current_pointer(settings, use_case, site)
        release = released(settings, pointer)
    except RegistryError as error:
        return Answered(use_case, None, Tier.MANUAL, f"{title}: not used, since it cannot be trusted: {error}")
    if pointer is None or release is None:
        return Answered(use_case, None, Tier.MANUAL, f"{title}: not used, since it is off here.")
    seen = min(Stage(pointer.stage.value), stage, key=lambda one: one.rank)
    if seen.rank < min(stage.rank, Stage.ASSISTIVE.rank):
        why = "it is only observed here, and shown to nobody"
        return Answered(use_case, release.digest, Tier.MANUAL, f"{title}: not used, since {why}.")
    tier = _tier(settings, pointer)
    if load_declaration(use_case).kind in PLANNED:
        return _of_plan(settings, use_case, site, release.digest, tier, at)
    return Answered(use_case, release.digest, tier, _said(title, tier))


def _tier(settings: Settings, pointer: Pointer) -> Tier:
    try:
        return served_tier(settings, pointer)
    except ServedTierUnknown:
        return Tier.MANUAL


def _of_plan(settings: Settings, use_case: str, site: str, release: str, tier: Tier, at: datetime) -> Answered:
    title = load_declaration(use_case).title
    try:
        plan = read_plan(settings.home, use_case, site, load_public_key(settings.home / RELEASE_PUBLIC_KEY))
    except RegistryError as error:
        return Answered(use_case, release, Tier.MANUAL, f"{title}: not used, since its plan cannot be trusted: {error}")
    why = _why_not(plan, release, at)
    if plan is None or why:
        return Answered(use_case, release, Tier.MANUAL, f"{title}: not used, since {why}.")
    lower = max(tier, Tier(plan.tier.value), key=lambda one: one.rank)
    if lower is Tier.MANUAL:
        return Answered(use_case, release, lower, f"{title}: not used, since people plan by themselves there.")
    return Answered(use_case, release, lower, _said(title, lower, plan.tier_reason), plan)


def _why_not(plan: Plan | None, release: str, at: datetime) -> str:
    if plan is None:
        return "no plan was published yet"
    if at - plan.issued_at > LATE_AFTER:
        return f"its plan is late: the newest is of {plan.issued_at.astimezone(at.tzinfo):%Y-%m-%d %H:%M}"
    return is_current(plan, release, at) or ""


def _said(title: str, tier: Tier, reason: str | None = None) -> str:
    if tier is Tier.MODEL:
        return f"{title}: used, from its released model."
    if tier is Tier.MANUAL:
        return f"{title}: not used, since it answers nothing now."
    return f"{title}: stepped down to its {tier}. {reason or ''}".strip()
