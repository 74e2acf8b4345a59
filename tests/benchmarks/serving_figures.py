"""What the load on the service came to, as figures beside what was promised (`bench_serving_load.py` measures)."""

from typing import Any

from tests.benchmarks.report import Figure

GOAL_MS, GOAL_OF_ECHO, GOAL_OF_MLFLOW = 50.0, 3.0, 0.5


def load_figures(found: dict[str, Any]) -> list[Figure]:
    """The figures with what was promised of them."""
    subject = f"full CDS Hooks call at {found['per_second']:.0f} a second"
    call, echo, mlflow, hurt = (found[kind] for kind in ("durable", "echo", "mlflow", "hurt"))
    forgetful, cpu, floor = found["forgetful"], found["cpu_ms"], found["floor"]
    bare, other = "bare FastAPI echo", "MLflow's scoring server"
    least = "its library calls in a row, nothing around them"
    answered = hurt["calls"] - hurt["late_or_unanswered"]
    within = f"answered in {hurt['deadline_ms'] / 1000:.0f} s, the model hanging from the middle on"
    whole = "token, features, score, reason, durable event"
    return [
        Figure(subject, f"{whole}, p99", call["p99"], "ms", target=GOAL_MS, is_at_most=True),
        *_beside(subject, "", call, bare, echo, GOAL_OF_ECHO),
        *_beside(subject, "", call, other, mlflow, GOAL_OF_MLFLOW),
        *_beside(subject, " without fsync of the event", forgetful, bare, echo, GOAL_OF_ECHO),
        *_beside(subject, " without fsync of the event", forgetful, other, mlflow, GOAL_OF_MLFLOW),
        Figure(subject, "p50", call["p50"], "ms", least, floor["p50"]),
        Figure(subject, "p99", call["p99"], "ms", least, floor["p99"]),
        Figure(subject, "  the least that a call can cost, p50", floor["p50"], "ms", bare, echo["p50"]),
        Figure(subject, "  the least that a call can cost, p50", floor["p50"], "ms", other, mlflow["p50"]),
        Figure(subject, "CPU of one call", cpu["durable"], "ms", least, cpu["floor"]),
        Figure(subject, "CPU of one call", cpu["durable"], "ms", bare, cpu["echo"]),
        Figure(subject, "CPU of one call", cpu["durable"], "ms", other, cpu["mlflow"]),
        Figure(subject, within, float(answered), "calls", "calls", float(hurt["calls"]), 1.0, is_of_ratio=True),
        Figure(subject, "  the slowest of these", hurt["max"], "ms", "its deadline", hurt["deadline_ms"]),
    ]


def _beside(
    subject: str, said: str, ours: dict[str, Any], name: str, theirs: dict[str, Any], goal: float
) -> tuple[Figure, Figure]:
    """The middle and the tail beside another server's; the tail is what was promised."""
    tail = ours["p99"], "ms", name, theirs["p99"], goal
    return (
        Figure(subject, f"p50{said}", ours["p50"], "ms", name, theirs["p50"]),
        Figure(subject, f"p99{said}", *tail, is_at_most=True, is_of_ratio=True),
    )
