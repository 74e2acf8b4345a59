"""The course of a week of feeds: seven days arrive at a hospital that has been sending for months.

A fault goes into the files of those days before they land. What is looked at is what the hospital's data owner gets:
receipts, incidents of feeds that are late, reviews of meaning, the checks of the build of tables, incidents of drift.
How far a fault came is counted against the same week without it, row by row. What does not belong here: the faults.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from orchestration.defs.launch import Launcher
from orchestration.feeds import FeedStopped
from orchestration.safety_case.board import Board
from orchestration.safety_case.faults import Alarm, Barrier, FeedFault, Outcome, Reached
from orchestration.safety_case.reach import lake_difference, omop_difference
from orchestration.safety_case.sandbox import SITE, USE_CASE, Progress, Sandbox, work_in
from orchestration.sites import load_site
from orchestration.steps.intake.freshness import site_freshness, tell
from orchestration.steps.intake.landing import Landed, arrival_time, land_days
from orchestration.steps.meanings.reviews import list_reviews, show_review, watch_meaning
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.watching.drift_watch import watch_drift

LOOKED_AFTER = (1, 3, 7)
"""Days of the week after which meaning is looked at."""
HELD_SHARE = 0.005
"""Of a day's records, held back by one clause: from here on a receipt is taken as an alarm. Usual is one in a
thousand, which the null runs count."""
OBSERVATIONS, RETRACTED = "Observation.ndjson", 60
LONGEST_SAID = 600
MORNING = timedelta(hours=12)
"""From the end of the week until somebody looks at whether feeds are late: the next noon."""


@dataclass
class Week:
    """The week's files in one copy of the sandbox, and what was said of them."""

    sandbox: Sandbox
    alarms: list[Alarm] = field(default_factory=list[Alarm])
    looks: Counter[str] = field(default_factory=Counter[str])
    started: float = field(default_factory=time.perf_counter)
    day: int = 0

    @property
    def home(self) -> Path:
        return self.sandbox.settings.home

    @property
    def days(self) -> tuple[date, ...]:
        return self.sandbox.week

    def folder(self, day: date) -> Path:
        return self.home / "drops" / SITE / day.isoformat()

    def change(self, resource_type: str, change: Callable[[dict[str, Any], int], dict[str, Any] | None]) -> None:
        """Put every resource of a type through a change, on every day; None leaves it out.

        A line that holds no resource stays as it is: the sender's own damage.
        """
        for day in self.days:
            path = self.folder(day) / f"{resource_type}.ndjson"
            if path.exists():
                lines = path.read_bytes().splitlines()
                made = [_changed(line, number, change) for number, line in enumerate(lines)]
                self.rewrite(path, b"\n".join(line for line in made if line is not None) + b"\n")

    def rewrite(self, path: Path, content: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    def say(self, barrier: Barrier, about: str, said: str) -> None:
        if (barrier, about) not in {(one.barrier, one.about) for one in self.alarms}:
            self.alarms.append(Alarm(barrier, about, said, time.perf_counter() - self.started, float(self.day)))


def play_week(base: Sandbox, folder: Path, fault: FeedFault | None, usual: Path | None, progress: Progress) -> Outcome:
    """Play the week in a copy; `usual` is the home of the same week without a fault, to be counted from."""
    sandbox = base.copy(folder, whole=True)
    work_in(sandbox.settings)
    if (sandbox.settings.home / "candidates").is_dir():
        Board(sandbox).release()
    week = Week(sandbox)
    retract(week)
    if fault:
        fault.inject(week)
    week.started = time.perf_counter()
    for number, day in enumerate(week.days, 1):
        week.day = number
        _land(week, day)
        if week.day in LOOKED_AFTER:
            _look_at_meaning(week)
    _look_at_freshness(week)
    builds = fault is None or fault.builds
    if builds:
        _build(week, progress)
    reached = Reached() if usual is None else _reached(week, usual, builds=builds)
    return Outcome(tuple(week.alarms), reached, dict(week.looks))


def retract(week: Week) -> None:
    """What happens in any week: the source takes readings back that were entered for the wrong patient."""
    first, later = week.folder(week.days[1]), week.folder(week.days[4])
    taken = [
        json.loads(line) for line in (first / OBSERVATIONS).read_bytes().splitlines()[:RETRACTED] if _is_json(line)
    ]
    said = later.name + "T12:00:00Z"
    lines = [json.dumps({**one, "status": "entered-in-error", "meta": {"lastUpdated": said}}).encode() for one in taken]
    path = later / OBSERVATIONS
    week.rewrite(path, path.read_bytes() + b"\n".join(lines) + b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _land(week: Week, day: date) -> None:
    """Land a day, and read its receipts as their reader does."""
    week.looks[Barrier.CONTRACT.value] += 1
    try:
        landed = land_days(week.sandbox.settings, SITE, [day])
    except FeedStopped as stopped:
        landed = dict[str, Landed]()
        for receipt in stopped.receipts:
            landed.setdefault(receipt.feed, Landed()).add(receipt)
        week.say(Barrier.CONTRACT, "stopped", str(stopped))
    for feed, found in landed.items():
        for clause, held in found.reasons.items():
            if held >= HELD_SHARE * found.counts["received"]:
                said = f"{clause} held back {held} of {found.counts['received']} records of {feed} on one day."
                week.say(Barrier.CONTRACT, clause, said)


def _look_at_meaning(week: Week) -> None:
    settings = week.sandbox.settings
    week.looks[Barrier.MEANING.value] += 1
    watch_meaning(settings, SITE)
    for review in list_reviews(settings):
        shown = show_review(settings, review["review"])  # which says about which code of a column
        said = " ".join(one["sentence"] for one in shown["changes"][:2])
        for subject in shown["subjects"]:
            week.say(Barrier.MEANING, subject, said)


def _look_at_freshness(week: Week) -> None:
    settings = week.sandbox.settings
    week.looks[Barrier.FRESHNESS.value] += 1
    known = _open_incidents(week)
    clock = arrival_time(load_site(SITE), week.days[-1]) + MORNING
    tell(settings, site_freshness(settings, SITE, clock))
    _say_incidents(week, Barrier.FRESHNESS, known)


def _build(week: Week, progress: Progress) -> None:
    """Build the tables, then watch drift of what is served, as the graph does with a new snapshot."""
    known = _open_incidents(week)
    week.looks.update((Barrier.TABLES.value, Barrier.DRIFT.value))
    launcher = Launcher(week.sandbox.settings, lambda _: None)
    progress("tables    dbt, in this copy")
    if not launcher.build_tables():
        said = [*launcher.summary.failed_checks, *launcher.summary.errors]
        week.say(Barrier.TABLES, "build", "; ".join(said)[:LONGEST_SAID])
        return
    watch_drift(week.sandbox.settings, USE_CASE, SITE)
    _say_incidents(week, Barrier.DRIFT, known)


def _open_incidents(week: Week) -> frozenset[str]:
    return frozenset(str(one["incident"]) for one in list_incidents(week.sandbox.settings) if one["is_open"])


def _say_incidents(week: Week, barrier: Barrier, known: Collection[str]) -> None:
    """Say what was opened since `known`: a barrier is credited with its own incidents alone."""
    for one in list_incidents(week.sandbox.settings):
        if one["is_open"] and one["incident"] not in known:
            week.say(barrier, str(one["incident"]).rstrip("0123456789-"), str(one["what"]))


def _reached(week: Week, usual: Path, *, builds: bool) -> Reached:
    lake = lake_difference(week.home, usual, SITE)
    if builds:
        return Reached(lake.wrong, lake.missing, omop_difference(week.home, usual).wrong)
    return Reached(lake.wrong, lake.missing, 0 if lake.wrong + lake.missing == 0 else None)


def _changed(line: bytes, number: int, change: Callable[[dict[str, Any], int], dict[str, Any] | None]) -> bytes | None:
    try:
        resource = json.loads(line)
    except ValueError:
        return line
    made = change(resource, number)
    return None if made is None else json.dumps(made, separators=(",", ":")).encode()
