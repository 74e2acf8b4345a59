"""A day more after a short history and after one ten times as long: what the increment costs. Prints one JSON document.

`python -m tests.benchmarks.bench_increment [--days N]` lands N and 10 N days of a simulated site, builds their tables,
and then delivers the same three days to both in turn. Landing is not measured. CPU seconds of dbt's process are what
can be compared on a busy machine; starting and parsing are outside, since one process builds both.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from orchestration.contracts import load_contracts
from orchestration.feeds import Drop, land_drops, write_anchors
from orchestration.simulator import drop_arrives_at, simulate_group
from orchestration.sites import load_site
from tests.integration.tables.dbt_process import DbtProcess

SITE, FIRST, SEED = "rural", date(2025, 1, 6), 7
KEY = b"k" * 32
MEASURED_DAYS = 3


@dataclass
class History:
    """A home that gets some days of the pool: the same lake files, by link, under its own receipts."""

    pool: Path
    home: Path
    seconds: list[float] = field(default_factory=list[float])
    cpu_seconds: list[float] = field(default_factory=list[float])

    def deliver(self, days: Collection[date]) -> None:
        names = {day.isoformat() for day in days}
        stems: set[str] = set()
        for path in self.pool.glob(f"lake/*/site={SITE}/day=*/*.parquet"):
            if path.parent.name.removeprefix("day=") in names:
                stems.add(path.stem)
                self._link(path)
        for path in self.pool.glob(f"receipts/{SITE}/*/*.json"):
            if path.name[:16] in stems:
                self._link(path)

    def _link(self, path: Path) -> None:
        target = self.home / path.relative_to(self.pool)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)

    def build(self, dbt: DbtProcess) -> dict[str, Any]:
        done = dbt.build(self.home / "lake", self.home)
        if not done["succeeded"]:
            raise SystemExit(f"The build of {self.home.name} failed: {done['problems'][:3]}")
        return done

    def measure(self, dbt: DbtProcess) -> None:
        done = self.build(dbt)
        self.seconds.append(done["seconds"])
        self.cpu_seconds.append(done["cpu_seconds"])


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--days", type=int, default=20)
    short = options.parse_args().days
    with tempfile.TemporaryDirectory(prefix="pilothouse-increment-") as name:
        print(json.dumps(increment(Path(name), short)))


def increment(folder: Path, short: int) -> dict[str, Any]:
    """Return the cost of a day after `short` days and after ten times as many, and the ratio."""
    total = 10 * short + MEASURED_DAYS
    pool, resources = folder / "pool", fill(folder / "pool", total)
    arrivals = sorted({path.name.removeprefix("day=") for path in pool.glob(f"lake/fhir_*/site={SITE}/day=*")})
    days = [date.fromisoformat(day) for day in arrivals]
    history, measured = days[:-MEASURED_DAYS], days[-MEASURED_DAYS:]
    homes = [History(pool, folder / "short"), History(pool, folder / "long")]
    dbt = DbtProcess()
    for home, past in zip(homes, (history[-short:], history), strict=True):
        write_anchors(home.home, load_contracts())
        home.deliver(past)
        home.build(dbt)
    for day in measured:
        for home in homes:
            home.deliver([day])
            home.measure(dbt)
    dbt.close()
    costs = {home.home.name: {"seconds": home.seconds, "cpu_seconds": home.cpu_seconds} for home in homes}
    ratio = {kind: sum(costs["long"][kind]) / sum(costs["short"][kind]) for kind in ("seconds", "cpu_seconds")}
    return {"days": short, "resources_of_all_days": resources, **costs, "ratio_of_ten_times_the_history": ratio}


def fill(pool: Path, days: int) -> int:
    """Simulate and land all days; return how many FHIR resources."""
    done = simulate_group(pool, sites=(SITE,), start=FIRST, days=days, seed=SEED, feeds=["ehr_fhir"])
    drops = [
        Drop((pool / "drops" / SITE / day.isoformat(),), drop_arrives_at(SITE, day))
        for day in (FIRST + timedelta(days=number) for number in range(days))
    ]
    zone = load_site(SITE).timezone
    for drop in drops:
        land_drops([drop], site=SITE, feed=None, home=pool, key=KEY, feeds=["ehr_fhir"], zone=zone)
    return done.resources


if __name__ == "__main__":
    main()
