"""A challenger scores what was answered; the answer is as without it, whatever becomes of the challenger."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving_homes import (
    KEY,
    NOW,
    SERVICE,
    SITE,
    TRIAGE,
    Client,
    Home,
    call,
    call_about,
    digest_of,
    prefetch,
    tiny_model,
)
from sqlalchemy import select

from ml.registry.challenger import challenger_path, publish_challenger, withdraw_challenger
from ml.registry.manifest import Scope
from ml.registry.stages import Stage
from ml.serving import ServingRefused, challengers, watching
from ml.serving.challengers import Challengers
from ml.serving.config import SiteContext
from ml.serving.tables import EVENT


def challenge(home: Home, follows: int = 0, **more: Any) -> str:
    """Put another model beside what is served; returns its release."""
    release = home.release(model=tiny_model(rounds=13), stage="shadow", **more)
    words = {"use_case": TRIAGE, "site": SITE, "ledger_hash": digest_of("entry"), "reason": "test", "issued_at": NOW}
    publish_challenger(home.path, release=release, follows=follows, signer=home.signer, **words)
    return release


def withdrawn(home: Home) -> None:
    withdraw_challenger(home.path, use_case=TRIAGE, site=SITE, reason="test", issued_at=NOW, signer=home.signer)


@pytest.fixture
def incumbent(home: Home) -> Home:
    home.point(home.release())
    return home


@contextmanager
def serving(home: Home, **changes: Any) -> Iterator[tuple[Client, Challengers]]:
    with home.serving(**changes) as client:
        beside = client.app.state.running.hooks[TRIAGE].challengers
        client.portal.call(beside.look, SITE)
        yield client, beside


def events(client: Client, beside: Challengers) -> list[Any]:
    """Every event, once the challenger has done what it was given."""
    client.portal.call(beside.finish)
    with client.app.state.running.store.engine.connect() as connection:
        return list(connection.execute(select(EVENT).order_by(EVENT.c.id)).all())


def counted(client: Client, outcome: str) -> float:
    labels = {"use_case": TRIAGE, "site": SITE, "outcome": outcome}
    found = client.app.state.running.meters.registry.get_sample_value("pilothouse_challenger_calls_total", labels)
    return found or 0.0


def test_the_challenger_scores_the_same_features_of_the_same_request(incumbent: Home) -> None:
    release = challenge(incumbent)
    with serving(incumbent) as (client, beside):
        card = client.post(SERVICE, json=call()).json()["cards"]
        answered, scored = events(client, beside)
    assert len(card) == 1 and answered.is_displayed
    assert (scored.kind, scored.status, scored.release_digest) == ("challenger", "scored", release)
    assert (scored.stage, scored.tier, scored.generation) == ("shadow", "model", 1)
    assert (scored.is_displayed, scored.card_uuid, scored.risk_band, scored.payload) == (False, None, None, "{}")
    same = ("use_case", "site", "unit", "visit_key", "patient_key", "hook_instance", "at_us", "features")
    assert [getattr(scored, name) for name in same] == [getattr(answered, name) for name in same]
    assert json.loads(scored.scores).keys() == json.loads(answered.scores).keys()
    assert scored.scores != answered.scores and scored.event_id != answered.event_id


def test_what_the_challenger_scores_is_counted_nowhere_but_by_itself(incumbent: Home) -> None:
    challenge(incumbent)
    with serving(incumbent) as (client, beside):
        for visit in ("e1", "e2"):
            client.post(SERVICE, json=call_about(visit))
        assert len(events(client, beside)) == 4
        board = client.get("/api/v1/board/city/ED").json()
        assert (board["calls"], board["visits"]) == (2, 2)
        registry = client.app.state.running.meters.registry
        labels = {"use_case": TRIAGE, "site": SITE}
        assert registry.get_sample_value("pilothouse_call_seconds_count", labels) == 2
        assert counted(client, "scored") == 2


def test_a_call_that_is_sent_again_is_scored_once(incumbent: Home) -> None:
    challenge(incumbent)
    with serving(incumbent) as (client, beside):
        body = call()
        first, again = (client.post(SERVICE, json=body).json() for _ in range(2))
        assert first == again and [one.kind for one in events(client, beside)] == ["call", "challenger"]


def test_the_incumbent_does_not_challenge_itself(home: Home) -> None:
    home.point(home.release(model=tiny_model(rounds=13)))
    challenge(home)
    with serving(home) as (client, beside):
        client.post(SERVICE, json=call())
        assert [one.kind for one in events(client, beside)] == ["call"]


def test_whom_nobody_is_advised_of_the_challenger_does_not_score(incumbent: Home) -> None:
    challenge(incumbent)
    child = prefetch(patient={"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "2020-06-01"})
    with serving(incumbent) as (client, beside):
        client.post(SERVICE, json=call(child))
        assert [one.status for one in events(client, beside)] == ["out_of_population"]


def test_the_challenger_keeps_to_its_own_scope(incumbent: Home) -> None:
    challenge(incumbent, scope={"units": ["ELSEWHERE"], "shifts": []})
    with serving(incumbent) as (client, beside):
        assert client.post(SERVICE, json=call()).json()["cards"]
        assert len(events(client, beside)) == 1 and counted(client, "outside") == 1


@pytest.mark.parametrize(("launch", "kinds"), [("ED", ["call", "challenger"]), ("ICU", ["call"])])
def test_where_the_sites_file_silences_what_is_served_the_challenger_scores_nothing(
    incumbent: Home, launch: str, kinds: list[str]
) -> None:
    challenge(incumbent)
    context = SiteContext("America/New_York", KEY, launch={TRIAGE: Scope(units=(launch,))})
    with serving(incumbent, sites={SITE: context}) as (client, beside):
        client.post(SERVICE, json=call())
        assert [one.kind for one in events(client, beside)] == kinds


def test_a_challenger_that_comes_and_goes_is_seen_while_the_service_runs(incumbent: Home) -> None:
    with serving(incumbent) as (client, beside):
        client.post(SERVICE, json=call())
        challenge(incumbent)
        client.portal.call(beside.look, SITE)
        client.post(SERVICE, json=call())
        withdrawn(incumbent)
        client.portal.call(beside.look, SITE)
        client.post(SERVICE, json=call())
        assert [one.kind for one in events(client, beside)] == ["call", "call", "challenger", "call"]


def test_a_challenger_of_before_is_refused_after_a_newer_one_was_seen(incumbent: Home) -> None:
    challenge(incumbent)
    path = challenger_path(incumbent.path, TRIAGE, SITE)
    old = path.read_bytes()
    with serving(incumbent) as (client, beside):
        withdrawn(incumbent)
        client.portal.call(beside.look, SITE)
        path.unlink()
        path.write_bytes(old)
        client.portal.call(beside.look, SITE)
        client.post(SERVICE, json=call())
        assert [one.kind for one in events(client, beside)] == ["call"] and counted(client, "failed") == 1


def damaged_pointer(home: Home) -> None:
    path = challenger_path(home.path, TRIAGE, SITE)
    path.write_text(path.read_text().replace("test", "text"))


def damaged_model(home: Home) -> None:
    for file in (home.path / "releases" / home.released[-1] / "model").iterdir():
        file.chmod(0o644)
        file.write_bytes(file.read_bytes() + b"\n")


@pytest.mark.parametrize("damage", [damaged_pointer, damaged_model], ids=lambda one: one.__name__)
def test_a_challenger_that_cannot_be_verified_scores_nothing_and_hinders_nothing(incumbent: Home, damage: Any) -> None:
    challenge(incumbent)
    damage(incumbent)
    with serving(incumbent) as (client, beside):
        assert client.post(SERVICE, json=call()).json()["cards"]
        assert len(events(client, beside)) == 1 and counted(client, "failed") == 1


def test_a_challenger_that_fails_every_time_leaves_the_tier_of_what_is_served(
    incumbent: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge(incumbent)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(challengers, "outside_scope", broken)
    with serving(incumbent) as (client, beside):
        for _ in range(8):
            assert client.post(SERVICE, json=call()).json()["cards"]
        found = events(client, beside)
        assert {(one.kind, one.tier) for one in found} == {("call", "model")} and len(found) == 8
        assert counted(client, "failed") == 8


def test_calls_are_answered_while_the_challenger_hangs_and_what_it_cannot_take_is_dropped(
    incumbent: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge(incumbent)
    hangs = threading.Event()
    monkeypatch.setattr(challengers, "outside_scope", lambda *_: hangs.wait(30))
    monkeypatch.setattr(challengers, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(challengers, "CLOSE_SECONDS", 0.05)
    try:
        with serving(incumbent) as (client, beside):
            for _ in range(5):
                assert client.post(SERVICE, json=call()).json()["cards"]
            assert [one.kind for one in events(client, beside)] == ["call"] * 5
            assert counted(client, "dropped") == 3
    finally:
        hangs.set()


def test_calls_are_answered_while_a_challenger_is_still_being_loaded(
    incumbent: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge(incumbent)
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_: object) -> None:
        begun.set()
        may_end.wait(2)
        ended.set()
        raise ServingRefused("test")

    monkeypatch.setattr(Challengers, "_load", lambda _, site: slow(site))
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.01)
    with incumbent.serving() as client:
        assert begun.wait(2), "the task that watches looks by itself"
        assert client.post(SERVICE, json=call()).json()["cards"] and not ended.is_set()
        may_end.set()


def test_the_answer_is_the_same_with_and_without_a_challenger(incumbent: Home, tmp_path: Path) -> None:
    body, answers = call(instance="6a0c2a52-8f5f-4d0a-9d0e-1f6b8f0f5a11"), list[Any]()
    for challenged in (False, True):
        if challenged:
            challenge(incumbent)
        url = f"sqlite:///{tmp_path / f'events-{challenged}.db'}"
        with incumbent.serving(events_url=url) as client:
            client.portal.call(client.app.state.running.hooks[TRIAGE].challengers.look, SITE)
            answers.append(client.post(SERVICE, json=body).json())
    assert answers[0] == answers[1] and answers[0]["cards"]


def test_in_shadow_neither_shows_anything(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW)
    challenge(home)
    with serving(home) as (client, beside):
        assert client.post(SERVICE, json=call()).json() == {"cards": []}
        assert [one.kind for one in events(client, beside)] == ["call", "challenger"]
