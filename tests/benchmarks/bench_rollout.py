"""The state machine of releases, for longer than a test may take and over other sequences each time, on either store.

It fails where anything serves what it may not; the figures say how much was looked at. `stages.py` runs it. What does
not belong here: the machine and what must hold (tests/unit/orchestration/steps/releases/rollout.py).
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.benchmarks.release_figures import POSTGRES
from tests.unit.orchestration.steps.releases.ledgers import InFiles, InPostgres
from tests.unit.orchestration.steps.releases.running import candidate, ready

STEPS = 20


def look_longer(examples: int, *, is_on_server: bool) -> dict[str, Any]:
    """Run so many sequences; on PostgreSQL where that is asked for, and nothing where no URL names one."""
    if is_on_server and POSTGRES not in os.environ:
        return {}
    ledgers = InPostgres(os.environ[POSTGRES]) if is_on_server else InFiles()
    look = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    with tempfile.TemporaryDirectory() as folder, ready(candidate(Path(folder)), ledgers) as machine:
        started = time.perf_counter()
        run_state_machine_as_test(machine, settings=look)
        seconds, seen = time.perf_counter() - started, machine.seen
    found = {"commands": seen.commands, "killed": seen.killed, "cells": len(seen.cells)}
    return {**found, "seconds": seconds, "examples": examples}
