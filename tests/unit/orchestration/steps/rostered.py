"""A home in which a small unit's roster is released, over a snapshot of simulated duties that a test can change."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.policies import load_policy
from ml.registry.plan import Plan, read_plan
from ml.registry.stages import Stage, Tier
from ml.registry.store import write_release
from ml.usecases import RosterUseCase, load_forecast, load_roster
from orchestration.settings import Settings
from orchestration.simulator.rosters import Duty, planned, worked
from orchestration.sites import Site, load_site
from orchestration.steps.kinds import kind_of
from orchestration.steps.planning.plans import make_plan
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.proposal import current_pointer
from orchestration.steps.rosters.roster_bundle import roster_files
from orchestration.steps.rosters.shifts import span_of
from tests.unit.ml.serving.homes import Home

PLACE, UNIT = load_site("rural"), "HDU"
TODAY, WEEKS = date(2026, 3, 27), 8
NOW = datetime(2026, 3, 27, 12, 30, tzinfo=PLACE.zone)
"""Two days before clocks go forward."""
SKILLS = {"RN": "rn", "charge": "rn", "LPN": "lpn"}
ADJUSTMENT = {
    "site": pa.string(),
    "use_case": pa.string(),
    "unit": pa.string(),
    "shift_date": pa.date32(),
    "shift_code": pa.string(),
    "target": pa.string(),
    "wanted": pa.float64(),
    "made_at": pa.timestamp("us", "UTC"),
    "is_last": pa.bool_(),
}
STAFF = {
    "site": pa.string(),
    "staff_key": pa.string(),
    "unit": pa.string(),
    "skill": pa.string(),
    "role": pa.string(),
    "credential_until": pa.date32(),
    "weekly_hours": pa.float64(),
    "minimum_hours": pa.float64(),
    "maximum_hours": pa.float64(),
    "valid_from": pa.date32(),
    "valid_until": pa.date32(),
    "known_at": pa.timestamp("us", "UTC"),
    "credential_from": pa.date32(),
    "experience": pa.string(),
    "trained_for": pa.string(),
    "floats_to": pa.string(),
}
LEAVE = {
    "site": pa.string(),
    "staff_key": pa.string(),
    "first_date": pa.date32(),
    "last_date": pa.date32(),
    "known_at": pa.timestamp("us", "UTC"),
}
WISH = {
    "site": pa.string(),
    "staff_key": pa.string(),
    "date": pa.date32(),
    "shift": pa.string(),
    "wants_on": pa.bool_(),
    "weight": pa.int64(),
    "known_at": pa.timestamp("us", "UTC"),
}
ISOLATION = {
    "site": pa.string(),
    "unit": pa.string(),
    "counted_at": pa.timestamp("us", "UTC"),
    "beds": pa.int32(),
    "known_at": pa.timestamp("us", "UTC"),
}
PEOPLE = {"roster_staff": STAFF, "roster_leave": LEAVE, "roster_wish": WISH}
KNOWN = datetime(2026, 1, 26, tzinfo=UTC)


def contract(person: str, skill: str | None = "rn", **told: Any) -> dict[str, Any]:
    """A row of the mart of contracts: full time on the unit, without an end, unless told otherwise."""
    return {
        "site": PLACE.id,
        "staff_key": person,
        "unit": UNIT,
        "skill": skill,
        "role": (skill or "other").upper(),
        "weekly_hours": 40.0,
        "valid_from": date(2020, 1, 1),
        "known_at": KNOWN,
        **told,
    }


def leave(person: str, first: date, last: date, known_at: datetime = KNOWN) -> dict[str, Any]:
    return {"site": PLACE.id, "staff_key": person, "first_date": first, "last_date": last, "known_at": known_at}


def wish(person: str, on: date, shift: str | None, *, wants_on: bool, weight: int = 10) -> dict[str, Any]:
    about = {"date": on, "shift": shift, "wants_on": wants_on, "weight": weight, "known_at": KNOWN}
    return {"site": PLACE.id, "staff_key": person, **about}


def duties(until: date = TODAY, place: Site = PLACE, unit: str = UNIT) -> list[dict[str, Any]]:
    """A unit's rows of the roster mart: worked up to `until`, planned for the week from then on."""
    found: dict[str, tuple[Duty, datetime]] = {}
    for number in range(7 * WEEKS + 8):
        day = until - timedelta(days=7 * WEEKS - number)
        told = worked(place, day, 7) if day < until else planned(place, day)
        known = datetime.combine(min(day, until), datetime.min.time(), UTC)
        found |= {duty.shift_id: (duty, known) for duty in told if duty.unit == unit}
    return [_row(duty, known, place) for duty, known in found.values()]


def _row(duty: Duty, known: datetime, place: Site) -> dict[str, Any]:
    starts, ends = datetime.fromisoformat(duty.starts_at), datetime.fromisoformat(duty.ends_at)
    return {
        "site": place.id,
        "shift_key": duty.shift_id,
        "staff_key": duty.staff_id,
        "unit": duty.unit,
        "date": duty.shift_date,
        "shift": duty.shift,
        "skill": SKILLS[duty.role],
        "role": duty.role,
        "status": duty.status,
        "starts_at": starts,
        "ends_at": ends,
        "hours": (ends.astimezone(UTC) - starts.astimezone(UTC)) / timedelta(hours=1),
        "known_at": known,
    }


def tables_of(
    rows: list[dict[str, Any]],
    adjusted: tuple[dict[str, Any], ...] = (),
    people: tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]] = ([], [], []),
    isolated: tuple[dict[str, Any], ...] = (),
) -> dict[str, pa.Table]:
    """The tables of a snapshot that rosters are made from."""
    told = {
        name: pa.Table.from_pylist(given, pa.schema(list(columns.items())))
        for (name, columns), given in zip(PEOPLE.items(), people, strict=True)
    }
    adjustments = pa.Table.from_pylist(list(adjusted), pa.schema(list(ADJUSTMENT.items())))
    counts = pa.Table.from_pylist(list(isolated), pa.schema(list(ISOLATION.items())))
    return {
        "roster_mart": pa.Table.from_pylist(rows), "board_adjustment": adjustments, "roster_isolation": counts, **told
    }  # fmt: skip


def publish_tables(settings: Settings, tables: dict[str, pa.Table], as_of: datetime = NOW) -> None:
    """Put a snapshot of these tables in place."""
    folder = settings.snapshots / "d"
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
        sha = hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest()
        entries[name] = {"file": f"{name}.parquet", "sha256": sha, "rows": table.num_rows}
    pointer = {"digest": "d", "as_of": as_of.isoformat(), "tables": entries}
    (settings.snapshots / "current.json").write_text(json.dumps(pointer))


def quick(seconds: float = 1.0) -> RosterUseCase:
    """The shipped rules with little time for each unit: enough to keep them, not always for the best roster."""
    shipped = load_roster("roster")
    return shipped.model_copy(update={"solving": shipped.solving.model_copy(update={"seconds_per_unit": seconds})})


@dataclass
class Rostered:
    """The home under construction."""

    settings: Settings
    releases: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def at(cls, settings: Settings) -> "Rostered":
        home = cls(settings)
        home.publish(duties())
        home.release("roster", roster_files(quick(), PLACE.id))
        return home

    @property
    def home(self) -> Home:
        return replace(Home.at(self.settings.home), now=NOW)

    def publish(
        self,
        rows: list[dict[str, Any]],
        adjusted: tuple[dict[str, Any], ...] = (),
        people: tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]] = ([], [], []),
        isolated: tuple[dict[str, Any], ...] = (),
    ) -> None:
        """Put a snapshot in place that holds these duties, people's own figures, their contracts, leave and wishes, and
        counts of isolation beds."""
        publish_tables(self.settings, tables_of(rows, adjusted, people, isolated))

    def release(self, use_case: str, files: dict[str, bytes]) -> None:
        """Release a use case at the site, for people to see."""
        declared = load_roster("roster") if use_case == "roster" else load_forecast(use_case)
        layout = kind_of(use_case).layout(declared, load_policy(use_case))
        bundle = self.settings.home / "candidates" / use_case
        bundle.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (bundle / name).write_bytes(content)
        fields = self.home.fields(bundle, layout, use_case=use_case, site=PLACE.id, stage="assistive")
        card = self.home.card(layout)
        self.releases[use_case] = write_release(self.settings.home, fields, bundle, card, self.home.signer)
        self.point(use_case)

    def point(self, use_case: str, tier: Tier = Tier.MODEL, *, is_on: bool = True) -> None:
        release = self.releases[use_case] if is_on else None
        self.home.point(release, Stage.ASSISTIVE, tier, site=PLACE.id, use_case=use_case)

    def put_on_record(self, use_case: str) -> None:
        """Have the ledger know what the pointer serves, as an order to go back to it leaves it."""
        pointer = current_pointer(self.settings, use_case, PLACE.id)
        assert pointer is not None
        served = {"release": pointer.release, "previous": None, "generation": pointer.generation}
        stages = {"from_stage": "decision_support", "stage": pointer.stage.value}
        payload = {"use_case": use_case, "site": PLACE.id, "reason": "test", **stages, **served}
        open_records(self.settings).append("rollback", "os.tester", payload, at=now())

    def staffing_says(self, nurses: float, tier: str = "model", at: datetime = NOW) -> None:
        """Release staffing, and publish its plan: so many registered nurses on every coming shift."""
        if "staffing" not in self.releases:
            self.release("staffing", {"forecast.json": b"{}"})
        lines = []
        for number in range(7):
            for shift in PLACE.shifts:
                day = TODAY + timedelta(days=number)
                span = span_of(PLACE, day, shift.id)
                lines.append(
                    {
                        "unit": UNIT,
                        "date": day.isoformat(),
                        "shift": shift.id,
                        "starts_at": span.starts_at.isoformat(),
                        "ends_at": span.ends_at.isoformat(),
                        "target": "rn",
                        "measure": "nurses",
                        "lower": nurses - 1,
                        "median": nurses,
                        "upper": nurses + 2,
                    }
                )
        self.home.plan(
            self.releases["staffing"],
            lines,
            site=PLACE.id,
            tier=tier,
            tier_reason=None if tier == "model" else "Its counts are 60 hours old.",
            issued_at=at.isoformat(),
            as_of=at.isoformat(),
            valid_until=(NOW + timedelta(days=7)).isoformat(),
        )

    def plan(self, at: datetime = NOW) -> Plan:
        return make_plan(self.settings, "roster", PLACE.id, at).plan

    def rosters(self) -> dict[str, Any]:
        """The rosters with names that belong to the current plan."""
        return self.units()[0]

    def units(self) -> list[dict[str, Any]]:
        """The same of every unit."""
        return json.loads(self.named().read_bytes())["units"]

    def named(self) -> Path:
        """The file of rosters with names, by the digest of the current plan."""
        current = read_plan(self.settings.home, "roster", PLACE.id, self.home.signer.public)
        assert current is not None
        return self.settings.home / "rosters" / "roster" / PLACE.id / f"{current.digest}.json"
