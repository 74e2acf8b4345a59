"""What is past its contract's retention goes by itself: once a day, at the sites that hold such.

What does not belong here: what goes, and the ledger's entry (orchestration/steps/intake/erasure.py).
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    Config,
    DefaultScheduleStatus,
    Failure,
    MetadataValue,
    OpExecutionContext,
    RunConfig,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    job,
    op,
    schedule,
)

from orchestration.settings import load_settings
from orchestration.steps.intake.erasure import erase_expired, sites_past_term
from orchestration.steps.record.actors import AUTOMATIC, Actor

REASON = "end of the term that the contract agrees"


class TermConfig(Config):
    """Whose records are looked at."""

    site: str


@op
def erase_past_term(context: OpExecutionContext, config: TermConfig) -> None:
    """Destroy what is past its term at a site, and make the tables anew; a failed rebuild fails the run."""
    settings = load_settings()

    def rebuild() -> bool:
        from orchestration.defs.launch import rebuild_tables  # the launcher loads every definition, this one too

        return rebuild_tables(settings, context.log.info)

    answer = erase_expired(settings, config.site, REASON, Actor(AUTOMATIC), rebuild)
    told = {"erased": MetadataValue.json(answer.document)}
    if answer.exit_code:
        raise Failure(
            f"{config.site}: what was past its term is gone, but the tables could not be rebuilt.", metadata=told
        )
    context.add_output_metadata(told)


@job(description="What is past its contract's retention at a site, destroyed; the tables are built anew.")
def end_of_term() -> None:
    """Run the one op."""
    erase_past_term()


@schedule(
    job=end_of_term,
    cron_schedule="30 3 * * *",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every night: sites that hold something past its contract's retention have it erased.",
)
def daily_terms(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
    """Ask for a run per site that holds something past its term."""
    at = datetime.now(UTC)
    sites = sites_past_term(load_settings(), at)
    if not sites:
        yield SkipReason("Nothing is past its term.")
    for site in sites:
        config = RunConfig(ops={"erase_past_term": TermConfig(site=site)})
        key = f"{site}-{context.scheduled_execution_time:%Y-%m-%d}"
        yield RunRequest(run_key=key, run_config=config, tags={"site": site})
