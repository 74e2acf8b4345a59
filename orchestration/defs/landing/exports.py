"""Bulk exports unattended: a site whose file says how often (`bulk_export.every`) has its server asked when it is due.

What does not belong here: the export itself (orchestration/steps/intake/exporting.py).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    Config,
    DefaultSensorStatus,
    Failure,
    MetadataValue,
    OpExecutionContext,
    RunConfig,
    RunRequest,
    SensorEvaluationContext,
    SkipReason,
    job,
    op,
    sensor,
)

from orchestration.feeds.bulk_export import Asked
from orchestration.settings import load_settings
from orchestration.steps.intake.exporting import due_exports, export_site

LOOK_EVERY_SECONDS = 600


class ExportConfig(Config):
    """Which site's server is asked."""

    site: str


@op
def export_bulk(context: OpExecutionContext, config: ExportConfig) -> None:
    """Fetch a site's bulk export and land it; what the server could not export fails the run."""
    answer = export_site(load_settings(), config.site, Asked(), context.log.info)
    told = {"export": MetadataValue.json(answer.document)}
    if answer.exit_code:
        raise Failure(f"{config.site}: the server could not export everything.", metadata=told)
    context.add_output_metadata(told)


@job(description="One bulk export of one site's FHIR server, landed as one drop.")
def bulk_export() -> None:
    """Run the one op."""
    export_bulk()


@sensor(
    job=bulk_export,
    minimum_interval_seconds=LOOK_EVERY_SECONDS,
    default_status=DefaultSensorStatus.RUNNING,
    description="Every ten minutes: which sites are due for a bulk export; a failed one is tried again an hour later.",
)
def bulk_export_sensor(_context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Ask for a run per site that is due, at most one an hour."""
    now = datetime.now(UTC)
    sites = due_exports(load_settings(), now)
    if not sites:
        yield SkipReason("No site is due for a bulk export.")
    for site in sites:
        config = RunConfig(ops={"export_bulk": ExportConfig(site=site)})
        yield RunRequest(run_key=f"{site}-{now:%Y-%m-%dT%H}", run_config=config, tags={"site": site})
