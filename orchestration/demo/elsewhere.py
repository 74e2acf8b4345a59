"""Beside the pilot: others are released in shadow, and go on while it is stepped down, as its staffing does.

What does not belong here: the fault, and what is done about it (fault).
"""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path

from evaluation.policies import Stage
from orchestration.demo.course import PILOT
from orchestration.demo.preparing import train
from orchestration.demo.replay import Department
from orchestration.demo.run import DemoRun
from orchestration.demo.staffing import ROSTER, STAFFING, plan_days
from orchestration.settings import Settings
from orchestration.simulator import live_requests
from orchestration.steps.files import write_json
from orchestration.steps.releases.proposal import served_sites

ASKED = 12
"""Requests that each other site sends."""
RELEASED, ROSTERED = "released-elsewhere", "rostered-beside"
"""What a home keeps of what was refused to triage elsewhere, and to the roster beside the pilot."""


def was_asked(run: DemoRun, site: str) -> bool:
    """Whether the gate was asked for a site beside the pilot before: what it sent since is not learned from again."""
    return site != PILOT and _answers(run, RELEASED).exists()


def release_elsewhere(run: DemoRun, sites: Sequence[str]) -> None:
    """Release triage in shadow at sites where it was trained, on its own evidence; once, whatever the gate said.

    Why nothing was trained at another site is kept as well.
    """
    with run.timed("release_elsewhere"), _once(run, RELEASED, {}) as is_first:
        for site in sites if is_first else ():
            run.release(Stage.SHADOW, site=site)


def roster_beside(run: DemoRun) -> None:
    """Train and release the roster in shadow at the site beside the pilot, on its own evidence; once, whatever is said.

    Its days must have been brought in as far as the pilot's: the rollback is rehearsed on the plan of its present day.
    """
    with run.timed("roster_beside"), _once(run, ROSTERED, dict(run.refused)) as is_first:
        for site in run.beside if is_first else ():
            if not run.reached(Stage.SHADOW, ROSTER, site) and train(run, site, ROSTER):
                run.release(Stage.SHADOW, ROSTER, site)


@contextmanager
def _once(run: DemoRun, name: str, before: Mapping[str, Sequence[str]]) -> Generator[bool]:
    """Say whether this is the first time in the home. Keep what is refused elsewhere beyond `before`; else tell it."""
    answers = _answers(run, name)
    if answers.exists():
        yield False
        for site, reasons in json.loads(answers.read_bytes()).items():
            run.refuse(site, reasons)
        return
    yield True
    refused = {site: said[len(before.get(site, ())) :] for site, said in run.refused.items() if site != PILOT}
    write_json(answers, {site: reasons for site, reasons in refused.items() if reasons})


def _answers(run: DemoRun, name: str) -> Path:
    return run.settings.home / "state" / f"{name}.json"


def go_on_elsewhere(
    settings: Settings, emergency: Department, use_case: str, pilot: str, day: date, start: date, seed: int
) -> dict[str, str]:
    """Make the day's plans of every site that serves staffing or a roster, and send requests of every other site that
    serves the use case; say how it went.

    `start` and `seed` are those of the simulated group. A request that gets no answer raises `URLError`.
    """
    said: dict[str, str] = {}
    for planned in (STAFFING, ROSTER):
        for site in served_sites(settings, planned):
            [made] = plan_days(settings, site, day, 1, planned)
            why = made.plan.tier_reason or ""
            said[f"{planned} at {site}"] = f"plan published from its {made.plan.tier}. {why}".strip()
    for site in _others(settings, use_case, pilot):
        said[f"{use_case} at {site}"] = _ask(emergency, use_case, site, day, start, seed)
    return said


def _ask(emergency: Department, use_case: str, site: str, day: date, start: date, seed: int) -> str:
    """Send the day's first requests of a site; say how many were answered, and how many its model scored."""
    before = emergency.scored(use_case, site)
    sent = list(islice(live_requests(site, day, start=start, seed=seed), ASKED))
    answers = [emergency.ask(one) for one in sent]
    scored = emergency.scored(use_case, site) - before
    stage = emergency.stage_of(use_case, site)
    return f"in {stage}, {len(answers)} of {len(sent)} requests answered, {scored} of them scored by its model"


def _others(settings: Settings, use_case: str, pilot: str) -> Sequence[str]:
    return [site for site in served_sites(settings, use_case) if site != pilot]
