"""dagster_dbt, imported as where no dbt is installed beside it: dbt runs in a process of its own.

Where it finds a dbt, dagster_dbt imports it, for names that are not used here: three seconds of work in every command
that loads the graph. What does not belong here: what is done with it.
"""

import sys

SOUGHT = "dbt.version"
IS_LOADED = SOUGHT in sys.modules

if not IS_LOADED:
    sys.modules[SOUGHT] = None  # pyright: ignore[reportArgumentType] - Python's own sign for "there is none"
try:
    from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets
finally:
    if not IS_LOADED:
        del sys.modules[SOUGHT]

__all__ = ["DagsterDbtTranslator", "DagsterDbtTranslatorSettings", "DbtCliResource", "dbt_assets"]
