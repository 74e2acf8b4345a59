"""Before any release: the hospital is simulated, its drops are brought in, candidates are trained and judged.

What does not belong here: what is done with a candidate (pilot, plans, elsewhere).
"""

from datetime import date

from orchestration.demo.course import FIRST_DAY, PILOT, USE_CASE
from orchestration.demo.run import DemoRun
from orchestration.demo.staffing import simulate_history
from orchestration.simulator import simulate_group
from orchestration.steps.files import write_json
from orchestration.steps.intake.landing import pending_drops
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.evidence import decision_is_fresh
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.warehouse.tables import tables_are_fresh

PROCESSES = 2


def simulate(run: DemoRun) -> None:
    """Write the drops of all days of the demo, and the longer history of the staffing office; once in a home."""
    settings, course = run.settings, run.course
    done = settings.home / "state" / "simulated.json"
    if done.exists():
        run.progress("simulate  done before")
        return
    run.progress(f"simulate  {', '.join(run.sites)}: {course.all_days} days, seed {course.seed}")
    simulate_group(
        settings.home,
        sites=run.sites,
        start=FIRST_DAY,
        days=course.all_days,
        seed=course.seed,
        processes=PROCESSES,
        scenario=course.scenario,
    )
    if PILOT in run.sites:
        simulate_history(settings, PILOT, FIRST_DAY, course.seed)
    write_json(done, {"days": course.all_days})


def bring_in(run: DemoRun, until: date, sites: tuple[str, ...]) -> None:
    """Land the drops of the days before `until` that have not landed, and build the tables if anything is new."""
    with run.timed("landing"):
        for site in sites:
            for drops in pending_drops(run.settings, site, before=until):
                run.require(run.launcher.land(drops))
    with run.timed("tables"):
        if not tables_are_fresh(run.settings):
            run.require(run.launcher.build_tables())


def train(run: DemoRun, site: str, use_case: str = USE_CASE) -> bool:
    """Train and judge; a site with too little to learn from gets no candidate, and the summary says why."""
    served = current_pointer(run.settings, use_case, site) is not None
    if served or decision_is_fresh(run.settings, use_case, site):
        run.progress(f"candidate {use_case} at {site}: nothing new since it was judged")
        return True
    lacking = kind_of(use_case).why_not_trainable(run.settings, use_case, site)
    if lacking:
        run.refuse(site, [f"{lacking} Run the demo with more --days."])
        return False
    done = run.launcher.train_and_judge(use_case, site)
    if not done:
        run.refuse(site, run.launcher.summary.errors[-1:])
    return done
