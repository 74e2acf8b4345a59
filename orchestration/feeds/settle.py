"""What becomes of each record: quarantined, duplicate, superseded, deleted or landed.

What does not belong here: bytes and files. A record is known by the pseudonym of its natural key; its content by a
keyed hash. Known is what a committed file brought to the lake, or an earlier record of the same batch.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.contracts import sql
from orchestration.contracts.compiler import Compiled
from orchestration.feeds.relation import rows

FATES = ("landed", "duplicate", "superseded", "deleted", "quarantined")
KNOWN = "_known"


def settle(db: duckdb.DuckDBPyConnection, compiled: Compiled, source: str, known: Sequence[Path]) -> str:
    """Make a temporary table of the compiled columns and `_fate`; return its name."""
    settled = sql.name(f"settled_{compiled.object.table}")
    db.execute(f"create or replace temp table _judged_rows as {compiled.query(source)}")
    _load_known(db, known)
    _rank_repeats(db)
    db.execute(f"""
        create or replace temp table {settled} as
        select j.*, case
            when _broken is not null then 'quarantined'
            when same._key is not null or _nth > 1 then 'duplicate'
            when _is_deleted then 'deleted'
            when known._key is not null or _kth > 1 then 'superseded'
            else 'landed' end as _fate
        from _judged_rows j
        left join {KNOWN} same on same._key = j._key and same._content = j._content
        left join (select distinct _key from {KNOWN}) known on known._key = j._key
        left join _repeat using (_file_no, _line)
    """)
    return settled


def _load_known(db: duckdb.DuckDBPyConnection, known: Sequence[Path]) -> None:
    if not known:
        db.execute(f"create or replace temp table {KNOWN} (_key varchar, _content varchar)")
        return
    files = ", ".join(sql.text(str(path)) for path in known)
    db.execute(f"""
        create or replace temp table {KNOWN} as
        select distinct _key, _content from read_parquet([{files}], hive_partitioning = false)
        where _key in (select _key from _judged_rows where _broken is null)
    """)


def _rank_repeats(db: duckdb.DuckDBPyConnection) -> None:
    """Number the records of keys that come more than once in the batch; most batches have none."""
    db.execute("""
        create or replace temp table _repeat as
        select _file_no, _line,
            row_number() over (partition by _key, _content order by _file_no, _line) as _nth,
            row_number() over (partition by _key order by _file_no, _line) as _kth
        from _judged_rows
        where _broken is null and _key in (
            select _key from _judged_rows where _broken is null group by _key having count(*) > 1)
    """)


def fates(db: duckdb.DuckDBPyConnection, settled: str) -> list[tuple[int, str, int]]:
    """Return (file number, fate, count)."""
    query = f"select _file_no, _fate, count(*) from {settled} where _fate <> 'quarantined' group by all"
    return [(int(str(n)), str(fate), int(str(count))) for n, fate, count in rows(db, query)]
