"""Null runs: the same courses and the same looks with no fault in them, counted by barrier.

What does not belong here: playing a course (running).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.safety_case.faults import Outcome


def as_null_run(seed: int, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """One seed's null run: by course what every barrier said though nothing was wrong."""
    return {
        "seed": seed,
        "courses": sorted(outcomes),
        "looks": {name: dict(found.looks) for name, found in outcomes.items()},
        "alarms": [
            {"course": name, "barrier": one.barrier.value, "about": one.about, "said": one.said}
            for name, found in outcomes.items()
            for one in found.alarms
        ],
    }


def counted(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How often each barrier was looked at, and how often it cried wolf."""
    barriers: dict[str, dict[str, int]] = {}
    for run in runs:
        for looks in run["looks"].values():
            for barrier, times in looks.items():
                barriers.setdefault(barrier, {"looks": 0, "alarms": 0})["looks"] += times
        for one in run["alarms"]:
            barriers.setdefault(one["barrier"], {"looks": 0, "alarms": 0})["alarms"] += 1
    return {
        "looks": sum(one["looks"] for one in barriers.values()),
        "alarms": sum(one["alarms"] for one in barriers.values()),
        "barriers": dict(sorted(barriers.items())),
        "runs": list(runs),
    }
