"""The demo's roster plan, the file with names beside it, and what the published tables tell of the same people.

Nothing here is taken from the solver's problem: duties, contracts and leave are read from the snapshot by SQL.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules
from ml.registry.plan import Plan, read_plan
from ml.registry.signing import RELEASE_PUBLIC_KEY, load_public_key
from ml.usecases import load_roster
from orchestration.sites import load_site
from orchestration.steps.rosters.shifts import span_of

CITY, ISOLATION = load_site("city"), "isolation"
LARGE = (
    "lake", "drops", "raw", "truth", "warehouse.duckdb", "dagster", "dbt", "index", "mlflow-artifacts", "reports",
)  # fmt: skip


@dataclass(frozen=True)
class DemoRoster:
    """The newest roster plan of a demo's home, verified."""

    home: Path

    @cached_property
    def plan(self) -> Plan:
        return self.plan_of("roster")

    def plan_of(self, use_case: str) -> Plan:
        found = read_plan(self.home, use_case, CITY.id, load_public_key(self.home / RELEASE_PUBLIC_KEY))
        assert found is not None
        return found

    @property
    def named(self) -> Path:
        return self.home / "rosters" / "roster" / CITY.id / f"{self.plan.digest}.json"

    @cached_property
    def assignments(self) -> list[dict[str, Any]]:
        return [one for unit in json.loads(self.named.read_bytes())["units"] for one in unit["assignments"]]

    @property
    def first(self) -> date:
        return self.plan.issued_at.astimezone(CITY.zone).date()

    def told(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the published snapshot; `{name}` in the query is a table."""
        pointer = json.loads((self.home / "snapshots" / "current.json").read_bytes())
        folder = self.home / "snapshots" / pointer["digest"]
        tables = {name: f"'{folder / name}.parquet'" for name in ("roster_mart", "roster_staff", "roster_leave")}
        with duckdb.connect() as reader:
            reader.execute(f"set timezone = '{CITY.timezone}'")
            return reader.execute(query.format(**tables)).fetchall()

    def staff(self) -> list[Staff]:
        """The people of the city by contract, with their licences, most hours and approved leave."""
        away: dict[str, set[date]] = {}
        for person, first, last in self.told("select staff_key, first_date, last_date from {roster_leave}"):
            away.setdefault(person, set()).update(first + timedelta(days=n) for n in range((last - first).days + 1))
        rows = self.told(
            "select staff_key, unit, skill, credential_until, maximum_hours, trained_for = 'isolation'"
            " from {roster_staff}"
        )
        return [
            Staff(
                name,
                frozenset({skill, ISOLATION} if is_trained and skill == "rn" else {skill}),
                frozenset({unit}),
                frozenset(away.get(name, ())),
                {skill: until, ISOLATION: until},
                most,
            )
            for name, unit, skill, until, most, is_trained in rows
        ]

    def broken(self) -> list[str]:
        """What the roster breaks of leave, licences and hard rules, by code that shares nothing with the solver."""
        query = f"""
            select staff_key, date, unit, shift, skill, starts_at, ends_at, shift = 'night' from {{roster_mart}}
            where status in ('worked', 'confirmed') and staff_key is not null
                and date between date '{self.first}' - 14 and date '{self.first}' - 1
        """
        made = [_duty(one) for one in self.assignments]
        rules = [HardRule(one.name, one.kind, dict(one.parameters)) for one in load_roster("roster").rules if one.hard]
        return broken_rules(made, [Duty(*row) for row in self.told(query)], self.staff(), rules)


def _duty(one: dict[str, Any]) -> Duty:
    on = date.fromisoformat(one["date"])
    span = span_of(CITY, on, one["shift"])
    is_night = one["shift"] == "night"
    return Duty(one["person"], on, one["unit"], one["shift"], one["skill"], span.starts_at, span.ends_at, is_night)


def counted(one: dict[str, Any]) -> str:
    """The skill that an assignment is counted in: a nurse of isolation beds is a registered nurse of the shift."""
    return "rn" if one["skill"] == ISOLATION else one["skill"]


def needed(line_reason: str) -> int:
    """How many nurses a line says are needed."""
    return int(line_reason.split(" needed")[0])


def copied(home: Path, to: Path) -> Path:
    """A copy of what plans are made from, so that a test may step things down in it."""
    return Path(shutil.copytree(home, to, ignore=shutil.ignore_patterns(*LARGE)))
