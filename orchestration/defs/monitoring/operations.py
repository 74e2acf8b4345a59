"""The asset `monitoring/operations`: the page of operations, published for the service and among the reports, hourly.

What does not belong here: what is on it (steps/watching).
"""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    MaterializeResult,
    MetadataValue,
    ScheduleDefinition,
    asset,
)

from orchestration.defs.names import OPERATIONS
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.watching.operations import publish_operations


@asset(key=OPERATIONS, deps=[SNAPSHOT], group_name="monitoring")
def operations_asset() -> MaterializeResult:
    """Model, workflow and outcome metrics by unit, role, shift and site, for `/ops` and as pages."""
    overview, *pages = publish_operations(load_settings())
    return MaterializeResult(
        metadata={"page": MetadataValue.path(str(overview)), "pages": MetadataValue.int(len(pages))}
    )


hourly_operations = ScheduleDefinition(
    name="hourly_operations",
    target=AssetSelection.assets(OPERATIONS),
    cron_schedule="40 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Publishes the page of operations, every hour after the service levels were judged.",
)
