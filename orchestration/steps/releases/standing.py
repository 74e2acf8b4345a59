"""Approvals under a release that is served, or scores beside it: which are due or over, and where it goes then.

Whoever signs the same again (`pilothouse approve`) renews it. What does not belong here: the arithmetic (evaluation/
gates/standing), and stepping down (approval_watch).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from evaluation.evidence import Subject
from evaluation.gates import Court, Release, Standing, lower_stage, standing
from evaluation.ledger import Readable
from evaluation.policies import REGULATORY, Policy, Stage, load_policy
from ml.registry.pointer import Pointer
from ml.registry.store import VerifiedRelease
from ml.usecases import load_declaration
from orchestration.sites import load_site


@dataclass(frozen=True)
class Watched:
    """One release, served or (`is_challenger`) scoring beside it: the kinds of approval that are due, those that are
    over, and where it goes for these; `every` kind that it stands on."""

    use_case: str
    site: str
    stage: Stage
    due: tuple[Standing, ...]
    over: tuple[Standing, ...]
    lower: Stage
    every: tuple[Standing, ...] = ()
    is_challenger: bool = False

    @property
    def sentences(self) -> list[str]:
        """What is due, for people, one sentence each."""
        where = f"{self.use_case} at {self.site}{', the challenger' * self.is_challenger}"
        return [f"{where}: {told(one)} {self._remedy(one.kind)}" for one in self.due]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"kind": one.kind, "until": one.until and one.until.isoformat(), "people": list(one.people), "why": one.why}
            for one in self.due
        ]

    def _remedy(self, kind: str) -> str:
        certificate = " --certificate NUMBER --expires DATE" if kind == REGULATORY else ""
        return (
            f"Sign it again: pilothouse approve {self.use_case} --site {self.site} --stage {self.stage} --kind {kind} "
            f"--served{' --challenger' * self.is_challenger}{certificate}; or {self._otherwise}."
        )

    @property
    def _otherwise(self) -> str:
        return "the challenger is taken away" if self.is_challenger else f"the release steps down to {self.lower}"


def standing_of(
    records: Readable, pointer: Pointer | None, release: VerifiedRelease | None, at: datetime
) -> Watched | None:
    """Judge the approvals of a verified release under its pointer; None where nothing is served."""
    return None if pointer is None or release is None else stands_at(records, release, Stage(pointer.stage.value), at)


def standing_beside(records: Readable, challenger: VerifiedRelease, at: datetime) -> Watched:
    """Judge the approvals of a verified challenger: it stands in shadow, or nowhere."""
    return replace(stands_at(records, challenger, Stage.SHADOW, at), is_challenger=True)


def allowed_stage(records: Readable, release: VerifiedRelease, stage: Stage, at: datetime) -> Stage:
    """The highest stage, `stage` at the most, for which the approvals of a release stand now; off where none does."""
    found = stands_at(records, release, stage, at)
    return stage if found.every and not found.over else found.lower


def stands_at(records: Readable, release: VerifiedRelease, stage: Stage, at: datetime) -> Watched:
    """Judge the approvals of a verified release as it stands, or would stand, in a stage."""
    court, place = court_of(records, release, stage, at), (release.manifest.use_case, release.manifest.site)
    policy = court.policy
    counted = _counted(policy, stage, release)
    given = (records.approvals(*place), [one.ledger_hash for one in release.manifest.approvals])
    found = standing(court, counted, *given)
    within = timedelta(days=policy.approvals.remind_days)
    return Watched(
        use_case=place[0],
        site=place[1],
        stage=stage,
        due=tuple(one for one in found if one.is_due(at, within)),
        over=tuple(one for one in found if one.is_over(at)),
        lower=lower_stage(court, counted, *given),
        every=found,
    )


def court_of(records: Readable, release: VerifiedRelease, stage: Stage, at: datetime) -> Court:
    """What approvals of a served release are held against: its own subject in the stage where it stands."""
    policy, people = load_policy(release.manifest.use_case), records.people()
    return Court(policy, people, _released(release, stage), release.manifest.author, at)


def _counted(policy: Policy, stage: Stage, release: VerifiedRelease) -> Mapping[str, int]:
    """How many approvals of each kind hold the release up in this stage: what it was promoted with, where it stands as
    high as that; below, no more than the stage asks."""
    given = Counter(one.kind for one in release.manifest.approvals)
    if stage.value == release.manifest.stage.value:
        return given
    return {need.kind: min(need.quorum, given[need.kind]) for need in policy.needs_for(stage) if need.kind in given}


def _released(release: VerifiedRelease, stage: Stage) -> Release:
    manifest = release.manifest
    return Release(
        use_case=manifest.use_case,
        site=manifest.site,
        stage=stage,
        subject=Subject(**manifest.subject.model_dump()),
        region=load_site(manifest.site).region,
        intended_use=load_declaration(manifest.use_case).intended_use,
    )


def told(one: Standing) -> str:
    """Return one kind of approval as a sentence: on whom it rests, when it ends and why."""
    if one.until is None:
        return f"the {one.kind} approval does not stand ({one.why})."
    return f"the {one.kind} approval of {', '.join(one.people)} ends on {one.until:%Y-%m-%d %H:%M} UTC ({one.why})."
