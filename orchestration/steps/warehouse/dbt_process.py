"""dbt's command line over a project that is parsed already: `python -P -m orchestration.steps.warehouse.dbt_process`.

Takes dbt's own arguments, writes dbt's own lines, ends with dbt's own codes. The parse is read from dbt's target folder
(`DBT_TARGET_PATH`), where Dagster's invocation puts the home's; without one, or where this dbt cannot read it, dbt
parses as it always does. What does not belong here: who made the parse, and whether it is the project's (`parsing.py`).
"""

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.events.event_manager import IEventManager

PARSED = "partial_parse.msgpack"  # dbt's own name for it, and its own codes
DONE, FAILED, BROKEN = 0, 1, 2


def main(arguments: list[str], target: Path) -> int:
    """Run dbt; return its exit code."""
    from dbt.cli.main import dbtRunner
    from dbt_common.events.event_manager_client import ctx_set_event_manager

    from orchestration.steps.warehouse.dbt_events import WrittenEvents

    ctx_set_event_manager(cast("IEventManager", WrittenEvents()))  # as dbt sets its own, whose type is off too
    result = dbtRunner(manifest=kept_parse(target / PARSED)).invoke(arguments)
    if result.success:
        return DONE
    return FAILED if result.exception is None else BROKEN


def kept_parse(path: Path) -> "Manifest | None":
    """Read a parse as what lives to the end of the process, as its modules do.

    Else the search for cycles walks through half a million objects of theirs again and again: 17.4 CPU seconds of a
    build of 100 MB, and 15.9 without.
    """
    gc.disable()
    try:
        parse = read_parse(path)
        gc.freeze()
    finally:
        gc.enable()
    return parse


def read_parse(path: Path) -> "Manifest | None":
    """Return the parsed project that a file holds, with what dbt makes of it before a command; None: there is none."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    try:
        manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, dbt parses the project itself
        return None
    manifest.build_parent_and_child_maps()
    manifest.build_group_map()
    manifest.build_flat_graph()
    return manifest


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(os.environ.get("DBT_TARGET_PATH", ""))))
