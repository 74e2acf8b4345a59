"""Freshness and meaning of feeds in the graph: checks with a clock of their own, sensors that are quiet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.sites import list_sites

pytestmark = pytest.mark.xdist_group("watching feeds")  # one set-up for all of them

SITES = list_sites()
ROOT = Path(__file__).resolve().parents[3]
HEAD = "unit,at,occupied,staffed_beds,closed\n"
PROBE = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path

from dagster import AssetSelection, DagsterInstance, build_sensor_context
from orchestration.definitions import defs
from orchestration.settings import load_settings
from orchestration.sites import load_site
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.intake.landing import ingest_paths, land_days, site_terms

settings, repository = load_settings(), defs.get_repository_def()
instance = DagsterInstance.ephemeral()
said = {}


def tick(name, cursor=None):
    sensor = repository.get_sensor_def(name)
    tick = sensor.evaluate_tick(build_sensor_context(instance=instance, cursor=cursor, repository_def=repository))
    return {"runs": [run.partition_key for run in tick.run_requests], "cursor": tick.cursor, "skip": tick.skip_message}


def check(clock):
    job = repository.get_job("judge_feed_freshness")
    config = {"ops": {"feed_freshness": {"config": {"clock": clock}}}}
    done = job.execute_in_process(instance=instance, run_config=config)
    return {
        f"{one.asset_key.path[-1]}:{one.check_name}": [one.passed, one.description]
        for one in done.get_asset_check_evaluations()
    }


def land(feed, day, name, content):
    folder = settings.drops / "city" / day
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    land_days(settings, "city", [datetime.fromisoformat(day).date()])


said["empty"] = {name: tick(name) for name in ("feed_freshness_sensor", "semantic_drift_sensor")}
census = "unit,at,occupied,staffed_beds,closed\\nED,2026-03-01T12:00:00Z,9,20,0\\n"
land("census", "2026-03-01", "census.csv", census)
said["fresh"] = check("2026-03-02T12:00:00+00:00")
said["arrived"] = tick("semantic_drift_sensor")
said["looked"] = tick("semantic_drift_sensor", said["arrived"]["cursor"])
said["stale"] = check("2026-03-05T12:00:00+00:00")
said["incidents"] = [one["incident"] for one in list_incidents(settings) if one["is_open"]]
roster = "shift_id,staff_id,unit,shift,date,starts_at,ends_at,role,skills,status\\n"
roster += "s1,n7,ED,night,2026-03-08,2026-03-08T23:00:00Z,2026-03-09T07:00:00Z,RN,triage,planned\\n"
land("rosters", "2026-03-08", "rosters.csv", roster)
said["late"] = tick("feed_freshness_sensor")
said["same"] = tick("feed_freshness_sensor", said["late"]["cursor"])
meaning = repository.get_job("semantic_drift").execute_in_process(instance=instance, partition_key="city")
[event] = meaning.get_asset_materialization_events()
said["meaning"] = event.materialization.metadata["reviews_opened"].data
from dagster import materialize
from orchestration.defs.monitoring.audits import audit_asset

for name, clock in (("in time", "2026-03-02T12:00:00+00:00"), ("later", "2026-03-20T12:00:00+00:00")):
    config = {"ops": {"monitoring__audit": {"config": {"clock": clock}}}}
    audit = materialize([audit_asset], run_config=config, instance=instance)
    [told] = audit.asset_materializations_for_node("monitoring__audit")
    said[f"audit {name}"] = {key: value.value for key, value in told.metadata.items()}
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    import json

    home = tmp_path_factory.mktemp("watched") / "home"
    environment = {**os.environ, "PILOTHOUSE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, timeout=300, cwd=home.parent
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_is_asked_for_in_an_empty_home(said):
    for tick in said["empty"].values():
        assert tick["runs"] == [] and tick["skip"]


def test_a_check_judges_at_the_clock_that_it_is_given(said):
    assert said["fresh"]["census:fresh_city"][0] is True
    assert said["stale"]["census:fresh_city"][0] is False
    assert "is stale: last file 2026-03-02 04:59 UTC" in said["stale"]["census:fresh_city"][1]


def test_every_site_is_asked_about_the_feeds_that_it_lists_and_no_other(said):
    assert "x12_837:fresh_rural" in said["fresh"] and "x12_837:fresh_city" not in said["fresh"]


def test_a_feed_that_never_came_is_not_called_fresh_and_is_no_incident(said):
    passed, description = said["fresh"]["rosters:fresh_city"]
    assert passed is False and "whether it is late cannot be said" in description
    assert said["incidents"] == ["stale-census-city-20260302045959"]


def test_the_sensor_asks_for_the_checks_once_for_what_became_stale(said):
    assert len(said["late"]["runs"]) == 1
    assert said["same"]["runs"] == [] and said["same"]["skip"]


def test_a_new_day_is_looked_at_once(said):
    assert said["arrived"]["runs"] == ["city"]
    assert said["looked"]["runs"] == []
    assert said["meaning"] == []


def test_the_audit_asset_tells_what_must_be_mended_at_the_clock_that_it_is_given(said):
    early, later = said["audit in time"], said["audit later"]
    assert "census: the last file is 18 days old" in later["findings/city"]
    assert "the last file is" not in early["findings/city"] and "has ever arrived" in early["findings/city"]
    assert later["findings"] > early["findings"] and later["pages"] == len(SITES)
