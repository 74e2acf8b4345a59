"""The asset of the watch over drift: a use case that cannot be compared leaves the others watched."""

from types import SimpleNamespace

import pytest
from dagster import materialize

from evaluation.drift.verdict import DriftInputError
from orchestration.settings import Settings
from orchestration.steps.watching import drift_watch


@pytest.mark.filterwarnings("ignore")  # of packages that Dagster imports
def test_one_use_case_that_cannot_be_compared_leaves_the_others_watched_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from orchestration.defs.monitoring import drifting

    watched: list[str] = []

    def watch(_: Settings, use_case: str, site: str) -> SimpleNamespace:
        watched.append(use_case)
        if use_case == "appointments":
            raise DriftInputError("column lead_days is not there.")
        cause, look = SimpleNamespace(sentence="heart_rate jumped."), SimpleNamespace(shifts=(), alarms=())
        return SimpleNamespace(look=look, jumps=(cause,), causes=(cause,), opened=(site,))

    monkeypatch.setattr(drift_watch, "watch_drift", watch)
    monkeypatch.setattr(drifting, "watched_use_cases", lambda *_: ["appointments", "triage"])
    run = materialize([drifting.drift_asset], partition_key="city", raise_on_error=False)
    assert not run.success and watched == ["appointments", "triage"]
    [failed] = run.get_step_failure_events()
    assert failed.step_failure_data.user_failure_data is not None
    description = str(failed.step_failure_data.user_failure_data.description)
    assert "appointments: column lead_days is not there." in description and "triage" not in description
    assert failed.step_failure_data.user_failure_data.metadata["jumps"].value == 1
