"""The sandbox: one small simulated hospital, brought as far as the gate, and copies of it that faults go into.

It is made by the steps that run for real, and so are its figures: what the gate says of it is the gate's word. What
does not belong here: what happens in a copy (week, board, service).
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from orchestration.defs.launch import Launcher
from orchestration.settings import Settings, apply_third_party_switches
from orchestration.simulator import simulate_group
from orchestration.steps.drills.rehearsal import rehearse_as_evidence
from orchestration.steps.errors import StepError, WrongUsage
from orchestration.steps.home import open_home
from orchestration.steps.intake.landing import land_days
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.evidence import measure_drift
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import open_records
from orchestration.steps.releases.decision import decide_next

USE_CASE, SITE, FEED = "triage", "city", "ehr_fhir"
FIRST_DAY = date(2026, 1, 5)
HISTORY, WEEK = 84, 7
"""Days that were landed before, enough for the policy's least number of events, and the days that a fault goes into."""
PEOPLE = {"model": ("case.safety", "clinical_safety_lead"), "workflow": ("case.nursing", "nursing_lead")}
NOT_COPIED = ("raw", "lake", "run", "dagster", "drops", "warehouse.duckdb", "incoming")
"""What a release and the service do without."""

Progress = Callable[[str], None]


class SandboxNotReady(StepError):
    """The sandbox of the safety case could not be made; the message says which step failed, and how."""


class BaseRefused(WrongUsage):
    """The folder given for a sandbox that is kept is a home in use, or holds something else; the message says which."""


@dataclass(frozen=True)
class Sandbox:
    """The home that faults are kept out of. `seed` is that of its simulated hospital."""

    settings: Settings
    seed: int

    @property
    def week(self) -> tuple[date, ...]:
        """The days whose drops wait."""
        return tuple(FIRST_DAY + timedelta(days=HISTORY + n) for n in range(WEEK))

    def copy(self, folder: Path, *, whole: bool) -> "Sandbox":
        """Return a copy in a new folder; files are linked, since the product replaces files and never writes into one,
        but databases and locks, which are copied. Not `whole` leaves out what a release needs no more."""
        left_out = None if whole else shutil.ignore_patterns(*NOT_COPIED)
        shutil.copytree(self.settings.home, folder, ignore=left_out, copy_function=_copy)
        return Sandbox(settings_at(self.settings, folder), self.seed)

    def key(self, person: str) -> Path:
        return self.settings.home / "people" / f"{person}.pem"


def settings_at(like: Settings, home: Path) -> Settings:
    """Return settings over another home, with databases of its own."""
    return replace(
        like,
        home=home,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )


def make_sandbox(like: Settings, folder: Path, seed: int, progress: Progress) -> Sandbox:
    """Simulate, land, build, train, judge and rehearse, as `pilothouse run` does; what lies there whole stays as it is.

    Raises `SandboxNotReady`, and `BaseRefused` where something else lies in the folder.
    """
    require_free(like, folder, seed)
    if (folder / READY).exists():
        sandbox = Sandbox(settings_at(like, folder), seed)
        work_in(sandbox.settings)
        return sandbox
    sandbox = land_history(like, folder, seed, progress)
    settings = sandbox.settings
    launcher = Launcher(settings, progress)
    if not launcher.build_tables():
        raise SandboxNotReady(f"The tables of the sandbox were not built: {'; '.join(launcher.summary.errors)}")
    progress("sandbox   train, judge, rehearse, decide")
    kind = kind_of(USE_CASE)
    kind.train(settings, USE_CASE, SITE)
    kind.judge(settings, USE_CASE, SITE)
    measure_drift(settings, USE_CASE, SITE)
    rehearse_as_evidence(settings, USE_CASE, SITE)
    decision = decide_next(settings, USE_CASE, SITE)
    if not decision.allowed:
        said = "; ".join(f"{one.clause}: {one.figure}" for one in decision.refusals)
        raise SandboxNotReady(
            f"The gate does not allow the sandbox's model into shadow, so nothing can be shown: {said}"
        )
    for person, role in PEOPLE.values():
        sandbox.key(person).parent.mkdir(exist_ok=True)
        new_person(settings, person, (role,), sandbox.key(person))
    open_records.cache_clear()
    (folder / READY).write_text(str(seed))
    return sandbox


def require_free(like: Settings, folder: Path, seed: int) -> None:
    """Refuse a folder in which a sandbox would be among things of a home, or of others. Raises `BaseRefused`."""
    place, home = folder.resolve(), like.home.resolve()
    if place.is_relative_to(home) or home.is_relative_to(place):
        raise BaseRefused(
            f"{folder} is the home of this installation, lies in it or holds it; faults are put into a sandbox of its "
            "own. Name an empty folder elsewhere."
        )
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / READY).exists():
        raise BaseRefused(
            f"{folder} holds something that is no whole sandbox (no {READY}). Name an empty folder, or delete it where "
            "it is what an interrupted run left."
        )
    if (made := (folder / READY).read_text()) != str(seed):
        raise BaseRefused(
            f"The sandbox in {folder} was made with seed {made}, not {seed}. Name another folder or seed."
        )


def land_history(like: Settings, folder: Path, seed: int, progress: Progress) -> Sandbox:
    """Simulate the hospital and land the days before the week."""
    settings = settings_at(like, folder)
    work_in(settings)
    open_home(settings)
    progress(f"sandbox   {SITE}: {HISTORY + WEEK} simulated days, seed {seed}")
    simulate_group(folder, sites=[SITE], start=FIRST_DAY, days=HISTORY + WEEK, seed=seed, feeds=[FEED])
    land_days(settings, SITE, [FIRST_DAY + timedelta(days=n) for n in range(HISTORY)])
    return Sandbox(settings, seed)


def work_in(settings: Settings) -> None:
    """Have this process, and what it starts, work in that home: Dagster's assets read their settings anew."""
    open_records.cache_clear()
    apply_third_party_switches(settings)
    for name, value in (
        ("PILOTHOUSE_LEDGER_URL", settings.ledger_url),
        ("MLFLOW_TRACKING_URI", settings.mlflow_uri),
        ("PILOTHOUSE_EVENTS_URL", settings.events_url),
    ):
        os.environ[name] = value


READY = "safety-case-sandbox"
"""Marks a sandbox that is whole; holds its seed."""
WRITTEN_INTO = (".db", ".db-wal", ".db-shm", ".duckdb", ".lock", ".checkpoint")


def _copy(source: str, target: str) -> str:
    """Link a file that is never written into; copy every other."""
    if source.endswith(WRITTEN_INTO) or "/locks/" in source or "/dagster/" in source or "/dbt/" in source:
        return shutil.copy2(source, target)
    os.link(source, target)
    return target
