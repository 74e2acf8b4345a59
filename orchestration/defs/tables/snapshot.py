"""The snapshot: what training, serving, boards and reports read, so that the warehouse keeps one writer."""

from datetime import UTC, datetime

from dagster import AssetKey, MaterializeResult, MetadataValue, asset

from orchestration.settings import load_settings
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK, publish_snapshot

SNAPSHOT = AssetKey(["tables", "snapshot"])
MARTS = [
    AssetKey(["tables", "marts", mart])
    for mart in ("triage_mart", "staffing_mart", "staffing_stay", "demand_mart", "appointments_mart")
]


@asset(key=SNAPSHOT, deps=MARTS, group_name="tables", kinds={"parquet"})
def snapshot() -> MaterializeResult:
    """Marts exported to `snapshots/<digest>/`, published by an atomic pointer."""
    settings = load_settings()
    with exclusive(settings.home, WAREHOUSE_LOCK):
        published = publish_snapshot(settings, as_of=datetime.now(UTC))
    rows = {f"rows/{name}": MetadataValue.int(count) for name, count in published.rows.items()}
    return MaterializeResult(metadata={"digest": MetadataValue.text(published.digest), **rows})
