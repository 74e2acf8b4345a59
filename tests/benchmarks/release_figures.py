"""What the drill and the state machine of releases came to, as figures (`bench_drill.py`, `bench_rollout.py` measure).

The goals are those of issue 5: a rollback in a running service in under 5 seconds, without dropping a request.
"""

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.report import Figure

POSTGRES = "PILOTHOUSE_TEST_POSTGRES_URL"
MACHINE, DRILL = "release machine", "drill: a model that nobody can read goes into a running service"
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
