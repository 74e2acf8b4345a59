"""What the same fields of a feed held before and after: counts, values, labels and sample rows out of the lake.

Only the folders of the days that are compared are read, so that the cost does not grow with history. What does not
belong here: what counts as a change (evaluation/drift), and what is done about one (reviews).
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np

from evaluation.drift.semantic_policy import CodeField, SemanticPolicy, ValueField, WatchedTable
from evaluation.drift.semantics import LabelSample, ShareCount, ValueSample
from orchestration.contracts.free_text import MARK
from orchestration.contracts.sql import name, text
from orchestration.settings import Settings
from orchestration.steps.intake.deidentification import shifted_sites
from orchestration.steps.warehouse.tables import DBT_PROJECT, TablesError, current_snapshot

MOST_VALUES = 5000
WORD = r"[\pL\pM\pN_/]+"
ROWS = "watched"


@dataclass(frozen=True, order=True)
class Windows:
    """Arrival days that are compared; both ends of both windows are inside."""

    before_from: date
    before_until: date
    after_from: date
    after_until: date

    @staticmethod
    def ending(until: date, policy: SemanticPolicy) -> "Windows":
        """Return the windows of a policy whose last day is `until`."""
        after = until - timedelta(days=policy.windows.current_days - 1)
        before = after - timedelta(days=policy.windows.baseline_days)
        return Windows(before, after - timedelta(days=1), after, until)

    def earlier(self, days: int) -> "Windows":
        """Return both windows some days earlier."""
        back = timedelta(days=days)
        return Windows(
            self.before_from - back, self.before_until - back, self.after_from - back, self.after_until - back
        )

    @property
    def baseline_days(self) -> int:
        return (self.before_until - self.before_from).days + 1


def arrival_days(settings: Settings, site: str, tables: Sequence[str]) -> list[date]:
    """Return the days on which something arrived for any of some lake tables, sorted."""
    folders = [path for table in tables for path in (settings.lake / table / f"site={site}").glob("day=*")]
    return sorted({date.fromisoformat(path.name.removeprefix("day=")) for path in folders if any(path.iterdir())})


@contextmanager
def watching(settings: Settings, site: str, table: str, windows: Windows) -> Generator[duckdb.DuckDBPyConnection]:
    """Open the rows of a lake table in two windows as the view `watched`; see `mount`."""
    with duckdb.connect() as db:
        mount(db, settings, site, table, windows, ROWS)
        yield db


def mount(
    db: duckdb.DuckDBPyConnection, settings: Settings, site: str, table: str, windows: Windows, view: str
) -> None:
    """Make the rows of a lake table in two windows a view, with `is_after`; empty where none came."""
    files = [file for day, file in _files(settings.lake / table / f"site={site}") if _is_in(day, windows)]
    listed = ", ".join(text(str(file)) for file in [*files, _anchor(settings, table)])
    db.execute("set TimeZone = 'UTC'")
    db.execute(f"""
        create or replace view {view} as
        select * exclude (day), cast(day as date) as day, cast(day as date) >= date '{windows.after_from}' as is_after
        from read_parquet([{listed}], union_by_name = true, hive_partitioning = true)
        where site = {text(site)} and not coalesce(_is_deleted, false)
    """)


def _anchor(settings: Settings, table: str) -> Path:
    [anchor] = (settings.lake / table).glob("site=_anchor/*/*.parquet")
    return anchor


def _files(folder: Path) -> Iterator[tuple[date, Path]]:
    for path in sorted(folder.glob("day=*/*.parquet")):
        yield date.fromisoformat(path.parent.name.removeprefix("day=")), path


def _is_in(day: date, windows: Windows) -> bool:
    return windows.before_from <= day <= windows.before_until or windows.after_from <= day <= windows.after_until


def shares_of(db: duckdb.DuckDBPyConnection, table: str, watched: WatchedTable) -> list[ShareCount]:
    """Count visits by code, code system, unit and word."""
    found: list[ShareCount] = []
    for one in watched.codes:
        source = _elements(watched, one)
        item = _column(one, one.by) if one.by else "''"
        found += _counted(db, "code", table, _named(one, one.code), source, item, _column(one, one.code))
        if one.system:
            found += _counted(db, "system", table, _named(one, one.system), source, item, _column(one, one.system))
    for one in (value for value in watched.values if value.unit):
        source = f"(from {_elements(watched, one)} where {_column(one, one.value)} is not null)"
        item = _column(one, one.by) if one.by else "''"
        unit = f"coalesce({_column(one, one.unit or '')}, '')"
        found += _counted(db, "unit", table, _named(one, one.unit or ""), source, item, unit)
    for column in watched.texts:
        found += _words(db, table, watched, column)
    return found


def _elements(watched: WatchedTable, one: CodeField | ValueField) -> str:
    """Return the rows to look at, one for each entry of a list where the field lies in one."""
    visit = f"coalesce({name(watched.visit)}, _key) as visit, is_after, day, _line"
    if one.list is None:
        return f"(select {visit}, w from {ROWS} w)"
    return f"(select {visit}, unnest({name(one.list)}) as w from {ROWS})"


def _column(one: CodeField | ValueField, column: str) -> str:  # noqa: ARG001 - the row and an entry are both called w
    return f"w.{name(column)}"


def _named(one: CodeField | ValueField, column: str) -> str:
    return f"{one.list}.{column}" if one.list else column


def _counted(
    db: duckdb.DuckDBPyConnection, kind: Any, table: str, column: str, source: str, item: str, category: str
) -> list[ShareCount]:
    counts = """count(distinct visit) filter (not is_after), count(distinct visit) filter (is_after)"""
    query = f"""
        with seen as (
            select visit, is_after, coalesce({item}, '') as item, cast({category} as varchar) as category
            from {source} where {category} is not null
        ),
        totals as (select item, {counts.replace("),", ") as before_total,")} as after_total from seen group by item),
        counted as (
            select item, category, {counts.replace("),", ") as before,")} as after from seen group by item, category
        )
        select item, category, before, after, before_total, after_total from counted join totals using (item)
        order by all
    """
    return [ShareCount(kind, table, column, *row) for row in db.execute(query).fetchall()]


def _words(db: duckdb.DuckDBPyConnection, table: str, watched: WatchedTable, column: str) -> list[ShareCount]:
    """Count visits by word and by pair of neighbours, and those with a word outside the list."""
    visit = f"coalesce({name(watched.visit)}, _key)"
    words = f"regexp_extract_all(lower({name(column)}), '{WORD}')"
    db.execute(f"""
        create or replace temp view said as
        select visit, is_after, words, list_distinct(list_concat(
            list_filter(words, lambda word: word <> '{MARK}'),
            list_transform(range(1, len(words)), lambda i: words[i] || ' ' || words[i + 1])
        )) as grams
        from (select {visit} as visit, is_after, {words} as words from {ROWS} where {name(column)} is not null)
    """)
    said = "(select visit, is_after, unnest(grams) as gram from said)"
    totals = "select count(distinct visit) filter (not is_after), count(distinct visit) filter (is_after) from said"
    [(before_total, after_total)] = db.execute(totals).fetchall()
    counted = db.execute(f"""
        select 'word', gram, count(distinct visit) filter (not is_after), count(distinct visit) filter (is_after)
        from {said} group by gram
        union all
        select 'unlisted', '{MARK}', count(distinct visit) filter (not is_after and list_contains(words, '{MARK}')),
            count(distinct visit) filter (is_after and list_contains(words, '{MARK}'))
        from said
        order by all
    """).fetchall()
    return [
        ShareCount(kind, table, column, "", gram, before, after, before_total, after_total)
        for kind, gram, before, after in counted
    ]


def values_of(db: duckdb.DuckDBPyConnection, table: str, watched: WatchedTable) -> list[ValueSample]:
    """Return values by code and unit, the first of each visit, at most `MOST_VALUES` drawn without regard to order;
    of a series the days in order."""
    found: list[ValueSample] = []
    for one in watched.values:
        visit = "cast(day as varchar)" if one.series else "visit"
        order = "visit" if one.series else "hash(visit), visit"
        item = f"coalesce({_column(one, one.by)}, '')" if one.by else "''"
        unit = f"coalesce({_column(one, one.unit)}, '')" if one.unit else "''"
        drawn = db.execute(f"""
            with first_values as (
                select {visit} as visit, is_after, {item} as item, {unit} as unit,
                    {_one_of(one)} as value
                from {_elements(watched, one)} where {_column(one, one.value)} is not null
                group by all
            )
            select item, unit, is_after, value from first_values
            qualify row_number() over (partition by item, unit, is_after order by {order}) <= {MOST_VALUES}
            order by item, unit, is_after, {order}
        """).fetchnumpy()
        found += _samples(table, _named(one, one.value), drawn, is_series=one.series)
    return found


def _one_of(one: ValueField) -> str:
    """Return the value that stands for a visit, or for a day of a series."""
    value = f"cast({_column(one, one.value)} as double)"
    return f"avg({value})" if one.series else f"arg_min({value}, _line)"


def _samples(table: str, column: str, drawn: dict[str, Any], *, is_series: bool) -> Iterator[ValueSample]:
    items, units = (np.asarray(drawn[part], dtype=str) for part in ("item", "unit"))
    is_after, values = np.asarray(drawn["is_after"], dtype=bool), np.asarray(drawn["value"], dtype=float)
    for item, unit in sorted({(str(i), str(u)) for i, u in zip(items, units, strict=True)}):
        mine = (items == item) & (units == unit)
        yield ValueSample(table, column, item, unit, values[mine & ~is_after], values[mine & is_after], is_series)


LEVELS = """
    select cast(triage_level as varchar) as level, cast(arrived_at as date) >= $after_from as is_after,
        count(*) as visits, count(*) filter (admission) as admitted
    from '{mart}'
    where site = $site and triage_level is not null and admission is not null
        and (cast(arrived_at as date) between $before_from and $before_until
            or cast(arrived_at as date) between $after_from and $after_until)
    group by all
    order by all
"""
DAYS = """
    with admitted as (
        select cast(arrived_at as date) as day, count(*) filter (admission) as admitted
        from '{mart}' where site = $site group by all
    ),
    beds as (
        select day, sum(occupied) as occupied
        from (
            select cast("at" as date) as day, unit_code, avg(occupied) as occupied
            from read_parquet('{lake}/unit_census/*/*/*.parquet', union_by_name = true, hive_partitioning = true)
            where site = $site and not _is_deleted group by all
        ) group by all
    )
    select day >= $after_from as is_after, admitted / occupied as ratio
    from admitted join beds using (day)
    where occupied > 0
        and (day between $before_from and $before_until or day between $after_from and $after_until)
    order by day
"""


def labels_of(settings: Settings, site: str, mart: str, windows: Windows) -> list[LabelSample]:
    """Return triage levels against admissions, and admissions against occupied beds; nothing before the first mart, and
    nothing where visits are dated by shifted days."""
    if site in shifted_sites():
        return []
    try:
        file = current_snapshot(settings).table(mart)
    except TablesError:
        return []
    terms = {"site": site, **{member: getattr(windows, member) for member in Windows.__dataclass_fields__}}
    quoted = str(file).replace("'", "''")
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        counted = db.execute(LEVELS.format(mart=quoted), terms).fetchall()
        lake = str(settings.lake).replace("'", "''")
        days = db.execute(DAYS.format(mart=quoted, lake=lake), terms).fetchall()
    levels: dict[str, list[tuple[int, int]]] = {}
    for level, is_after, visits, admitted in counted:
        levels.setdefault(level, [(0, 0), (0, 0)])[int(is_after)] = (visits, admitted)
    before, after = (np.asarray([ratio for side, ratio in days if side is which]) for which in (False, True))
    sides = {level: (one[0], one[1]) for level, one in levels.items()}
    return [LabelSample(mart, "triage_level", sides, before, after)]


SHOWN_ROWS = 6
AGE_CODES, AGGREGATED = DBT_PROJECT / "seeds" / "age_codes.csv", 90
HIDDEN_TYPES = ("TIMESTAMP", "DATE", "STRUCT")


@dataclass(frozen=True)
class Shown:
    """Which rows of a table are shown: the entries of a list where one is named, those with a marked text first, then
    those with anything in the `columns` that changed."""

    table: str
    watched: WatchedTable
    list: str | None
    columns: tuple[str, ...]
    marked: tuple[str, ...]


def sample_rows(settings: Settings, site: str, shown: Shown, windows: Windows) -> dict[str, list[dict[str, str]]]:
    """Return some real rows of the lake from before and after.

    What is shown is de-identified beyond what the lake is: no pseudonym, no date, no time. Where a row lies is said by
    the first digits of its file's digest and its line, for whoever may look there.
    """
    entries = f", unnest({name(shown.list)}, recursive := true)" if shown.list else f", * exclude ({', '.join(OWN)})"
    with watching(settings, site, shown.table, windows) as db:
        visit = f"coalesce({name(shown.watched.visit)}, _key) as _visit"
        own = "is_after as _is_after, left(_file, 12) as _at, _line as _no, _contract as _under"
        db.execute(f"create temp view entries as select {visit}, {own}{entries} from {ROWS}")
        described = db.execute("describe entries").fetchall()
        columns = [str(column) for column, kind, *_ in described if _may_be_shown(str(column), str(kind))]
        if site in shifted_sites():
            columns = [column for column in columns if column != "state"]  # a sender may put a town there
            _aggregate_ages(db, {str(column) for column, *_ in described})
        rows = _drawn(db, columns, [c for c in shown.columns if c in columns], shown.marked)
    sides: dict[str, list[dict[str, str]]] = {"before": [], "after": []}
    for row in rows:
        side = sides["after" if row.pop("_is_after") else "before"]
        side.append({column: str(value) for column, value in row.items() if value is not None})
    return sides


def _aggregate_ages(db: duckdb.DuckDBPyConnection, columns: Collection[str]) -> None:
    """Have the view `entries` tell no age over 89: neither where a column is one, nor where a code says that it is."""
    ages = f"(select code from read_csv({text(str(AGE_CODES))}, all_varchar = true))"
    told = {"age_years": f"least(age_years, {AGGREGATED})"} if "age_years" in columns else {}
    if {"code", "value_number"} <= set(columns):
        told["value_number"] = f"case when value_number < {AGGREGATED} or code not in {ages} then value_number end"
    if told:
        replaced = ", ".join(f"{expression} as {column}" for column, expression in told.items())
        db.execute("alter view entries rename to read_entries")
        db.execute(f"create temp view entries as select * replace ({replaced}) from read_entries")


OWN = ("is_after", "_file", "_line", "_contract", "_key", "_content")


def _drawn(
    db: duckdb.DuckDBPyConnection, columns: Sequence[str], changed: Sequence[str], marked: Sequence[str]
) -> list[dict[str, Any]]:
    whole = f"concat_ws(' ', '', {', '.join(f'cast({name(c)} as varchar)' for c in columns)}, '')"
    wanted = " + ".join(f"cast(contains({whole}, {text(f' {mark} ')}) as integer)" for mark in marked if mark)
    filled = " + ".join(f"cast({name(column)} is not null as integer)" for column in changed)
    order = ", ".join([*(f"({first}) desc" for first in (wanted, filled) if first), "hash(_visit), _no"])
    cursor = db.execute(f"""
        select _is_after, _at as file, _no as line, _under as contract, {", ".join(name(c) for c in columns)}
        from entries
        qualify row_number() over (partition by _is_after order by {order}) <= {SHOWN_ROWS}
        order by _is_after, {order}
    """)
    names = [column for column, *_ in cast("list[tuple[str]]", cursor.description)]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _may_be_shown(column: str, kind: str) -> bool:
    is_own = column.startswith("_") or column in ("site", "day")
    return not is_own and not column.endswith("_key") and not any(part in kind for part in HIDDEN_TYPES)
