"""The asset `monitoring/service_levels`: what was promised and held, every hour, and an incident where a budget burns.

What does not belong here: what is promised (evaluation/slo) and what happened (steps/slo).
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
from orchestration.steps.slo import service_levels, tell_burning

LEVELS = AssetKey(["monitoring", "service_levels"])


@asset(key=LEVELS, deps=[SNAPSHOT], group_name="monitoring")
def levels_asset(config: Clock) -> MaterializeResult:
    """Every service level of every site; a budget that burned too fast since it was last told opens one incident."""
    opened = tell_burning(load_settings(), config.moment)
    answer = service_levels(load_settings(), None, None, config.moment)
    missed = [one for one in answer.document["slos"] if one["is_met"] is False]
    return MaterializeResult(
        metadata={
            "judged": MetadataValue.int(len(answer.document["slos"])),
            "missed": MetadataValue.int(len(missed)),
            "incidents_opened": MetadataValue.int(len(opened)),
            "levels": MetadataValue.md(f"```\n{answer.text}\n```"),
        }
    )


hourly_levels = ScheduleDefinition(
    name="hourly_levels",
    target=AssetSelection.assets(LEVELS),
    cron_schedule="25 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Judges what was promised to clinicians, every hour, by the times of the events themselves.",
)
