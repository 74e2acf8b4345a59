"""How many records came on each day, and in how many visits each field was filled, counted in the lake.

The newest day of a feed is left out: more of it may be on its way. A record counts on the day on which it came first,
so that one which is sent again, corrected, is no other; so does a visit. What does not belong here: what counts as too
few (evaluation/drift).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
from numpy.typing import NDArray

from evaluation.drift.filling import FillingSample
from evaluation.drift.flow_policy import Outcome
from evaluation.drift.semantic_policy import WatchedFeed, WatchedTable
from evaluation.drift.volume import VolumeSample
from orchestration.contracts.sql import name, text
from orchestration.settings import Settings
from orchestration.steps.meanings.meaning import ROWS, Windows, arrival_days, mount, watching

KNOWN_BEFORE = 7
"""Days before the windows of which records and visits are known, so that another version of one is no new one."""
OWN = frozenset({"site", "day", "is_after"})


@dataclass(frozen=True)
class WholeDays:
    """The days of both windows on which anything of a feed came, without the newest; of those after, which."""

    days: tuple[date, ...]
    windows: Windows

    @staticmethod
    def of(settings: Settings, site: str, watched: WatchedFeed, windows: Windows) -> "WholeDays":
        came = [day for day in arrival_days(settings, site, tuple(watched.tables)) if day <= windows.after_until]
        sides = (windows.before_from, windows.before_until), (windows.after_from, windows.after_until)
        inside = [day for day in came[:-1] if any(start <= day <= end for start, end in sides)]
        return WholeDays(tuple(inside), windows)

    @property
    def is_after(self) -> NDArray[np.bool_]:
        return np.array([day >= self.windows.after_from for day in self.days], dtype=bool)

    def counted(self, by_day: dict[date, float]) -> NDArray[np.float64]:
        """Return a count for every day, nothing where nothing of it came."""
        return np.array([by_day.get(day, 0.0) for day in self.days], dtype=np.float64)


def volumes_of(settings: Settings, site: str, watched: WatchedFeed, days: WholeDays) -> list[VolumeSample]:
    """Count the records of every table whose volume is watched: all, by what they are counted apart by, and for each
    visit of the table that they hang together with."""
    found: list[VolumeSample] = []
    pers = {one.volume.per for one in watched.tables.values() if one.volume and one.volume.per}
    visits = {per: days.counted(_visits(settings, site, per, watched, days.windows)) for per in pers}
    for table, one in watched.tables.items():
        if one.volume is None:
            continue
        counted = _records(settings, site, table, one, days.windows)
        alone = np.ones(len(days.days))
        found += [_volume(table, item, "", days, by_day, alone) for item, by_day in sorted(counted.items())]
        if one.volume.per:
            found.append(_volume(table, "", one.volume.per, days, counted[""], visits[one.volume.per]))
    return found


def _volume(
    table: str, item: str, per: str, days: WholeDays, by_day: dict[date, float], visits: NDArray[np.float64]
) -> VolumeSample:
    return VolumeSample(table, item, per, days.days, days.is_after, days.counted(by_day), visits)


def _records(
    settings: Settings, site: str, table: str, watched: WatchedTable, windows: Windows
) -> dict[str, dict[date, float]]:
    """Return records by day, all of them under the empty name."""
    by = f"coalesce(cast({name(watched.volume.by)} as varchar), '')" if watched.volume and watched.volume.by else "''"
    with watching(settings, site, table, _with_known(windows)) as db:
        rows = db.execute(f"""
            with first_seen as (select min(day) as day, arg_min({by}, day) as item from {ROWS} group by _key)
            select item, day, count(*) from first_seen where day >= date '{windows.before_from}' group by all
        """).fetchall()
    found: dict[str, dict[date, float]] = {"": {}}
    for item, day, records in rows:
        found[""][day] = found[""].get(day, 0.0) + records
        if item:
            found.setdefault(item, {})[day] = float(records)
    return found


def _visits(settings: Settings, site: str, table: str, watched: WatchedFeed, windows: Windows) -> dict[date, float]:
    """Return the visits of a table by the day on which anything of them came first."""
    visit = name(watched.tables[table].visit)
    with watching(settings, site, table, _with_known(windows)) as db:
        rows = db.execute(f"""
            with first_seen as (select min(day) as day from {ROWS} group by coalesce({visit}, _key))
            select day, count(*) from first_seen where day >= date '{windows.before_from}' group by day
        """).fetchall()
    return {day: float(visits) for day, visits in rows}


def _with_known(windows: Windows) -> Windows:
    """Return windows that hold the days before them too, and those between, of which records and visits are known."""
    start, until = windows.before_from - timedelta(days=KNOWN_BEFORE), windows.after_from - timedelta(days=1)
    return Windows(start, until, windows.after_from, windows.after_until)


def fillings_of(
    settings: Settings, site: str, table: str, watched: WatchedTable, days: WholeDays
) -> list[FillingSample]:
    """Count the visits of each day in which each field of a table was filled, and each outcome came about."""
    with duckdb.connect() as db:
        mount(db, settings, site, table, days.windows, ROWS)
        asked = _asked(db, watched)
        if not asked:
            return []
        rows = db.execute(_counted(watched, asked)).fetchall()
    found: list[FillingSample] = []
    for n, (column, outcome, _, _) in enumerate(asked):
        of, filled = ({row[0]: float(row[side + 2 * n]) for row in rows} for side in (1, 2))
        sides = days.counted(filled), days.counted(of)
        found.append(FillingSample(table, column, outcome, days.days, days.is_after, *sides))
    return found


def _counted(watched: WatchedTable, asked: Sequence["Asked"]) -> str:
    """Return the query that counts visits by day: two columns for each thing that is asked."""
    parts = [part for _, _, of, is_so in asked for part in (of, f"{of} and {is_so}")]
    by_visit = ", ".join(f"bool_or({part}) as part_{n}" for n, part in enumerate(parts))
    counts = ", ".join(f"count(*) filter (part_{n})" for n in range(len(parts)))
    visit = f"coalesce({name(watched.visit)}, _key)"
    return f"""
        select day, {counts}
        from (select day, {visit} as visit, {by_visit} from {ROWS} group by day, visit)
        group by day
    """


Asked = tuple[str, str, str, str]
"""Column, name of an outcome (empty for a field), and in SQL which rows count and which of them are filled."""


def _asked(db: duckdb.DuckDBPyConnection, watched: WatchedTable) -> list[Asked]:
    described = db.execute(f"describe {ROWS}").fetchall()
    kinds = {str(column): str(kind) for column, kind, *_ in described}
    fields = [
        (column, "", "true", _is_filled(column, kind))
        for column, kind in kinds.items()
        if not column.startswith("_") and column not in OWN and column != watched.visit
    ]
    return fields + [_outcome(one, kinds) for one in watched.outcomes]


def _is_filled(column: str, kind: str) -> str:
    """Of a yes or no, whether it is yes: that nobody died any more is told with a no."""
    if kind == "BOOLEAN":
        return f"coalesce({name(column)}, false)"
    if kind.endswith("[]"):
        return f"coalesce(len({name(column)}), 0) > 0"
    return f"coalesce({name(column)}, '') <> ''" if kind == "VARCHAR" else f"{name(column)} is not null"


def _outcome(one: Outcome, kinds: dict[str, str]) -> Asked:
    among = [_is_one_of(column, codes) for column, codes in one.among.items()]
    is_so = _is_one_of(one.column, one.values) if one.values else _is_filled(one.column, kinds[one.column])
    return one.column, one.name, " and ".join(among) or "true", is_so


def _is_one_of(column: str, values: Sequence[str]) -> str:
    return f"coalesce(cast({name(column)} as varchar), '') in ({', '.join(text(value) for value in values)})"
