"""A challenger: a release that scores in shadow beside the one that is served, so that nobody loses advice meanwhile.

It comes by the gate of shadow, on approvals of its own digests; it goes into service by the gate of the stage that it
replaces somebody in, and leaves its place in that very step. The ledger is written before either pointer. What does not
belong here: asking the gate (release), and taking a challenger away (withdrawing), which nothing holds up.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evaluation.gates import Refusal, step_reasons
from evaluation.ledger import Entry
from evaluation.policies import Stage
from ml.registry.challenger import publish_challenger
from ml.registry.signing import Signer
from ml.usecases import UseCase
from orchestration.settings import Settings
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.proposal import Challenging, Proposal, released
from orchestration.steps.releases.putting_up import GoingUp

CLAUSE = "challenger-beside-a-release"


def why_not_challenging(settings: Settings, proposal: Proposal) -> tuple[Refusal, ...]:
    """Why a proposal may not be a challenger here, or may not go from there into service; empty for any other."""
    challenging = proposal.challenger
    if challenging is None:
        return ()
    if challenging.lane.problem:
        return (Refusal(CLAUSE, challenging.lane.problem.rstrip("."), "the challenger that the ledger records", _AWAY),)
    if not challenging.comes:
        return step_reasons(Stage.SHADOW, proposal.stage, is_same=False)
    return (*_plans(proposal), *_incumbent(settings, proposal))


_AWAY = "Take it away: pilothouse rollback USE_CASE --site SITE --challenger --reason TEXT"


def _plans(proposal: Proposal) -> tuple[Refusal, ...]:
    if isinstance(proposal.use_case, UseCase):
        return ()
    name, what = proposal.use_case.use_case, "Compare it on the past instead: pilothouse backtest"
    return (Refusal(CLAUSE, f"{name} writes plans, and only one lies at a unit", "a use case that scores cases", what),)


def _incumbent(settings: Settings, proposal: Proposal) -> tuple[Refusal, ...]:
    """A challenger needs somebody to challenge: a release that is served, of another model."""
    use_case, site = proposal.use_case.use_case, proposal.site.id
    wanted = "a release that is served, of another model"
    release = released(settings, proposal.current)
    if release is None:
        what = f"Release it by itself: pilothouse promote {use_case} --site {site} --to shadow"
        return (Refusal(CLAUSE, f"{use_case} serves no release at {site}", wanted, what),)
    if release.manifest.subject.model == proposal.subject.model:
        found = f"the newest candidate is the model that is served ({proposal.subject.model[:12]})"
        return (Refusal(CLAUSE, found, wanted, f"Train another: pilothouse run --site {site}"),)
    return ()


def put_beside(
    settings: Settings,
    proposal: Proposal,
    challenging: Challenging,
    going: GoingUp,
    said_besides: Mapping[str, Any],
    actor: Actor,
    at: datetime,
    signer: Signer,
) -> Entry:
    """Record the challenger, and point to it. Raises what the ledger and `publish_challenger` raise."""
    lane = challenging.lane
    above = max(lane.above, lane.generation)
    payload = {
        **{name: value for name, value in going.payload(above + 1).items() if name not in ("from_stage", "previous")},
        "beside": proposal.current and proposal.current.release,
        "previous": challenging.release,
        **said_besides,
    }
    entry = open_records(settings).append("challenger", actor.name, actor.act("challenger", payload, at), at=at)
    publish_challenger(
        settings.home,
        use_case=going.use_case,
        site=going.site,
        release=going.release,
        ledger_hash=entry.hash,
        reason=f"challenger, ledger entry {entry.seq}",
        issued_at=at,
        signer=signer,
        follows=lane.generation,
        above=above,
    )
    return entry
