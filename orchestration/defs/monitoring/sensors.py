"""What runs unattended: events collected daily, drift watched when tables change, failed runs made into incidents."""

from collections.abc import Iterator

from dagster import (
    AssetSelection,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    run_failure_sensor,
    sensor,
)

from orchestration.defs.evidence.assets import evidence_key
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.steps.record.incidents import open_run_incident
from orchestration.steps.releases.proposal import served_sites
from orchestration.steps.warehouse.tables import snapshot_digest

WATCH_EVERY_SECONDS = 3600

daily_events = ScheduleDefinition(
    name="daily_events",
    target=AssetSelection.keys(["monitoring", "events"]),
    cron_schedule="15 0 * * *",
    description="Brings serving's events and feedback back into the drops, every night.",
)


def drift_sensor(use_case: str) -> SensorDefinition:
    """Return the sensor that measures drift at every released site whenever a new snapshot is published."""
    job = define_asset_job(
        f"{use_case}_drift", AssetSelection.assets(evidence_key(use_case, "drift")), partitions_def=SITES
    )

    @sensor(
        name=f"{use_case}_drift_sensor",
        job=job,
        minimum_interval_seconds=WATCH_EVERY_SECONDS,
        default_status=DefaultSensorStatus.RUNNING,
        description="Hourly: a new snapshot is compared with the released model's training window.",
    )
    def watch(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        settings = load_settings()
        digest, sites = snapshot_digest(settings), served_sites(settings, use_case)
        if digest is None or digest == context.cursor or not sites:
            yield SkipReason("No new snapshot since the last look, or nothing is released.")
            return
        for site in sites:
            yield RunRequest(run_key=f"{digest}-{site}", partition_key=site)
        context.update_cursor(digest)

    return watch


@run_failure_sensor(default_status=DefaultSensorStatus.RUNNING)
def failed_run_sensor(context: RunFailureSensorContext) -> None:
    """A failed run, and so a failed blocking check, becomes an incident on the ledger."""
    site = context.dagster_run.tags.get("dagster/partition")
    open_run_incident(load_settings(), context.dagster_run.run_id, context.dagster_run.job_name, site)
