"""The order of the demo, and what is already done: a second run repeats nothing that still stands.

What does not belong here: how a step works.
"""

import json
from typing import Any

from evaluation.policies import Stage
from orchestration.demo.course import ASSISTIVE_DAYS, FAULTY_DAYS, GROUP, PILOT, SHADOW_DAYS, USE_CASE, Course
from orchestration.demo.elsewhere import release_elsewhere, roster_beside, was_asked
from orchestration.demo.pilot import Pilot
from orchestration.demo.plans import publish_plans, record_changes
from orchestration.demo.preparing import bring_in, simulate, train
from orchestration.demo.run import DemoRun, Progress
from orchestration.demo.staffing import STAFFING
from orchestration.demo.summary import summarise
from orchestration.settings import Settings
from orchestration.steps.answer import Answer
from orchestration.steps.errors import StepError
from orchestration.steps.files import write_json
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.watching.board_packs import write_board_packs
from orchestration.steps.watching.reporting import write_all_reports


class DemoHomeTaken(StepError):
    """The home already holds a demo of another seed, length or size."""


def run_demo(settings: Settings, *, seed: int, days: int, sites: int, progress: Progress) -> Answer:
    """Run the demo and return its summary; raises `DemoStopped` with the reasons of the step that failed."""
    run = DemoRun(settings, Course(seed, days), GROUP[:sites], progress)
    _claim_home(run)
    with run.timed("total"):
        fault = _live_through(run)
        with run.timed("reports"):
            _report(run)
    return summarise(settings, run.sites, USE_CASE, PILOT, run.seconds, run.replayed, run.refused, fault)


def _live_through(run: DemoRun) -> dict[str, Any]:
    """Pass once through the life of a release; each step looks first whether its result still stands.

    Returns what is told of the fault at the pilot's source; nothing where the pilot did not get that far.
    """
    course, pilot, fault = run.course, Pilot(run), dict[str, Any]()
    with run.timed("simulate"):
        simulate(run)
    bring_in(run, until=course.day(course.history), sites=run.sites)
    with run.timed("train_and_judge"):
        trained = [site for site in run.sites if was_asked(run, site) or train(run, site)]
        train(run, PILOT, STAFFING)
    if PILOT in trained and pilot.step_up(Stage.SHADOW, course.history, SHADOW_DAYS):
        release_elsewhere(run, [site for site in trained if site != PILOT])
        publish_plans(run, Stage.SHADOW, course.history, SHADOW_DAYS)
        publish_plans(run, Stage.ASSISTIVE, course.shown_from, ASSISTIVE_DAYS)
        if pilot.step_up(Stage.ASSISTIVE, course.shown_from, ASSISTIVE_DAYS + FAULTY_DAYS):
            roster_beside(run)
            fault = pilot.suffer()
        record_changes(run)
    return fault


def _report(run: DemoRun) -> None:
    """Write the pages, through the graph where this run changed something, so that the graph shows it.

    Then print the pilot's board pack.
    """
    if run.has_launched:
        run.require(run.launcher.write_reports())
    else:
        write_all_reports(run.settings)
    if current_pointer(run.settings, USE_CASE, PILOT) is not None:
        write_board_packs(run.settings, USE_CASE, PILOT, None)


def _claim_home(run: DemoRun) -> None:
    claim = run.settings.home / "state" / "demo.json"
    mine = {"seed": run.course.seed, "days": run.course.history, "sites": list(run.sites)}
    if claim.exists() and json.loads(claim.read_bytes()) != mine:
        raise DemoHomeTaken(
            f"This home holds a demo with {claim.read_text().strip()}; run it with the same options, "
            "or start anew with `make clean` or another PILOTHOUSE_HOME."
        )
    write_json(claim, mine)
