"""The asset `landing/note_text`: notes that wait at a site are scrubbed, by schedule.

What does not belong here: scrubbing (orchestration/steps/intake/notes.py).
"""

from collections.abc import Iterator

from dagster import (
    AssetExecutionContext,
    AssetSelection,
    DefaultScheduleStatus,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    asset,
    define_asset_job,
    schedule,
)

from orchestration.defs.names import landing_key
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.sites import list_sites
from orchestration.steps.intake.notes import scrub_notes, waiting_notes

NOTES = "note_text"
HOLDING = ("ehr_fhir", "hl7v2", "triage_notes")  # feeds whose records hold notes
AGAIN = RetryPolicy(max_retries=3, delay=60)  # another landing of the site has its lock for a while
COUNTED = ("records", "notes", "scrubbed", "marks", "sentences", "analysed", "files_waiting")


@asset(
    key=landing_key(NOTES),
    deps=[landing_key(feed) for feed in HOLDING],
    partitions_def=SITES,
    group_name="landing",
    kinds={"parquet"},
    retry_policy=AGAIN,
)
def note_text(context: AssetExecutionContext) -> MaterializeResult:
    """Texts of notes without identifiers, or why one is withheld; what was scrubbed before is left as it is."""
    answer = scrub_notes(load_settings(), context.partition_key, None, context.log.info)
    [done] = answer.document["sites"] or [{}]
    counts = {name: MetadataValue.int(int(done.get(name, 0))) for name in COUNTED}
    return MaterializeResult(metadata={**counts, "withheld": MetadataValue.json(done.get("withheld", {}))})


scrub_job = define_asset_job("scrub_notes", AssetSelection.assets(note_text))


@schedule(
    job=scrub_job,
    cron_schedule="45 * * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Hourly: notes that landed since are scrubbed, site by site.",
)
def hourly_scrub(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Ask for a run per site where notes wait."""
    settings = load_settings()
    sites = [site for site in list_sites() if waiting_notes(settings, site)]
    if not sites:
        yield SkipReason("No note waits to be scrubbed.")
    for site in sites:
        yield RunRequest(run_key=f"{site}-{context.scheduled_execution_time:%Y-%m-%dT%H}", partition_key=site)
