"""Plans before meetings: each use case and site on the site's own clock, and a look at whether they were there.

What does not belong here: whether a plan came in time (steps/meetings), and making it (steps/plans).
"""

from collections.abc import Iterator, Sequence

from dagster import (
    AssetChecksDefinition,
    AssetSelection,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    define_asset_job,
    schedule,
)

from orchestration.defs.names import plan_key
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.planning.meetings import daily_cron, minutes_before
from orchestration.steps.releases.proposal import served_sites


def meeting_schedules(planned: Sequence[str], checks: Sequence[AssetChecksDefinition]) -> list[ScheduleDefinition]:
    """Return a schedule for each use case at each site with a meeting, in the order of what builds on what, and one
    for each site that looks at its plans when the meeting begins."""
    sites = [site for site in map(load_site, list_sites()) if site.meeting is not None]
    makes = [_makes(use_case, number, sites) for number, use_case in enumerate(planned)]
    look = define_asset_job("plans_in_time", AssetSelection.checks(*checks))
    looks = [
        ScheduleDefinition(
            name=f"meeting_{site.id}",
            job=look,
            cron_schedule=daily_cron(site, 0),
            execution_timezone=site.timezone,
            default_status=DefaultScheduleStatus.RUNNING,
            description=f"When the meeting of {site.name} begins: were its plans there?",
        )
        for site in sites
    ]
    return [*(one for found in makes for one in found), *looks]


def _makes(use_case: str, number: int, sites: Sequence[Site]) -> list[ScheduleDefinition]:
    job = define_asset_job(f"{use_case}_plan", AssetSelection.assets(plan_key(use_case)), partitions_def=SITES)
    return [_make(use_case, number, site, job) for site in sites]


def _make(use_case: str, number: int, site: Site, job: object) -> ScheduleDefinition:
    @schedule(
        name=f"{use_case}_plan_{site.id}",
        job=job,  # pyright: ignore[reportArgumentType] - Dagster does not export the type of an unresolved job
        cron_schedule=daily_cron(site, minutes_before(number)),
        execution_timezone=site.timezone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Before the meeting of {site.name}: the plan of {use_case}, if it is released there.",
    )
    def make(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        if site.id not in served_sites(load_settings(), use_case):
            yield SkipReason(f"{use_case} has no release at {site.id}.")
            return
        yield RunRequest(run_key=f"{use_case}-{site.id}-{context.scheduled_execution_time}", partition_key=site.id)

    return make
