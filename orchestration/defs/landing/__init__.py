"""landing: bytes as received become typed, pseudonymous rows, rejects and a receipt per file."""

from dagster import Definitions

from orchestration.defs.landing.assets import landing_assets
from orchestration.defs.landing.exports import bulk_export, bulk_export_sensor
from orchestration.defs.landing.notes import hourly_scrub, note_text, scrub_job
from orchestration.defs.landing.terms import daily_terms, end_of_term


def definitions() -> Definitions:
    return Definitions(
        assets=[landing_assets(), note_text],
        jobs=[bulk_export, scrub_job, end_of_term],
        schedules=[hourly_scrub, daily_terms],
        sensors=[bulk_export_sensor],
    )
