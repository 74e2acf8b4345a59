"""Beds under isolation precautions: what the bed board counted last, and which nurses of a shift they need.

What does not belong here: the rule that asks for trained nurses (`ml/usecases/roster.yaml`), the need of a shift
(`roster_needs.py`).
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

import duckdb

from ml.usecases import RosterUseCase
from ml.usecases.roster import ISOLATION
from orchestration.contracts import sql
from orchestration.settings import Settings
from orchestration.sites import Site
from orchestration.steps.rosters.roster_inputs import Need, Unit
from orchestration.steps.warehouse.tables import TablesError, current_snapshot

TABLE = "roster_isolation"
QUERY = """
    select unit, arg_max(beds, counted_at) from {table}
    where site = $site and known_at <= $at and counted_at between $since and $at group by unit
"""


def isolation_beds(settings: Settings, declared: RosterUseCase, site: Site, at: datetime) -> dict[str, int]:
    """Return by unit the beds of the last count that is not too old. Raises `TablesError` where there is no table."""
    if declared.isolation is None:
        return {}
    snapshot = current_snapshot(settings)
    if TABLE not in snapshot.rows:
        raise TablesError(f"Snapshot {snapshot.digest[:12]} has no table {TABLE}; run the tables again.")
    given = {"site": site.id, "at": at, "since": at - timedelta(hours=declared.isolation.oldest_hours)}
    with duckdb.connect() as connection:
        rows = connection.execute(QUERY.format(table=sql.text(str(snapshot.table(TABLE)))), given).fetchall()
    return {str(unit): int(beds) for unit, beds in rows}


def isolation_of(declared: RosterUseCase, unit: Unit, need: Need) -> list[dict[str, Any]]:
    """Return the isolation beds of a unit's shifts as `pilothouse.roster/1` lists them, where a skill needs them; none
    beyond the days that a count stands for, and no more than all nurses of a shift can have."""
    told = declared.isolation
    if told is None or declared.isolation_skill is None or not unit.isolation_beds:
        return []
    last, most = unit.first + timedelta(days=told.ahead_days), _per_nurse(declared)
    return [
        {
            "unit": unit.name,
            "date": day.isoformat(),
            "shift": shift,
            "beds": min(unit.isolation_beds, nurses * most) if day < last else 0,
        }
        for (day, shift, skill), nurses in sorted(need.items())
        if skill == told.skill
    ]


def without_isolation(declared: RosterUseCase, unit: Unit, need: Need) -> Mapping[tuple[date, str, str], int]:
    """Return the need of the other nurses: those of isolation beds are some of the shift's, and at most all of them."""
    told, listed = declared.isolation, isolation_of(declared, unit, need)
    taken = {(one["date"], one["shift"]): ceil(one["beds"] / _per_nurse(declared)) for one in listed}
    return {
        (day, shift, skill): max(0, nurses - taken.get((day.isoformat(), shift), 0))
        if told and skill == told.skill
        else nurses
        for (day, shift, skill), nurses in need.items()
    }


def _per_nurse(declared: RosterUseCase) -> int:
    told = [one.parameters.get("beds_per_nurse", 1) for one in declared.rules if one.kind == ISOLATION]
    return max(1, int(str(told[0])))


def told_of_isolation(declared: RosterUseCase, unit: Unit, trained: int) -> Iterator[str]:
    """Say for how many beds trained nurses are kept, and how many people are trained."""
    if declared.isolation and unit.isolation_beds:
        yield (
            f"{unit.name}: {unit.isolation_beds} beds are under isolation precautions; {trained} of its people are "
            "trained for them."
        )
