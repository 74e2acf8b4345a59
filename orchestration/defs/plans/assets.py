"""The assets `<use_case>/plan` and `<use_case>/adjustments`, partitioned by site, and the checks `in_time` on plans."""

from collections.abc import Sequence
from datetime import timedelta

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    FreshnessPolicy,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from orchestration.defs.clock import Clock
from orchestration.defs.names import adjustments_key, plan_key, release_key
from orchestration.defs.partitions import SITES
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.planning.meetings import clock_of, judge_meetings
from orchestration.steps.planning.plans import make_plan, upstream_of
from orchestration.steps.record.records import now
from orchestration.steps.watching.monitoring import record_adjustments

DAILY = FreshnessPolicy.time_window(fail_window=timedelta(hours=26), warn_window=timedelta(hours=25))
"""Over all sites; the deadline of each site, on its own clock, is the check `in_time`."""


def plan_asset(use_case: str) -> AssetsDefinition:
    """Return the asset that makes, signs and publishes the plan of `use_case` for one site."""

    @asset(
        key=plan_key(use_case),
        deps=[SNAPSHOT, release_key(use_case), *_upstream_keys(use_case)],
        partitions_def=SITES,
        group_name="plans",
        kinds={use_case},
        freshness_policy=DAILY,
        description=f"The signed plan of {use_case} for the assignment meeting, by what is released.",
    )
    def plan(context: AssetExecutionContext, config: Clock) -> MaterializeResult:
        settings, site = load_settings(), context.partition_key
        made = make_plan(settings, use_case, site, config.moment or clock_of(settings, site, now()))
        return MaterializeResult(
            metadata={
                "plan": MetadataValue.text(made.plan.digest),
                "stage": MetadataValue.text(made.stage.value),
                "tier": MetadataValue.text(made.plan.tier.value),
                "tier_reason": MetadataValue.text(made.plan.tier_reason or ""),
                "upstream": MetadataValue.json([one.said for one in made.plan.upstream]),
                "lines": MetadataValue.int(len(made.plan.lines)),
                "issued_at": MetadataValue.timestamp(made.plan.issued_at),
            }
        )

    return plan


def _upstream_keys(use_case: str) -> list[AssetKey]:
    planned, others = upstream_of(use_case)
    return [*map(plan_key, planned), *map(release_key, others)]


def adjustments_asset(use_case: str) -> AssetsDefinition:
    """Return the asset that writes to the ledger what people changed on the board, from the feedback mart."""

    @asset(
        key=adjustments_key(use_case),
        deps=[SNAPSHOT, plan_key(use_case)],
        partitions_def=SITES,
        group_name="monitoring",
        kinds={use_case},
        description=f"People's own figures beside plans of {use_case}, each an entry on the ledger, once.",
    )
    def adjustments(context: AssetExecutionContext) -> MaterializeResult:
        new = record_adjustments(load_settings(), use_case, context.partition_key)
        return MaterializeResult(metadata={"new_on_the_ledger": MetadataValue.int(new)})

    return adjustments


def in_time_checks(planned: Sequence[str]) -> list[AssetChecksDefinition]:
    """Return one check per planned use case: was a plan there before the newest meeting of every site it serves."""
    return [_in_time_check(use_case) for use_case in planned]


def _in_time_check(use_case: str) -> AssetChecksDefinition:
    @asset_check(asset=plan_key(use_case), name="in_time", blocking=False)
    def in_time(config: Clock) -> AssetCheckResult:
        """A plan of the day was published before each site's assignment meeting; a late one is an incident."""
        judged = judge_meetings(load_settings(), use_case, config.moment)
        return AssetCheckResult(
            passed=all(one.is_met for one in judged),
            severity=AssetCheckSeverity.ERROR,
            description=" ".join(one.sentence for one in judged) or "No site that has a meeting serves it.",
            metadata={one.site: MetadataValue.bool(one.is_met) for one in judged},
        )

    return in_time
