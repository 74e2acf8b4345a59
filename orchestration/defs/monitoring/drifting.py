"""The asset `monitoring/drift` of a site, and the sensor that has it look when a new snapshot is published.

What does not belong here: what counts as drift (evaluation/drift) and whom it is told (steps/watching).
"""

from dagster import (
    AssetExecutionContext,
    AssetSelection,
    Failure,
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
from orchestration.steps.errors import said
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.watching.drift_watch import watch_all, watched_use_cases


@asset(key=DRIFT, deps=[SNAPSHOT], partitions_def=SITES, group_name="monitoring")
def drift_asset(context: AssetExecutionContext) -> MaterializeResult:
    """Features, scores and labels of every segment against what was learned from, and each day against those before
    it; one incident for one cause. A use case that cannot be compared fails the run, once the others were watched."""
    settings, site = load_settings(), context.partition_key
    found, failed = watch_all(settings, site, watched_use_cases(settings, site, list_use_cases()))
    sentences = [cause.sentence for one in found for cause in one.causes]
    metadata = {
        "compared": MetadataValue.int(sum(len(one.look.shifts) for one in found)),
        "alarms": MetadataValue.int(sum(len(one.look.alarms) for one in found)),
        "jumps": MetadataValue.int(sum(len(one.jumps) for one in found)),
        "incidents_opened": MetadataValue.int(sum(len(one.opened) for one in found)),
        "causes": MetadataValue.md("\n".join(f"- {one}" for one in sentences) or "none"),
    }
    if failed:
        listed = " ".join(f"{use_case}: {said(error)}" for use_case, error in failed.items())
        problem = f"At {site} drift could not be watched of {listed} The others were watched; see the cause of each."
        raise Failure(problem, metadata=metadata) from ExceptionGroup(problem, list(failed.values()))
    return MaterializeResult(metadata=metadata)


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
