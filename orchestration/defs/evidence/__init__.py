"""evidence: what is known about a candidate, each piece a document with a digest, and the gate's decision on it."""

from dagster import Definitions

from orchestration.defs.evidence.assets import (
    cross_site_asset,
    decision_asset,
    drift_asset,
    judged_assets,
    rehearsal_asset,
)
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.candidate import list_use_cases


def definitions() -> Definitions:
    makers = (judged_assets, drift_asset, rehearsal_asset, decision_asset)
    assets = [make(use_case) for use_case in list_use_cases() for make in makers]
    compared = [cross_site_asset(use_case) for use_case in list_use_cases() if kind_of(use_case).is_cross_site]
    return Definitions(assets=[*assets, *compared])
