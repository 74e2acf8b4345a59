"""Which release, stage and tier come back when one is taken back: never more than stood there and is allowed now.

What does not belong here: recording and publishing it (going_down).
"""

from dataclasses import dataclass
from datetime import datetime

from evaluation.gates import Stood, after_glass
from evaluation.ledger import Readable
from evaluation.policies import Stage, Tier
from ml.registry.pointer import Pointer
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.releases.standing import allowed_stage


@dataclass(frozen=True)
class WayBack:
    """What comes back; off, with nothing to serve, where `stage` says so. `lowered` tells why it stands lower."""

    release: str
    stage: Stage
    tier: Tier
    lowered: str = ""


def way_back(settings: Settings, records: Readable, pointer: Pointer, tier: Tier, at: datetime) -> WayBack | None:
    """Say what comes back from under a pointer where `tier` answers; None where nothing was there before.

    Raises `StepError` for a release that nobody approved, and what reading releases raises.
    """
    release, stood = _before(settings, pointer, tier)
    if release is None:
        return None
    before = _release(settings, release)
    if not before.manifest.approvals:
        raise StepError("it was released past the gate for a time, and that is not given again")
    stage = min(Stage(before.manifest.stage.value), stood.stage, Stage(pointer.stage.value), key=lambda one: one.rank)
    allowed = allowed_stage(records, before, stage, at) if stage is not Stage.OFF else Stage.OFF
    back = after_glass(stood, Stood(stage, tier), allowed)
    lowered = "" if back.stage is stage else f"Its approvals do not stand for {stage} any more: {back.stage}."
    return WayBack(release, back.stage, back.tier, lowered)


def _before(settings: Settings, pointer: Pointer, tier: Tier) -> tuple[str | None, Stood]:
    """The release before, and the stage and tier above which it does not come back."""
    if pointer.glass is None:
        manifest = _release(settings, str(pointer.release)).manifest
        return manifest.previous, Stood(Stage(pointer.stage.value), tier)
    before = pointer.glass.before
    if before is None:
        return None, Stood(Stage.OFF, tier)
    return before.release, Stood(Stage(before.stage.value), Tier(before.tier.value))


def _release(settings: Settings, digest: str) -> VerifiedRelease:
    return load_release(settings.home, digest, load_public_key(settings.keys / "release.pub.pem"))
