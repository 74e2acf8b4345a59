"""landing: bytes as received become typed, pseudonymous rows, rejects and a receipt per file."""

from dagster import Definitions

from orchestration.defs.landing.assets import landing_assets


def definitions() -> Definitions:
    return Definitions(assets=[landing_assets()])
