"""Whatever `/openapi.json` allows, and much that it does not, is answered without a failure of the service's own."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from serving_homes import Client, Home

from ml.registry.stages import Stage
from tests.unit.ml.serving.issuer import BASE, token, trust

EXAMPLES = 8
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One running service that trusts one client; `test_fuzz.py` tries one that asks nobody who they are."""
    home = trust(Home.at(tmp_path_factory.mktemp("openapi")))
    home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    with home.serving(base_url=BASE) as running:
        yield running


def send(client: Client, case: Any) -> Any:
    """Send a generated case to the site that there is, signed for the address that it calls."""
    case.path_parameters = {"site": "city", "unit": "ED"} if case.path_parameters else {}
    wanted = case.as_transport_kwargs(base_url="http://test")
    headers = {str(name): str(value) for name, value in dict(wanted.get("headers") or {}).items()}
    if case.method.upper() == "POST":
        headers["Authorization"] = f"Bearer {token(path=case.formatted_path)}"
    body = wanted.get("data")
    if "json" in wanted:
        body, headers["Content-Type"] = json.dumps(wanted["json"]).encode(), "application/json"
    content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    return client.request(case.method.upper(), wanted["url"], content=content, headers=headers)


def test_nothing_that_the_description_allows_or_forbids_ends_in_a_failure(client: Client) -> None:
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json(), config=SchemathesisConfig())
    assert client.get("/api/v1/status").json()["is_authenticated"]
    seen: Counter[int] = Counter()
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        if operation.path.startswith("/sites/"):
            continue  # the same handlers as at the root, which is one site's
        has_body = bool(list(operation.body))
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)[: 1 + has_body]:

            @QUICK
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                answer = send(client, case)
                seen[int(answer.status_code)] += 1
                assert answer.status_code < 500, (case, answer.text)
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == "application/problem+json", (case, answer.text)

            check()
    assert len(operations) > 10 and seen[200] and seen[400] and seen[412]
    assert not seen[401], "tokens are good: it is what comes with them that is tried"
