"""What runs unattended: events collected daily, drift watched when tables change, failed runs made into incidents."""

from dagster import (
    AssetSelection,
    DefaultSensorStatus,
    RunFailureSensorContext,
    ScheduleDefinition,
    SensorDefinition,
    run_failure_sensor,
)

from orchestration.defs.evidence.assets import evidence_key
from orchestration.defs.monitoring.snapshots import snapshot_sensor
from orchestration.settings import Settings, load_settings
from orchestration.steps.learning.candidate import use_case_of
from orchestration.steps.record.incidents import open_run_incident
from orchestration.steps.releases.proposal import served_sites

daily_events = ScheduleDefinition(
    name="daily_events",
    target=AssetSelection.keys(["monitoring", "events"]),
    cron_schedule="15 0 * * *",
    description="Brings serving's events and feedback back into the drops, every night.",
)


def drift_sensor(use_case: str) -> SensorDefinition:
    """Return the sensor that measures drift at every released site whenever a new snapshot is published."""

    def served(settings: Settings) -> list[str]:
        return served_sites(settings, use_case)

    return snapshot_sensor(
        f"{use_case}_drift",
        AssetSelection.assets(evidence_key(use_case, "drift")),
        served,
        "Hourly: a new snapshot is compared with the released model's training window.",
    )


@run_failure_sensor(default_status=DefaultSensorStatus.RUNNING)
def failed_run_sensor(context: RunFailureSensorContext) -> None:
    """A failed run, and so a failed blocking check, becomes an incident on the ledger, and a message."""
    run = context.dagster_run
    site = run.tags.get("dagster/partition")
    made = {key.path[0] for key in run.asset_selection or ()}
    open_run_incident(load_settings(), run.run_id, run.job_name, site, use_case_of(made))
