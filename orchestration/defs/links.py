"""Links between Dagster's pages and MLflow's: from a release to the run that its model came from, and back.

They lead to the addresses that `pilothouse ui` takes where they are free. What does not belong here: what is linked.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dagster import MetadataValue

from orchestration.defs.names import LEDGER_ENTRY, release_key
from orchestration.settings import Settings
from orchestration.steps.watching.service import HOST
from orchestration.steps.watching.user_interfaces import DAGSTER_PORT, MLFLOW_PORT

MLFLOW_RUN, DAGSTER_RUN, DAGSTER_RELEASE = "mlflow_run", "dagster.run", "dagster.release"


def mlflow_page(settings: Settings, run_id: str) -> str:
    """The page of a run, of the MLflow that the home names or of its own."""
    named = settings.mlflow_uri if settings.mlflow_uri.startswith(("http://", "https://")) else ""
    return f"{named.rstrip('/') or f'http://{HOST}:{MLFLOW_PORT}'}/#/runs/{run_id}"


def back_to_dagster(use_case: str, site: str, dagster_run: str) -> dict[str, str]:
    """The tags of a candidate's run in MLflow: the run that made it, and all that happened to its releases."""
    base, key = f"http://{HOST}:{DAGSTER_PORT}", "/".join(release_key(use_case).path)
    return {
        DAGSTER_RUN: f"{base}/runs/{dagster_run}",
        DAGSTER_RELEASE: f"{base}/assets/{key}?partition={quote(site)}",
    }


def shown_of(settings: Settings, entry: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """What a release shows of the ledger entry that put it up, and the page of the run its model came from."""
    shown: dict[str, MetadataValue] = {LEDGER_ENTRY: MetadataValue.json(dict(entry))}
    detail = entry.get("payload", {}).get("detail") or {}
    if run_id := detail.get("run_id"):
        shown[MLFLOW_RUN] = MetadataValue.url(mlflow_page(settings, run_id))
    return shown
