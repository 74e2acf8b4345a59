"""The full CDS Hooks call under load, beside an echo and MLflow's own scoring server in the same run.

`python -m tests.benchmarks.bench_serving_load [calls per server] [calls with a model that hangs]` prints one JSON
document. A call is all that a hospital's is: a token signed with ES384, a new one each; features read from FHIR; a
score of 250 trees; a card with its checked sentence of reason; the event on disk before the answer. Beside the
yardsticks stands the least that such a call can cost (`serving_floor.py`). Servers take turns in blocks, so that a
noisy minute hits them alike, and share the first two cores with the load.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.benchmarks.bench_serving import ROOT, _homes, full_vocabulary
from tests.benchmarks.open_loop import NEW_ID, TIERS, Plan, Signed
from tests.benchmarks.serving_children import DURABLE, ECHO, FLOOR, FORGETFUL, MLFLOW, child

PER_SECOND, WARM_UP, BLOCKS, CORES = 50.0, 100, 10, 2
KEY_ID, ISSUER = "bench", "https://ehr.example.org"


class NotAnswered(Exception):
    """A server did not answer calls whose latency was to be measured; the message says how many, and what came."""


def measure(calls: int, hurt_calls: int, trees: int = 250) -> dict[str, Any]:
    """Milliseconds of every server under the same load, and of a service whose model hangs in the middle."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="pilothouse-load-") as name:
        folders = {kind: Path(name) / kind for kind in (DURABLE, FORGETFUL, FLOOR, ECHO, MLFLOW, "hurt")}
        for folder in folders.values():
            folder.mkdir()
        model = _homes().tiny_model(full_vocabulary(), trees)
        plans = _plans(folders, model)
        with ExitStack() as stack:
            started = {kind: stack.enter_context(child(kind, folders[kind])) for kind in plans}
            found = _in_turns(plans, started, calls, Path(name))
            cpu = {kind: round(found[kind].pop("cpu_ms"), 2) for kind in plans}
        with child(DURABLE, folders["hurt"]) as (port, process):
            plan = {**plans[DURABLE], "signed": client_of(folders["hurt"])}
            _send(Path(name), WARM_UP, 0, port=port, **plan)
            hurt = _send(Path(name), hurt_calls, 1, port=port, hurt=process, **plan)
    deadline = 1000 * _homes().Home(Path(), None).config().answer_within_seconds
    return {**found, "cpu_ms": cpu, "hurt": of_hurt(hurt, deadline), "calls": calls, "per_second": PER_SECOND}


def _plans(folders: dict[str, Path], model: Any) -> dict[str, dict[str, Any]]:
    """What each server is sent; its home, or its model, is made on the way."""
    homes = _homes()
    body = json.dumps(homes.call(instance=NEW_ID))
    for kind in (DURABLE, FORGETFUL, "hurt"):
        home = homes.Home.at(folders[kind])
        fallback = {"fail": homes.LADDER["fail"], "tiers": homes.LADDER["tiers"]}
        home.point(home.release(homes.LADDER_CARD, homes.with_reduced(model), fallback=fallback))
    _save_for_mlflow(model, folders[MLFLOW])
    row = [[0.0] * len(model.feature_names)]
    frame = json.dumps({"dataframe_split": {"columns": list(model.feature_names), "data": row}})
    ours = {
        kind: {"path": homes.SERVICE, "body": body, "signed": client_of(folders[kind])} for kind in (DURABLE, FORGETFUL)
    }
    return {
        **ours,
        FLOOR: {"path": "/floor", "body": body, "signed": client_of(folders[FLOOR])},
        ECHO: {"path": "/echo", "body": body, "signed": ours[DURABLE]["signed"]},
        MLFLOW: {"path": "/invocations", "body": frame},
    }


def client_of(folder: Path) -> Signed:
    """A client of the service over `folder`, made the first time."""
    from jwt.algorithms import ECAlgorithm

    path = folder / "client.pem"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": KEY_ID, "use": "sig"}
        (folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
        listed = {"iss": ISSUER, "jwks_file": "jwks.json"}
        (folder / "clients.json").write_text(json.dumps({"schema": "pilothouse.clients/1", "clients": [listed]}))
    homes = _homes()
    return Signed(path.read_text(), KEY_ID, ISSUER, homes.Home(folder, None).config().base_url + homes.SERVICE)


def _save_for_mlflow(model: Any, folder: Path) -> None:
    """The booster of the card's outcome, as `ml/training/tracking.py` logs it."""
    import mlflow
    import mlflow.lightgbm

    mlflow.lightgbm.save_model(model.outcomes["critical_care"].booster, folder / "model", pip_requirements=["lightgbm"])


def _in_turns(
    plans: dict[str, dict[str, Any]], started: dict[str, tuple[int, int]], calls: int, folder: Path
) -> dict[str, dict[str, Any]]:
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in plans}
    cpu = dict.fromkeys(plans, 0.0)
    for block in range(BLOCKS + 1):
        for kind, plan in plans.items():
            port, group = started[kind]
            before = _cpu_seconds(group)
            sent = _send(folder, calls // BLOCKS if block else WARM_UP, block, port=port, **plan)
            if block:
                rows[kind] += sent
                cpu[kind] += _cpu_seconds(group) - before
    return {kind: {**timed(kind, rows[kind]), "cpu_ms": 1000 * cpu[kind] / len(rows[kind])} for kind in plans}


def _send(folder: Path, count: int, seed: int, **plan: Any) -> list[dict[str, Any]]:
    asked, answered = folder / "plan.json", folder / "answer.json"
    Plan(count=count, per_second=PER_SECOND, seed=seed, **plan).write(asked)
    command = [sys.executable, "-m", "tests.benchmarks.open_loop", str(asked), str(answered)]
    subprocess.run(command, cwd=ROOT, check=True)
    return json.loads(answered.read_text())


def _figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    times = sorted(row["ms"] for row in rows)
    quantiles = {name: round(times[int(len(times) * share)], 2) for name, share in (("p50", 0.5), ("p99", 0.99))}
    told = {kind: sum(row["told"] == kind for row in rows) for kind in sorted({row["told"] for row in rows})}
    return {**quantiles, "max": round(times[-1], 2), "not_200": sum(row["status"] != 200 for row in rows), "told": told}


def timed(kind: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The milliseconds of a server that answered every call. Raises `NotAnswered`: an error is fast and no answer."""
    figures = _figures(rows)
    if figures["not_200"]:
        seen = Counter(f"{row['status']} {row['fault'] or ''}".strip() for row in rows if row["status"] != 200)
        raise NotAnswered(f"{kind}: {figures['not_200']} of {len(rows)} calls got no 200 but {dict(seen)}; no latency.")
    return figures


def of_hurt(rows: list[dict[str, Any]], deadline_ms: float) -> dict[str, Any]:
    """What a load came to whose model hung. A call is answered by a 200 that says of which tier it is, in time."""
    answered = sum(row["status"] == 200 and row["told"] in TIERS and row["ms"] <= deadline_ms for row in rows)
    faults = Counter(f"{row['status']} {row['fault'] or ''}".strip() for row in rows if row["status"] != 200)
    found = {
        "calls": len(rows),
        "late_or_unanswered": len(rows) - answered,
        "deadline_ms": deadline_ms,
        "faults": dict(faults),
    }
    return {**_figures(rows), **found}


def _cpu_seconds(group: int) -> float:
    """User and system time of a process group, proc(5): MLflow's server is a child of the one that was started."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12]) if int(fields[2]) == group else 0
    return total / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:]]
    print(json.dumps(measure(*(numbers or [3000, 10_000])), indent=2))
