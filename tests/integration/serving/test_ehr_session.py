"""An EHR's session as it was recorded (`ehr_session.json`), played again over a socket; then its events come back.

A recorded response need not be the whole answer: what it says must be there. `$token` is a token signed for the call.
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from serving_homes import CARD, NOW, SITE, Home

from ml.registry.stages import Stage
from ml.serving.background import running
from orchestration.settings import Environment, Settings
from orchestration.steps.intake.landing import land_days
from orchestration.steps.watching.monitoring import collect_events
from tests.unit.ml.serving.issuer import BASE, token, trust

SESSION: list[dict[str, Any]] = json.loads(Path(__file__).with_name("ehr_session.json").read_text())
EHR = "https://ehr.example.org"


@pytest.fixture
def played(home: Home) -> Iterator[list[tuple[dict[str, Any], int, dict[str, str], Any]]]:
    """Every exchange with what was answered now."""
    trust(home)
    home.point(home.release({**CARD, "shown_again_minutes": 240}), stage=Stage.DECISION_SUPPORT)
    with running(home.config(base_url=BASE, cors_origins=(EHR,))) as port:
        yield [(exchange, *_send(port, exchange["request"])) for exchange in SESSION]


def _send(port: int, request: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    signed = token(path=request["path"])
    headers = {name: value.replace("$token", signed) for name, value in request["headers"].items()}
    body = json.dumps(request["body"]) if "body" in request else None
    connection.request(request["method"], request["path"], body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    said = {name.lower(): value for name, value in response.getheaders()}
    return response.status, said, json.loads(content) if said.get("content-type", "").endswith("json") else None


def missing(expected: Any, found: Any, where: str = "body") -> list[str]:
    """Where `found` does not say what `expected` says; more may stand in an object, nothing more in a list."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [fault for key in expected for fault in missing(expected[key], found.get(key), f"{where}.{key}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [fault for at, (one, other) in pairs for fault in missing(one, other, f"{where}[{at}]")]
    return [] if expected == found else [f"{where}: {found!r} instead of {expected!r}"]


def test_the_session_goes_as_it_went_and_its_events_come_back_as_feeds(
    home: Home, played: list[tuple[dict[str, Any], int, dict[str, str], Any]]
) -> None:
    for exchange, status, headers, body in played:
        expected = exchange["response"]
        assert status == expected["status"], (exchange["does"], body)
        assert missing(expected.get("headers", {}), headers, "headers") == [], exchange["does"]
        assert "body" not in expected or missing(expected["body"], body) == [], exchange["does"]
    settings = Settings(home.path, Environment.DEVELOPMENT, "sqlite://", "sqlite://", home.config().event_store_url)
    assert collect_events(settings, NOW.date())[SITE] == 2
    landed = {feed: receipt.counts for feed, receipt in land_days(settings, SITE, [NOW.date()]).items()}
    assert (landed["serving_events"]["landed"], landed["serving_feedback"]["landed"]) == (1, 2)
    files = str(home.path / "lake" / "serving_feedback" / "**" / "*.parquet")
    said = duckdb.sql(
        f"select card_uuid, outcome, override_reason_code, accepted_suggestions from '{files}' order by 2"
    )
    first, *charts = (body["cards"][0] for _, _, _, body in played if body and body.get("cards"))
    card, given = first["uuid"], "**Given at triage at 07:00, from what was known then; not updated since.**"
    again = {**first, "detail": f"{given}\n\n{first['detail']}"}
    assert charts == [first, again, again], "the call sent again, and the chart that was opened, also again"
    assert said.fetchall() == [(card, "accepted", None, 1), (card, "overridden", "wrong-data", 0)]
