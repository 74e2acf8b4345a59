"""Beside the pilot: others are released in shadow, and go on while it is stepped down, as its staffing does.

What does not belong here: the fault, and what is done about it (fault).
"""

import json
from collections.abc import Sequence
from datetime import date
from itertools import islice

from evaluation.policies import Stage
from orchestration.demo.replay import Department
from orchestration.demo.run import DemoRun
from orchestration.demo.staffing import STAFFING, plan_days
from orchestration.settings import Settings
from orchestration.simulator import live_requests
from orchestration.steps.files import write_json
from orchestration.steps.releases.proposal import served_sites

ASKED = 12
"""Requests that each other site sends."""


def release_elsewhere(run: DemoRun, sites: Sequence[str]) -> None:
    """Release in shadow elsewhere what was trained there, on its own evidence; once, whatever the gate said."""
    done = run.settings.home / "state" / "released-elsewhere.json"
    if not done.exists():
        with run.timed("release_elsewhere"):
            allowed = {site: run.release(Stage.SHADOW, site=site) for site in sites}
        write_json(done, {site: run.refused.pop(site, []) for site, is_in in allowed.items() if not is_in})
    for site, reasons in json.loads(done.read_bytes()).items():
        run.refuse(site, reasons)


def go_on_elsewhere(
    settings: Settings, emergency: Department, use_case: str, pilot: str, day: date, start: date, seed: int
) -> dict[str, str]:
    """Make the pilot's plan of the day and send requests of every other site that serves the use case; say how it went.

    `start` and `seed` are those of the simulated group. A request that gets no answer raises `URLError`.
    """
    said: dict[str, str] = {}
    if pilot in served_sites(settings, STAFFING):
        [made] = plan_days(settings, pilot, day, 1)
        said[f"{STAFFING} at {pilot}"] = (
            f"plan published from its {made.plan.tier}. {made.plan.tier_reason or ''}".strip()
        )
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
