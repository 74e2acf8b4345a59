"""The graph loads without a network and without a previous run, and holds what the interfaces promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.sites import list_sites, load_site

pytestmark = pytest.mark.xdist_group("definitions")  # one set-up for all of them

ROOT = Path(__file__).resolve().parents[3]
UNATTENDED = {"daily_events", "daily_terms", "hourly_levels", "hourly_operations", "hourly_scrub", "nightly_audit"}
PROBE = """
import json, socket, sys

def refuse(*_):
    raise OSError("the definitions asked the network")

socket.socket.connect = refuse
from orchestration.definitions import defs
repository = defs.get_repository_def()
repository.load_all_definitions()  # as Dagster's own server does: names of jobs and steps must not meet
graph = repository.asset_graph
print(json.dumps({
    "groups": sorted({graph.get(key).group_name for key in graph.materializable_asset_keys}),
    "assets": sorted(key.to_user_string() for key in graph.materializable_asset_keys),
    "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys),
    "sensors": sorted(s.name for s in repository.sensor_defs),
    "schedules": sorted(s.name for s in repository.schedule_defs),
    "upstream_of_mart": sorted(k.to_user_string() for k in graph.get_ancestor_asset_keys(
        next(k for k in graph.materializable_asset_keys if k.path[-1] == "triage_mart")) if k.path[0] == "landing"),
    "upstream_of_roster": sorted(k.to_user_string() for k in graph.get_ancestor_asset_keys(
        next(k for k in graph.materializable_asset_keys if list(k.path) == ["roster", "plan"]))),
}))
"""


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    import json

    home = tmp_path_factory.mktemp("empty") / "home"
    environment = {**os.environ, "PILOTHOUSE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, timeout=300, cwd=home.parent
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_groups_are_the_stages_of_the_flow(graph):
    assert graph["groups"] == ["candidates", "evidence", "landing", "monitoring", "plans", "releases", "tables"]


def test_the_asset_keys_are_those_of_the_interfaces(graph):
    expected = {"landing/ehr_fhir", "landing/nhamcs_ed", "landing/serving_events", "tables/omop/person"}
    expected |= {"tables/marts/triage_mart", "triage/candidate", "triage/evidence/drift", "triage/release"}
    expected |= {
        f"triage/evidence/{kind}"
        for kind in ("performance", "rehearsal", "shadow", "parity", "slo", "overrides", "estimated", "explanations")
    }
    expected |= {"triage/evidence/cross_site", "appointments/evidence/cross_site"}
    assert expected <= set(graph["assets"])
    assert "staffing/evidence/cross_site" not in graph["assets"]
    assert any(name.startswith("monitoring/") for name in graph["assets"])


def test_the_mart_descends_from_the_feeds(graph):
    assert {"landing/ehr_fhir", "landing/nhamcs_ed"} <= set(graph["upstream_of_mart"])


def test_dbts_tests_are_asset_checks_and_every_feed_must_add_up(graph):
    assert len([check for check in graph["checks"] if check.startswith("tables/")]) > 50
    assert "landing/ehr_fhir:receipts_add_up" in graph["checks"]


def test_drift_is_watched_and_events_come_back_unattended(graph):
    assert "triage_drift_sensor" in graph["sensors"] and "failed_run_sensor" in graph["sensors"]
    assert set(graph["schedules"]) >= UNATTENDED
    assert "segment_drift_sensor" in graph["sensors"]
    watched = {"monitoring/audit", "monitoring/drift", "monitoring/operations", "monitoring/service_levels"}
    assert watched <= set(graph["assets"])


def test_the_models_feed_each_other_in_one_graph_each_with_a_release_of_its_own(graph):
    chain = {"triage/release", "staffing/release", "staffing/plan", "roster/release"}
    assert chain <= set(graph["upstream_of_roster"])


def test_plans_are_made_before_every_sites_meeting_and_looked_for_when_it_begins(graph):
    meeting = sorted(one for one in list_sites() if load_site(one).meeting is not None)
    looks = {f"meeting_{site}" for site in meeting}
    makes = {f"{use_case}_plan_{site}" for use_case in ("staffing", "roster") for site in meeting}
    assert meeting and set(graph["schedules"]) - UNATTENDED == looks | makes
