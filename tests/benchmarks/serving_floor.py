"""The least that a call can cost in one process: what the library calls of it cost, in a row, with nothing around them.

FastAPI takes the request, OpenSSL checks the token's ES384 signature, orjson reads the body, LightGBM scores both
outcomes and explains one with its check, SQLite commits the answer durably. No FHIR is read, nothing is validated, no
card is made and nobody waits for a model that hangs. What the service costs more is ours.
"""

import sqlite3
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_serving import TREES, _homes, full_vocabulary


def serve_floor(folder: Path, port: int) -> None:
    """Serve `/floor` over a model that is trained here and the keys of the client of `folder` (in a child process)."""
    import orjson
    import uvicorn
    from fastapi import FastAPI, Request, Response

    from ml.serving.scoring import Scorer
    from ml.serving.serve import settle

    scorer = Scorer(_homes().tiny_model(full_vocabulary(), TREES), "critical_care")
    values = _values(scorer.model)
    is_signed, commit, app = _verifier(folder), _committer(folder), FastAPI()

    @app.post("/floor")
    async def floor(request: Request) -> Response:
        assert is_signed(request.headers["authorization"])
        call = orjson.loads(await request.body())
        scores = scorer.score(values)
        answer = orjson.dumps({"scores": scores, "reason": scorer.reason(values, scores[scorer.outcome])})
        commit(call["hookInstance"], answer)
        return Response(answer, media_type="application/json")

    settle()
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def _values(model: Any) -> dict[str, Any]:
    """What the calls of the benchmark say, read once."""
    from datetime import UTC

    from ml.serving.services import TRIAGE_SERVICE

    rules = TRIAGE_SERVICE.rules(model.feature_names, full_vocabulary(), UTC)
    homes = _homes()
    found = rules.features(homes.call()["prefetch"], homes.NOW).values
    return {name: found[name] for name in model.feature_names}


def _verifier(folder: Path) -> Any:
    import jwt
    import orjson
    from jwt.utils import base64url_decode

    [listed] = orjson.loads((folder / "jwks.json").read_bytes())["keys"]
    key = jwt.PyJWK(listed)

    def is_signed(authorization: str) -> bool:
        signed, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
        return key.Algorithm.verify(signed.encode(), key.key, base64url_decode(signature))

    return is_signed


def _committer(folder: Path) -> Any:
    connection = sqlite3.connect(folder / "floor.sqlite", isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE event (id TEXT PRIMARY KEY, answer TEXT)")
    return lambda key, answer: connection.execute("INSERT INTO event VALUES (?, ?)", (key, answer))
