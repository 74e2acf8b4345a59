"""What is proposed now for a use case, a site and a stage: exactly what approvals are bound to.

Going to shadow proposes the newest candidate; going further proposes the model that is already released, because its
exit evidence is about that model; of a challenger, the one that scores beside it. Contracts, policy, card, intended
use, features and launch scope are always those on disk now, so a change of any of them voids earlier approvals. What
does not belong here: deciding.
"""

from dataclasses import dataclass
from typing import Any

from evaluation.canonical import document_digest
from evaluation.evidence import Subject
from evaluation.gates import earned
from evaluation.policies import Policy, Stage, load_policy
from ml.registry import RegistryError
from ml.registry.layout import card_digest
from ml.registry.manifest import Launch, Nowhere, Scope
from ml.registry.pointer import Pointer, read_pointer
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from ml.usecases import Declaration, UseCase, load_declaration, use_case_names
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.versions import contract_versions
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.stores import CandidateRecord, read_candidate
from orchestration.steps.record.lanes import Lane, lane_to_change
from orchestration.steps.record.records import open_records


@dataclass(frozen=True)
class Challenging:
    """A proposal that is a challenger: one that `comes` beside what is served, in the place of what `lane` says is
    there now, or the one that is there and goes into service."""

    lane: Lane
    comes: bool

    @property
    def stage(self) -> Stage:
        """The stage of what scores beside: shadow, or off where nothing does."""
        return Stage.OFF if self.release is None else Stage.SHADOW

    @property
    def release(self) -> str | None:
        return self.lane.pointer and self.lane.pointer.release


@dataclass(frozen=True)
class Proposal:
    """A model with everything it would be released with."""

    use_case: Declaration
    site: Site
    stage: Stage
    policy: Policy
    subject: Subject
    candidate: CandidateRecord
    contracts: dict[str, dict[str, str]]
    card: dict[str, Any]
    scope: Scope
    current: Pointer | None
    challenger: Challenging | None = None

    @property
    def current_stage(self) -> Stage:
        """The stage that the next step goes from: what was earned, and not what a broken glass lent."""
        if self.challenger is not None and self.challenger.comes:
            return self.challenger.stage
        return earned_stage(self.current)


def earned_stage(pointer: Pointer | None) -> Stage:
    """The stage that was reached by evidence: under a broken glass, that of before it; off where nobody knows."""
    if pointer is None:
        return Stage.OFF
    if pointer.glass is None:
        return Stage(pointer.stage.value)
    before = pointer.glass.before
    return Stage.OFF if before is None else earned(Stage(pointer.stage.value), Stage(before.stage.value))


def earned_release(pointer: Pointer | None) -> str | None:
    """The release that stands by evidence: under a broken glass, the one of before it."""
    if pointer is None or pointer.glass is None:
        return pointer and pointer.release
    return pointer.glass.before and pointer.glass.before.release


def current_pointer(settings: Settings, use_case: str, site: str) -> Pointer | None:
    """Return the signed release pointer of a use case at a site, verified, or None before the first release."""
    public = settings.keys / "release.pub.pem"
    if not public.exists():
        return None
    return read_pointer(settings.home, use_case, site, load_public_key(public))


def released(settings: Settings, pointer: Pointer | None) -> VerifiedRelease | None:
    """Return the release a pointer names, every file verified, or None when it names none."""
    if pointer is None or pointer.release is None:
        return None
    return load_release(settings.home, pointer.release, load_public_key(settings.keys / "release.pub.pem"))


def released_subject(settings: Settings, pointer: Pointer | None) -> Subject | None:
    """The subject of what is released now; None where nothing is that can be verified."""
    release = released_or_none(settings, pointer)
    return None if release is None else Subject(**release.manifest.subject.model_dump())


def released_or_none(settings: Settings, pointer: Pointer | None) -> VerifiedRelease | None:
    """What is released now; None where it can no longer be verified, and releasing the same again repairs it."""
    try:
        return released(settings, pointer)
    except RegistryError:
        return None


class NothingServed(StepError):
    """What is served was asked for, and nothing is."""


class NoChallenger(StepError):
    """The challenger was asked for, and there is none."""


def propose(settings: Settings, use_case: str, site: str, stage: Stage, *, challenger: bool = False) -> Proposal:
    """Assemble the proposal; with `challenger`, of what scores beside the release that is served.

    Raises `NoCandidate` when nothing was trained yet, and `NoChallenger`.
    """
    declared, policy, place = load_declaration(use_case), load_policy(use_case), load_site(site)
    pointer = current_pointer(settings, use_case, site)
    beside = _challenging(settings, declared.use_case, place.id, stage) if challenger else None
    if beside is None or beside.comes:
        candidate = _candidate(settings, use_case, site, stage, pointer)
    else:
        candidate = _challenger(settings, use_case, site, beside)
    contracts = contract_versions(place, settings.environment)
    card, scope = kind_of(use_case).layout(declared, policy), _somewhere(declared, place)
    subject = Subject(
        model=candidate.model,
        data=candidate.data,
        contracts=document_digest(contracts),
        policy=policy.digest,
        card=card_digest(card),
        intended_use=declared.intended_use_digest,
        features=declared.features_digest,
        scope=scope.digest,
    )
    return Proposal(declared, place, stage, policy, subject, candidate, contracts, card, scope, pointer, beside)


class SpeaksNowhere(StepError):
    """The site's file lets the use case speak nowhere: there is nothing to release there."""


def launch_scope(declared: Declaration, site: Site) -> Launch:
    """Where a use case may speak at a site by the site's file: anywhere, if what it scores is in no unit."""
    said = site.scope_of(declared.use_case)
    if said.is_nowhere:
        return Nowhere(f"the site's file lets {declared.use_case} speak nowhere (units or shifts: none)")
    is_anywhere = isinstance(declared, UseCase) and not declared.grain.is_in_unit
    return Scope() if is_anywhere else Scope(units=said.units, shifts=said.shifts)


def launch_scopes(site: Site) -> dict[str, Launch]:
    """Where each use case may speak at a site by the site's file as it is now."""
    return {use_case: launch_scope(load_declaration(use_case), site) for use_case in use_case_names()}


def _somewhere(declared: Declaration, site: Site) -> Scope:
    launch = launch_scope(declared, site)
    if isinstance(launch, Nowhere):
        raise SpeaksNowhere(
            f"{declared.use_case} at {site.id}: {launch.why}. Name units and shifts there, or write `all`, to "
            "release; what is served is silent meanwhile, and goes with: "
            f"pilothouse rollback {declared.use_case} --site {site.id}"
        )
    return launch


def _challenging(settings: Settings, use_case: str, site: str, stage: Stage) -> Challenging:
    lane = lane_to_change(settings, open_records(settings), use_case, site)
    return Challenging(lane, comes=stage.rank <= Stage.SHADOW.rank)


def _challenger(settings: Settings, use_case: str, site: str, beside: Challenging) -> CandidateRecord:
    release = _beside(settings, use_case, site, beside)
    return read_candidate(settings, use_case, site, release.manifest.model.digest)


def _beside(settings: Settings, use_case: str, site: str, beside: Challenging) -> VerifiedRelease:
    if beside.release is None or beside.lane.fault:
        raise NoChallenger(
            f"{use_case} has no challenger at {site}{': ' * bool(beside.lane.fault)}{beside.lane.fault}; the newest "
            f"candidate becomes one with: pilothouse promote {use_case} --site {site} --to shadow --challenger"
        )
    return load_release(settings.home, beside.release, load_public_key(settings.keys / "release.pub.pem"))


def as_served(settings: Settings, use_case: str, site: str, stage: Stage, *, challenger: bool = False) -> Proposal:
    """What is served now, or scores beside it, to be signed again as it was released: whatever was trained or changed
    since is not in it.

    Raises `NothingServed`, `NoChallenger`, and what reading the release raises.
    """
    pointer = current_pointer(settings, use_case, site)
    beside = _challenging(settings, use_case, site, stage) if challenger else None
    release = released(settings, pointer) if beside is None else _beside(settings, use_case, site, beside)
    if release is None:
        raise NothingServed(f"{use_case} serves no release at {site}; leave --served out to sign what is proposed.")
    manifest, declared, policy = release.manifest, load_declaration(use_case), load_policy(use_case)
    return Proposal(
        use_case=declared,
        site=load_site(site),
        stage=stage,
        policy=policy,
        subject=Subject(**manifest.subject.model_dump()),
        candidate=read_candidate(settings, use_case, site, manifest.model.digest),
        contracts={feed: one.model_dump(mode="json") for feed, one in manifest.contracts.items()},
        card=kind_of(use_case).layout(declared, policy),
        scope=manifest.scope,
        current=pointer,
        challenger=beside,
    )


def _candidate(settings: Settings, use_case: str, site: str, stage: Stage, pointer: Pointer | None) -> CandidateRecord:
    if stage.rank > Stage.SHADOW.rank:
        release = released(settings, pointer)
        if release is not None:
            return read_candidate(settings, use_case, site, release.manifest.model.digest)
    return read_candidate(settings, use_case, site)


def served_sites(settings: Settings, use_case: str) -> list[str]:
    """Return the sites where a release of the use case is served, in any stage but off.

    A site whose pointer cannot be trusted serves nothing, and keeps no other site waiting: `status` shouts about it.
    """
    return [site for site in list_sites() if _serves(settings, use_case, site)]


def _serves(settings: Settings, use_case: str, site: str) -> bool:
    try:
        pointer = current_pointer(settings, use_case, site)
    except RegistryError:
        return False
    return pointer is not None and pointer.release is not None
