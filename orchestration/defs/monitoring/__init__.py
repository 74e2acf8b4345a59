"""monitoring: serving's events come back as a feed; what was served is held against what happened; drift is watched,
of models and of what feeds mean, and whether feeds still arrive."""

from dagster import Definitions

from orchestration.defs.monitoring.assets import events_asset, report_asset, serving_assets
from orchestration.defs.monitoring.audits import audit_asset, nightly_audit
from orchestration.defs.monitoring.drifting import drift_asset, segment_drift_sensor
from orchestration.defs.monitoring.feeds import freshness_checks, freshness_sensor, meaning_asset, meaning_sensor
from orchestration.defs.monitoring.levels import hourly_levels, levels_asset
from orchestration.defs.monitoring.operations import hourly_operations, operations_asset
from orchestration.defs.monitoring.sensors import daily_events, drift_sensor, failed_run_sensor
from orchestration.steps.learning.candidate import list_use_cases


def definitions() -> Definitions:
    checks = freshness_checks()
    return Definitions(
        assets=[
            events_asset,
            report_asset,
            meaning_asset,
            audit_asset,
            levels_asset,
            drift_asset,
            operations_asset,
            *[serving_assets(use_case) for use_case in list_use_cases()],
        ],
        asset_checks=[checks],
        schedules=[daily_events, nightly_audit, hourly_levels, hourly_operations],
        sensors=[
            *[drift_sensor(use_case) for use_case in list_use_cases()],
            failed_run_sensor,
            freshness_sensor(checks),
            meaning_sensor(),
            segment_drift_sensor(),
        ],
    )
