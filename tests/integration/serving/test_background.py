"""The service in a thread of this process, as rehearsals and replays use it."""

import http.client
import json
import socket

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


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 hello\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_no_http_is_answered_with_a_problem_document(home: Home, sent: bytes) -> None:
    with running(home.config()) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        response = http.client.HTTPResponse(connection)
        response.begin()
        document = json.loads(response.read())
    assert (response.status, response.headers["content-type"]) == (400, "application/problem+json")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (document["type"], document["status"]) == ("urn:pilothouse:problem:broken-http", 400)
    assert set(document) == {"type", "title", "status", "detail", "instance"}


def test_a_service_that_may_not_start_says_so(home: Home) -> None:
    with pytest.raises(ServingRefused, match=r"clients.json"), running(home.config(environment="production")):
        pass
