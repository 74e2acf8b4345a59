"""The asset `monitoring/drift` of a site, and the sensor that has it look when a new snapshot is published.

What does not belong here: what counts as drift (evaluation/drift) and whom it is told (steps/watching).
"""

from dagster import (
    AssetExecutionContext,
    AssetSelection,
    MaterializeResult,
    MetadataValue,
    SensorDefinition,
    asset,
)

from orchestration.defs.monitoring.snapshots import snapshot_sensor
from orchestration.defs.names import DRIFT
from orchestration.defs.partitions import SITES
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import Settings, load_settings
from orchestration.sites import list_sites
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.watching.drift_watch import watch_drift, watched_use_cases


@asset(key=DRIFT, deps=[SNAPSHOT], partitions_def=SITES, group_name="monitoring")
def drift_asset(context: AssetExecutionContext) -> MaterializeResult:
    """Features, scores and labels of every segment against what was learned from, and each day against those before
    it; one incident for one cause."""
    settings, site = load_settings(), context.partition_key
    found = {one: watch_drift(settings, one, site) for one in watched_use_cases(settings, site, list_use_cases())}
    said = [cause.sentence for one in found.values() if one for cause in one.causes]
    return MaterializeResult(
        metadata={
            "compared": MetadataValue.int(sum(len(one.look.shifts) for one in found.values() if one)),
            "alarms": MetadataValue.int(sum(len(one.look.alarms) for one in found.values() if one)),
            "jumps": MetadataValue.int(sum(len(one.jumps) for one in found.values() if one)),
            "incidents_opened": MetadataValue.int(sum(len(one.opened) for one in found.values() if one)),
            "causes": MetadataValue.md("\n".join(f"- {one}" for one in said) or "none"),
        }
    )


def segment_drift_sensor() -> SensorDefinition:
    """Return the sensor that looks at every site where something is served, once for each snapshot."""

    def served(settings: Settings) -> list[str]:
        return [site for site in list_sites() if watched_use_cases(settings, site, list_use_cases())]

    return snapshot_sensor(
        "segment_drift",
        AssetSelection.assets(DRIFT),
        served,
        "Hourly: a new snapshot is compared by segment with what the released models learned from.",
    )
