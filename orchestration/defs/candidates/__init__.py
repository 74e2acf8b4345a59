"""candidates: one model per use case and site, trained from the snapshot, tracked in MLflow. It has no power yet."""

from dagster import Definitions

from orchestration.defs.candidates.assets import candidate_asset
from orchestration.steps.learning.candidate import list_use_cases


def definitions() -> Definitions:
    return Definitions(assets=[candidate_asset(use_case) for use_case in list_use_cases()])
