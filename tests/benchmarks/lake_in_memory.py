"""A site's lake in memory, so that a year of daily looks at what feeds mean takes minutes.

The same queries run over the same rows: only where they are read from differs, a table each instead of a folder for
each day. What does not belong here: what is looked for.
"""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from types import SimpleNamespace
from unittest.mock import patch

import duckdb

from evaluation.drift.semantic_policy import load_semantic_policy
from orchestration.contracts.sql import text
from orchestration.settings import Settings
from orchestration.steps.meanings import flows, meaning, reviews, workloads
from orchestration.steps.meanings.meaning import Windows

READERS = (meaning, flows, workloads)


@contextmanager
def lake_in_memory(settings: Settings, site: str) -> Generator[None]:
    """Have everything that reads windows of a site's lake read them from memory."""
    tables = {table for feed in load_semantic_policy().feeds.values() for table in feed.tables}
    with duckdb.connect() as lake, ExitStack() as patches:
        lake.execute("set TimeZone = 'UTC'; set threads = 1")
        for table in tables:
            _load(lake, settings, site, table)
        came = {table: set(meaning.arrival_days(settings, site, (table,))) for table in tables}

        def arrival_days(_: Settings, __: str, wanted: Sequence[str]) -> list[date]:
            return sorted({day for table in wanted for day in came[table]})

        for module in READERS:
            patches.enter_context(patch.object(module, "mount", _mount))
            patches.enter_context(patch.object(module, "duckdb", SimpleNamespace(connect=lake.cursor)))
        for module in (meaning, flows, reviews):
            patches.enter_context(patch.object(module, "arrival_days", arrival_days))
        yield


def _load(lake: duckdb.DuckDBPyConnection, settings: Settings, site: str, table: str) -> None:
    folder = settings.lake / table
    files = sorted(
        str(path) for part in (f"site={site}", "site=_anchor") for path in folder.glob(f"{part}/*/*.parquet")
    )
    lake.execute(f"""
        create table year_{table} as
        select * exclude (day), cast(day as date) as day
        from read_parquet([{", ".join(map(text, files))}], union_by_name = true, hive_partitioning = true)
        where site = {text(site)} and not coalesce(_is_deleted, false)
        order by day
    """)


def _mount(db: duckdb.DuckDBPyConnection, _: Settings, __: str, table: str, windows: Windows, view: str) -> None:
    db.execute(f"""
        create or replace temp view {view} as
        select *, day >= date '{windows.after_from}' as is_after from year_{table}
        where day between date '{windows.before_from}' and date '{windows.before_until}'
            or day between date '{windows.after_from}' and date '{windows.after_until}'
    """)
