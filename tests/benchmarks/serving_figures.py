"""What the load on the service came to, as figures beside what was promised (`bench_serving_load.py` measures)."""

from typing import Any

from tests.benchmarks.report import Figure

GOAL_MS, GOAL_OF_ECHO, GOAL_OF_MLFLOW = 50.0, 3.0, 0.5


def load_figures(found: dict[str, Any]) -> list[Figure]:
    """The figures with what was promised of them."""
    subject = f"full CDS Hooks call at {found['per_second']:.0f} a second"
    call, echo, mlflow, hurt = (found[kind] for kind in ("durable", "echo", "mlflow", "hurt"))
    forgetful, cpu = found["forgetful"], found["cpu_ms"]
    name, bare, other = "token, features, score, reason, durable event", "bare FastAPI echo", "MLflow's scoring server"
    answered = hurt["calls"] - hurt["late_or_unanswered"]
    within = f"answered in {hurt['deadline_ms'] / 1000:.0f} s, the model hanging from the middle on"
    return [
        Figure(subject, f"{name}, p99", call["p99"], "ms", target=GOAL_MS, is_at_most=True),
        Figure(subject, "p50", call["p50"], "ms", bare, echo["p50"]),
        Figure(subject, "p99", call["p99"], "ms", bare, echo["p99"], GOAL_OF_ECHO, is_at_most=True, is_of_ratio=True),
        Figure(subject, "p50", call["p50"], "ms", other, mlflow["p50"]),
        Figure(
            subject, "p99", call["p99"], "ms", other, mlflow["p99"], GOAL_OF_MLFLOW, is_at_most=True, is_of_ratio=True
        ),
        Figure(subject, "p50", call["p50"], "ms", "without fsync of the event", forgetful["p50"]),
        Figure(subject, "p99", call["p99"], "ms", "without fsync of the event", forgetful["p99"]),
        Figure(subject, "CPU of one call", cpu["durable"], "ms", bare, cpu["echo"]),
        Figure(subject, within, float(answered), "calls", "calls", float(hurt["calls"]), 1.0, is_of_ratio=True),
        Figure(subject, "  the slowest of these", hurt["max"], "ms", "its deadline", hurt["deadline_ms"]),
    ]
