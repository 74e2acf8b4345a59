"""A chart that is opened over HTTP: the card of triage once more, written down once, and no figure changed by it."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from serving_homes import CARD, KEY, NOW, SERVICE, SITE, THREE_SHIFTS, TRIAGE, Client, Home, call, prefetch
from sqlalchemy import Table, event, inspect, select, text

from ml.features.pseudonym import pseudonym
from ml.registry.manifest import Scope
from ml.registry.stages import Stage, Tier
from ml.serving import scoring
from ml.serving.config import SiteContext
from ml.serving.export import export_events
from ml.serving.forgetting import forget_patients
from ml.serving.tables import (
    CARD_SEEN,
    CHART_OPENED,
    EVENT,
    FEEDBACK,
    POINTER_SEEN,
    microseconds,
    open_database,
)
from tests.unit.ml.serving.issuer import BASE, ISSUER, token, trust
from tests.unit.ml.serving.test_challengers import challenge
from tests.unit.ml.serving.test_http import assert_problem, feedback

CHART = "/cds-services/pilothouse-triage-chart"
AGAIN = {**CARD, "shown_again_minutes": 240}
NONE: dict[str, Any] = {"cards": []}
SAID = "**Given at triage at 07:00, from what was known then; not updated since.**\n\n"


def opening(instance: str | None = None, **context: Any) -> dict[str, Any]:
    """A chart that a doctor opens."""
    about = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1", **context}
    return {
        "hook": "patient-view",
        "hookInstance": instance or str(uuid4()),
        "fhirServer": "https://fhir.example.org",
        "context": {name: value for name, value in about.items() if value is not None},
    }


@pytest.fixture
def ward(home: Home) -> Home:
    home.point(home.release(AGAIN), stage=Stage.DECISION_SUPPORT)
    return home


def rows(url: str, table: Table) -> list[dict[str, Any]]:
    engine = open_database(url)
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(table)).mappings()]
    engine.dispose()
    return found


def given(client: Client, **changes: Any) -> dict[str, Any]:
    [card] = client.post(SERVICE, json=call(**changes)).json()["cards"]
    return card


def test_the_card_of_triage_is_shown_again_with_the_time_at_which_it_was_given(ward: Home, url: str) -> None:
    with ward.serving(events_url=url) as client:
        card = given(client)
        ward.now = NOW + timedelta(minutes=42)
        answer = client.post(CHART, json=opening())
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        [again] = answer.json()["cards"]
        assert again == {**card, "detail": SAID + card["detail"]}
        assert again["suggestions"][0]["actions"][0]["resource"]["for"] == {"reference": "Patient/p1"}
        assert client.post(f"/sites/city{CHART}", json=opening()).json()["cards"] == [again]
        assert 'charts_opened_total{outcome="shown",site="city",use_case="triage"} 2.0' in client.get("/metrics").text
    [call_event] = rows(url, EVENT)
    opened, _ = rows(url, CHART_OPENED)
    assert (opened["outcome"], opened["event_id"], opened["at_us"]) == (
        "shown",
        call_event["event_id"],
        microseconds(ward.now),
    )
    assert (opened["visit_key"], opened["patient_key"]) == (call_event["visit_key"], call_event["patient_key"])
    triage, chart, _ = rows(url, CARD_SEEN)
    nurse, doctor = (pseudonym(KEY, "Staff", f"Practitioner/{one}") for one in ("n1", "d1"))
    assert (triage["why"], triage["user_key"]) == ("encounter-start", nurse)
    assert (chart["why"], chart["user_key"], chart["event_id"]) == ("patient-view", doctor, call_event["event_id"])
    assert (chart["at_us"], chart["client"], chart["site"]) == (microseconds(ward.now), None, SITE)


def rolled_back(home: Home, _: Client) -> None:
    home.point(home.release({**AGAIN, "window": "today"}), stage=Stage.DECISION_SUPPORT)


def stepped_down_by_itself(home: Home, client: Client) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring.Scorer, "score", lambda *_: 1 / 0)
        for _ in range(5):
            client.post(SERVICE, json=call(context={"userId": "u", "patientId": "p2", "encounterId": "e2"}, sent=OTHER))


def answered(client: Client, path: str) -> None:
    [card] = client.post(CHART, json=opening()).json()["cards"]
    assert client.post(f"{path}/feedback", json=feedback(card["uuid"])).json() == {"stored": 1}


def later(minutes: float) -> Callable[[Home, Client], None]:
    return lambda home, _: setattr(home, "now", NOW + timedelta(minutes=minutes))


CHILD = {**prefetch()["patient"], "birthDate": "2015-06-01"}
"""The same patient after a date of birth was corrected."""
OTHER: dict[str, Any] = json.loads(json.dumps(prefetch()).replace('p1"', 'p2"').replace('e1"', 'e2"'))
"""Of another patient and visit."""


@pytest.mark.parametrize(
    ("happens", "context", "outcome"),
    [
        (later(240), {}, "shown"),
        (later(240.001), {}, "too_old"),
        (later(1), {"encounterId": None}, "no_visit_named"),
        (later(1), {"encounterId": "e9"}, "no_card_given"),
        (later(1), {"patientId": "p9"}, "other_patient"),
        (lambda _, client: answered(client, SERVICE), {}, "answered"),
        (lambda _, client: answered(client, CHART), {}, "answered"),
        (lambda home, _: home.point(None), {}, "not_served"),
        (rolled_back, {}, "other_release"),
        (lambda home, _: home.point(home.released[-1], stage=Stage.ASSISTIVE), {}, "stage_lowered"),
        (lambda home, _: home.point(home.released[-1], stage=Stage.SHADOW), {}, "stage_lowered"),
        (lambda home, _: home.point(home.released[-1], Stage.DECISION_SUPPORT, Tier.RULE), {}, "tier_lowered"),
        (stepped_down_by_itself, {}, "tier_lowered"),
        (lambda _, client: client.post(SERVICE, json=call(prefetch(patient=CHILD))), {}, "no_card_given"),
    ],
    ids=[
        "as old as allowed", "older", "no visit", "another visit", "another patient", "answered at triage",
        "answered in the chart", "switched off", "another release", "assistive", "shadow", "tier by a person",
        "tier by itself", "no card the next time",
    ],
)  # fmt: skip
def test_what_happened_since_decides_whether_it_is_shown(
    ward: Home, happens: Callable[[Home, Client], Any], context: dict[str, Any], outcome: str
) -> None:
    with ward.serving() as client:
        given(client)
        happens(ward, client)
        shown = client.post(CHART, json=opening(**context))
        assert (shown.status_code, len(shown.json()["cards"])) == (200, outcome == "shown")
        assert outcome == "shown" or shown.json() == NONE
    assert rows(ward.config().event_store_url, CHART_OPENED)[-1]["outcome"] == outcome
    whys = [row["why"] for row in rows(ward.config().event_store_url, CARD_SEEN)]
    assert whys.count("patient-view") == (outcome in ("shown", "answered")), "what was not shown was not read"


def test_a_layout_that_was_approved_without_it_shows_nothing_again(home: Home) -> None:
    home.point(home.release())
    with home.serving() as client:
        given(client)
        assert client.post(CHART, json=opening()).json() == NONE
    assert rows(home.config().event_store_url, CHART_OPENED)[0]["outcome"] == "never_shown_again"


@pytest.mark.parametrize(
    ("launch", "outcome"),
    [
        (Scope(units=("ED",)), "shown"),
        (Scope(units=("ICU",)), "out_of_scope"),
        (Scope(shifts=("night",)), "out_of_scope"),
    ],
    ids=["the unit", "another unit", "another shift"],
)
def test_a_launch_that_was_narrowed_since_shows_nothing_outside(ward: Home, launch: Scope, outcome: str) -> None:
    launches = {TRIAGE: Scope()}
    sites = {SITE: SiteContext("America/New_York", KEY, launch=launches, shifts=THREE_SHIFTS)}
    with ward.serving(sites=sites) as client:
        given(client)
        launches[TRIAGE] = launch
        client.post(CHART, json=opening())
    assert rows(ward.config().event_store_url, CHART_OPENED)[0]["outcome"] == outcome


def test_a_card_of_one_site_is_not_shown_at_another(ward: Home) -> None:
    ward.point(ward.release(AGAIN, site="district"), stage=Stage.DECISION_SUPPORT, site="district")
    with ward.serving() as client:
        client.post(f"/sites/city{SERVICE}", json=call())
        assert client.post(f"/sites/district{CHART}", json=opening()).json() == NONE
        assert len(client.post(f"/sites/city{CHART}", json=opening()).json()["cards"]) == 1
        assert_problem(client.post(CHART, json=opening()), 404, "site-not-named")
        assert_problem(client.post(f"/sites/atlantis{CHART}", json=opening()), 404, "unknown-site")


def test_a_notice_that_advice_went_away_is_no_card_to_show_again(ward: Home, url: str) -> None:
    with ward.serving(events_url=url) as client:
        ward.point(None)
        client.post(SERVICE, json=call())
        ward.point(ward.released[-1], stage=Stage.DECISION_SUPPORT)
        assert client.post(CHART, json=opening()).json() == NONE
    assert rows(url, CHART_OPENED)[0]["outcome"] == "no_card_given"


def test_the_same_opening_sent_again_gets_the_same_answer_whatever_happened_since(ward: Home, url: str) -> None:
    body, early = opening(), opening()
    with ward.serving(events_url=url) as client:
        assert client.post(CHART, json=early).json() == NONE
        card = given(client)
        ward.now = NOW + timedelta(minutes=5)
        first = client.post(CHART, json=body)
        client.post(f"{CHART}/feedback", json=feedback(card["uuid"]))
        ward.point(None)
        ward.now = NOW + timedelta(days=1)
        again = client.post(CHART, json={**body, "fhirAuthorization": {"access_token": "fresh"}})
        assert again.content == first.content and len(first.json()["cards"]) == 1
        assert client.post(CHART, json=early).json() == NONE
        assert client.post(CHART, json=opening()).json() == NONE
    assert len(rows(url, CHART_OPENED)) == 3
    reads = [row["at_us"] for row in rows(url, CARD_SEEN) if row["why"] == "patient-view"]
    assert reads == [microseconds(NOW + timedelta(minutes=5)), microseconds(NOW + timedelta(days=1))], (
        "each time it goes out"
    )


def test_a_hook_instance_of_another_opening_is_refused_and_shows_nothing(ward: Home) -> None:
    instance = str(uuid4())
    with ward.serving() as client:
        given(client, instance=instance)
        assert len(client.post(CHART, json=opening(instance)).json()["cards"]) == 1, (
            "an EHR asks several services at once"
        )
        for other in ({"patientId": "p9"}, {"encounterId": None}, {"userId": "Practitioner/d2"}):
            refused = client.post(CHART, json=opening(instance, **other))
            assert_problem(refused, 409, "hook-instance-reused")
    assert [row["why"] for row in rows(ward.config().event_store_url, CARD_SEEN)] == ["encounter-start", "patient-view"]


def test_the_same_opening_at_once_is_one_opening(ward: Home) -> None:
    with ward.serving() as client:
        given(client)
        answers = client.together(CHART, [opening(str(uuid4()))] * 20)
        assert {answer.status_code for answer in answers} == {200} and len({answer.content for answer in answers}) == 1
    assert len(rows(ward.config().event_store_url, CHART_OPENED)) == 1


@contextmanager
def a_day(home: Home, *, charts: bool) -> Iterator[Client]:
    """Triage with a challenger beside it: cards, none, feedback, switched off; with charts opened in between or not."""
    with home.serving() as client:
        beside = client.app.state.running.hooks[TRIAGE].challengers
        client.portal.call(beside.look, SITE)

        def look() -> None:
            if charts:
                for context in ({}, {"encounterId": None}, {"encounterId": "e2"}, {"patientId": "p9"}):
                    assert client.post(CHART, json=opening(**context)).status_code == 200

        look()
        for number, changes in enumerate(({}, {"patient": CHILD}, {})):
            card = client.post(SERVICE, json=call(sound(**changes), f"00000000-0000-4000-8000-00000000000{number}"))
            client.portal.call(beside.finish)  # its events come when it is done: the order of rows is to be the same
            look()
            home.now += timedelta(minutes=7)
        look()
        client.post(f"{SERVICE}/feedback", json=feedback(card.json()["cards"][0]["uuid"]))
        look()
        home.point(None)
        look()
        yield client


def sound(**changes: Any) -> dict[str, Any]:
    """A prefetch that is the same each time: no random ids."""
    sent = prefetch(**changes)
    for bundle in ("vitals", "triage", "conditions"):
        for number, entry in enumerate(sent[bundle]["entry"]):
            entry["resource"]["id"] = f"{bundle}-{number}"
    return sent


COUNTED = re.compile("pilothouse_(calls|cards|feedback|replayed|challenger|step_downs|call_seconds_count)")


def test_a_day_with_charts_opened_has_the_figures_of_the_day_without(ward: Home, tmp_path: Path) -> None:
    """What is exported is all that marts, drift, service levels and burdens are made of (`monitoring.py`)."""
    challenge(ward)
    found = []
    for charts in (True, False):
        path = tmp_path / f"charts-{charts}"
        shutil.copytree(ward.path, path, ignore=shutil.ignore_patterns("charts-*"))
        home = Home.at(path)
        with a_day(home, charts=charts) as client:
            board, ready = client.get("/api/v1/board/city/ED").json(), client.get("/readyz").status_code
            lines = client.get("/metrics").text.splitlines()
        meters = [line for line in lines if COUNTED.match(line) and "_created" not in line]
        url = home.config().event_store_url
        kept = [{**row, "latency_ms": None} for table in (EVENT, FEEDBACK, POINTER_SEEN) for row in rows(url, table)]
        exported = [
            {**row, "latency_ms": None}
            for file in export_events(url, path / "drop", site=SITE).files
            for row in pq.read_table(file).to_pylist()
        ]
        found.append((board, meters, ready, kept, exported))
        assert bool(rows(url, CHART_OPENED)) is charts
        assert ({row["why"] for row in rows(url, CARD_SEEN)} == {"encounter-start"}) is not charts
    assert found[0] == found[1]
    kinds = [row["kind"] for row in found[0][4] if "kind" in row]
    assert (kinds.count("call"), kinds.count("challenger")) == (3, 2), "a day on which something happened"


def test_a_client_signs_each_opening_for_its_own_address_and_once(home: Home) -> None:
    trust(home)
    home.point(home.release(AGAIN), stage=Stage.DECISION_SUPPORT)
    with home.serving(base_url=BASE) as client:

        def ask(path: str, signed: str | None, body: dict[str, Any]) -> Any:
            headers = {} if signed is None else {"Authorization": f"Bearer {signed}"}
            return client.post(path, json=body, headers=headers)

        assert ask(SERVICE, token(), call()).status_code == 200
        assert_problem(ask(CHART, None, opening()), 401, "unauthorised")
        assert_problem(ask(CHART, token(), opening()), 401, "unauthorised")
        signed, body = token(path=CHART), opening()
        shown = ask(CHART, signed, body)
        assert len(shown.json()["cards"]) == 1
        assert_problem(ask(CHART, signed, body), 401, "unauthorised")
        assert ask(CHART, token(path=CHART), body).content == shown.content
        card = feedback(shown.json()["cards"][0]["uuid"])
        assert_problem(ask(f"{CHART}/feedback", None, card), 401, "unauthorised")
        assert ask(f"{CHART}/feedback", token(path=CHART), card).json() == {"stored": 1}
    with home.serving(base_url=BASE) as client:  # over a restart the store remembers the token, not the process
        assert client.post(CHART, json=body, headers={"Authorization": f"Bearer {signed}"}).status_code == 401
    reads = [row["client"] for row in rows(home.config().event_store_url, CARD_SEEN)]
    assert reads == [ISSUER] * 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hook": "encounter-start"}, "hook"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"context": {"userId": "u"}}, "context.patientId"),
        ({"context": {"patientId": "p1"}}, "context.userId"),
        ({"context": {"userId": "u", "patientId": "p1", "encounterId": ""}}, "context.encounterId"),
        ({"context": {"userId": "u", "patientId": "p1", "encounterId": 7}}, "context.encounterId"),
    ],
)
def test_a_malformed_opening_names_the_field_and_never_its_value(
    ward: Home, change: dict[str, Any], field: str
) -> None:
    with ward.serving() as client:
        said = assert_problem(client.post(CHART, json={**opening(), **change}), 400, "invalid-request")
        assert f"at {field}:" in said["detail"] and "not-a-uuid" not in said["detail"]
        assert_problem(client.post(CHART, content=b"{", headers={"Content-Type": "application/json"}), 400, "not-json")
    assert rows(ward.config().event_store_url, CHART_OPENED) == []


def test_while_the_store_is_away_no_chart_is_answered_and_no_outage_of_triage_is_told(ward: Home) -> None:
    with ward.serving(store_timeout_seconds=10) as client:
        given(client)
        with closing(sqlite3.connect(ward.path / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert_problem(client.post(CHART, json=opening()), 503, "store-unavailable")
            other.execute("ROLLBACK")
        assert len(client.post(CHART, json=opening()).json()["cards"]) == 1
        client.portal.call(client.app.state.running.triage.tend, SITE)
    assert [row["kind"] for row in rows(ward.config().event_store_url, EVENT)] == ["call"]


def test_an_opening_that_is_too_late_is_answered_with_a_problem(ward: Home) -> None:
    with ward.serving(answer_within_seconds=0.3) as client:
        given(client)
        with closing(sqlite3.connect(ward.path / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert_problem(client.post(CHART, json=opening()), 503, "too-late")
            other.execute("ROLLBACK")
        client.portal.call(client.app.state.running.triage.tend, SITE)
    assert [row["kind"] for row in rows(ward.config().event_store_url, EVENT)] == ["call"]


def test_without_pseudonyms_no_chart_is_answered(ward: Home) -> None:
    with ward.serving(sites={SITE: SiteContext("America/New_York")}) as client:
        assert_problem(client.post(CHART, json=opening()), 503, "not-ready")


def test_a_patient_who_is_erased_leaves_no_opening_and_no_card_in_a_repeated_answer(ward: Home, url: str) -> None:
    body, other = opening(), opening(patientId="p9", encounterId=None)
    with ward.serving(events_url=url) as client:
        given(client)
        for one in (body, other):
            client.post(CHART, json=one)
        forget_patients(url, SITE, [], [pseudonym(KEY, "Encounter", "e1")])
        assert client.post(CHART, json=body).json() == NONE
        forget_patients(url, SITE, [pseudonym(KEY, "Patient", "p1")], [])
    assert [row["patient_key"] for row in rows(url, CHART_OPENED)] == [pseudonym(KEY, "Patient", "p9")]


ADDED = {"serving_event": "serving_event_visit", "serving_feedback": "serving_feedback_card"}


def test_a_store_from_before_gets_the_table_and_the_indexes(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        for name in ADDED.values():
            connection.execute(text(f"DROP INDEX {name}"))
        connection.execute(text("DROP TABLE serving_chart_opened"))
    engine.dispose()
    engine = open_database(url)
    found = inspect(engine)
    assert found.has_table("serving_chart_opened")
    assert all(name in {one["name"] for one in found.get_indexes(table)} for table, name in ADDED.items())
    engine.dispose()


def test_what_a_visit_was_answered_last_is_found_without_reading_every_event(ward: Home) -> None:
    asked: list[tuple[str, Any]] = []
    with ward.serving() as client:
        given(client)
        store = client.app.state.running.store
        event.listen(store.engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
        client.post(CHART, json=opening())
    [(statement, values)] = [one for one in asked if "serving_event.visit_key = " in one[0]]
    with closing(sqlite3.connect(ward.path / "events.db")) as database:
        plan = " ".join(str(row) for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values))
    assert all(name in plan for name in ADDED.values()) and "SCAN" not in plan


def test_charts_that_are_opened_all_over_a_hospital_hold_up_no_triage(home: Home) -> None:
    trust(home, calls_per_second=0.2)
    home.point(home.release(AGAIN), stage=Stage.DECISION_SUPPORT)
    with home.serving(base_url=BASE) as client:

        def status(path: str, body: Any) -> int:
            return client.post(path, json=body, headers={"Authorization": f"Bearer {token(path=path)}"}).status_code

        assert [status(CHART, opening()) for _ in range(2)] == [200, 429]
        assert [status(SERVICE, call()) for _ in range(2)] == [200, 429]
