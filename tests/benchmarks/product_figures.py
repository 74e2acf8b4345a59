"""What the simulator, the demo, the service and the board came to, as figures (`stages.py` runs them)."""

from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure

SIMULATED = "simulator"
DEMO, CALL, MEMORY = "demo", "triage call over HTTP", "peak memory of a stage"


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


def simulator_figures(simulated: Cost, days: int, sites: int) -> list[Figure]:
    """Seconds of the simulator."""
    name = f"{days} days x {sites} sites, {simulated.result['resources']:,} resources"
    seconds, copied = simulated.result["seconds"], simulated.result["copy_seconds"]
    return [Figure(SIMULATED, name, seconds, "s", "copying the files it wrote", copied)]


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


def board_figure(viewed: Cost) -> Figure:
    """A page of the board with many viewers, beside `/healthz` asked for by as many."""
    found = viewed.result
    return Figure(
        "huddle board",
        f"page, {found['viewers']} viewers, p95",
        found["p95_ms"],
        "ms",
        "/healthz, as many",
        found["healthz_p95_ms"],
        target=found["promised_p95_ms"],
        is_at_most=True,
    )


def memory_figures(stages: dict[str, Cost], served: Cost, nothing: Cost) -> list[Figure]:
    """Peak resident memory: of the largest process of a stage."""
    yardstick = "loading the command line"
    figures = [Figure(MEMORY, name, cost.peak_mb, "MB", yardstick, nothing.peak_mb) for name, cost in stages.items()]
    service, echo = served.result["service_peak_mb"], served.result["echo_peak_mb"]
    return [*figures, Figure(MEMORY, "serve", service, "MB", "bare FastAPI echo", echo)]
