"""tables: dbt shapes the lake into OMOP and marts, its tests block, and the marts are published as a snapshot."""

import sys

from dagster import Definitions

from orchestration.defs.tables.dbt import PilothouseDbt, dbt_definition
from orchestration.defs.tables.snapshot import snapshot
from orchestration.settings import Settings
from orchestration.steps.warehouse import dbt_process
from orchestration.steps.warehouse.tables import DBT_PROJECT, prepare_manifest


def definitions(settings: Settings) -> Definitions:
    manifest = prepare_manifest(settings)
    dbt = PilothouseDbt(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=sys.executable,
        global_config_flags=["-P", "-m", dbt_process.__name__],
    )
    return Definitions(assets=[dbt_definition(manifest), snapshot], resources={"dbt": dbt})
