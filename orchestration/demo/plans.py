"""The demo's plans of nurses: released beside triage, published by day, changed on the board, made for the next.

What does not belong here: how a meeting is held (staffing).
"""

from evaluation.policies import Stage
from orchestration.demo.course import PILOT
from orchestration.demo.preparing import train
from orchestration.demo.run import DemoRun
from orchestration.demo.staffing import ROSTER, STAFFING, adjust_as_demo, plan_days
from orchestration.sites import load_site
from orchestration.steps.files import write_json
from orchestration.steps.planning.meetings import time_to_plan
from orchestration.steps.present import stand_at


def publish_plans(run: DemoRun, stage: Stage, first: int, days: int) -> None:
    """Approve and promote the staffing forecast where the gate allows it, and publish the plans of some days.

    In assistive a charge nurse sets another figure at the first meeting. The last plan is made at the demo's end.
    """
    done = run.settings.home / "state" / f"planned-{stage}.json"
    if done.exists() or run.refused.get(PILOT):
        return
    with run.timed(f"plans_{stage}"):
        if not run.reached(stage, STAFFING) and not run.release(stage, STAFFING):
            return
        run.progress(f"plans     {days} days of {STAFFING} at {PILOT} in {stage}")
        made = plan_days(run.settings, PILOT, run.course.day(first), days if stage is Stage.SHADOW else 1)
        if stage is Stage.SHADOW:
            run.require(run.launcher.watch(PILOT, (STAFFING,)))
        else:
            changed = adjust_as_demo(run.settings, made[0])
            run.progress(f"board     {changed} shifts set otherwise by a charge nurse")
    write_json(done, {"days": days})


def record_changes(run: DemoRun) -> None:
    """Bring what was changed on the board to the ledger, and make the plans for the next meeting: what is needed,
    and from it who works, in shadow."""
    done = run.settings.home / "state" / "planned-next.json"
    if done.exists() or not run.reached(Stage.ASSISTIVE, STAFFING):
        return
    with run.timed("plans_next"):
        run.require(run.launcher.adjustments(STAFFING, PILOT))
        present = time_to_plan(load_site(PILOT), run.course.day(run.course.all_days))
        run.require(run.launcher.plan(STAFFING, PILOT, present))
    with run.timed("roster"):
        if train(run, PILOT, ROSTER) and run.release(Stage.SHADOW, ROSTER):
            run.require(run.launcher.plan(ROSTER, PILOT, present))
    stand_at(run.settings, present)
    write_json(done, {"at": present.isoformat()})
