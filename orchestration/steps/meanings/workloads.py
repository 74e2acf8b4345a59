"""Labels and the workloads that they are held against, read from the lake as the policy declares the pairs.

Each visit is taken once, in its newest version of the windows. What does not belong here: what counts as a change
(evaluation/drift), and which pairs there are (its YAML).
"""

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np

from evaluation.drift.pair_policy import LabelColumn, Pair, WorkloadColumn
from evaluation.drift.workload import PairSample
from orchestration.contracts.sql import name, text
from orchestration.settings import Settings
from orchestration.steps.meanings.meaning import SHOWN_ROWS, Windows, mount

LABEL_COMES_EARLIER = 7
"""Days by which a label may have arrived before the workload of its visit was known."""

Compared = tuple[Pair, PairSample, PairSample]


def pair_of(settings: Settings, site: str, pair: Pair, windows: Windows) -> Compared:
    """Return a pair with what both windows hold of it; windows without a row are empty."""
    with duckdb.connect() as db:
        _mount(db, settings, site, pair, windows)
        drawn = db.execute(f"select level, load, day, place, counted, is_after from ({_query(pair)})").fetchnumpy()
    is_after = np.asarray(drawn["is_after"], dtype=bool)
    return pair, _side(drawn, ~is_after), _side(drawn, is_after)


def pair_rows(
    settings: Settings, site: str, pair: Pair, levels: tuple[str, ...], windows: Windows
) -> dict[str, list[dict[str, str]]]:
    """Return some visits (or days) of the levels that moved, before and after: label, workload, and where a row lies.

    As little as in other reviews: no pseudonym, no date, no time.
    """
    wanted = ", ".join(text(level) for level in levels)
    sides: dict[str, list[dict[str, str]]] = {"before": [], "after": []}
    with duckdb.connect() as db:
        _mount(db, settings, site, pair, windows)
        rows = db.execute(f"""
            select is_after, place, level, round(load, 4), file, line, contract
            from ({_query(pair)}) where level in ({wanted})
            qualify row_number() over (partition by is_after order by hash(file, line, level, day)) <= {SHOWN_ROWS}
            order by is_after, level, load
        """).fetchall()
    told = (pair.within or "", pair.label.column, "workload", "file", "line", "contract")
    for is_after, *values in rows:
        row = {column: str(value) for column, value in zip(told, values, strict=True) if column and value is not None}
        sides["after" if is_after else "before"].append(row)
    return sides


def _mount(db: duckdb.DuckDBPyConnection, settings: Settings, site: str, pair: Pair, windows: Windows) -> None:
    earlier = Windows(
        windows.before_from - timedelta(days=LABEL_COMES_EARLIER),
        windows.before_until,
        windows.after_from,
        windows.after_until,
    )
    mount(db, settings, site, pair.label.table, earlier, "label_rows")
    mount(db, settings, site, pair.workload.table, windows, "workload_rows")


def _query(pair: Pair) -> str:
    return _by_day(pair) if pair.each == "day" else _by_visit(pair)


def _newest(view: str, rows: LabelColumn | WorkloadColumn) -> str:
    """Return the rows that are meant, each record in its newest version."""
    only = [f"cast({name(c)} as varchar) in ({', '.join(text(v) for v in values)})" for c, values in rows.only.items()]
    return f"""(
        select *, {name(rows.visit)} as _visit from {view} where {" and ".join(only) or "true"}
        qualify row_number() over (
            partition by _key order by _version_at desc nulls last, _arrived_at desc, _line desc
        ) = 1
    )"""


LEVEL = "regexp_replace(cast({} as varchar), '\\.0$', '')"
"""A level that came as a number is the same level: 3.0 is 3."""


def _by_visit(pair: Pair) -> str:
    label, load = pair.label, pair.workload
    place = f"coalesce({name(pair.within)}, '')" if pair.within else "''"
    return f"""
        with labels as (
            select _visit, any_value(level) as level, min_by(left(_file, 12), _line) as file, min(_line) as line,
                any_value(_contract) as contract
            from (select *, {LEVEL.format(name(label.column))} as level from {_newest("label_rows", label)})
            where level is not null and _visit is not null
            group by _visit having count(distinct level) = 1
        ),
        loads as (
            select _visit, {place} as place, day, is_after, cast({_load(load)} as double) as load
            from {_newest("workload_rows", load)}
            where _visit is not null
            qualify row_number() over (partition by _visit order by _arrived_at desc, _line desc) = 1
        )
        select level, load, date_diff('day', date '1970-01-01', day) as day, place, 0.0 as counted, is_after,
            file, line, contract
        from loads join labels using (_visit)
        where load is not null and isfinite(load)
        order by is_after, level, load, day
    """


def _load(load: WorkloadColumn) -> str:
    if load.until:
        return f"date_diff('second', {name(load.from_ or '')}, {name(load.until)}) / 60.0"
    column = name(load.column or "")
    return f"{column} / nullif({name(load.per)}, 0)" if load.per else column


def _by_day(pair: Pair) -> str:
    label, load = pair.label, pair.workload
    by = f", {name(load.by)}" if load.by else ""
    value = f"avg({name(load.column)})" if load.column else "count(distinct _visit)"
    return f"""
        with labels as (
            select cast({name(label.day or "")} as date) as on_day, {LEVEL.format(name(label.column))} as level,
                count(distinct _visit) as counted, min_by(left(_file, 12), _line) as file, min(_line) as line,
                any_value(_contract) as contract
            from {_newest("label_rows", label)} where {name(label.column)} is not null group by all
        ),
        days as (
            select on_day, sum(part) as load from (
                select cast({name(load.day or "")} as date) as on_day{by}, {value} as part
                from {_newest("workload_rows", load)} group by all
            ) group by on_day
        ),
        arrived as (select min(day) as first, min(day) filter (is_after) as turn, max(day) as last from workload_rows),
        sides as (
            select on_day, load, on_day >= turn as is_after from days, arrived
            where on_day between first and last and on_day in (select on_day from labels) and load > 0
        )
        select levels.level, coalesce(counted, 0) / load as load, date_diff('day', date '1970-01-01', on_day) as day,
            '' as place, cast(coalesce(counted, 0) as double) as counted, is_after, file, line, contract
        from sides cross join (select distinct level from labels) as levels
        left join labels using (on_day, level)
        order by is_after, level, on_day
    """


def _side(drawn: dict[str, Any], mine: np.ndarray[Any, np.dtype[np.bool_]]) -> PairSample:
    def of(column: str, kind: type) -> Any:
        return np.asarray(drawn[column], dtype=kind)[mine]

    return PairSample(of("level", str), of("load", float), of("day", int), of("place", str), of("counted", float))
