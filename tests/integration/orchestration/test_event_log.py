"""The event log over kept connections is Dagster's own: its files, its tables, read by whoever reads them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, asset, materialize

from orchestration.defs.event_log import KEPT_OPEN, EventLog
from orchestration.settings import DAGSTER_INSTANCE

pytestmark = pytest.mark.xdist_group("definitions")


def opened(home: Path, instance: str) -> DagsterInstance:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(instance)
    return DagsterInstance.from_config(str(home))


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with opened(tmp_path / "dagster", DAGSTER_INSTANCE) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        yield instance


@asset
def patients() -> int:
    return 1


def test_dagsters_own_storage_reads_the_same_events_while_they_are_kept_open(kept: DagsterInstance) -> None:
    runs = [materialize([patients], instance=kept).run_id for _ in range(KEPT_OPEN + 2)]
    kept.report_runless_asset_event(AssetMaterialization("patients", partition="city"))
    with opened(Path(kept.root_directory), "telemetry:\n  enabled: false\n") as plain:
        assert type(plain.event_log_storage) is not EventLog
        for run in runs:
            said = [[one.message for one in log.all_logs(run)] for log in (kept, plain)]
            assert said[0] == said[1] and any("SUCCESS" in str(one) for one in plain.all_logs(run))
        latest = plain.get_latest_materialization_event(AssetKey("patients"))
        assert latest is not None and latest.asset_materialization is not None
        assert latest.asset_materialization.partition == "city"


def test_what_was_wiped_is_gone_and_what_comes_then_is_kept(kept: DagsterInstance) -> None:
    kept.report_runless_asset_event(AssetMaterialization("patients"))
    kept.wipe_assets([AssetKey("patients")])
    kept.event_log_storage.wipe()
    assert kept.get_latest_materialization_event(AssetKey("patients")) is None
    kept.report_runless_asset_event(AssetMaterialization("patients"))
    assert kept.get_latest_materialization_event(AssetKey("patients")) is not None
