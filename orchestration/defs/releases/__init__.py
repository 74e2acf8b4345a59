"""releases: the signed release of each use case and site. It is promoted by people, never by a schedule; it steps down
by itself where its approvals are over or a trigger of its policy is breached. The ledger is shown on it."""

from dagster import Definitions

from orchestration.defs.releases.assets import release_asset
from orchestration.defs.releases.sensors import approvals_sensor, triggers_sensor
from orchestration.defs.releases.shown import ledger_sensor
from orchestration.steps.learning.candidate import list_use_cases


def definitions() -> Definitions:
    assets = [release_asset(use_case) for use_case in list_use_cases()]
    return Definitions(assets=assets, sensors=[approvals_sensor(), triggers_sensor(), ledger_sensor()])
