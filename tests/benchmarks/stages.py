"""The stages that are measured: `python -m tests.benchmarks.stages NAME OPTIONS FILE` runs one in its own process.

Here belongs what a stage does; its seconds are taken inside where starting Python should not count. What does not
belong here: the service (`bench_serving.py`, `bench_board.py`) and where orchestration ends (`orchestration_share.py`).
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Any

from orchestration.settings import Settings, apply_third_party_switches, load_settings

SEED = 7
FIRST_DAY = date(2026, 1, 5)
SITES = ("city", "district", "rural")
PILOT, CORPUS_SITE = "city", "synthea"
CORPUS = "corpus"
MEGABYTE = 1e6


def silent(_: str) -> None:
    """Progress that nobody waits for."""


def simulate(days: int, sites: int) -> dict[str, Any]:
    """Simulate the group; the yardstick is copying the bytes that it wrote."""
    from orchestration.simulator import simulate_group

    home = load_settings().home
    started = time.perf_counter()
    done = simulate_group(home, sites=SITES[:sites], start=FIRST_DAY, days=days, seed=SEED, processes=2)
    seconds = time.perf_counter() - started
    with tempfile.TemporaryDirectory(dir=home) as beside:
        started = time.perf_counter()
        shutil.copytree(home / "drops", Path(beside) / "drops")
        copied = time.perf_counter() - started
    return {"seconds": seconds, "copy_seconds": copied, "resources": done.resources}


def demo(days: int, sites: int, is_first: bool) -> dict[str, Any]:
    """Run the demo. The first time, say how much of its Dagster runs is orchestration; a repeat loads no Dagster."""
    from orchestration.demo import run_demo

    settings = _settings()
    if not is_first:
        return {"answer": run_demo(settings, seed=SEED, days=days, sites=sites, progress=silent).exit_code}
    from tests.benchmarks.orchestration_share import Clock, as_result, dbt_seconds, listen

    clock = Clock()
    started = time.perf_counter()
    listen(clock)
    loaded = time.perf_counter() - started
    answer = run_demo(settings, seed=SEED, days=days, sites=sites, progress=_progress)
    return {**as_result(clock, dbt_seconds(settings.dbt_target)), "import_seconds": loaded, "answer": answer.exit_code}


def judge(use_case: str) -> dict[str, Any]:
    """Train and judge once more over the tables of the demo: what a site's candidate needs of memory."""
    from orchestration.defs.launch import Launcher

    return {"succeeded": Launcher(_settings(), silent).train_and_judge(use_case, PILOT)}


def corpus(megabytes: int) -> dict[str, Any]:
    """Write structured FHIR of a simulated site as bulk NDJSON, its people again under other ids to a size."""
    from tests.benchmarks.bench_landing import write_simulated

    folder = load_settings().home / CORPUS
    folder.mkdir(parents=True)
    count = write_simulated(folder, megabytes, seed=SEED)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"resources": count, "megabytes": size / MEGABYTE}


def parse() -> dict[str, Any]:
    """The yardstick of landing: DuckDB parses the same bytes and writes them out normalised, to nowhere."""
    from tests.benchmarks import bench_landing

    folder = load_settings().home / CORPUS
    bench_landing.parse(folder)  # the first pass finds the files cold and DuckDB unpacked
    return bench_landing.timed(lambda: bench_landing.parse(folder))


def land() -> dict[str, Any]:
    """Bytes to lake."""
    from orchestration.steps.intake.landing import ingest_paths
    from tests.benchmarks.bench_landing import timed

    settings = _settings()
    return timed(lambda: ingest_paths(settings, [settings.home / CORPUS], CORPUS_SITE, None))


def tables() -> dict[str, Any]:
    """Lake to OMOP, marts and their tests, under Dagster as in every run."""
    from orchestration.defs.launch import Launcher
    from tests.benchmarks.bench_landing import timed
    from tests.benchmarks.orchestration_share import dbt_seconds

    settings = _settings()
    launcher = Launcher(settings, silent)
    took = timed(launcher.build_tables)
    return {**took, "dbt_seconds": dbt_seconds(settings.dbt_target), "succeeded": launcher.summary.succeeded}


def growth(histories: list[int]) -> dict[str, Any]:
    """Landing one day after histories of different lengths."""
    from tests.benchmarks.bench_feeds import growth as measure

    return measure(load_settings().home, histories)


def hl7(count: int) -> dict[str, Any]:
    """HL7 v2 through a file."""
    from tests.benchmarks.bench_feeds import hl7_files

    return hl7_files(load_settings().home, count)


def mllp(alone: int, many: int, senders: int, ahead: int) -> dict[str, Any]:
    """Round trips over MLLP, to the listener and to a durable echo."""
    from tests.benchmarks.bench_feeds import mllp as measure

    return measure(load_settings().home, alone, many, senders, ahead)


def increment(days: int) -> dict[str, Any]:
    """The tables of one more day after some days and after ten times as many."""
    from tests.benchmarks.bench_increment import increment as measure

    return measure(load_settings().home, days)


def serve(requests: int) -> dict[str, Any]:
    """The triage call over HTTP, beside a bare echo and the model's own predict."""
    from tests.benchmarks.bench_serving import measure

    return measure(requests)


def load(calls: int, hurt_calls: int) -> dict[str, Any]:
    """The full call at 50 a second, beside its yardsticks, and with a model that hangs in the middle."""
    from tests.benchmarks.bench_serving_load import measure

    return measure(calls, hurt_calls)


def board(pages: int) -> dict[str, Any]:
    """The huddle board with 50 viewers."""
    from tests.benchmarks.bench_board import measure

    return measure(pages)


def appointments(days: int) -> dict[str, Any]:
    """No-show risk and overbooking on one simulated site."""
    from tests.benchmarks.bench_appointments import measure_appointments

    return measure_appointments(days)


def start() -> dict[str, Any]:
    """The yardstick of doing nothing: the command line, loaded."""
    from orchestration import cli

    return {"loaded": cli.__name__}


def rosters(seconds: float, large_seconds: float) -> dict[str, Any]:
    """Solve, explain and repair rosters; the published instances where the shared data are."""
    from tests.benchmarks.bench_landing import SHARED
    from tests.benchmarks.bench_rosters import measured

    return measured(SHARED, seconds, large_seconds)


def backtests() -> dict[str, Any]:
    """Land the real files, build the tables, backtest every site of them."""
    from tests.benchmarks.bench_forecasts import backtests
    from tests.benchmarks.bench_landing import SHARED

    return backtests(SHARED)


def wards() -> dict[str, Any]:
    """Forecast every ward of a large hospital."""
    from tests.benchmarks.bench_forecasts import large_hospital

    return large_hospital()


def beds() -> dict[str, Any]:
    """Hold bed demand against what came of it at a simulated hospital."""
    from tests.benchmarks.bench_forecasts import bed_demand

    return bed_demand()


def meaning(seeds: list[int], days: int) -> dict[str, Any]:
    """Watch hospitals to which nothing happens, then some to which something did."""
    from tests.benchmarks.bench_meaning import meaning as measure

    return measure(load_settings().home, SITES, seeds, days)


def drift(sites: int, rows: int) -> dict[str, Any]:
    """Watch sites and the group for a year of nothing, sites again with stated shifts, then one large look."""
    from tests.benchmarks.bench_drift import large, null_and_power, wards_null_and_power
    from tests.benchmarks.bench_drift_group import watched_group

    wards, group = wards_null_and_power(sites, seed=7), watched_group(seed=7)
    return {"watched": null_and_power(sites, seed=7), "wards": wards, "group": group, "large": large(rows)}


def ledger(entries: int) -> dict[str, Any]:
    """Append to a ledger and verify it, on both stores; and ask the gate."""
    from tests.benchmarks.bench_ledger import measure_ledger

    return measure_ledger(load_settings().home, entries)


def rollout(examples: int, is_on_server: bool) -> dict[str, Any]:
    """Any order of commands, kills and clock changes over the real steps of release; raises where one leads too far."""
    from tests.benchmarks.bench_rollout import look_longer

    return look_longer(examples, is_on_server=is_on_server)


def drill(times: int) -> dict[str, Any]:
    """Rehearse the rollback plan against a running service."""
    from tests.benchmarks.bench_drill import drill as measure

    return measure(times)


def safety_case(nulls: int) -> dict[str, Any]:
    """Put every fault of the catalogue into a sandbox, with null runs of more hospitals than its own."""
    from orchestration.safety_case import run_safety_case

    return run_safety_case(load_settings(), _progress, nulls=nulls).document


STAGES: dict[str, Callable[..., dict[str, Any]]] = {
    stage.__name__: stage
    for stage in (
        appointments,
        drift,
        simulate,
        demo,
        judge,
        corpus,
        parse,
        land,
        tables,
        growth,
        hl7,
        mllp,
        increment,
        serve,
        load,
        board,
        rosters,
        backtests,
        wards,
        beds,
        meaning,
        ledger,
        rollout,
        drill,
        safety_case,
        start,
    )
}


def _settings() -> Settings:
    settings = load_settings()
    apply_third_party_switches(settings)
    return settings


def _progress(message: str) -> None:
    print(f"          {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    name, options, answer = sys.argv[1:]
    with redirect_stdout(sys.stderr):
        result = STAGES[name](**json.loads(options))
    Path(answer).write_text(json.dumps(result))
