"""How much of a Dagster run is orchestration rather than work.

    share = 1 - work / runs

`runs` is the wall time inside `dagster.materialize`, summed over the runs of a command: planning, event log, step
start and end, waiting for child processes, and the work. `work` is the wall time inside our own step functions
(`orchestration.steps`, called by the definitions, outermost call only) plus what dbt says that its nodes took
(`elapsed_time` in each `run_results.json`). So starting dbt, parsing its project and turning its events into Dagster's
count as orchestration; loading our definitions and imports happen before the runs and are given beside.
"""

import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEPS = "orchestration.steps."
LAUNCH = "orchestration.defs.launch"


@dataclass
class Clock:
    """Wall seconds, inside runs: all of them, and those in our step functions by name."""

    runs: float = 0.0
    by_step: dict[str, float] = field(default_factory=dict[str, float])
    count: int = 0
    is_running: bool = False
    depth: int = 0

    @contextmanager
    def run(self) -> Iterator[None]:
        started, self.is_running = time.perf_counter(), True
        try:
            yield
        finally:
            self.is_running = False
            self.runs += time.perf_counter() - started
            self.count += 1

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if self.is_running and not self.depth:
                self.by_step[name] = self.by_step.get(name, 0.0) + time.perf_counter() - started


def listen(clock: Clock) -> None:
    """Put `clock` around `materialize` and around every step function that a definition calls."""
    from orchestration.defs import candidates, evidence, landing, launch, monitoring, releases, tables

    assert candidates and evidence and landing and monitoring and releases and tables  # their modules are loaded now
    for name, module in list(sys.modules.items()):
        if name.startswith("orchestration.defs") and name != LAUNCH:
            for called, function in list(vars(module).items()):
                if callable(function) and _is_step(function):
                    setattr(module, called, _timed(clock, called, function))
    materialize: Any = launch.materialize

    @functools.wraps(materialize)
    def timed_materialize(*arguments: Any, **options: Any) -> Any:
        with clock.run():
            return materialize(*arguments, **options)

    launch.materialize = timed_materialize


def _is_step(function: Any) -> bool:
    is_function = not isinstance(function, type) and hasattr(function, "__code__")
    return is_function and str(function.__module__).startswith(STEPS) and function.__name__ not in ("exclusive",)


def _timed(clock: Clock, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        with clock.step(name):
            return function(*arguments, **options)

    return timed


def dbt_seconds(target: Path) -> float:
    """What dbt says that the nodes of its invocations took, from the results under its target folder."""
    results = target.glob("tables-*/run_results.json")  # one folder per invocation (dagster-dbt)
    return sum(float(json.loads(path.read_bytes())["elapsed_time"]) for path in results)


def as_result(clock: Clock, dbt: float) -> dict[str, Any]:
    """The share and its parts, as plain JSON values."""
    work = sum(clock.by_step.values()) + dbt
    share = 1 - work / clock.runs if clock.runs else None
    return {
        "runs": clock.count,
        "run_seconds": clock.runs,
        "work_seconds": work,
        "dbt_seconds": dbt,
        "share": share,
        "by_step": dict(sorted(clock.by_step.items(), key=lambda pair: -pair[1])),
    }
