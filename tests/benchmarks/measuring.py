"""Running one stage in a process of its own, and what it cost: seconds, CPU seconds, peak memory.

What does not belong here: what the stages do (`stages.py`) and how figures are shown (`report.py`). This module and
`__main__.py` import the standard library only: Linux counts the parent's memory at the fork as the child's peak.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KIBIBYTES_PER_MEGABYTE = 1000 * 1000 / 1024


@dataclass(frozen=True)
class Cost:
    """What a stage came to. `peak_mb` is the largest process among the stage and the ones it started."""

    result: Any
    seconds: float
    cpu_seconds: float
    peak_mb: float


class StageFailed(Exception):
    """A stage ended with an error; its own words are above, on standard error."""


def run_stage(name: str, home: Path, **options: Any) -> Cost:
    """Run `stages.<name>(**options)` in a child process whose home folder is `home`. Raises `StageFailed`."""
    said(f"{name} {' '.join(f'{key}={value}' for key, value in options.items())}")
    environment = {**os.environ, "PILOTHOUSE_HOME": str(home), "PYTHONWARNINGS": "ignore::SyntaxWarning"}
    for asked in ("PILOTHOUSE_LEDGER_URL", "PILOTHOUSE_EVENTS_URL", "MLFLOW_TRACKING_URI", "PILOTHOUSE_ENV"):
        environment.pop(asked, None)
    with tempfile.NamedTemporaryFile() as answer:
        command = [sys.executable, "-m", "tests.benchmarks.stages", name, json.dumps(options), answer.name]
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sys.stderr)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise StageFailed(f"The stage {name} failed; see above.")
        result = json.loads(Path(answer.name).read_bytes())
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(result, seconds, cpu, usage.ru_maxrss / KIBIBYTES_PER_MEGABYTE)


def said(message: str) -> None:
    """Tell a waiting person what is being measured."""
    print(f"bench     {message}", file=sys.stderr, flush=True)
