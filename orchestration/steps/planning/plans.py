"""Making a plan for the assignment meeting: what is released decides who answers, and what is published is signed.

A plan is made in every stage and shown from assistive on: serving sees to that. What does not belong here: what a kind
of use case puts into a plan (kinds), and when it has to be there (`steps/meetings`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from evaluation.policies import Stage, Tier
from ml.registry.files import write_durably
from ml.registry.manifest import EVERYWHERE, Launch, Nowhere
from ml.registry.plan import Plan, publish_plan
from ml.registry.pointer import Pointer
from ml.registry.store import VerifiedRelease
from ml.usecases import OtherKind, load_declaration, planned_use_cases
from orchestration.settings import Settings
from orchestration.sites import Site, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.kinds import kind_of
from orchestration.steps.kinds.planned import Asked, Draft, Planned
from orchestration.steps.locks import exclusive
from orchestration.steps.planning.upstream import Answered, ask_upstream
from orchestration.steps.releases.launching import launch_now
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.served import ServedTierUnknown, served_tier

TIER_UNKNOWN = "Whether the release was stepped down cannot be read, so people plan by themselves."
LONGEST_SENTENCE = 1000


class NothingToPlan(StepError):
    """Nothing is released under which a plan could be made."""


@dataclass(frozen=True)
class Made:
    """A published plan, and the stage it was made in: in shadow it is recorded and shown to nobody."""

    plan: Plan
    stage: Stage


def planner_of(use_case: str) -> Planned:
    """Return the kind of a use case that publishes plans. Raises `OtherKind` for one that does not."""
    kind = kind_of(use_case)
    if not isinstance(kind, Planned):
        raise OtherKind(f"{use_case} answers visits with cards; only a use case that advises a unit publishes plans.")
    return kind


def plan_order() -> tuple[str, ...]:
    """Return the use cases that publish plans, each after those that it builds on."""
    planned = set(planned_use_cases())
    ordered = TopologicalSorter({one: sorted(planned & set(_upstream(one))) for one in sorted(planned)})
    return tuple(ordered.static_order())


def upstream_of(use_case: str) -> tuple[list[str], list[str]]:
    """Return the use cases that one builds on: those that publish plans, and the others."""
    planned, names = planned_use_cases(), _upstream(use_case)
    return [one for one in names if one in planned], [one for one in names if one not in planned]


def _upstream(use_case: str) -> list[str]:
    return [one.use_case for one in load_declaration(use_case).upstream]


def make_plan(settings: Settings, use_case: str, site: str, at: datetime) -> Made:
    """Make and publish the plan of a use case at a site, from what had arrived by `at`.

    Raises `NothingToPlan` when nothing is released, and `RegistryError` for a release or plan that cannot be trusted.
    """
    declared, place = load_declaration(use_case), load_site(site)
    pointer = current_pointer(settings, use_case, place.id)
    release = released(settings, pointer)
    if pointer is None or release is None:
        raise NothingToPlan(f"{use_case} has no release at {place.id}, so it publishes no plan there.")
    stage, local = Stage(pointer.stage.value), at.astimezone(place.zone)
    allowed, why = _allowed(settings, pointer)
    upstream = ask_upstream(settings, declared, place.id, stage, local)
    asked = Asked(declared, place, release, allowed, local, upstream)
    draft = planner_of(use_case).draft(settings, asked)
    launch = launch_now(use_case, place.id)
    said = " ".join(filter(None, (why, f"Nothing is planned: {launch.why}." if isinstance(launch, Nowhere) else None)))
    fields = plan_fields(place, release, draft, local, upstream, said or None, launch)
    with exclusive(settings.home, f"plan-{use_case}-{place.id}"):
        plan = publish_plan(settings.home, fields, release_signer(settings))
        if draft.document is not None:
            content = json.dumps(draft.document, indent=2, sort_keys=True, default=str).encode()
            write_durably(names_file(settings.home, plan), content, mode=0o600)
    return Made(plan, stage)


def names_file(home: Path, plan: Plan) -> Path:
    """Return where that which names people lies beside a plan: by its digest, for the home's owner alone."""
    return home / "rosters" / plan.use_case / plan.site / f"{plan.digest}.json"


def _allowed(settings: Settings, pointer: Pointer) -> tuple[Tier, str | None]:
    """The highest tier that may answer, and why it is not the model's, if so. It fails closed."""
    try:
        tier = served_tier(settings, pointer)
    except ServedTierUnknown:
        return Tier.MANUAL, TIER_UNKNOWN
    return tier, None if tier is Tier.MODEL else f"The release was stepped down to its {tier}."


def plan_fields(
    site: Site,
    release: VerifiedRelease,
    draft: Draft,
    at: datetime,
    upstream: Mapping[str, Answered],
    why: str | None = None,
    launch: Launch = EVERYWHERE,
) -> dict[str, Any]:
    """Return the plan as plain data for `publish_plan`; `why` says why the release itself stands lower, `launch` where
    the site's file lets it speak now."""
    scopes = (release.manifest.scope, launch)
    return {
        "use_case": release.manifest.use_case,
        "site": site.id,
        "issued_at": at.isoformat(),
        "as_of": draft.as_of.isoformat(),
        "valid_until": draft.valid_until.isoformat(),
        "release": release.digest,
        "tier": draft.tier.value,
        "tier_reason": _sentence(" ".join(filter(None, (why, draft.tier_reason)))),
        "upstream": [
            {
                "use_case": one.use_case,
                "release": one.release,
                "tier": one.tier.value if one.is_usable else None,
                "said": one.said[:LONGEST_SENTENCE],
            }
            for one in upstream.values()
        ],
        "lines": [line for line in draft.lines if all(_is_in_scope(line, scope) for scope in scopes)],
        "gave_way": list(draft.gave_way),
        "notes": [note[:LONGEST_SENTENCE] for note in draft.notes],
    }


def _is_in_scope(line: dict[str, Any], scope: Launch) -> bool:
    if isinstance(scope, Nowhere):
        return False
    return (not scope.units or line["unit"] in scope.units) and (not scope.shifts or line["shift"] in scope.shifts)


def _sentence(text: str) -> str | None:
    return text[:LONGEST_SENTENCE] or None
