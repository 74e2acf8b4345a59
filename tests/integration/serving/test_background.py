"""The service in a thread of this process, as rehearsals and replays use it."""

import http.client
import json

import pytest
from serving_homes import SERVICE, Home, call

from ml.serving import ServingRefused
from ml.serving.background import running


def test_a_service_in_a_thread_answers_over_http_and_stops_with_its_block(home: Home) -> None:
    home.point(home.release())
    with running(home.config()) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", SERVICE, json.dumps(call()), {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert (response.status, len(json.loads(response.read())["cards"])) == (200, 1)
        connection.close()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with pytest.raises(OSError, match="refused"):
        connection.connect()


def test_a_service_that_may_not_start_says_so(home: Home) -> None:
    with pytest.raises(ServingRefused, match=r"clients.json"), running(home.config(environment="production")):
        pass
