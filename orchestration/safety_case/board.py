"""The course of a release: two people sign, the gate is asked, and whoever checks the record afterwards looks.

A fault acts instead of the rightful people, or afterwards on what they left. What is looked at is what anybody may ask:
what `approve` and `promote` answered, `ledger verify`, `status`. What does not belong here: the faults.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.policies import Stage
from ml.registry import RegistryError
from orchestration.safety_case.faults import Alarm, Barrier, BoardFault, Outcome, Reached
from orchestration.safety_case.sandbox import PEOPLE, SITE, USE_CASE, Sandbox, work_in
from orchestration.settings import Settings
from orchestration.steps.errors import Refused, known_errors
from orchestration.steps.learning.stores import read_candidate
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import open_records, verify_ledger
from orchestration.steps.releases.approval import record_verdict
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.releases.release import promote_release
from orchestration.steps.watching.status import overview


@dataclass
class Board:
    """The people who release, over one copy of the sandbox; `alarms` is what they were told."""

    sandbox: Sandbox
    alarms: list[Alarm] = field(default_factory=list[Alarm])
    rightful: set[str] = field(default_factory=set[str])
    looks: Counter[str] = field(default_factory=Counter[str])
    started: float = field(default_factory=time.perf_counter)

    @property
    def settings(self) -> Settings:
        return self.sandbox.settings

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def author(self) -> str:
        """Whose model it is."""
        return read_candidate(self.settings, USE_CASE, SITE).author

    def register(self, person: str, *roles: str) -> None:
        new_person(self.settings, person, roles, self.sandbox.key(person))

    def approve(self, kind: str, person: str | None = None, key: Path | None = None) -> None:
        """Sign an approval for shadow; whoever is usual signs where nobody is named."""
        signer = person or PEOPLE[kind][0]
        words = (USE_CASE, SITE, Stage.SHADOW.value, kind, signer, key or self.sandbox.key(signer), "approve")
        self.looks[Barrier.GATE.value] += 1
        with self.told():
            record_verdict(self.settings, *words)

    def approve_all(self) -> None:
        for kind in PEOPLE:
            self.approve(kind)

    def promote(self, stage: Stage = Stage.SHADOW) -> None:
        """Ask for a stage; each reason of a refusal is an alarm of the gate."""
        self.looks[Barrier.GATE.value] += 1
        with self.told():
            answer = promote_release(self.settings, USE_CASE, SITE, stage.value)
            for reason in answer.document.get("reasons", ()):
                self.tell(Barrier.GATE, reason["clause"], f"{reason['clause']}: {reason['figure']}")

    def release(self) -> None:
        """What rightful people do."""
        self.approve_all()
        self.promote()
        self.rightful |= self.served()

    def served(self) -> set[str]:
        """The release that a service would serve now: pointed to, and verified to the last byte."""
        try:
            pointer = current_pointer(self.settings, USE_CASE, SITE)
            return {pointer.release} if pointer and pointer.release and released(self.settings, pointer) else set()
        except RegistryError:
            return set()

    @contextmanager
    def told(self) -> Generator[None]:
        """Take what is refused by a step as what its user is told."""
        try:
            yield
        except Refused as error:
            for one in error.reasons:
                self.tell(Barrier.GATE, one.clause, f"{one.clause}: {one.figure}")
        except known_errors() as error:
            self.tell(Barrier.GATE, type(error).__name__, str(error))

    def tell(self, barrier: Barrier, about: str, said: str) -> None:
        self.alarms.append(Alarm(barrier, about, said, time.perf_counter() - self.started))

    def fault_is_in(self) -> None:
        """Detection counts from now on; whoever opens the ledger reads it anew, as another process does."""
        open_records.cache_clear()
        self.started = time.perf_counter()

    def look(self) -> None:
        """What anybody may ask afterwards."""
        self.looks.update((Barrier.LEDGER.value, Barrier.RELEASE.value))
        verified = verify_ledger(self.settings).document
        if not verified["ok"]:
            about = "pointer" if verified["first_bad"] is None else "entry"
            self.tell(Barrier.LEDGER, about, verified["reason"])
        for problem in overview(self.settings).problems:
            self.tell(Barrier.RELEASE, _about(problem), problem)


def _about(problem: str) -> str:
    """What a problem of `status`, which is told in words alone, is about."""
    if problem.startswith("THE LEDGER"):
        return "ledger"
    return "pointer" if "POINTER" in problem or "the pointer" in problem else "release"


def rightful(board: Board) -> None:
    """No fault: two people sign, and the gate allows it."""
    board.release()


def hold_board(base: Sandbox, folder: Path, fault: BoardFault | None) -> Outcome:
    """Play the course in a copy of the sandbox, with a fault or without."""
    sandbox = base.copy(folder, whole=False)
    work_in(sandbox.settings)
    board = Board(sandbox)
    board.fault_is_in()
    act: Callable[[Board], None] = fault.act if fault else rightful
    act(board)
    board.look()
    wrong = len(board.served() - board.rightful) if fault else 0
    open_records.cache_clear()
    return Outcome(tuple(board.alarms), Reached(model=wrong), dict(board.looks))
