"""monitoring: serving's events come back as a feed; what was served is held against what happened; drift is watched."""

from dagster import Definitions

from orchestration.defs.monitoring.assets import events_asset, report_asset, serving_assets
from orchestration.defs.monitoring.sensors import daily_events, drift_sensor, failed_run_sensor
from orchestration.steps.candidate import list_use_cases


def definitions() -> Definitions:
    return Definitions(
        assets=[events_asset, report_asset, *[serving_assets(use_case) for use_case in list_use_cases()]],
        schedules=[daily_events],
        sensors=[*[drift_sensor(use_case) for use_case in list_use_cases()], failed_run_sensor],
    )
