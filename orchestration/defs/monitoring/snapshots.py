"""Sensors that have every site looked at where something is served, once for each snapshot that is published.

What does not belong here: what is looked at, and at which sites (drifting, sensors).
"""

from collections.abc import Callable, Iterator, Sequence

from dagster import (
    AssetSelection,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    sensor,
)

from orchestration.defs.partitions import SITES
from orchestration.settings import Settings, load_settings
from orchestration.steps.warehouse.tables import snapshot_digest

WATCH_EVERY_SECONDS = 3600


def snapshot_sensor(
    name: str, looks: AssetSelection, sites: Callable[[Settings], Sequence[str]], description: str
) -> SensorDefinition:
    """Return the sensor, with its job of that name, that has assets look at the `sites` that serve something."""

    @sensor(
        name=f"{name}_sensor",
        job=define_asset_job(name, looks, partitions_def=SITES),
        minimum_interval_seconds=WATCH_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description=description,
    )
    def watch(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        settings = load_settings()
        digest = snapshot_digest(settings)
        served = [] if digest is None or digest == context.cursor else sites(settings)
        if digest is None or not served:
            yield SkipReason("No new snapshot since the last look, or nothing is released.")
            return
        for site in served:
            yield RunRequest(run_key=f"{digest}-{site}", partition_key=site)
        context.update_cursor(digest)

    return watch
