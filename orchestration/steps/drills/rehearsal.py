"""The rollback plan, rehearsed against a running sandbox: a fault goes in, and it is timed until advice is back.

A use case that answers calls is served for real from a scratch home while calls go on: a release whose model nobody
can read is promoted, the service steps down, a card says so, the policy's trigger follows, the release before is
brought back, and a person steps the tier up again. One that advises a unit has its plan go away from the board and
come back. What does not belong here: the scratch home (sandbox), the calls (calls), and judging the
seconds (the policy does).
"""

import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evaluation.evidence import Evidence, Figure, Subject
from evaluation.policies import Stage
from evaluation.policies import Tier as EvaluatedTier
from ml.registry.plan import publish_plan
from ml.registry.signing import Signer
from ml.registry.store import load_release
from ml.serving.background import running
from ml.usecases import planned_use_cases
from orchestration.settings import Settings
from orchestration.sites import UnitKind
from orchestration.steps.drills.calls import Calls, body_of, calling
from orchestration.steps.drills.sandbox import ON_CALL, Sandbox
from orchestration.steps.errors import StepError
from orchestration.steps.kinds.planned import Asked
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.stores import save_evidence
from orchestration.steps.planning.meetings import clock_of
from orchestration.steps.planning.plans import plan_fields, planner_of
from orchestration.steps.planning.upstream import ask_upstream
from orchestration.steps.record.actors import Actor, actor_of
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.proposal import Proposal, propose
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.watching.service import serving_config
from orchestration.steps.watching.trigger_watch import watch_triggers

FAULT_IN, DETECTED, TOLD, FIRED = "fault in", "service steps down", "message seen on a card", "trigger fires"
DECIDED, ROLLED_BACK, RESTORED = "decided and rolled back", "service on the release before", "advice restored"
STEPPED_UP = "tier stepped up by a person"
RELEASED_AGAIN = "plan shown again"
ROLL_BACK = (DECIDED, ROLLED_BACK, "board says no more")
BACK = (*ROLL_BACK, STEPPED_UP, RESTORED, RELEASED_AGAIN)
FAILING_SCORES = "serving.share_failed"
POLL_SECONDS = 0.05
LONGEST_SECONDS = 60.0


class RehearsalFailed(StepError):
    """The service did not follow the pointer in time; the message says which step, and after how long."""


class NothingToRehearse(StepError):
    """The use case would show nothing now, so nothing could be seen to go away; the gate lacks its rehearsal."""


@dataclass
class Rehearsal:
    """Steps in order with their seconds. `seconds_to_restore` runs from the decision to roll back until advice is back,
    `seconds_to_roll_back` until what is wrong is served no more; calls went on all the while."""

    steps: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    calls: Calls = field(default_factory=Calls)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        started = time.perf_counter()
        yield
        self.steps.append((name, round(time.perf_counter() - started, 3)))

    @property
    def seconds_to_restore(self) -> float:
        return self._sum(BACK)

    @property
    def seconds_to_roll_back(self) -> float:
        return self._sum(ROLL_BACK)

    def _sum(self, names: tuple[str, ...]) -> float:
        return round(sum(seconds for name, seconds in self.steps if name in names), 3)

    def require_answered(self) -> None:
        """Raise `RehearsalFailed` if a call was dropped."""
        calls = self.calls
        if calls.dropped:
            raise RehearsalFailed(
                f"{calls.dropped} of {calls.sent} calls were not answered in the drill ({', '.join(calls.faults)}); "
                "expected every one to be. Look at the service's log; the rehearsal does not count."
            )


def rehearse(settings: Settings, use_case: str, site: str, actor: Actor | None = None) -> dict[str, Any]:
    """Rehearse, write the evidence and a ledger entry, and return the steps with their seconds."""
    acting = (actor or actor_of(None, None)).required()
    proposal, done = _rehearse(settings, use_case, site)
    evidence = _evidence(settings, proposal, done)
    detail = {
        "seconds_to_roll_back": done.seconds_to_roll_back,
        "calls": done.calls.sent,
        "dropped": done.calls.dropped,
        "slowest_call_seconds": round(done.calls.slowest_seconds, 3),
    }
    payload = {
        "use_case": use_case,
        "site": site,
        "release": proposal.current.release if proposal.current else None,
        "evidence": evidence.digest,
        "seconds_to_restore": done.seconds_to_restore,
        "steps": [{"step": name, "seconds": seconds} for name, seconds in done.steps],
        "detail": detail,
    }
    at = now()
    entry = open_records(settings).append("rehearsal", acting.name, acting.act("rehearsal", payload, at), at=at)
    return {**payload, **detail, "ledger_hash": entry.hash}


def rehearse_as_evidence(settings: Settings, use_case: str, site: str) -> Evidence:
    """Rehearse and return just the evidence; the graph's way."""
    proposal, done = _rehearse(settings, use_case, site)
    return _evidence(settings, proposal, done)


def _evidence(settings: Settings, proposal: Proposal, done: Rehearsal) -> Evidence:
    figures = {
        "rehearsal.seconds_to_restore": Figure(done.seconds_to_restore, n=1),
        "rehearsal.seconds_to_roll_back": Figure(done.seconds_to_roll_back, n=1),
        "rehearsal.calls_dropped": Figure(float(done.calls.dropped), n=done.calls.sent),
    }
    steps = [{"step": name, "seconds": seconds} for name, seconds in done.steps]
    evidence = head_of(proposal.candidate, {}).evidence("rehearsal", figures, {"steps": steps})
    save_evidence(settings, evidence)
    return evidence


def _rehearse(settings: Settings, use_case: str, site: str) -> tuple[Proposal, Rehearsal]:
    """What is rehearsed is shown, since what has to go away is what people look at: a card, or a plan on the board."""
    proposal, done = propose(settings, use_case, site, Stage.SHADOW), Rehearsal()
    scratch = Path(tempfile.mkdtemp(prefix="pilothouse-rehearsal-"))
    sandbox = Sandbox.at(scratch, settings, proposal)
    try:
        (_rehearse_plan if use_case in planned_use_cases() else _rehearse_calls)(sandbox, done)
    finally:
        open_records.cache_clear()  # a ledger of a home that is gone must not stay open
        shutil.rmtree(scratch)
    done.require_answered()
    return proposal, done


def _rehearse_calls(sandbox: Sandbox, done: Rehearsal) -> None:
    proposal = sandbox.proposal
    use_case, site = proposal.use_case.use_case, proposal.site
    unit = next((one.id for one in site.units if one.kind is UnitKind.ED), site.units[0].id if site.units else "")
    with done.step("release written, approved, pointed to"):
        good = sandbox.release(Stage.ASSISTIVE)
        sandbox.promote(good, load_subject(sandbox, good), Stage.ASSISTIVE)
    with done.step("service started"), ExitStack() as stack:
        port = stack.enter_context(
            running(serving_config(sandbox.real, "http://rehearsal", home=sandbox.settings.home))
        )
        address = f"http://127.0.0.1:{port}/sites/{site.id}/cds-services/pilothouse-{use_case}"
        done.calls = stack.enter_context(calling(address, body_of(use_case, unit)))
        opened = stack.pop_all()
    with opened:
        service = _Service(port, use_case, site.id, "")
        with done.step("model answers"):
            service.await_answer(good, "model")
        _fault_and_back(sandbox, done, service, good)


def _fault_and_back(sandbox: Sandbox, done: Rehearsal, service: "_Service", good: str) -> None:
    use_case, site = service.use_case, service.site
    words = sandbox.proposal.policy.rollback.message.lowered
    with done.step(FAULT_IN):
        bad = sandbox.release(Stage.ASSISTIVE, broken=True)
        sandbox.promote(bad, load_subject(sandbox, bad), Stage.ASSISTIVE)
    with done.step(DETECTED):
        service.await_answer(bad, "rule")
    with done.step(TOLD):
        service.await_so(lambda: done.calls.tells(words), "shows no card with what clinicians are to be told")
    with done.step(FIRED):
        service.await_so(lambda: _fires(sandbox), f"breaches no trigger on {FAILING_SCORES}")
    with done.step(DECIDED):
        roll_back(sandbox.settings, use_case, site, None, "rehearsal", sandbox.signing(ON_CALL))
    with done.step(ROLLED_BACK):
        service.await_answer(good, "rule")
    with done.step(STEPPED_UP):
        change_tier(sandbox.settings, use_case, site, "model", "rehearsal", sandbox.signing(ON_CALL))
    with done.step(RESTORED):
        service.await_answer(good, "model")
        service.await_so(lambda: not done.calls.tells(words), "still tells that the model is paused")


def load_subject(sandbox: Sandbox, release: str) -> dict[str, str]:
    """Return the subject of a release of the sandbox, as its approvals name it."""
    manifest = load_release(sandbox.settings.home, release, sandbox.signer.public).manifest
    return Subject(**manifest.subject.model_dump()).to_json()


def _fires(sandbox: Sandbox) -> bool:
    """Look at the triggers as the sensor does; whether one of failing scores stepped the release down."""
    found = watch_triggers(sandbox.settings, now())
    return any(one["payload"]["detail"].get("signal") == FAILING_SCORES for one in found.incidents)


def _rehearse_plan(sandbox: Sandbox, done: Rehearsal) -> None:
    proposal, settings = sandbox.proposal, sandbox.settings
    use_case, site = proposal.use_case.use_case, proposal.site.id
    at = clock_of(sandbox.real, site, now())
    with done.step("release written, approved, pointed to"):
        good = sandbox.release(Stage.ASSISTIVE)
        sandbox.promote(good, load_subject(sandbox, good), Stage.ASSISTIVE)
    with done.step("plan made and published"):
        unit = _publish(sandbox.real, settings.home, proposal, good, sandbox.signer, at)
    with running(serving_config(sandbox.real, "http://rehearsal", home=settings.home, clock=lambda: at)) as port:
        service = _Service(port, use_case, site, unit)
        address = f"http://127.0.0.1:{port}/api/v1/board/{site}/{quote(unit)}"
        with calling(address, None) as done.calls:
            with done.step("board shows the plan"):
                service.await_plan(is_shown=True)
            words = proposal.policy.rollback.message.withdrawn
            with done.step(DECIDED):
                roll_back(settings, use_case, site, "shadow", "rehearsal", sandbox.signing(ON_CALL))
            with done.step("board says no more"):
                service.await_plan(is_shown=False)
            with done.step("message seen on the board"):
                service.await_so(
                    lambda: service.tells(words), "does not say on the board what clinicians are to be told"
                )
            with done.step(RELEASED_AGAIN):
                sandbox.promote(good, load_subject(sandbox, good), Stage.ASSISTIVE)
                service.await_plan(is_shown=True)


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


@dataclass(frozen=True)
class _Service:
    """The running service as somebody sees it who looks at one use case of a site, and at the board of a unit."""

    port: int
    use_case: str
    site: str
    unit: str

    def await_answer(self, release: str, tier: str) -> None:
        """Wait until a release answers from a tier."""
        what = f"does not answer with release {release[:12]} from tier {tier}"
        self.await_so(lambda: self._answers() == (release, tier), what)

    def await_plan(self, *, is_shown: bool) -> None:
        self.await_so(lambda: self._shows_plan() is is_shown, f"{'shows no' if is_shown else 'still shows a'} plan")

    def tells(self, words: str) -> bool:
        """Whether the board of the unit says these words."""
        return any(one["notice"] == words for one in self._sections())

    def await_so(self, is_so: Callable[[], bool], what: str) -> None:
        started = time.monotonic()
        while time.monotonic() - started < LONGEST_SECONDS:
            if is_so():
                return
            time.sleep(POLL_SECONDS)
        raise RehearsalFailed(
            f"After {LONGEST_SECONDS:.0f} s the service at {self.site} {what}; look at /readyz of the service for the "
            "reason."
        )

    def _answers(self) -> tuple[str | None, str | None] | None:
        releases = self._read("status")["releases"]
        here = [one for one in releases if (one["use_case"], one["site"]) == (self.use_case, self.site)]
        return (here[0]["release"], here[0]["tier"]) if here else None

    def _shows_plan(self) -> bool:
        return any(one["plan"] for one in self._sections())

    def _sections(self) -> list[dict[str, Any]]:
        sections = self._read(f"board/{self.site}/{quote(self.unit)}")["sections"]
        return [one for one in sections if one["use_case"] == self.use_case]

    def _read(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=5) as answer:
            return json.loads(answer.read())
