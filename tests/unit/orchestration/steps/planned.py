"""A home in which a small staffing forecast is released at the city, over a snapshot that a test can break."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.policies import load_policy
from ml.forecasting import bundle
from ml.forecasting.fit import fit
from ml.forecasting.mart import site_history
from ml.registry.pointer import publish_pointer
from ml.registry.stages import Stage, Tier
from ml.registry.store import write_release
from ml.usecases import load_forecast
from orchestration.settings import Settings
from orchestration.steps.kinds import kind_of
from orchestration.steps.planning.plans import Made, make_plan
from tests.unit.ml.serving.homes import TRIAGE, Home

ZONE = ZoneInfo("America/New_York")
FIRST, DAYS = date(2025, 11, 1), 110
NOW = datetime.combine(FIRST + timedelta(days=DAYS), time(12, 45), ZONE)
SHIFTS, UNITS = ("day", "evening", "night"), ("MED", "SUR")


def mart(days: int = DAYS, skip: tuple[str, range] | None = None) -> pa.Table:
    """Seeded rows of two units; `skip` leaves out the days (positions) of one unit."""
    rows = []
    for unit in UNITS:
        for shift in SHIFTS:
            rng = np.random.default_rng([UNITS.index(unit), SHIFTS.index(shift)])  # fewer days: the same first ones
            for n in range(days):
                census, hours = int(rng.integers(20, 40)), float(rng.normal(64, 4))
                if skip is None or unit != skip[0] or n not in skip[1]:
                    known = datetime.combine(FIRST + timedelta(days=n + 1), time(6), ZONE)
                    rows.append(("city", unit, FIRST + timedelta(days=n), shift, census, hours, 16.0, None, known))
    names = ("site", "unit", "date", "shift", "census", "rn_hours", "lpn_hours", "aide_hours", "known_at")
    kinds = (
        pa.string(),
        pa.string(),
        pa.date32(),
        pa.string(),
        pa.int32(),
        *[pa.float64()] * 3,
        pa.timestamp("us", "UTC"),
    )
    columns = zip(*rows, strict=True)
    return pa.table({n: pa.array(c, k) for n, c, k in zip(names, columns, kinds, strict=True)})


@dataclass
class Planning:
    """The home under construction."""

    settings: Settings
    releases: list[str] = field(default_factory=list)

    @staticmethod
    def at(settings: Settings, model: Path) -> "Planning":
        home = Planning(settings)
        home.publish(mart())
        home.release(model)
        return home

    @property
    def home(self) -> Home:
        return Home.at(self.settings.home)

    def publish(self, table: pa.Table, **others: pa.Table) -> None:
        """Put a snapshot in place whose staffing mart is `table`, with other tables beside it."""
        digest = hashlib.sha256(str(table.num_rows).encode()).hexdigest()
        folder = self.settings.snapshots / digest
        folder.mkdir(parents=True, exist_ok=True)
        entries: dict[str, dict[str, str]] = {}
        for name, rows in {"staffing_mart": table, **others}.items():
            pq.write_table(rows, folder / f"{name}.parquet")
            sha = hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest()
            entries[name] = {"file": f"{name}.parquet", "sha256": sha}
        pointer = {"digest": digest, "as_of": NOW.isoformat(), "tables": entries}
        (self.settings.snapshots / "current.json").write_text(json.dumps(pointer))

    def release(self, model: Path) -> None:
        layout = kind_of("staffing").layout(load_forecast("staffing"), load_policy("staffing"))
        fields = self.home.fields(model, layout, use_case="staffing", stage="assistive")
        card = self.home.card(layout)
        self.releases.append(write_release(self.settings.home, fields, model, card, self.home.signer))
        self.point(Stage.ASSISTIVE)

    def point(self, stage: Stage, tier: Tier = Tier.MODEL) -> None:
        self.home.point(self.releases[-1], stage, tier, use_case="staffing")

    def triage(self, stage: Stage, tier: Tier = Tier.MODEL, release: str = "") -> str:
        """Release triage too, in a stage and tier; the release that was made before, where it is given."""
        release = release or self.home.release()
        publish_pointer(
            self.settings.home,
            use_case=TRIAGE,
            site="city",
            release=release,
            stage=stage,
            tier=tier,
            reason="test",
            issued_at=NOW,
            signer=self.home.signer,
        )
        return release

    def plan(self, at: datetime = NOW) -> Made:
        return make_plan(self.settings, "staffing", "city", at)


def small_model(folder: Path) -> Path:
    """Fit once on the rows of `mart`, quickly, and write the bundle."""
    shipped = load_forecast("staffing")
    quick: dict[str, Any] = {"trees": 10, "validation_days": 28}
    declared = shipped.model_copy(update={"recipe": shipped.recipe.model_copy(update=quick)})
    until = FIRST + timedelta(days=DAYS)
    bundle.save(
        fit(site_history(mart(), declared, "city"), declared, site="city", region="US", train_until=until, seed=7),
        folder,
    )
    return folder
