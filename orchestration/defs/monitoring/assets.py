"""The assets `monitoring/events`, `monitoring/report` and `<use_case>/evidence/{shadow,parity,slo}`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)

from orchestration.defs.evidence.assets import evidence_key, figures_metadata
from orchestration.defs.partitions import SITES
from orchestration.defs.releases.assets import release_key
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.candidate import list_use_cases
from orchestration.steps.monitoring import collect_events, record_step_downs
from orchestration.steps.reporting import write_all_reports
from orchestration.steps.shadow import judge_serving

SERVED = {
    "shadow": "The released model's figures on live visits, once their outcomes are known.",
    "parity": "Whether serving computed the same features as the warehouse, visit by visit.",
    "slo": "How many visits had their score in time, from the request to the answer.",
}
REPORT = AssetKey(["monitoring", "report"])


@asset(
    key=AssetKey(["monitoring", "events"]),
    deps=[release_key(use_case) for use_case in list_use_cases()],
    group_name="monitoring",
)
def events_asset() -> MaterializeResult:
    """New events and feedback of every site, put into today's drops; they land under their contracts."""
    written = collect_events(load_settings(), datetime.now(UTC).date())
    return MaterializeResult(metadata={site: MetadataValue.int(files) for site, files in written.items()})


@asset(key=REPORT, deps=[SNAPSHOT], group_name="monitoring")
def report_asset() -> MaterializeResult:
    """The static pages: every release with its evidence, approvals, drift and the way back to the data."""
    index, *others = write_all_reports(load_settings())
    return MaterializeResult(
        metadata={"index": MetadataValue.path(str(index)), "pages": MetadataValue.int(1 + len(others))}
    )


def serving_assets(use_case: str) -> AssetsDefinition:
    """Return the evidence that only serving can give, about the model that is released at a site."""
    specs = [
        AssetSpec(
            evidence_key(use_case, kind),
            deps=[SNAPSHOT, release_key(use_case)],
            group_name="monitoring",
            description=description,
        )
        for kind, description in SERVED.items()
    ]

    @multi_asset(specs=specs, partitions_def=SITES, name=f"{use_case}_served")
    def served(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        settings = load_settings()
        record_step_downs(settings, use_case, context.partition_key)
        for evidence in judge_serving(settings, use_case, context.partition_key):
            yield MaterializeResult(evidence_key(use_case, evidence.kind), metadata=figures_metadata(evidence))

    return served
