"""`python -m tests.benchmarks [--json] [--quick]`: every number of the product beside its yardstick, from one run.

Standard output is one table, or one JSON document; progress goes to standard error. Quote ratios: seconds on a shared
machine say little. `--quick` measures the same at a smaller scale, in a few minutes.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.bench_rosters import roster_figures
from tests.benchmarks.feed_figures import growth_figures, hl7_figures, large_figures
from tests.benchmarks.measuring import Cost, run_stage
from tests.benchmarks.report import Figure, document, table

SIMULATED = "simulator"
DEMO, LANDING, CALL, MEMORY = "demo", "FHIR resources", "triage call over HTTP", "peak memory of a stage"


@dataclass(frozen=True)
class Scale:
    """How much is measured. `repeat` multiplies the real bundles; days and sites are of the simulated group.

    `histories` are days landed before the one that is measured, `messages` those of HL7 v2, `megabytes` the large file;
    `roster_seconds` how long the large roster may take.
    """

    days: int
    sites: int
    repeat: int
    requests: int
    histories: tuple[int, ...]
    messages: int
    megabytes: int
    roster_seconds: int

    def __str__(self) -> str:
        return (
            f"{self.days} days x {self.sites} sites, real bundles {self.repeat} times, {self.requests} calls, "
            f"{self.messages} messages, a file of {self.megabytes} MB"
        )


SENDERS = 48  # below the listener's limit of 64 connections, of which some are still closing
FULL = Scale(
    days=90,
    sites=3,
    repeat=60,
    requests=2000,
    histories=(10, 30, 100, 300),
    messages=10_000,
    megabytes=5000,
    roster_seconds=300,
)
QUICK = Scale(
    days=90, sites=1, repeat=20, requests=500, histories=(2, 5, 10, 20), messages=2000, megabytes=300, roster_seconds=60
)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    options.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options.add_argument("--quick", action="store_true", help="a smaller scale: one site, fewer calls")
    chosen = options.parse_args()
    scale = QUICK if chosen.quick else FULL
    with tempfile.TemporaryDirectory(prefix="pilothouse-bench-") as folder:
        figures = measure(Path(folder), scale)
    print(json.dumps(document(figures, str(scale)), indent=2) if chosen.json else table(figures, str(scale)))


def measure(folder: Path, scale: Scale) -> list[Figure]:
    """Run every stage, each in a child process with a home folder under `folder`."""
    nothing = run_stage("start", folder / "start")
    simulated = run_stage("simulate", folder / "simulated", days=scale.days, sites=scale.sites)
    corpus = run_stage("corpus", folder / "landed", repeat=scale.repeat, days=scale.days)
    parsed = run_stage("parse", folder / "landed")
    landed = run_stage("land", folder / "landed")
    tables = run_stage("tables", folder / "landed")
    grown = run_stage("growth", folder / "grown", histories=list(scale.histories))
    files = run_stage("hl7", folder / "hl7", count=scale.messages)
    mllp = run_stage("mllp", folder / "mllp", alone=scale.messages // 50, many=scale.messages, senders=SENDERS)
    written = run_stage("large", folder / "large", megabytes=scale.megabytes)
    parsed_large, landed_large = (run_stage(stage, folder / "large") for stage in ("parse_large", "land_large"))
    served = run_stage("serve", folder / "served", requests=scale.requests)
    rosters = run_stage("rosters", folder / "rosters", seconds=60, large_seconds=scale.roster_seconds)
    first = run_stage("demo", folder / "demo", days=scale.days, sites=scale.sites, is_first=True)
    again = run_stage("demo", folder / "demo", days=scale.days, sites=scale.sites, is_first=False)
    judged = run_stage("judge", folder / "demo", use_case="triage")
    stages = {
        "simulate": simulated,
        "land": landed,
        "tables (dbt under Dagster)": tables,
        "train and judge": judged,
        "demo, everything in turn": first,
        "demo again": again,
    }
    return [
        *demo_figures(first, again, nothing),
        *simulator_figures(simulated, scale),
        *landing_figures(corpus, parsed, landed, tables),
        *growth_figures(grown),
        *hl7_figures(files, mllp),
        *large_figures(written, parsed_large, landed_large),
        *call_figures(served),
        *roster_figures(rosters),
        *memory_figures(stages, served, parsed),
    ]


def demo_figures(first: Cost, again: Cost, nothing: Cost) -> list[Figure]:
    """The demo; its share of orchestration is defined in `orchestration_share.py`."""
    done = first.result
    work = "inside step functions, and dbt's nodes"
    return [
        Figure(DEMO, "from an empty home", first.seconds, "s", f"{work} during its runs", done["work_seconds"]),
        Figure(DEMO, "again, nothing changed", again.seconds, "s", "loading the command line", nothing.seconds),
        Figure(DEMO, f"its {done['runs']} Dagster runs", done["run_seconds"], "s", work, done["work_seconds"]),
        Figure(DEMO, "  orchestration's share of these", 100 * done["share"], "%", "1 - work / runs"),
        Figure(DEMO, "CPU from an empty home", first.cpu_seconds, "s", "wall time", first.seconds),
    ]


def simulator_figures(simulated: Cost, scale: Scale) -> list[Figure]:
    """Seconds of the simulator."""
    name = f"{scale.days} days x {scale.sites} sites, {simulated.result['resources']:,} resources"
    seconds, copied = simulated.result["seconds"], simulated.result["copy_seconds"]
    return [Figure(SIMULATED, name, seconds, "s", "copying the files it wrote", copied)]


def landing_figures(corpus: Cost, parsed: Cost, landed: Cost, tables: Cost) -> list[Figure]:
    """Rates from bytes on; the CPU of a resource is what can be compared on a busy machine."""
    count, parse, land, build = corpus.result["resources"], parsed.result, landed.result, tables.result
    came = f"{corpus.result['source']}: {count:,}, {corpus.result['megabytes']:.0f} MB"
    whole, nodes = land["seconds"] + build["seconds"], land["seconds"] + build["dbt_seconds"]
    yardstick, rate = "DuckDB merely parsing them", count / parse["seconds"]
    return [
        Figure(f"{LANDING} ({came})", "bytes to lake", count / land["seconds"], "/s", yardstick, rate),
        Figure(f"{LANDING} ({came})", "bytes to OMOP", count / whole, "/s", yardstick, rate),
        Figure(f"{LANDING} ({came})", "bytes to OMOP, dbt's nodes only", count / nodes, "/s", yardstick, rate),
        Figure(
            f"{LANDING} ({came})",
            "CPU to lake, each",
            1e6 * land["cpu_seconds"] / count,
            "us",
            yardstick,
            1e6 * parse["cpu_seconds"] / count,
        ),
    ]


def call_figures(served: Cost) -> list[Figure]:
    """The call in shadow and with a card, beside an echo, the disk and the model."""
    found = served.result
    figures: list[Figure] = []
    for stage in ("shadow", "assistive"):
        for share in ("p50", "p99"):
            call, echo = found[f"{stage}_call_ms"][share], found["bare_echo_ms"][share]
            figures.append(Figure(CALL, f"{stage}, {share}", call, "ms", "bare FastAPI echo", echo))
    shadow, together = found["shadow_call_ms"], found["calls_at_once"]
    predict, commit = found["model_predict_row_ms"], found["durable_commit_ms"]
    return [
        *figures,
        Figure(CALL, "shadow, p50", shadow["p50"], "ms", "the model's own predict", predict["p50"]),
        Figure(CALL, "shadow, p50", shadow["p50"], "ms", "one fsynced SQLite row", commit["p50"]),
        Figure(CALL, "shadow, p99", shadow["p99"], "ms", "one fsynced SQLite row", commit["p99"]),
        Figure(
            CALL,
            f"{together['clients']} clients at once",
            together["per_second"],
            "/s",
            "one client",
            together["alone"],
        ),
        Figure(CALL, "CPU of the service, shadow", found["shadow_cpu_ms"], "ms", "of the echo", found["echo_cpu_ms"]),
    ]


def memory_figures(stages: dict[str, Cost], served: Cost, parsed: Cost) -> list[Figure]:
    """Peak resident memory: of the largest process of a stage."""
    yardstick = "DuckDB merely parsing"
    figures = [Figure(MEMORY, name, cost.peak_mb, "MB", yardstick, parsed.peak_mb) for name, cost in stages.items()]
    service, echo = served.result["service_peak_mb"], served.result["echo_peak_mb"]
    return [*figures, Figure(MEMORY, "serve", service, "MB", "bare FastAPI echo", echo)]


if __name__ == "__main__":
    main()
