"""The rollback, rehearsed: the proposal is released in a scratch home, served for real, and taken back, timed.

The service, the release store and the pointer are the real ones; keys and home are the rehearsal's own, so nothing
here can touch what is served. What does not belong here: judging the seconds (the policy does).
"""

import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.canonical import document_digest
from evaluation.evidence import Evidence, Figure
from evaluation.policies import Stage
from ml.registry.pointer import publish_pointer
from ml.registry.signing import Signer, new_private_key, write_public_key
from ml.registry.stages import Stage as ServedStage
from ml.registry.stages import Tier
from ml.registry.store import write_release
from ml.serving.background import running
from orchestration.settings import Settings
from orchestration.steps.actors import Actor, actor_of
from orchestration.steps.card import card_yaml
from orchestration.steps.errors import StepError
from orchestration.steps.evidence import head_of
from orchestration.steps.manifest import Standing, manifest_fields
from orchestration.steps.proposal import Proposal, propose
from orchestration.steps.records import now, open_records
from orchestration.steps.service import serving_config
from orchestration.steps.stores import bundle_folder, save_evidence

POLL_SECONDS = 0.05
LONGEST_SECONDS = 60.0


class RehearsalFailed(StepError):
    """The service did not follow the pointer in time; the message says which step, and after how long."""


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
        return sum(seconds for name, seconds in self.steps if name in ("roll back", "service restored"))


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
    proposal, done = propose(settings, use_case, site, Stage.SHADOW), Rehearsal()
    scratch = Path(tempfile.mkdtemp(prefix="pilothouse-rehearsal-"))
    try:
        signer = new_private_key(scratch / "keys" / "release.key.pem")
        write_public_key(scratch / "keys" / "release.pub.pem", signer.public)
        with done.step("release written and verified"):
            release = _write(settings, scratch, proposal, signer)
        with done.step("pointer published"):
            _point(scratch, proposal, release, signer)
        with running(serving_config(settings, base_url="http://rehearsal", home=scratch)) as port:
            with done.step("service follows the release"):
                _await_stage(port, use_case, site, "shadow")
            with done.step("roll back"):
                _point(scratch, proposal, None, signer)
            with done.step("service restored"):
                _await_stage(port, use_case, site, "off")
    finally:
        shutil.rmtree(scratch)
    return proposal, done


def _write(settings: Settings, scratch: Path, proposal: Proposal, signer: Signer) -> str:
    standing = Standing(decision=document_digest({"rehearsal": True}), evidence=(), approvals=())
    card = scratch / "card.yaml"
    card.write_bytes(card_yaml(proposal.card))
    fields = manifest_fields(settings, proposal, standing, created_at=now())
    fields["previous"] = None
    return write_release(scratch, fields, bundle_folder(settings, proposal.candidate), card, signer)


def _point(scratch: Path, proposal: Proposal, release: str | None, signer: Signer) -> None:
    publish_pointer(
        scratch,
        use_case=proposal.use_case.use_case,
        site=proposal.site.id,
        release=release,
        stage=ServedStage.SHADOW if release else ServedStage.OFF,
        tier=Tier.MODEL,
        reason="rehearsal",
        issued_at=now(),
        signer=signer,
    )


def _await_stage(port: int, use_case: str, site: str, stage: str) -> None:
    started = time.monotonic()
    while time.monotonic() - started < LONGEST_SECONDS:
        if _served_stage(port, use_case, site) == stage:
            return
        time.sleep(POLL_SECONDS)
    raise RehearsalFailed(
        f"After {LONGEST_SECONDS:.0f} s the service at {site} does not show {use_case} in {stage}; "
        "look at /readyz of the service for the reason."
    )


def _served_stage(port: int, use_case: str, site: str) -> str | None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status", timeout=5) as answer:
        releases = json.loads(answer.read())["releases"]
    stages = [one["stage"] for one in releases if (one["use_case"], one["site"]) == (use_case, site)]
    return stages[0] if stages else None
