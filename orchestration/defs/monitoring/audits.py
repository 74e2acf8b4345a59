"""The asset `monitoring/audit`: the audit page of every site, every night, with what must be mended as its metadata.

What does not belong here: what an audit counts and concludes (steps/audit, evaluation/reports).
"""

from dagster import (
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    MaterializeResult,
    MetadataValue,
    ScheduleDefinition,
    asset,
)

from orchestration.defs.clock import Clock
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.intake.audit import audit_sites, findings_by_site

AUDIT = AssetKey(["monitoring", "audit"])


@asset(key=AUDIT, deps=[SNAPSHOT], group_name="monitoring")
def audit_asset(config: Clock) -> MaterializeResult:
    """The data audit of every site: sources, freshness, coding, links, data quality, and what to mend first."""
    answer = audit_sites(load_settings(), None, None, config.moment)
    found = findings_by_site(answer)
    said = {f"findings/{site}": MetadataValue.md("\n".join(f"{n}. {one}" for n, one in enumerate(all_, 1)) or "none")
            for site, all_ in found.items()}  # fmt: skip
    counts = {"findings": MetadataValue.int(sum(map(len, found.values()))), "pages": MetadataValue.int(len(found))}
    return MaterializeResult(metadata={**counts, **said})


nightly_audit = ScheduleDefinition(
    name="nightly_audit",
    target=AssetSelection.assets(AUDIT),
    cron_schedule="45 4 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Writes the audit pages of all sites, every night after the feeds of the night have landed.",
)
