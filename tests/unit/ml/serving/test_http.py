"""Addresses, problem documents, replays, feedback, the board."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from serving_homes import KEY, NOW, SERVICE, SITE, Client, Home, call, call_about, prefetch

from ml.registry.stages import Stage, Tier
from ml.serving import scoring
from ml.serving.config import SiteContext
from ml.serving.export import export_events

FEEDBACK = f"{SERVICE}/feedback"
SYSTEM = "urn:pilothouse:override-reasons:triage"


def assert_problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    document = response.json()
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert set(document) == {"type", "title", "status", "detail", "instance"}
    assert (document["status"], document["type"]) == (status, f"urn:pilothouse:problem:{kind}")
    return document


@pytest.fixture
def assistive(home: Home) -> Home:
    home.point(home.release())
    return home


def feedback(card: str, /, **changes: Any) -> dict[str, Any]:
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": NOW.isoformat(), **changes}
    return {"feedback": [item]}


def shown(client: Client) -> str:
    return client.post(SERVICE, json=call()).json()["cards"][0]["uuid"]


def test_every_error_is_a_problem_document(assistive: Home) -> None:
    with assistive.serving(body_limit_bytes=10_000) as client:
        assert_problem(client.get("/nowhere"), 404, "not-found")
        assert_problem(client.post("/cds-services/other", json=call()), 404, "unknown-service")
        refused = client.get(SERVICE)
        assert_problem(refused, 405, "method-not-allowed")
        assert "POST" in refused.headers["allow"]
        assert_problem(client.post(SERVICE, content=b"{"), 400, "not-json")
        assert_problem(client.post(SERVICE, content=b"\xff"), 400, "not-json")
        assert_problem(client.post(SERVICE, content=b"[]"), 400, "not-json")
        assert_problem(client.post(SERVICE, content=b""), 400, "not-json")
        assert_problem(client.post(SERVICE, json={}), 400, "invalid-request")
        assert_problem(client.post(SERVICE, content=b" " * 10_001), 413, "body-too-large")
        assert_problem(client.post(SERVICE, json=call({})), 412, "prefetch-missing")
        assert_problem(client.get("/board/city/<b>"), 422, "invalid-request")
        assert_problem(client.get("/board/atlantis/ED"), 404, "unknown-site")
        assert_problem(client.get("/sites/atlantis/cds-services"), 404, "unknown-site")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/fhir+json", "application/jsonp", "", ";"]
)
def test_a_body_that_says_it_is_something_else_than_json_is_refused(assistive: Home, kind: str) -> None:
    body = json.dumps(call()).encode()
    with assistive.serving() as client:
        for path in (SERVICE, FEEDBACK, f"/sites/city{SERVICE}"):
            refused = client.post(path, content=body, headers={"Content-Type": kind})
            assert_problem(refused, 415, "not-json-content")
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 0


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", None])
def test_a_body_that_says_it_is_json_or_nothing_is_read(assistive: Home, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    with assistive.serving() as client:
        assert client.post(SERVICE, content=json.dumps(call()).encode(), headers=headers).status_code == 200


def test_a_body_at_its_limit_passes_and_one_byte_more_does_not(assistive: Home) -> None:
    body = json.dumps(call()).encode()
    with assistive.serving(body_limit_bytes=len(body)) as client:
        assert client.post(SERVICE, content=body).status_code == 200
        assert_problem(client.post(SERVICE, content=body + b" "), 413, "body-too-large")

        async def chunks() -> Any:
            for _ in range(3):
                yield body

        assert_problem(client.post(SERVICE, content=chunks()), 413, "body-too-large")


def test_a_body_that_does_not_arrive_is_given_up(assistive: Home) -> None:
    import anyio

    async def slow() -> Any:
        yield b"{"
        await anyio.sleep(30)
        yield b"}"

    with assistive.serving(body_timeout_seconds=0.05) as client:
        assert_problem(client.post(SERVICE, content=slow()), 408, "body-too-slow")


@pytest.mark.parametrize("depth", [300, 5000, 100_000])
def test_a_bomb_of_nesting_is_refused(assistive: Home, depth: int) -> None:
    body = json.dumps(call()).encode()[:-1] + b', "prefetch": {"patient": ' + b"[" * depth + b"]" * depth + b"}}"
    with assistive.serving() as client:
        assert_problem(client.post(SERVICE, content=body), 400, "nested-too-deep" if depth == 300 else "not-json")


@pytest.mark.parametrize(
    "twice",
    [
        '"hook": "encounter-start", ',
        '"context": {"patientId": "other", "patientId": "p1"}, ',
        '"extension": [{"a": 1, "b": {"c": 1, "c": 1}}], ',
        '"extension": {"a": 1, "\\u0061": 1}, ',
    ],
)
def test_a_member_that_is_named_twice_is_refused(assistive: Home, twice: str) -> None:
    body = "{" + twice + json.dumps(call())[1:]
    with assistive.serving() as client:
        for path in (SERVICE, FEEDBACK):
            assert_problem(client.post(path, content=body.encode()), 400, "member-repeated")


def test_a_body_with_a_byte_order_mark_is_a_problem_and_no_failure(assistive: Home) -> None:
    with assistive.serving() as client:
        assert_problem(client.post(SERVICE, content=b"\xef\xbb\xbf" + json.dumps(call()).encode()), 400, "not-json")


@pytest.mark.parametrize("prefix", ["", f"/sites/{SITE}"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_another_method_is_told_apart_from_a_service_that_is_not_there(assistive: Home, prefix, method) -> None:
    with assistive.serving() as client:
        for path in (SERVICE, FEEDBACK):
            known, unknown = client.request(method, prefix + path), client.request(method, f"{prefix}{path}x")
            assert (known.status_code, known.headers["allow"], unknown.status_code) == (405, "POST", 404)
        if method != "HEAD":
            assert_problem(client.request(method, prefix + "/cds-services/other"), 404, "unknown-service")
            assert_problem(client.request(method, prefix + SERVICE), 405, "method-not-allowed")


def test_an_unknown_service_says_where_services_are_found(assistive: Home) -> None:
    with assistive.serving() as client:
        for path in ("/cds-services/other", "/cds-services/other/feedback", "/sites/city/cds-services/other"):
            found = assert_problem(client.post(path, json=call()), 404, "unknown-service")
            assert "/cds-services lists" in found["detail"]
        assert_problem(client.post("/sites/atlantis/cds-services/other", json=call()), 404, "unknown-site")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hook": "patient-view"}, "hook"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"hookInstance": None}, "hookInstance"),
        ({"context": {"userId": "u", "patientId": "p1"}}, "context.encounterId"),
        ({"context": []}, "context"),
        ({"prefetch": []}, "prefetch"),
    ],
)
def test_a_malformed_call_names_the_field_and_never_its_value(
    assistive: Home, change: dict[str, Any], field: str
) -> None:
    with assistive.serving() as client:
        document = assert_problem(client.post(SERVICE, json=call(**change)), 400, "invalid-request")
    assert f"at {field}:" in document["detail"]
    assert "not-a-uuid" not in document["detail"]


def test_a_prefetch_of_another_patient_than_the_context_is_refused(assistive: Home) -> None:
    context = {"userId": "u", "patientId": "someone", "encounterId": "e1"}
    with assistive.serving() as client:
        document = assert_problem(client.post(SERVICE, json=call(context=context)), 422, "prefetch-contradicts")
    assert "someone" not in document["detail"]


def test_a_call_sent_again_gets_the_same_answer_and_one_event(assistive: Home) -> None:
    body = call(instance=str(uuid4()))
    with assistive.serving() as client:
        first = client.post(SERVICE, json=body)
        assistive.point(None)
        again = client.post(SERVICE, json={**body, "fhirAuthorization": {"access_token": "fresh"}})
        assert again.content == first.content
        assert len(first.json()["cards"]) == 1
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 1
        metrics = client.get("/metrics").text
    assert 'pilothouse_replayed_calls_total{site="city",use_case="triage"} 1.0' in metrics
    assert 'pilothouse_cards_displayed_total{site="city",use_case="triage"} 1.0' in metrics


def test_a_hook_instance_reused_for_another_visit_never_gets_its_card(assistive: Home) -> None:
    body = call(instance=str(uuid4()))
    with assistive.serving() as client:
        client.post(SERVICE, json=body)
        assert_problem(
            client.post(SERVICE, json={**body, "prefetch": prefetch(saturation=99)}), 409, "hook-instance-reused"
        )


def test_the_same_call_at_once_is_one_event(assistive: Home) -> None:
    body = call(instance=str(uuid4()))
    with assistive.serving() as client:
        answers = client.together(SERVICE, [body] * 20)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 1


def test_many_calls_at_once_are_as_many_events(assistive: Home) -> None:
    with assistive.serving() as client:
        answers = client.together(SERVICE, [call() for _ in range(100)])
        assert {answer.status_code for answer in answers} == {200}
        board = client.get("/api/v1/board/city/ED").json()
    assert (board["calls"], board["cards_displayed"]) == (100, 100)


def test_where_nothing_was_promoted_nobody_is_sent_to_a_site(home: Home) -> None:
    with home.serving() as client:
        assert client.get("/cds-services").json() == {"services": []}
        answer = client.post(SERVICE, json=call())
        assert client.get(f"/sites/{SITE}/cds-services").status_code == 200
    assert_problem(answer, 404, "site-not-named")
    assert answer.json()["detail"].startswith("No release has been promoted at any site")


def test_at_the_root_several_sites_need_a_name_or_a_default(assistive: Home) -> None:
    assistive.point(assistive.release(site="district", stage="shadow"), stage=Stage.SHADOW, site="district")
    with assistive.serving() as client:
        assert_problem(client.get("/cds-services"), 404, "site-not-named")
        assert_problem(client.post(SERVICE, json=call()), 404, "site-not-named")
        assert len(client.post(f"/sites/city{SERVICE}", json=call()).json()["cards"]) == 1
        assert client.post(f"/sites/district{SERVICE}", json=call()).json() == {"cards": []}
    with assistive.serving(default_site=SITE) as client:
        assert client.get("/cds-services").status_code == 200


def test_one_hook_instance_at_two_sites_is_two_events_under_two_keys(assistive: Home) -> None:
    assistive.point(assistive.release(site="district"), site="district")
    body = call(instance=str(uuid4()))
    with assistive.serving() as client:
        first = client.post(f"/sites/city{SERVICE}", json=body).json()["cards"][0]
        second = client.post(f"/sites/district{SERVICE}", json=body).json()["cards"][0]
    assert first["uuid"] != second["uuid"]


def test_feedback_is_stored_and_counted(assistive: Home) -> None:
    reason = {"reason": {"code": "wrong-data", "system": SYSTEM}, "userComment": "weight of Mrs X is wrong"}
    with assistive.serving() as client:
        card = shown(client)
        response = client.post(FEEDBACK, json=feedback(card, overrideReason=reason))
        assert (response.status_code, response.json()) == (200, {"stored": 1})
        accepted = feedback(card, outcome="accepted", acceptedSuggestions=[])
        assert client.post(FEEDBACK, json=accepted).status_code == 200
        assert 'outcome="overridden",site="city",use_case="triage"} 1.0' in client.get("/metrics").text


def test_feedback_on_a_card_that_was_never_shown_here_is_refused_whole(assistive: Home) -> None:
    with assistive.serving() as client:
        card = shown(client)
        both = {"feedback": feedback(card)["feedback"] + feedback(str(uuid4()))["feedback"]}
        assert "1 of the cards" in assert_problem(client.post(FEEDBACK, json=both), 404, "unknown-card")["detail"]
        assert_problem(client.post(f"/sites/district{FEEDBACK}", json=feedback(card)), 404, "unknown-card")


def test_a_reason_that_the_card_did_not_offer_is_refused(assistive: Home) -> None:
    with assistive.serving() as client:
        card = shown(client)
        for reason in ({"code": "mrn-4711"}, {"code": "wrong-data", "system": "urn:other"}):
            body = feedback(card, overrideReason={"reason": reason})
            assert_problem(client.post(FEEDBACK, json=body), 422, "unoffered-reason")


@pytest.mark.parametrize(
    "change",
    [
        {"card": "x"},
        {"outcome": "ignored"},
        {"outcomeTimestamp": None},
        {"outcomeTimestamp": "2026-03-02T12:00:00"},
        {"overrideReason": {"userComment": "x" * 2001}},
        {"overrideReason": {"reason": {"code": "a code with spaces"}}},
        {"overrideReason": {}},
        {"overrideReason": {"userComment": ""}},
        {"outcome": "accepted"},
        {"outcome": "accepted", "acceptedSuggestions": None},
        {"outcome": "accepted", "acceptedSuggestions": [{}]},
        {"outcome": "accepted", "acceptedSuggestions": [], "overrideReason": {"userComment": "x"}},
        {"outcome": "overridden", "acceptedSuggestions": [{"id": "9368d37b-283f-44a0-93ea-547cebab93ed"}]},
        {"outcomeTimestamp": 1772452800},
        {"outcomeTimestamp": "1772452800"},
        {"outcomeTimestamp": "2026-03-02"},
    ],
)
def test_malformed_feedback_is_refused(assistive: Home, change: dict[str, Any]) -> None:
    with assistive.serving() as client:
        body = feedback(shown(client), **change)
        assert_problem(client.post(FEEDBACK, json=body), 400, "invalid-request")
        assert_problem(client.post(FEEDBACK, json={"feedback": []}), 400, "invalid-request")


def test_what_is_accepted_is_what_the_card_offered(home: Home) -> None:
    home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    with home.serving() as client:
        card = client.post(SERVICE, json=call()).json()["cards"][0]
        offered = [{"id": card["suggestions"][0]["uuid"]}]
        for wrong in ([], [{"id": str(uuid4())}], [*offered, {"id": str(uuid4())}]):
            body = feedback(card["uuid"], outcome="accepted", acceptedSuggestions=wrong)
            assert_problem(client.post(FEEDBACK, json=body), 422, "unoffered-suggestion")
        body = feedback(card["uuid"], outcome="accepted", acceptedSuggestions=offered)
        assert client.post(FEEDBACK, json=body).json() == {"stored": 1}


def test_a_card_without_suggestions_is_accepted_with_none(assistive: Home) -> None:
    with assistive.serving() as client:
        card = shown(client)
        body = feedback(card, outcome="accepted", acceptedSuggestions=[{"id": str(uuid4())}])
        assert_problem(client.post(FEEDBACK, json=body), 422, "unoffered-suggestion")
        body = feedback(card, outcome="accepted", acceptedSuggestions=[])
        assert client.post(FEEDBACK, json=body).status_code == 200


def test_feedback_sent_again_is_stored_once_and_a_later_change_of_mind_too(assistive: Home, tmp_path: Path) -> None:
    with assistive.serving() as client:
        card = shown(client)
        later = feedback(card, outcomeTimestamp=(NOW + timedelta(minutes=1)).isoformat())
        for body in (feedback(card), feedback(card), later, {"feedback": [*later["feedback"], *later["feedback"]]}):
            assert client.post(FEEDBACK, json=body).status_code == 200
        exported = export_events(assistive.config().event_store_url, tmp_path / "drop", site=SITE)
    assert pq.read_metadata(exported.files[1]).num_rows == 2


def test_feedback_on_another_service_s_card_is_on_an_unknown_card(assistive: Home) -> None:
    with assistive.serving() as client:
        elsewhere = "/cds-services/pilothouse-appointments/feedback"
        assert_problem(client.post(elsewhere, json=feedback(shown(client))), 404, "unknown-card")


@pytest.mark.parametrize(
    ("outcome_at", "kind"),
    [
        (NOW + timedelta(minutes=5), None),
        (NOW + timedelta(minutes=5, microseconds=1), "outcome-in-the-future"),
        ("9999-12-31T23:59:59-14:00", "outcome-in-the-future"),
        ("2015-01-01T00:00:00Z", None),
        ("2014-12-31T23:59:59Z", "outcome-too-early"),
        ("0001-01-01T00:00:00+14:00", "outcome-too-early"),
    ],
)
def test_an_outcome_at_a_time_that_cannot_be_is_refused_whole(
    assistive: Home, outcome_at: datetime | str, kind: str | None, tmp_path: Path
) -> None:
    written = outcome_at if isinstance(outcome_at, str) else outcome_at.isoformat()
    with assistive.serving() as client:
        card = shown(client)
        sound = feedback(card)["feedback"]
        other = feedback(card, outcomeTimestamp=written)["feedback"]
        response = client.post(FEEDBACK, json={"feedback": sound + other})
        if kind is None:
            assert response.json() == {"stored": 2}
        else:
            assert_problem(response, 400, kind)
        exported = export_events(assistive.config().event_store_url, tmp_path / "drop", site=SITE)
    assert exported.mark.feedback == (2 if kind is None else 0)


def test_in_shadow_the_board_shows_no_score(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW)
    with home.serving() as client:
        client.post(SERVICE, json=call())
        board = client.get("/api/v1/board/city/ED").json()
        page = client.get("/board/city/ED").text
    assert (board["stage"], board["calls"], board["bands"], board["cards_displayed"]) == ("shadow", 1, None, None)
    assert "Scores are recorded and not shown" in page
    assert "high" not in page.split("</style>")[1].lower()


def test_the_board_counts_by_band_and_holds_no_identifier(assistive: Home) -> None:
    with assistive.serving() as client:
        for visit, saturation in (("e1", 50), ("e2", 50), ("e3", 99)):
            client.post(SERVICE, json=call_about(visit, saturation))
        board = client.get("/api/v1/board/city/ED").json()
        page = client.get("/board/city/ED").text
    assert sum(band["visits"] for band in board["bands"]) == 3
    assert (board["visits"], board["calls"]) == (3, 3)
    assert {band["band"] for band in board["bands"]} == {"low", "raised", "high"}
    assert board["updated_at"] == NOW.isoformat().replace("+00:00", "Z")
    for identifier in ("p1", "e1", "Practitioner"):
        assert identifier not in page.split("</style>")[1]
    assert "07:00" in page, "the page speaks in the site's own clock"


def test_a_visit_counts_once_by_its_latest_score_however_often_it_is_asked_about(
    assistive: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(_: object, values: dict[str, float]) -> dict[str, float]:
        return {"critical_care": 0.5 if values["oxygen_saturation"] < 60 else 0.01}

    unscored = call_about("e1")
    unscored["prefetch"]["patient"]["birthDate"] = "2015-01-01"
    with assistive.serving() as client:
        shown(client)
        monkeypatch.setattr(scoring.Scorer, "score", score)
        for body in (call_about("e1", 50), call_about("e2", 99), call_about("e1", 99), unscored):
            assistive.now += timedelta(seconds=1)
            assert client.post(SERVICE, json=body).status_code == 200
        board = client.get("/api/v1/board/city/ED").json()
        page = client.get("/board/city/ED").text
    assert (board["visits"], board["calls"], board["cards_displayed"]) == (2, 5, 2)
    assert {band["band"]: band["visits"] for band in board["bands"]} == {"low": 2, "raised": 0, "high": 0}
    assert "2 visits seen in 5 calls, 2 cards shown." in page


def test_the_board_forgets_after_twelve_hours(assistive: Home) -> None:
    with assistive.serving() as client:
        client.post(SERVICE, json=call())
        assistive.now = NOW + timedelta(hours=12)
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 1
        assistive.now = NOW + timedelta(hours=12, microseconds=1)
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 0


def test_an_empty_board_says_so_once_and_when_the_last_visit_was_seen(assistive: Home) -> None:
    with assistive.serving() as client:
        assert client.get("/board/city/ED").text.count("No visit seen.") == 1
        client.post(SERVICE, json=call())
        assert "1 visit seen, 1 card shown." in client.get("/board/city/ED").text
        assert "Last visit seen today at 07:00." in client.get("/board/city/ED").text
        assistive.now = NOW + timedelta(days=3)
        page = client.get("/board/city/ED").text
    assert "No visit seen." in page and "0 visits" not in page
    assert f"Last visit seen on {NOW:%d %b %Y} at 07:00." in page


def test_the_board_calls_the_site_by_the_name_it_was_given(assistive: Home) -> None:
    sites = {"city": SiteContext("America/New_York", KEY, name="Harbour City")}
    with assistive.serving(sites=sites) as client:
        assert "<small>Harbour City</small>" in client.get("/board/city/ED").text
    with assistive.serving() as client:
        assert "<small>city</small>" in client.get("/board/city/ED").text


def test_the_board_says_which_tier_stands_in(home: Home) -> None:
    home.point(home.release(), tier=Tier.RULE)
    with home.serving() as client:
        assert "Rule instead of the model" in client.get("/board/city/ED").text


def test_the_board_of_a_unit_outside_the_scope_does_not_exist(home: Home) -> None:
    home.point(home.release(scope={"units": ["ED"], "shifts": []}))
    with home.serving() as client:
        assert client.get("/board/city/ED").status_code == 200
        assert_problem(client.get("/board/city/ICU"), 404, "unknown-unit")


def test_before_the_first_release_the_board_says_off(home: Home) -> None:
    with home.serving() as client:
        assert "No model is in use here" in client.get("/board/city/ED").text
        assert client.get("/readyz").status_code == 200


def test_the_description_is_openapi_without_dangling_references(assistive: Home) -> None:
    with assistive.serving() as client:
        document = client.get("/openapi.json").json()
    text = json.dumps(document)
    assert "#/$defs/" not in text
    body = document["paths"]["/sites/{site}" + SERVICE]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"hook", "hookInstance", "context"}
    assert {"/healthz", "/readyz", "/metrics", "/api/v1/status", "/board/{site}/{unit}"} <= set(document["paths"])


EHR = "https://ehr.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def test_cors_is_off_unless_configured(assistive: Home) -> None:
    with assistive.serving() as client:
        for method in ("GET", "OPTIONS"):
            answer = client.request(method, "/cds-services", headers={"Origin": EHR, **PREFLIGHT})
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["https://evil.example", f"{EHR}.evil.example", "http://ehr.example", "null"])
def test_cors_is_for_the_listed_origin_and_its_errors_too(assistive: Home, origin: str) -> None:
    with assistive.serving(cors_origins=(EHR,), body_limit_bytes=20_000) as client:
        bodies = {200: json.dumps(call()).encode(), 400: b"{", 413: b" " * 20_001}
        for status, body in bodies.items():
            answer = client.post(SERVICE, content=body, headers={"Origin": EHR})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, EHR)
        asked = client.request("OPTIONS", SERVICE, headers={"Origin": EHR, **PREFLIGHT})
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, EHR)
        refused = client.request("OPTIONS", SERVICE, headers={"Origin": origin, **PREFLIGHT})
        assert refused.status_code == 400
        answer = client.get("/cds-services", headers={"Origin": origin})
        assert not {"access-control-allow-origin"} & {*refused.headers, *answer.headers}


def test_every_answer_carries_security_headers_a_failure_too(assistive: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from ml.serving import service

    with assistive.serving(base_url="https://cds.example.org") as client:
        page = client.get("/board/city/ED")
        answers = [client.get("/cds-services"), client.get("/nowhere"), client.post(SERVICE, json=call()), page]
        monkeypatch.setattr(service, "advise", lambda *_: 1 / 0)
        failed = client.post(SERVICE, json=call())
    assert [answer.headers["strict-transport-security"] for answer in answers] == ["max-age=31536000"] * 4
    assert failed.status_code == 500
    for answer in (*answers, failed):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "script-src" in page.headers["content-security-policy"]
    assert "script-src" not in answers[0].headers["content-security-policy"]


def test_a_caller_over_its_rate_is_told_when_to_come_back(assistive: Home) -> None:
    with assistive.serving(calls_per_second=0.2) as client:
        assert client.post(SERVICE, json=call()).status_code == 200
        refused = client.post(SERVICE, json=call())
        assert_problem(refused, 429, "too-many-calls")
        assert 4 <= int(refused.headers["retry-after"]) <= 5
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 1
        assert client.get("/cds-services").status_code == 200


def test_a_failure_of_our_own_is_a_problem_too_and_says_nothing_of_the_patient(
    assistive: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.serving import service

    def fail(*_: object) -> None:
        raise LookupError("p1")

    with assistive.serving() as client:
        monkeypatch.setattr(service, "advise", fail)
        document = assert_problem(client.post(SERVICE, json=call()), 500, "internal")
    assert "p1" not in document["detail"]


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/cds-services", "/board/city/ED", "/ops", "/nothing"]
)
def test_head_is_answered_as_get_without_a_body(assistive: Home, path: str) -> None:
    with assistive.serving() as client:
        whole, head = client.get(path), client.request("HEAD", path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    same = ("content-type", "content-security-policy", "x-content-type-options")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]
