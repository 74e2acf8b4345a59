"""The course of serving: a release in assistive, the real service over it, calls about a patient in danger.

The release is put up as a drill puts one up, so that there are cards to go wrong; the client signs a token for every
call. What is looked at is what an operator's monitoring sees: HTTP answers, and `/readyz`, which tells a step down.
What does not belong here: the faults.
"""

import http.client
import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.policies import Stage
from ml.registry.signing import load_public_key
from ml.registry.stages import Tier
from ml.registry.store import load_release
from ml.serving.background import running
from ml.serving.clocks import SteadyClock
from ml.serving.config import utc_now
from orchestration.safety_case.client import TrustedClient
from orchestration.safety_case.faults import Alarm, Barrier, Outcome, Reached, ServiceFault
from orchestration.safety_case.patient import patient_in_danger
from orchestration.safety_case.sandbox import SITE, USE_CASE, SandboxNotReady
from orchestration.safety_case.sandbox import Sandbox as Base
from orchestration.steps.drills.sandbox import Sandbox
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.proposal import propose
from orchestration.steps.watching.service import serving_config

LONGEST_SECONDS, PAUSE_SECONDS, TIMEOUT_SECONDS = 20.0, 0.02, 15.0
"""How long calls go on, with a fault and without one; between two; and until one is given up."""
READY_WITHIN_SECONDS = 120.0
"""What a busy machine may take to load the model, or to follow a pointer, before a fault goes in."""
DIGITS = re.compile(r"(?<= )\d+(?= )")
PATH = f"/sites/{SITE}/cds-services/pilothouse-{USE_CASE}"


@dataclass(frozen=True)
class Answered:
    """One answer: HTTP status, document, cards as people read them, and by which tier (None: no event tells)."""

    status: int
    document: dict[str, Any]
    tier: str | None = None

    @property
    def cards(self) -> frozenset[tuple[str, str, str]]:
        shown = self.document.get("cards", ())
        return frozenset((one["summary"], one["indicator"], one.get("detail", "")) for one in shown)


@dataclass
class Service:
    """A running service and its one client; faults change `body`, `token`, `skew_seconds`, or the files of `home`."""

    drill: Sandbox
    client: TrustedClient
    release: str
    port: int = 0
    skew_seconds: float = 0.0
    usual: Answered = field(default_factory=lambda: Answered(0, {}))
    body: Callable[[], bytes] = field(default=lambda: b"")
    token: Callable[[], str] = field(default=lambda: "")
    alarms: list[Alarm] = field(default_factory=list[Alarm])
    at: datetime = field(default_factory=utc_now)
    looked: int = 0
    started: float = 0.0

    @property
    def home(self) -> Path:
        return self.drill.settings.home

    @property
    def release_folder(self) -> Path:
        return self.home / "releases" / self.release

    @property
    def pointer(self) -> Path:
        return self.home / "pointers" / USE_CASE / f"{SITE}.json"

    def danger(self) -> bytes:
        """A call about somebody in danger, who came when the course began: a later hour is another risk."""
        return patient_in_danger(self.at)

    def call(self) -> Answered:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"}
        before = self._events()
        status, document = self._ask(PATH, self.body(), headers)
        return Answered(status, document, self._tier_since(before))

    def await_stage(self, stage: Stage) -> None:
        """Wait until the service serves in a stage. Raises `SandboxNotReady` where it does not come to it."""
        until = time.perf_counter() + READY_WITHIN_SECONDS
        while stage.value not in {one["stage"] for one in self._ask("/api/v1/status")[1]["releases"]}:
            if time.perf_counter() > until:
                raise SandboxNotReady(f"The service did not come to {stage} within {READY_WITHIN_SECONDS:.0f} s.")
            time.sleep(PAUSE_SECONDS)

    def look(self, answer: Answered) -> None:
        """What monitoring sees after a call."""
        self.looked += 1
        if answer.status >= 400:
            said = answer.document.get("detail")
            self.tell(f"answer {answer.status}: {said}", f"{answer.status} {answer.document.get('title', '')}: {said}")
        status, ready = self._ask("/readyz")
        if status >= 400:
            self.tell(f"readyz: {ready.get('detail')}", f"/readyz {status}: {ready.get('detail')}")
        for lower in ready.get("stepped_down", ()):
            self.tell(f"tier: {lower['reason']}", f"{lower['site']} answers from {lower['tier']}: {lower['reason']}")

    def has_told(self, fault: ServiceFault | None) -> bool:
        """Whether the alarm that a fault must raise was raised; never where there is no fault."""
        return fault is not None and any(fault.is_told_by(one) for one in self.alarms)

    def tell(self, about: str, said: str) -> None:
        """Keep an alarm once; how often or for how many seconds makes no other one of it."""
        kind = DIGITS.sub("n", about)
        if kind not in {one.about for one in self.alarms}:
            self.alarms.append(Alarm(Barrier.SERVICE, kind, said, time.perf_counter() - self.started))

    def _ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        status, content = self._read(path, body, headers)
        return status, json.loads(content) if content else {}

    def _read(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        with closing(connection):
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all, and hang up
                connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _events(self) -> int:
        return self._one("select coalesce(max(id), 0) from serving_event", 0)

    def _tier_since(self, number: int) -> str | None:
        return self._one("select max(tier) from serving_event where kind = 'call' and id > ?", None, number)

    def _one(self, query: str, otherwise: Any, *values: object) -> Any:
        if not (self.home / "events.db").exists():
            return otherwise
        with closing(sqlite3.connect(f"file:{self.home / 'events.db'}?mode=ro", uri=True)) as database:
            found = database.execute(query, values).fetchone()
        return found[0] if found else otherwise


def serve(base: Base, home: Path, fault: ServiceFault | None) -> Outcome:
    """Play the course over a scratch home in a new folder, with a fault or without."""
    home.mkdir()
    try:
        return _serve(base, home, fault)
    finally:
        open_records.cache_clear()


def _serve(base: Base, home: Path, fault: ServiceFault | None) -> Outcome:
    proposal = propose(base.settings, USE_CASE, SITE, Stage.SHADOW)
    drill = Sandbox.at(home, base.settings, proposal)
    release = drill.release(Stage.ASSISTIVE)
    manifest = load_release(home, release, load_public_key(drill.settings.keys / "release.pub.pem")).manifest
    drill.promote(release, manifest.subject.model_dump(), Stage.ASSISTIVE)
    client = TrustedClient.listed_in(home)
    service = Service(drill, client, release)
    service.body, service.token = service.danger, lambda: client.token(PATH)
    clock = SteadyClock(lambda: time.time() + service.skew_seconds)
    config = replace(serving_config(base.settings, client.base_url, home=home), steady_clock=clock)
    with running(config) as service.port:
        service.usual = _warm(service)
        return _calls(service, fault)


def _warm(service: Service) -> Answered:
    """The model's answer to the patient: a busy machine may not have it in time at first. Raises `SandboxNotReady`."""
    until = time.perf_counter() + READY_WITHIN_SECONDS
    while (answer := service.call()).tier != Tier.MODEL.value or not answer.cards:
        if time.perf_counter() > until:
            raise SandboxNotReady(
                f"Without a fault a call was answered {answer.status} by {answer.tier} with {len(answer.cards)} cards, "
                f"after {READY_WITHIN_SECONDS:.0f} s; expected a card of the model, or nothing could be seen to go "
                f"wrong. What it said: {' '.join(sorted(detail for *_, detail in answer.cards))}"
            )
    return answer


def _calls(service: Service, fault: ServiceFault | None) -> Outcome:
    """Call until the promised alarm is raised, or time is up; without a fault for all the time that one may take."""
    touched = 0
    with fault.inject(service) if fault else nullcontext():
        service.started = time.perf_counter()
        while not service.has_told(fault) and time.perf_counter() - service.started < LONGEST_SECONDS:
            answer = service.call()
            touched += _touched(answer, service.usual)
            service.look(answer)
            time.sleep(PAUSE_SECONDS)
    return Outcome(tuple(service.alarms), Reached(cards=touched), {Barrier.SERVICE.value: service.looked})


def _touched(answer: Answered, usual: Answered) -> int:
    """How many cards stand as the model's, and are not what the same patient was told before the fault."""
    return len(answer.cards - usual.cards) if answer.tier == Tier.MODEL.value else 0
