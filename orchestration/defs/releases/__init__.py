"""releases: the signed release of each use case and site. It is promoted by people, never by a schedule."""

from dagster import Definitions

from orchestration.defs.releases.assets import release_asset
from orchestration.steps.candidate import list_use_cases


def definitions() -> Definitions:
    return Definitions(assets=[release_asset(use_case) for use_case in list_use_cases()])
