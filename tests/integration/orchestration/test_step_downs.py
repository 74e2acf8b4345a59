"""A step down that serving took by itself reaches the ledger once, with the time it took effect."""

from datetime import UTC, datetime

import duckdb
import pytest

from evaluation.canonical import document_digest
from orchestration.settings import Environment, Settings
from orchestration.steps.files import file_sha256, write_json
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
                'triage' as use_case, 'city' as site
            union all select 'c3', timestamptz '{AT.isoformat()}', 'call', '{RELEASE}', 'model', null, 'triage', 'city'
            union all select 'd4', timestamptz '{AT.isoformat()}', 'step_down',
                '{RELEASE}', 'rule', 'x', 'triage', 'rural'
        ) to '{events}' (format parquet)"""
    )
    entry = {"file": events.name, "sha256": file_sha256(events), "rows": 3}
    current = {"digest": "d", "as_of": AT.isoformat(), "tables": {"serving_event": entry}}
    write_json(home / "snapshots" / "current.json", current)
    url = f"sqlite:///{home / 'ledger.db'}"
    return Settings(home, Environment.DEVELOPMENT, url, f"sqlite:///{home / 'm.db'}", f"sqlite:///{home / 'e.db'}")


def test_a_step_down_is_recorded_once_as_automatic_with_its_own_time(settings):
    assert [record_step_downs(settings, "triage", "city") for _ in range(2)] == [1, 0]
    [entry] = open_records(settings).entries(kinds=("tier_change",))
    assert (entry.payload["site"], entry.payload["tier"], entry.payload["is_automatic"]) == ("city", "rule", True)
    assert entry.effective_at == AT and entry.actor == "pilothouse"
    assert open_records(settings).verify().ok
