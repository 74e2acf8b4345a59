"""`python -m tests.benchmarks [--json] [--quick] [--only PART] [--out FILE]`: every number beside yardstick and target.

Standard output is one table, or one JSON document, which is written to a file as well; progress goes to standard error.
Quote ratios: seconds on a shared machine say little. `--quick` measures the same at a smaller scale, in a few minutes.
A part that cannot be measured says so, and the others are measured all the same.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.bench_rosters import roster_figures
from tests.benchmarks.drift_figures import drift_figures
from tests.benchmarks.feed_figures import (
    fhir_figures,
    growth_figures,
    hl7_figures,
    increment_figures,
    meaning_figures,
    mllp_figures,
)
from tests.benchmarks.forecast_figures import forecast_figures
from tests.benchmarks.measuring import Cost, StageFailed, run_stage, said
from tests.benchmarks.product_figures import board_figure, call_figures, demo_figures, memory_figures, simulator_figures
from tests.benchmarks.release_figures import drill_figures, rollout_figures, safety_case_figures
from tests.benchmarks.report import Figure, document, table


@dataclass(frozen=True)
class Scale:
    """How much is measured. Days and sites are of the simulated group.

    `megabytes` are the sizes of FHIR landed, `histories` days landed before the one that is measured, `short` the days
    before an increment of the tables (and ten times as many), `messages` those of HL7 v2, `roster_seconds`
    how long the large roster may take, `seeds` groups of sites whose drift is watched,
    `groups` of hospitals whose meaning is watched for `watched` days,
    `entries` of a ledger, `examples` of the release machine (a quarter of them on PostgreSQL), `drills` of the rollback
    plan, `nulls` hospitals without a fault, `load_calls` sent to each server under load, and `hurt_calls` to one whose
    model hangs.
    """

    days: int
    sites: int
    requests: int
    megabytes: tuple[int, ...]
    histories: tuple[int, ...]
    short: int
    messages: int
    roster_seconds: int
    seeds: int
    groups: int
    watched: int
    entries: int
    examples: int
    drills: int
    nulls: int
    load_calls: int
    hurt_calls: int

    def __str__(self) -> str:
        largest = self.megabytes[-1]
        return f"{self.days} days x {self.sites} sites, {self.requests} calls, FHIR of up to {largest} MB"


LARGE_LOOK = 1_000_000
UNTUNED = (21, 22, 23)
"""Seeds of hospitals on which nothing of the watch over meaning was tuned."""
SENDERS, AHEAD = 48, 16  # senders stay below the listener's limit of 64 connections, of which some are still closing
FULL = Scale(
    90,
    2,
    2000,
    megabytes=(50, 250, 1000, 5000),
    histories=(10, 30, 100, 300),
    short=20,
    messages=10_000,
    roster_seconds=300,
    seeds=4,
    groups=1,
    watched=365,
    entries=100_000,
    examples=100,
    drills=5,
    nulls=4,
    load_calls=3000,
    hurt_calls=10_000,
)
QUICK = Scale(
    60,
    1,
    500,
    megabytes=(30, 60, 120, 240),
    histories=(2, 5, 10, 20),
    short=5,
    messages=2000,
    roster_seconds=60,
    seeds=1,
    groups=1,
    watched=70,
    entries=5_000,
    examples=20,
    drills=1,
    nulls=1,
    load_calls=600,
    hurt_calls=1000,
)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options.add_argument("--quick", action="store_true", help="a smaller scale: one site, fewer calls")
    options.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be repeated")
    options.add_argument(
        "--out", type=Path, default=Path(os.environ.get("PILOTHOUSE_HOME", ".pilothouse")) / "bench.json"
    )
    chosen = options.parse_args()
    scale = QUICK if chosen.quick else FULL
    with tempfile.TemporaryDirectory(prefix="pilothouse-bench-") as folder:
        figures = measure(Path(folder), scale, chosen.only or list(PARTS))
    written = json.dumps(document(figures, str(scale)), indent=2)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(written + "\n")
    print(written if chosen.json else table(figures, str(scale)))
    said(f"written to {chosen.out}")


def measure(folder: Path, scale: Scale, parts: list[str]) -> list[Figure]:
    """Measure some parts, each in processes and a home folder of its own."""
    figures: list[Figure] = []
    for part in parts:
        try:
            figures.extend(PARTS[part](folder / part, scale))
        except StageFailed as failed:
            figures.append(Figure(part, f"not measured: {failed}", None, "", target=0))
    return figures


def appointments(folder: Path, scale: Scale) -> Iterator[Figure]:
    """No-show risk beside what people have today."""
    from tests.benchmarks.bench_appointments import appointment_figures

    yield from appointment_figures(run_stage("appointments", folder, days=scale.days))


def fhir(_: Path, scale: Scale) -> Iterator[Figure]:
    """Structured FHIR from bytes to OMOP, at growing sizes; what a size leaves is removed before the next."""
    sizes: list[tuple[Cost, Cost, Cost, Cost]] = []
    for megabytes in scale.megabytes:
        with tempfile.TemporaryDirectory(prefix="pilothouse-fhir-") as name:
            home = Path(name)
            corpus = run_stage("corpus", home, megabytes=megabytes)
            sizes.append((corpus, *(run_stage(stage, home) for stage in ("parse", "land", "tables"))))
    yield from fhir_figures(sizes)


def hl7(folder: Path, scale: Scale) -> Iterator[Figure]:
    """HL7 v2 through files and over MLLP."""
    yield from hl7_figures(run_stage("hl7", folder / "files", count=scale.messages))
    alone, many = scale.messages // 100, scale.messages // 2
    found = run_stage("mllp", folder / "mllp", alone=alone, many=many, senders=SENDERS, ahead=AHEAD)
    yield from mllp_figures(found)


def history(folder: Path, scale: Scale) -> Iterator[Figure]:
    """One more day after histories of different lengths: landing, and the tables."""
    yield from growth_figures(run_stage("growth", folder / "grown", histories=list(scale.histories)))
    yield from increment_figures(run_stage("increment", folder / "increment", days=scale.short))


def product(folder: Path, scale: Scale) -> Iterator[Figure]:
    """The simulator, the demo and the service."""
    nothing = run_stage("start", folder / "start")
    simulated = run_stage("simulate", folder / "simulated", days=scale.days, sites=scale.sites)
    served = run_stage("serve", folder / "served", requests=scale.requests)
    viewed = run_stage("board", folder / "board", pages=scale.requests)
    first = run_stage("demo", folder / "demo", days=scale.days, sites=scale.sites, is_first=True)
    again = run_stage("demo", folder / "demo", days=scale.days, sites=scale.sites, is_first=False)
    judged = run_stage("judge", folder / "demo", use_case="triage")
    stages = {"simulate": simulated, "train and judge": judged, "demo, everything in turn": first, "demo again": again}
    yield from demo_figures(first, again, nothing)
    yield from simulator_figures(simulated, scale.days, scale.sites)
    yield from call_figures(served)
    yield board_figure(viewed)
    yield from memory_figures(stages, served, nothing)


def serving(folder: Path, scale: Scale) -> Iterator[Figure]:
    """The full CDS Hooks call under load, and with its model killed in the middle."""
    from tests.benchmarks.serving_figures import load_figures

    yield from load_figures(run_stage("load", folder, calls=scale.load_calls, hurt_calls=scale.hurt_calls).result)


def rosters(folder: Path, scale: Scale) -> Iterator[Figure]:
    """Rosters beside the best known."""
    yield from roster_figures(run_stage("rosters", folder, seconds=60, large_seconds=scale.roster_seconds))


def forecasts(folder: Path, scale: Scale) -> Iterator[Figure]:
    """Forecasts of real counts, of a large hospital, and of beds; the same at every scale."""
    shown = run_stage("backtests", folder / "shown")
    yield from forecast_figures(shown, run_stage("wards", folder / "wards"), run_stage("beds", folder / "beds"))


def meaning(folder: Path, scale: Scale) -> Iterator[Figure]:
    """How often the watch over meaning cries wolf, and what it sees."""
    yield from meaning_figures(run_stage("meaning", folder, seeds=list(UNTUNED[: scale.groups]), days=scale.watched))


def drift(folder: Path, scale: Scale) -> Iterator[Figure]:
    """How often the watch over drift cries wolf, what it finds, and how long a large look takes."""
    yield from drift_figures(run_stage("drift", folder, sites=5 * scale.seeds, rows=LARGE_LOOK).result)


def ledger(folder: Path, scale: Scale) -> Iterator[Figure]:
    """The ledger on both stores, and the gate."""
    from tests.benchmarks.bench_ledger import ledger_figures

    yield from ledger_figures(run_stage("ledger", folder, entries=scale.entries), scale.entries)


def rollout(folder: Path, scale: Scale) -> Iterator[Figure]:
    """The state machine of releases, longer than a test may take; it fails where anything serves what it may not."""
    for store, examples in (("sqlite", scale.examples), ("postgres", scale.examples // 4)):
        ran = run_stage("rollout", folder / store, examples=examples, is_on_server=store == "postgres")
        yield from rollout_figures(store, ran.result)


def drill(folder: Path, scale: Scale) -> Iterator[Figure]:
    """The rollback plan, rehearsed: from the trigger to restored service, and the calls meanwhile."""
    yield from drill_figures(run_stage("drill", folder, times=scale.drills).result)


def safety_case(folder: Path, scale: Scale) -> Iterator[Figure]:
    """Every named fault, and null runs of several hospitals."""
    yield from safety_case_figures(run_stage("safety_case", folder, nulls=scale.nulls).result)


PARTS: dict[str, Callable[[Path, Scale], Iterator[Figure]]] = {
    "appointments": appointments,
    "drift": drift,
    "fhir": fhir,
    "hl7": hl7,
    "history": history,
    "rosters": rosters,
    "forecasts": forecasts,
    "product": product,
    "serving": serving,
    "meaning": meaning,
    "ledger": ledger,
    "rollout": rollout,
    "drill": drill,
    "safety-case": safety_case,
}


if __name__ == "__main__":
    main()
