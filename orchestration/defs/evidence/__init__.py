"""evidence: what is known about a candidate, each piece a document with a digest, and the gate's decision on it."""

from dagster import Definitions

from orchestration.defs.evidence.assets import decision_asset, drift_asset, judged_assets, rehearsal_asset
from orchestration.steps.learning.candidate import list_use_cases


def definitions() -> Definitions:
    makers = (judged_assets, drift_asset, rehearsal_asset, decision_asset)
    return Definitions(assets=[make(use_case) for use_case in list_use_cases() for make in makers])
