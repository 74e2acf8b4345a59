"""Putting a release up: its entry on the ledger first, then the signed pointer to it; with the model answering.

One way for a promotion, for a broken glass and for a drill. What does not belong here: whether it may (release,
breaking), and writing the release itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evaluation.ledger import Entry
from evaluation.policies import Policy, Stage
from ml.registry.glass import Glass
from ml.registry.pointer import Pointer, publish_pointer
from ml.registry.signing import Signer
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier
from orchestration.settings import Settings
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.agreement import agreement_at
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.telling import notice_of
from orchestration.steps.releases.withdrawing import leave_if_promoted


@dataclass(frozen=True)
class GoingUp:
    """One step up at one place: which release goes to which stage, in the place of what, and on which decision."""

    use_case: str
    site: str
    from_stage: Stage
    stage: Stage
    release: str
    previous: str | None
    subject: Mapping[str, Any]
    decision: str
    author: str
    policy: Policy
    current: Pointer | None

    def payload(self, generation: int) -> dict[str, Any]:
        """What every entry that puts a release up says."""
        return {
            "use_case": self.use_case,
            "site": self.site,
            "from_stage": self.from_stage.value,
            "stage": self.stage.value,
            "release": self.release,
            "previous": self.previous,
            "generation": generation,
            "subject": dict(self.subject),
            "decision": self.decision,
            "author": self.author,
        }


def put_up(
    settings: Settings,
    going: GoingUp,
    kind: str,
    said: Mapping[str, Any],
    actor: Actor,
    at: datetime,
    signer: Signer,
    glass: Glass | None = None,
) -> Entry:
    """Record the step as an entry of `kind`, with what is `said` besides, and point to the release, which is no
    challenger any longer.

    Raises what the ledger and `publish_pointer` raise; what is not recorded is not pointed to.
    """
    ledger, present = open_records(settings), going.current.generation if going.current else 0
    ordered = agreement_at(settings, ledger, going.use_case, going.site).ordered
    above = ordered.generation if ordered else 0
    payload = {**going.payload(max(above, present) + 1), **said}
    entry = ledger.append(kind, actor.name, actor.act(kind, payload, at), at=at)
    publish_pointer(
        settings.home,
        use_case=going.use_case,
        site=going.site,
        release=going.release,
        stage=ServedStage(going.stage.value),
        tier=Tier.MODEL,
        reason=f"{kind.replace('_', '-')}, ledger entry {entry.seq}",
        issued_at=at,
        signer=signer,
        follows=present,
        above=above,
        notice=notice_of(going.policy),
        glass=glass,
    )
    leave_if_promoted(settings, going.use_case, going.site, entry, at, signer)
    return entry
