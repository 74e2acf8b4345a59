"""The chain in one home: triage, staffing and rosters released at the city, over one snapshot; the graph plans."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules
from evaluation.policies import load_policy
from ml.registry.plan import Plan, read_plan
from ml.registry.stages import Stage, Tier
from ml.registry.store import write_release
from ml.usecases import load_roster
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.kinds import kind_of
from orchestration.steps.planning.plans import names_file
from orchestration.steps.rosters.roster_bundle import roster_files
from orchestration.steps.rosters.shifts import span_of

from .planned import DAYS, FIRST, NOW, Planning, mart
from .rostered import contract, duties, leave, publish_tables, quick, tables_of

CITY, UNIT = load_site("city"), "SUR"
TODAY = FIRST + timedelta(days=DAYS)
PLANNED = ("staffing", "roster")


class Chain:
    """The home. `away` is on leave all week; `lapsed` has a credential that ends today."""

    def __init__(self, settings: Settings, model: Path) -> None:
        self.settings, self.city = settings, Planning.at(settings, model)
        self.triage = self.city.triage(Stage.ASSISTIVE)
        self.duties = duties(TODAY, CITY, UNIT)
        self.skills = {row["staff_key"]: row["skill"] for row in self.duties}
        self.away, self.lapsed = sorted({row["staff_key"] for row in self.duties if row["date"] > TODAY})[:2]
        until = {self.lapsed: TODAY}
        contracts = [
            contract(name, skill, site=CITY.id, unit=UNIT, credential_until=until.get(name))
            for name, skill in sorted(self.skills.items())
        ]
        leaves = [leave(self.away, TODAY, TODAY + timedelta(days=9)) | {"site": CITY.id}]
        people = tables_of(self.duties, people=(contracts, leaves, []))
        publish_tables(settings, {"staffing_mart": mart(), **people}, NOW)
        self._release_roster()

    def _release_roster(self) -> None:
        layout = kind_of("roster").layout(load_roster("roster"), load_policy("roster"))
        bundle = self.settings.home / "candidates" / "roster"
        bundle.mkdir(parents=True)
        for name, content in roster_files(quick(), CITY.id).items():
            (bundle / name).write_bytes(content)
        home = self.city.home
        fields = home.fields(bundle, layout, use_case="roster", stage="assistive")
        release = write_release(self.settings.home, fields, bundle, home.card(layout), home.signer)
        home.point(release, Stage.ASSISTIVE, use_case="roster")

    def materialise(self, at: datetime = NOW) -> dict[str, Plan]:
        """Have the graph make every plan at a time, each after those that it builds on; returns them, verified."""
        from dagster import DagsterInstance, materialize

        from orchestration.defs.names import plan_key
        from orchestration.defs.plans.assets import plan_asset

        ops = {plan_key(one).to_python_identifier(): {"config": {"clock": at.isoformat()}} for one in PLANNED}
        with DagsterInstance.ephemeral() as instance:
            done = materialize(
                [plan_asset(one) for one in reversed(PLANNED)],
                partition_key=CITY.id,
                instance=instance,
                run_config={"ops": ops},
            )
        assert done.success
        return {one: self._plan(one) for one in PLANNED}

    def _plan(self, use_case: str) -> Plan:
        plan = read_plan(self.settings.home, use_case, CITY.id, self.city.home.signer.public)
        assert plan is not None
        return plan

    def step_down(self, use_case: str, tier: Tier) -> None:
        if use_case == "triage":
            self.city.triage(Stage.ASSISTIVE, tier, self.triage)
        else:
            self.city.point(Stage.ASSISTIVE, tier)

    def rostered(self, plan: Plan) -> list[dict[str, Any]]:
        """The assignments with names that belong to a plan."""
        [unit] = json.loads(names_file(self.settings.home, plan).read_bytes())["units"]
        return unit["assignments"]

    def broken(self, plan: Plan) -> list[str]:
        """Judge a plan's roster by code that shares nothing with the solver, on what the tables tell of people."""
        return broken_rules(
            [self._duty(one) for one in self.rostered(plan)],
            [_worked(row) for row in self.duties if row["date"] < TODAY and row["status"] != "sick"],
            [
                Staff(
                    name,
                    frozenset({skill}),
                    frozenset({UNIT}),
                    frozenset(TODAY + timedelta(days=n) for n in range(10)) if name == self.away else frozenset(),
                    {skill: TODAY} if name == self.lapsed else {},
                )
                for name, skill in self.skills.items()
            ],
            [HardRule(one.name, one.kind, dict(one.parameters)) for one in load_roster("roster").rules if one.hard],
        )

    def _duty(self, one: dict[str, Any]) -> Duty:
        on = date.fromisoformat(one["date"])
        span = span_of(CITY, on, one["shift"])
        is_night = one["shift"] == "night"
        return Duty(one["person"], on, one["unit"], one["shift"], one["skill"], span.starts_at, span.ends_at, is_night)


def _worked(row: dict[str, Any]) -> Duty:
    about = (row["staff_key"], row["date"], row["unit"], row["shift"], row["skill"])
    return Duty(*about, row["starts_at"], row["ends_at"], row["shift"] == "night")
