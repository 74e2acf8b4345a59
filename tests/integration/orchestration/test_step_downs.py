"""A step down that serving took by itself reaches the ledger once, with the time it took effect."""

from datetime import UTC, datetime

import duckdb
import pytest

from evaluation.canonical import document_digest
from orchestration.settings import Environment, Settings
from orchestration.steps.files import file_sha256, write_json
from orchestration.steps.record.incidents import list_incidents
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.monitoring import record_step_downs

AT = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
RELEASE = document_digest({"release": 1})


@pytest.fixture
def settings(tmp_path):
    home = tmp_path / "home"
    (home / "snapshots" / "d").mkdir(parents=True)
    events = home / "snapshots" / "d" / "serving_event.parquet"
    duckdb.sql(
        f"""copy (
            select 'a1-b2' as event_id, timestamptz '{AT.isoformat()}' as "at", 'step_down' as kind,
                '{RELEASE}' as release_digest, 'rule' as tier, '5 calls in a row' as reason,
                'triage' as use_case, 'city' as site, 'stepped_down' as status, 3 as generation
            union all select 'c3', timestamptz '{AT.isoformat()}', 'call',
                '{RELEASE}', 'model', null, 'triage', 'city', 'scored', 3
            union all select 'd4', timestamptz '{AT.isoformat()}', 'step_down',
                '{RELEASE}', 'rule', 'x', 'triage', 'rural', 'stepped_down', 3
            union all select 'e5', timestamptz '{AT.isoformat()}' + interval 1 minute, 'step_down',
                '{RELEASE}', 'manual', 'the clock jumped', 'triage', 'city', 'stepped_down', 3
            union all select 'f6', timestamptz '{AT.isoformat()}', 'outage',
                '{RELEASE}', 'manual', '3 calls: the store is locked', 'triage', 'city', 'store_unavailable', 3
        ) to '{events}' (format parquet)"""
    )
    entry = {"file": events.name, "sha256": file_sha256(events), "rows": 5}
    current = {"digest": "d", "as_of": AT.isoformat(), "tables": {"serving_event": entry}}
    write_json(home / "snapshots" / "current.json", current)
    url = f"sqlite:///{home / 'ledger.db'}"
    return Settings(home, Environment.DEVELOPMENT, url, f"sqlite:///{home / 'm.db'}", f"sqlite:///{home / 'e.db'}")


def test_a_step_down_is_recorded_once_as_automatic_with_its_own_time(settings):
    assert [record_step_downs(settings, "triage", "city") for _ in range(2)] == [2, 0]
    first, second = open_records(settings).entries(kinds=("tier_change",))
    assert (first.payload["site"], first.payload["tier"], first.payload["is_automatic"]) == ("city", "rule", True)
    assert first.effective_at == AT and first.actor == "pilothouse"
    assert [(one.payload["from_tier"], one.payload["tier"]) for one in (first, second)] == [
        ("model", "rule"),
        ("rule", "manual"),
    ]
    assert open_records(settings).verify().ok


def test_each_step_down_and_each_outage_is_one_incident(settings):
    for _ in range(2):
        record_step_downs(settings, "triage", "city")
    found = {one["incident"]: one for one in list_incidents(settings)}
    assert set(found) == {"serving-stepped-down-a1-b2", "serving-stepped-down-e5", "outage-f6"}
    said = found["serving-stepped-down-a1-b2"]["what"]
    assert said.startswith("The service stepped down to rule by itself at 2026-11-22 04:30:00 UTC: 5 calls in a row.")
    outage = found["outage-f6"]
    assert "store unavailable" in outage["what"] and "3 calls: the store is locked" in outage["what"]
    assert outage["detail"]["cause"] == "serving-outage-store_unavailable"
    assert {one["site"] for one in found.values()} == {"city"}
