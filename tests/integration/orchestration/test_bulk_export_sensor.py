"""The sensor of bulk exports asks for one run per due site and hour, and the job calls the one step."""

import pytest
from dagster import RunRequest, SkipReason, build_sensor_context

from orchestration.defs.landing import exports
from orchestration.steps.answer import Answer


def test_a_due_site_gets_one_run_an_hour_and_none_is_due_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "due_exports", lambda settings, at: ["city"])
    with build_sensor_context() as context:
        first, second = (list(exports.bulk_export_sensor(context)) for _ in range(2))
    assert isinstance(first[0], RunRequest) and first[0].run_key == second[0].run_key
    assert first[0].run_config["ops"]["export_bulk"]["config"] == {"site": "city"}
    monkeypatch.setattr(exports, "due_exports", lambda settings, at: [])
    with build_sensor_context() as context:
        [skipped] = exports.bulk_export_sensor(context)
    assert isinstance(skipped, SkipReason)


@pytest.mark.parametrize("code", [0, 1])
def test_a_run_fails_where_the_server_could_not_export_everything(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    asked = []

    def export(settings, site, what, progress):
        asked.append((site, what))
        return Answer({"complete": not code}, exit_code=code)

    monkeypatch.setattr(exports, "export_site", export)
    config = {"ops": {"export_bulk": {"config": {"site": "city"}}}}
    run = exports.bulk_export.execute_in_process(run_config=config, raise_on_error=False)
    assert run.success == (code == 0)
    assert asked == [("city", exports.Asked())]
