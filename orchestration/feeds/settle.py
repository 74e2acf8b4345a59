"""What becomes of each record: quarantined, duplicate, superseded, deleted or landed.

A record is a duplicate when it says nothing new: the version before it has the same content. Before it is, for a
record that says when its version was made, what arrived last of that version; for any other, what arrived last of its
key, and there it must be the only order: once a key carries versions, a record without one is always kept, because a
version from between the two may still come. So the latest version in the lake (dbt's `latest_version`) is the latest
of all that came, however the records are cut into files and batches.

What does not belong here: bytes and files. A record is known by the pseudonym of its natural key; its content by a
keyed hash, of which 128 bits are compared. Known is what a committed file brought to the lake, or an earlier record of
the same batch.
"""

from collections.abc import Callable

import duckdb
import pyarrow as pa

from orchestration.contracts.compiler import Compiled
from orchestration.feeds.keys import DIGITS
from orchestration.feeds.keys import KNOWN as KNOWN_ROWS
from orchestration.feeds.relation import fetch_arrow, rows, table_from

FATES = ("landed", "duplicate", "superseded", "deleted", "quarantined")
DELETED = "DELETE"  # what stands for the content of a deletion (bundles.py)
KNOWN, CONTESTED, SETTLED = "known", "contested", "settled"

Known = Callable[[pa.ChunkedArray], pa.Table]  # from keys to what the lake holds under them (keys.KNOWN)


def judge(
    db: duckdb.DuckDBPyConnection,
    compiled: Compiled,
    source: str,
    judged: str = "judged",
    *,
    is_replay: bool = False,
    is_closed: str = "false",
) -> str:
    """Make the table `judged` of the compiled columns, whatever the lake holds of the records; return its name.

    In a replay a record that says no version is as old as the first arrival of its bytes: what came since stays newer.
    `is_closed` is an SQL condition: the record is of somebody who was erased, and counts as deleted whatever it says.
    """
    db.execute(
        f"create or replace temp table {judged} as select *, {is_closed} as _is_closed from ({compiled.query(source)})"
    )
    if is_replay:
        db.execute(f"""update {judged} set _version_at = _first_at from batch_file
            where batch_file._file_no = {judged}._file_no and _version_at is null""")
    return judged


def settle(db: duckdb.DuckDBPyConnection, judged: str, known: Known | None) -> str:
    """Make a view of the judged records, `_fate` and `_is_resent`, good until the next call; return its name.

    `_is_resent` says that what came last under the record's key is its deletion.
    """
    _load_known(db, judged, known)
    alone = _fate("false", "false")
    if _is_contested(db, judged):
        _rank_contested(db, judged)
        contest = f"left join {CONTESTED} using (_file_no, _line)"
        fate = f"case when _is_repeat is null then {alone} else {_fate('_is_repeat', '_is_later')} end"
        resent = "coalesce(_is_after_deletion, false) and not _is_deleted"
    else:
        contest, fate, resent = "", alone, "false"
    columns = f"j.*, {fate} as _fate, {resent} as _is_resent"
    db.execute(f"create or replace temp view {SETTLED} as select {columns} from {judged} j {contest}")
    return SETTLED


def _fate(is_repeat: str, is_later: str) -> str:
    return (
        "case when _is_closed then 'deleted' when _broken is not null then 'quarantined' "
        f"when {is_repeat} then 'duplicate' when _is_deleted then 'deleted' "
        f"when {is_later} then 'superseded' else 'landed' end"
    )


def _load_known(db: duckdb.DuckDBPyConnection, judged: str, known: Known | None) -> None:
    """Ask what the lake holds under the keys of the batch; null where its table has no rows."""
    if known is None:
        table_from(db, KNOWN, KNOWN_ROWS.empty_table())
        return
    keys = fetch_arrow(db, f"select distinct _key from {judged} where _broken is null and _key is not null")
    table_from(db, KNOWN, known(keys.column("_key")))


def _is_contested(db: duckdb.DuckDBPyConnection, judged: str) -> bool:
    """Whether any key is known or comes more than once in the batch; in most batches none does."""
    repeats = f"select 1 from {judged} where _broken is null group by _key having count(*) > 1"
    [[is_contested]] = rows(db, f"select exists (from {KNOWN}) or exists ({repeats})")
    return bool(is_contested)


def _rank_contested(db: duckdb.DuckDBPyConnection, judged: str) -> None:
    """Put the records of keys that come more than once into the order of arrival, with what the lake knows of them."""
    db.execute(f"""
        create or replace temp table {CONTESTED} as
        with good as (
            select * replace (left(_content, {DIGITS}) as _content) from {judged} where _broken is null
        ),
        several as (
            select _key from good group by _key having count(*) > 1 union select _key from {KNOWN}
        ),
        moment as (
            select cast(null as integer) as _file_no, * from {KNOWN}
            union all by name
            select _file_no, _line, _key, _content, _version_at, _arrived_at from good semi join several using (_key)
        ),
        ranked as (
            select _file_no, _line,
                coalesce(lag(_content) over of_version = _content, false)
                    and (_version_at is not null or count(_version_at) over of_key = 0) as _is_repeat,
                coalesce(lag(_content) over of_key = left(content_of('{DELETED}'), {DIGITS}), false)
                    as _is_after_deletion,
                row_number() over of_key > 1 or bool_or(_file_no is null) over (partition by _key) as _is_later
            from moment
            window of_key as (partition by _key order by _arrived_at, _line, _file_no nulls first),
                of_version as (partition by _key, _version_at order by _arrived_at, _line, _file_no nulls first)
        )
        from ranked where _file_no is not null
    """)


def resent(db: duckdb.DuckDBPyConnection, settled: str) -> list[tuple[int, int]]:
    """Return (file number, count) of duplicates of a version that was there before its record was deleted."""
    query = f"select _file_no, count(*) from {settled} where _fate = 'duplicate' and _is_resent group by all"
    return [(int(str(n)), int(str(count))) for n, count in rows(db, query)]


def fates(db: duckdb.DuckDBPyConnection, settled: str) -> list[tuple[int, str, int]]:
    """Return (file number, fate, count)."""
    query = f"select _file_no, _fate, count(*) from {settled} where _fate <> 'quarantined' group by all"
    return [(int(str(n)), str(fate), int(str(count))) for n, fate, count in rows(db, query)]
