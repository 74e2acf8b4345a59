"""dbt under Dagster: every model an asset, every data test a check that blocks what stands on it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition
from packaging import version

from orchestration.defs.tables.dbt_elsewhere import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)
from orchestration.settings import load_settings
from orchestration.steps.locks import exclusive
from orchestration.steps.warehouse.parsing import parsed_with
from orchestration.steps.warehouse.tables import WAREHOUSE_LOCK, build_arguments, prepare_manifest, remove_spills


class PilothouseDbt(DbtCliResource):
    """dbt's command line, without the `dbt --version` that asks the network before every step (3 s each), and without
    a dbt of Dagster's own."""

    @cached_property
    def _cli_version(self) -> version.Version:
        return version.parse(installed_version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:  # noqa: ARG002 - Dagster's signature
        """None: an adapter is for asking the warehouse beside dbt, which parses every macro to make one."""
        return None


# Unit tests judge the code, not the data: `make test` runs them.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


class Translator(DagsterDbtTranslator):
    """Names dbt's nodes `tables/<folder>/<model>` and its sources after the landing asset that fills them."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return AssetKey(["landing", dbt_resource_props["source_name"]])
        return AssetKey(["tables", dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return dbt_resource_props.get("description") or f"dbt {dbt_resource_props['resource_type']}."

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:  # noqa: ARG002 - one group, one stage
        return "tables"


def dbt_definition(manifest: Path) -> AssetsDefinition:
    """Return dbt's models, seeds and tests as one Dagster asset definition over `manifest`."""
    translator = Translator(settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    @dbt_assets(manifest=manifest, name="tables", dagster_dbt_translator=translator)
    def tables(context: AssetExecutionContext, dbt: PilothouseDbt) -> Iterator[Any]:
        settings = load_settings()
        with exclusive(settings.home, WAREHOUSE_LOCK):
            remove_spills(settings)
            prepare_manifest(settings)  # the project may have changed since the graph was loaded
            command = ["build", *WITHOUT_UNIT_TESTS, *build_arguments(settings), "--vars", parsed_with(settings)]
            yield from dbt.cli(command, context=context).stream()

    return tables
