"""The assets `monitoring/events`, `monitoring/report` and `<use_case>/evidence/...` of what was served."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    Config,
    MaterializeResult,
    MetadataValue,
    asset,
    multi_asset,
)

from orchestration.defs.evidence.assets import evidence_key, figures_metadata
from orchestration.defs.names import EVENTS, REPORT, release_key
from orchestration.defs.partitions import SITES
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.candidate import list_use_cases
from orchestration.steps.learning.challenger import judge_challenger
from orchestration.steps.watching.monitoring import collect_events, record_step_downs
from orchestration.steps.watching.reporting import write_all_reports


class Collection(Config):
    """Into the drop of which day events go: an ISO date, today where it is left out."""

    day: str | None = None


@asset(
    key=EVENTS,
    deps=[release_key(use_case) for use_case in list_use_cases()],
    group_name="monitoring",
)
def events_asset(config: Collection) -> MaterializeResult:
    """New events and feedback of every site, put into a day's drops; they land under their contracts."""
    day = date.fromisoformat(config.day) if config.day else datetime.now(UTC).date()
    written = collect_events(load_settings(), day)
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
            kinds={use_case},
            description=description,
        )
        for kind, description in kind_of(use_case).served.items()
    ]

    @multi_asset(specs=specs, partitions_def=SITES, name=f"{use_case}_served")
    def served(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
        settings = load_settings()
        record_step_downs(settings, use_case, context.partition_key)
        for evidence in kind_of(use_case).judge_serving(settings, use_case, context.partition_key):
            yield MaterializeResult(evidence_key(use_case, evidence.kind), metadata=figures_metadata(evidence))
        judge_challenger(settings, use_case, context.partition_key)

    return served
