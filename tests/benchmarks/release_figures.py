"""What the drill and the state machine of releases came to, as figures (`bench_drill.py`, `bench_rollout.py` measure).

The goals are those of issue 5: a rollback in a running service in under 5 seconds, without dropping a request.
"""

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.report import Figure

POSTGRES = "PILOTHOUSE_TEST_POSTGRES_URL"
MACHINE, DRILL = "release machine", "drill: a model that nobody can read goes into a running service"
SAFETY_CASE = "safety case: named faults in a sandbox of the whole system"
GOAL_SECONDS, GOAL_DROPPED = 5.0, 0.0


def drill_figures(found: dict[str, Any]) -> Iterator[Figure]:
    """The worst of the drills: until the trigger fires, and from there until all is well again."""
    told, number = found["worst"], f"worst of {found['drills']}"
    until_fired, waits = told["until_fired"], "the calls that the trigger waits for"
    goal = {"target": GOAL_SECONDS, "is_at_most": True}
    yield Figure(DRILL, f"fault in until the trigger fires, {number}", until_fired, "s", waits, told["waited"])
    yield Figure(DRILL, f"trigger until the model answers again, {number}", told["restored"], "s", **goal)
    yield Figure(DRILL, f"of this, until the service serves the release before, {number}", told["back"], "s", **goal)
    yield Figure(
        DRILL,
        "requests dropped meanwhile, all drills",
        float(found["dropped"]),
        "calls",
        "sent",
        float(found["calls"]),
        target=GOAL_DROPPED,
        is_at_most=True,
    )


def rollout_figures(store: str, seen: dict[str, Any]) -> Iterator[Figure]:
    """How much was looked at on one store."""
    if not seen:
        yield Figure(MACHINE, f"{store}: no {POSTGRES}", None, "")
        return
    yield Figure(MACHINE, f"{store}, commands in any order", seen["commands"], f"in {seen['examples']} sequences")
    yield Figure(MACHINE, f"{store}, killed in the middle", seen["killed"], "commands")
    yield Figure(MACHINE, f"{store}, cells of the table of steps come by", seen["cells"], "")
    yield Figure(MACHINE, f"{store}, all of it", seen["seconds"], "s")


def safety_case_figures(found: dict[str, Any]) -> Iterator[Figure]:
    """Faults detected and missed, how far they came, and how often the system cried wolf without one."""
    lines, nulls = found["faults"], found["null_runs"]
    none = {"target": 0.0, "is_at_most": True}
    seconds = [one["seconds"] for one in lines if one["seconds"] is not None]
    yield Figure(SAFETY_CASE, "detected by the barrier that promises it", found["detected"], "", "faults", len(lines))
    yield Figure(SAFETY_CASE, "promised and missed", len(found["missed"]), "faults", **none)
    yield Figure(SAFETY_CASE, "blind spots, as known", len(found["blind_spots"]), "faults")
    yield Figure(SAFETY_CASE, "shown to people", sum(not one["contained"] for one in lines), "faults", **none)
    yield Figure(SAFETY_CASE, "longest until detected", max(seconds, default=None), "s")
    runs = f"looks, {len(nulls['runs'])} seeds"
    yield Figure(SAFETY_CASE, "alarms without a fault", nulls["alarms"], "", runs, nulls["looks"], **none)
    yield Figure(SAFETY_CASE, "all of it", found["seconds"], "s")
