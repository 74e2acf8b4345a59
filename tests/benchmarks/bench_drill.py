"""The rollback drill as `pilothouse drill` runs it, over a home with a candidate that can be served, by its own report.

The service, the calls that go on meanwhile, the trigger, the rollback and the ledger are the real ones. What does not
belong here: the drill (orchestration/steps/drills), and what was promised (`release_figures.py`).
"""

import tempfile
from pathlib import Path
from typing import Any

from ml.training.bundle import write_bundle
from orchestration.settings import load_settings
from orchestration.steps.drills.rehearsal import DETECTED, FAULT_IN, FIRED, TOLD, rehearse
from orchestration.steps.learning.stores import bundle_folder, save_candidate
from orchestration.steps.record.actors import actor_of
from tests.unit.ml.serving.homes import tiny_model
from tests.unit.orchestration.steps.releases.running import candidate


def drill(times: int) -> dict[str, Any]:
    """Rehearse so many times; the worst of each figure, and the calls of all."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        made = candidate(Path(folder))
    save_candidate(settings, made)
    write_bundle(tiny_model(), bundle_folder(settings, made))
    reports = [rehearse(settings, made.use_case, made.site, actor_of("bench", None)) for _ in range(times)]
    each = [_seconds(one) for one in reports]
    return {
        "drills": times,
        "worst": {name: max(one[name] for one in each) for name in each[0]},
        "calls": sum(one["calls"] for one in reports),
        "dropped": sum(one["dropped"] for one in reports),
    }


def _seconds(report: dict[str, Any]) -> dict[str, float]:
    """What one drill's report says of the times that were promised."""
    steps = {one["step"]: one["seconds"] for one in report["steps"]}
    return {
        "until_fired": sum(steps[name] for name in (FAULT_IN, DETECTED, TOLD, FIRED)),
        "waited": steps[FIRED],
        "restored": report["seconds_to_restore"],
        "back": report["seconds_to_roll_back"],
    }
