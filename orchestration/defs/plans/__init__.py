"""plans: what every use case that advises a unit publishes for the assignment meeting, and whether it was there."""

from dagster import Definitions

from orchestration.defs.plans.assets import adjustments_asset, in_time_checks, plan_asset
from orchestration.defs.plans.schedules import meeting_schedules
from orchestration.steps.planning.plans import plan_order


def definitions() -> Definitions:
    planned = plan_order()
    checks = in_time_checks(planned)
    return Definitions(
        assets=[make(use_case) for use_case in planned for make in (plan_asset, adjustments_asset)],
        asset_checks=checks,
        schedules=meeting_schedules(planned, checks),
    )
