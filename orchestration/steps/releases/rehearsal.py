"""The rollback, rehearsed: the proposal is released in a scratch home, served for real, and taken back, timed.

The service, the release store and the pointer are the real ones; keys and home are the rehearsal's own, so nothing
here can touch what is served. What does not belong here: judging the seconds (the policy does).
"""

import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure
from evaluation.policies import Stage
from evaluation.policies import Tier as EvaluatedTier
from ml.registry.plan import publish_plan
from ml.registry.pointer import publish_pointer
from ml.registry.signing import Signer, new_private_key, write_public_key
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier
from ml.registry.store import load_release, write_release
from ml.serving.background import running
from ml.usecases import planned_use_cases
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.kinds.planned import Asked
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import bundle_folder, save_evidence
from orchestration.steps.planning.meetings import clock_of
from orchestration.steps.planning.plans import plan_fields, planner_of
from orchestration.steps.planning.upstream import ask_upstream
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.card import card_yaml
from orchestration.steps.releases.manifest import Standing, manifest_fields
from orchestration.steps.releases.proposal import Proposal, propose
from orchestration.steps.watching.service import serving_config

BACK = ("roll back", "service restored", "board says no more")
POLL_SECONDS = 0.05
LONGEST_SECONDS = 60.0


class RehearsalFailed(StepError):
    """The service did not follow the pointer in time; the message says which step, and after how long."""


class NothingToRehearse(StepError):
    """The use case would show nothing now, so nothing could be seen to go away; the gate lacks its rehearsal."""


@dataclass
class Rehearsal:
    """Steps in order with their seconds; `seconds_to_restore` runs from the order to roll back to the answer."""

    steps: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        started = time.perf_counter()
        yield
        self.steps.append((name, round(time.perf_counter() - started, 3)))

    @property
    def seconds_to_restore(self) -> float:
        return sum(seconds for name, seconds in self.steps if name in BACK)


def rehearse(settings: Settings, use_case: str, site: str, actor: Actor | None = None) -> dict[str, Any]:
    """Rehearse, write the evidence and a ledger entry, and return the steps with their seconds."""
    acting = (actor or actor_of(None, None)).required()
    proposal, done = _rehearse(settings, use_case, site)
    evidence = _evidence(settings, proposal, done)
    payload = {
        "use_case": use_case,
        "site": site,
        "release": proposal.current.release if proposal.current else None,
        "evidence": evidence.digest,
        "seconds_to_restore": done.seconds_to_restore,
        "steps": [{"step": name, "seconds": seconds} for name, seconds in done.steps],
        "detail": {},
    }
    at = now()
    entry = open_records(settings).append("rehearsal", acting.name, acting.act("rehearsal", payload, at), at=at)
    return {**payload, "ledger_hash": entry.hash}


def rehearse_as_evidence(settings: Settings, use_case: str, site: str) -> Evidence:
    """Rehearse and return just the evidence; the graph's way."""
    proposal, done = _rehearse(settings, use_case, site)
    return _evidence(settings, proposal, done)


def _evidence(settings: Settings, proposal: Proposal, done: Rehearsal) -> Evidence:
    figures = {"rehearsal.seconds_to_restore": Figure(done.seconds_to_restore, n=1)}
    steps = [{"step": name, "seconds": seconds} for name, seconds in done.steps]
    evidence = head_of(proposal.candidate, {}).evidence("rehearsal", figures, {"steps": steps})
    save_evidence(settings, evidence)
    return evidence


def _rehearse(settings: Settings, use_case: str, site: str) -> tuple[Proposal, Rehearsal]:
    """In shadow for a use case that answers visits. One that advises a unit is shown, since what has to go away is what
    people look at: its plan, on the board."""
    proposal, done = propose(settings, use_case, site, Stage.SHADOW), Rehearsal()
    is_planned = use_case in planned_use_cases()
    at = clock_of(settings, site, now())
    scratch = Path(tempfile.mkdtemp(prefix="pilothouse-rehearsal-"))
    try:
        signer = new_private_key(scratch / "keys" / "release.key.pem")
        write_public_key(scratch / "keys" / "release.pub.pem", signer.public)
        stage = ServedStage.ASSISTIVE if is_planned else ServedStage.SHADOW
        with done.step("release written and verified"):
            release = _write(settings, scratch, proposal, signer, stage)
        with done.step("pointer published"):
            _point(scratch, proposal, release, signer, stage)
        unit = ""
        if is_planned:
            with done.step("plan made and published"):
                unit = _publish(settings, scratch, proposal, release, signer, at)
        with running(serving_config(settings, base_url="http://rehearsal", home=scratch, clock=lambda: at)) as port:
            _there_and_back(done, _Service(port, use_case, site, unit), scratch, proposal, signer, stage)
    finally:
        shutil.rmtree(scratch)
    return proposal, done


def _there_and_back(
    done: Rehearsal, service: "_Service", scratch: Path, proposal: Proposal, signer: Signer, stage: ServedStage
) -> None:
    with done.step("service follows the release"):
        service.await_stage(stage.value)
    if service.unit:
        with done.step("board shows the plan"):
            service.await_plan(is_shown=True)
    with done.step("roll back"):
        _point(scratch, proposal, None, signer, ServedStage.OFF)
    with done.step("service restored"):
        service.await_stage("off")
    if service.unit:
        with done.step("board says no more"):
            service.await_plan(is_shown=False)


def _publish(settings: Settings, scratch: Path, proposal: Proposal, release: str, signer: Signer, at: datetime) -> str:
    """Publish the plan that would be shown now, and return a unit that it speaks of. Raises `NothingToRehearse`."""
    use_case, place = proposal.use_case, proposal.site
    verified = load_release(scratch, release, signer.public)
    local = at.astimezone(place.zone)
    upstream = ask_upstream(settings, use_case, place.id, Stage.ASSISTIVE, local)
    draft = planner_of(use_case.use_case).draft(
        settings, Asked(use_case, place, verified, EvaluatedTier.MODEL, local, upstream)
    )
    plan = publish_plan(scratch, plan_fields(place, verified, draft, local, upstream), signer)
    if not plan.lines:
        raise NothingToRehearse(
            f"The plan of {use_case.use_case} at {place.id} has no line to show: {plan.tier_reason} "
            "Land its feed up to now, then rehearse again."
        )
    return plan.lines[0].unit


def _write(settings: Settings, scratch: Path, proposal: Proposal, signer: Signer, stage: ServedStage) -> str:
    standing = Standing(decision=document_digest({"rehearsal": True}), evidence=(), approvals=())
    card = scratch / "card.yaml"
    card.write_bytes(card_yaml(proposal.card))
    fields = manifest_fields(settings, proposal, standing, created_at=now())
    fields["previous"], fields["stage"] = None, stage.value
    return write_release(scratch, fields, bundle_folder(settings, proposal.candidate), card, signer)


def _point(scratch: Path, proposal: Proposal, release: str | None, signer: Signer, stage: ServedStage) -> None:
    publish_pointer(
        scratch,
        use_case=proposal.use_case.use_case,
        site=proposal.site.id,
        release=release,
        stage=stage,
        tier=Tier.MODEL,
        reason="rehearsal",
        issued_at=now(),
        signer=signer,
    )


@dataclass(frozen=True)
class _Service:
    """The running service as somebody sees it who looks at one use case of a site, and at the board of a unit."""

    port: int
    use_case: str
    site: str
    unit: str

    def await_stage(self, stage: str) -> None:
        self._await(lambda: self._stage() == stage, f"does not show {self.use_case} in {stage}")

    def await_plan(self, *, is_shown: bool) -> None:
        self._await(lambda: self._shows_plan() is is_shown, f"{'shows no' if is_shown else 'still shows a'} plan")

    def _await(self, is_so: Callable[[], bool], what: str) -> None:
        started = time.monotonic()
        while time.monotonic() - started < LONGEST_SECONDS:
            if is_so():
                return
            time.sleep(POLL_SECONDS)
        raise RehearsalFailed(
            f"After {LONGEST_SECONDS:.0f} s the service at {self.site} {what}; look at /readyz of the service for the "
            "reason."
        )

    def _stage(self) -> str | None:
        releases = self._read("status")["releases"]
        stages = [one["stage"] for one in releases if (one["use_case"], one["site"]) == (self.use_case, self.site)]
        return stages[0] if stages else None

    def _shows_plan(self) -> bool:
        sections = self._read(f"board/{self.site}/{quote(self.unit)}")["sections"]
        return any(one["plan"] for one in sections if one["use_case"] == self.use_case)

    def _read(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=5) as answer:
            return json.loads(answer.read())
