"""landing: bytes as received become typed, pseudonymous rows, rejects and a receipt per file."""

from dagster import Definitions

from orchestration.defs.landing.assets import landing_assets
from orchestration.defs.landing.exports import bulk_export, bulk_export_sensor


def definitions() -> Definitions:
    return Definitions(assets=[landing_assets()], jobs=[bulk_export], sensors=[bulk_export_sensor])
