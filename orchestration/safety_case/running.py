"""Running the catalogue: the sandbox once, a null run of each course, every fault in a copy of its own, the scoreboard.

What does not belong here: the courses (week, board, service) and how a line is judged (faults).
"""

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evaluation.reports.safety_case import SafetyCaseView, write_safety_case
from orchestration.safety_case.board import hold_board
from orchestration.safety_case.catalogue import CATALOGUE
from orchestration.safety_case.faults import (
    SURFACES,
    BoardFault,
    Fault,
    FeedFault,
    Outcome,
    ServiceFault,
    verdict,
)
from orchestration.safety_case.folders import Working, working_folder
from orchestration.safety_case.null_runs import as_null_run, counted
from orchestration.safety_case.sandbox import Progress, Sandbox, land_history, make_sandbox
from orchestration.safety_case.service import serve
from orchestration.safety_case.week import play_week
from orchestration.settings import Settings
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import WrongUsage
from orchestration.steps.record.records import now, open_records

SCHEMA = "pilothouse.safety-case/1"
SEED = 7


class UnknownFault(WrongUsage):
    """The catalogue has no fault of that name; the message lists those it has."""


@dataclass
class Case:
    """One run over one sandbox: `usual` is what each course comes to without a fault."""

    base: Sandbox
    working: Working
    progress: Progress
    usual: dict[type[Fault], Outcome] = field(default_factory=dict[type[Fault], Outcome])

    @property
    def folder(self) -> Path:
        return self.working.folder

    def play(self, kind: type[Fault], fault: Fault | None) -> Outcome:
        """Play a course in a copy of its own, which is gone afterwards."""
        folder = self.folder / (fault.id if fault else f"usual-{kind.__name__}")
        try:
            found = COURSES[kind](self, folder, fault)
            self.working.end_if_told()
            return found
        finally:
            open_records.cache_clear()
            if fault is not None:  # the week without a fault is what the others are counted against
                shutil.rmtree(folder, ignore_errors=True)

    def usual_of(self, kind: type[Fault]) -> Outcome:
        """The null run of a course."""
        if kind not in self.usual:
            self.progress(f"null run  {COURSE_NAMES[kind]}")
            self.usual[kind] = self.play(kind, None)
        return self.usual[kind]

    def judge(self, fault: Fault) -> dict[str, Any]:
        """Put one fault in and return its line of the scoreboard."""
        usual = self.usual_of(type(fault))
        started = time.perf_counter()
        line = verdict(fault, self.play(type(fault), fault), usual)
        seen = "detected" if line["detected"] else "NOT DETECTED"
        self.progress(f"fault     {fault.id}: {seen} ({time.perf_counter() - started:.1f} s)")
        return line


def _board(case: Case, folder: Path, fault: Fault | None) -> Outcome:
    assert fault is None or isinstance(fault, BoardFault)
    return hold_board(case.base, folder, fault)


def _service(case: Case, folder: Path, fault: Fault | None) -> Outcome:
    assert fault is None or isinstance(fault, ServiceFault)
    return serve(case.base, folder, fault)


def _week(case: Case, folder: Path, fault: Fault | None) -> Outcome:
    assert fault is None or isinstance(fault, FeedFault)
    usual = None if fault is None else case.folder / f"usual-{FeedFault.__name__}"
    return play_week(case.base, folder, fault, usual, case.progress)


Course = Callable[[Case, Path, Fault | None], Outcome]
COURSES: Mapping[type[Fault], Course] = {FeedFault: _week, BoardFault: _board, ServiceFault: _service}
COURSE_NAMES: Mapping[type[Fault], str] = {
    FeedFault: "a week of feeds",
    BoardFault: "a release",
    ServiceFault: "calls to the service",
}


def null_run(settings: Settings, folder: Path, seed: int, progress: Progress) -> dict[str, Any]:
    """Play the week of another simulated hospital without a fault: its landing, meaning, freshness and tables.

    Nothing is released there, so drift, which is watched of what is served, has nothing to look at.
    """
    base = land_history(settings, folder / "base", seed, progress)
    progress(f"null run  {COURSE_NAMES[FeedFault]}, seed {seed}")
    found = play_week(base, folder / "week", None, None, progress)
    shutil.rmtree(folder)
    return as_null_run(seed, {COURSE_NAMES[FeedFault]: found})


def list_catalogue() -> Answer:
    """Return every fault of the catalogue with the barrier that promises to catch it, and the known blind spots."""
    lines = [
        {
            "fault": one.id,
            "family": one.family,
            "title": one.title,
            "done": one.done,
            "barrier": one.barrier.value,
            "alarm": list(one.alarm),
            "surface": SURFACES[one.barrier],
            "blind_spot": one.blind or None,
        }
        for one in CATALOGUE
    ]
    text = "\n".join(f"{one['fault']:<24}{one['family']:<12}{one['barrier']:<11}{one['title']}" for one in lines)
    return Answer({"faults": lines}, text=text)


def run_safety_case(
    settings: Settings,
    progress: Progress,
    *,
    only: Sequence[str] = (),
    seed: int = SEED,
    nulls: int = 1,
    out: Path | None = None,
    base: Path | None = None,
) -> Answer:
    """Run the catalogue, or the faults named in `only`, in a sandbox of its own, and return the scoreboard.

    `nulls` is the number of seeds of null runs, the sandbox's own among them; `out` the folder of the page; `base` a
    folder for a sandbox that is kept, and taken as it is where one lies there already. Exit code 1 where a fault was
    missed that the catalogue promises to catch. Raises `UnknownFault`, `SandboxNotReady` and `BaseRefused`.
    """
    chosen, started = chosen_faults(only), time.perf_counter()
    with open_case(settings, progress, seed=seed, base=base) as case:
        return keep_score(case, chosen, started, nulls=nulls, out=out)


def keep_score(
    case: Case, chosen: Iterable[Fault], started: float, *, nulls: int = 1, out: Path | None = None
) -> Answer:
    """Judge faults, play null runs and return the scoreboard, as `run_safety_case` does; `started` is of
    `perf_counter`."""
    lines = [case.judge(fault) for fault in chosen]
    runs = [as_null_run(case.base.seed, {COURSE_NAMES[kind]: found for kind, found in case.usual.items()})]
    further = range(case.base.seed + 1, case.base.seed + nulls)
    runs += [null_run(case.base.settings, case.folder / f"null-{seed}", seed, case.progress) for seed in further]
    answer = scoreboard(lines, runs, time.perf_counter() - started)
    if out is None:
        return answer
    view = SafetyCaseView(answer.document, now(), version("pilothouse"))
    return replace(answer, document={**answer.document, "page": str(write_safety_case(out, view))})


@contextmanager
def open_case(settings: Settings, progress: Progress, *, seed: int = SEED, base: Path | None = None) -> Generator[Case]:
    """Make the sandbox, in `base` where one is given, and let faults be judged in it while the block lasts.

    Raises `SandboxNotReady` and `BaseRefused`.
    """
    with _private_environment(), working_folder() as working:
        sandbox = make_sandbox(settings, base or working.folder / "base", seed, progress)
        working.end_if_told()
        yield Case(sandbox, working, progress)


@contextmanager
def _private_environment() -> Generator[None]:
    """Give the process its environment back: sandboxes are homes of their own while they are worked in."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def scoreboard(lines: list[dict[str, Any]], nulls: list[dict[str, Any]], seconds: float) -> Answer:
    """The scoreboard as a document and as lines for people."""
    missed = [one["fault"] for one in lines if one["promised"] and not one["detected"]]
    blind = [one["fault"] for one in lines if not one["promised"] and not one["detected"]]
    document = {
        "schema": SCHEMA,
        "note": "Simulated engineering evidence: no patient, no hospital and no clinical claim.",
        "faults": lines,
        "detected": sum(one["detected"] for one in lines),
        "missed": missed,
        "blind_spots": blind,
        "null_runs": counted(nulls),
        "seconds": round(seconds, 1),
    }
    return Answer(document, text=as_words(document), exit_code=FAILED if missed else DONE)


def as_words(document: Mapping[str, Any]) -> str:
    """The scoreboard in lines that nothing is cut from."""
    lines = [_line(one) for one in document["faults"]]
    nulls = document["null_runs"]
    return "\n".join(
        [
            *lines,
            f"{document['detected']} of {len(lines)} faults detected.",
            f"Missed: {', '.join(document['missed']) or 'none'}.",
            f"Known blind spots: {', '.join(document['blind_spots']) or 'none'}.",
            f"Null runs: {nulls['alarms']} alarms in {nulls['looks']} looks over {len(nulls['runs'])} seeds.",
            str(document["note"]),
        ]
    )


def _line(one: Mapping[str, Any]) -> str:
    mark = "detected" if one["detected"] else "MISSED" if one["promised"] else "blind spot"
    after = "" if one["seconds"] is None else f" after {one['seconds']:.2f} s"
    days = "" if one["days"] is None else f", {one['days']:g} simulated days"
    said = one["said"] or one["blind_spot"] or "nothing was said"
    return f"{one['fault']:<24}{mark:<11}{one['barrier']}{after}{days}: {said}"


def chosen_faults(only: Iterable[str]) -> list[Fault]:
    """Return the faults of these names, all where none is given. Raises `UnknownFault`."""
    known = {fault.id: fault for fault in CATALOGUE}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UnknownFault(f"The catalogue has no fault {unknown[0]!r}; it has {', '.join(known)}.")
    return [known[name] for name in only] or list(CATALOGUE)
