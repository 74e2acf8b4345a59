"""What answers when something breaks: each failure ends in its tier or a problem document, in time, recorded."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from serving_homes import LADDER, SERVICE, Client, Clocks, Home, call, prefetch
from sqlalchemy import select

from ml.registry.pointer import SIGNED_STEP, Pointer, publish_lower
from ml.registry.stages import Stage, Tier
from ml.serving import scoring, watching
from ml.serving.clocks import JUMP_SECONDS
from ml.serving.scoring import Scorer
from ml.serving.tables import EVENT, open_database
from ml.serving.tending import steps_up

WITHIN_SECONDS = 2.0
"""Of a call while a model hangs: its two budgets (0.4 s together), and a machine that others use too."""


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.01)


@pytest.fixture
def hang() -> Iterator[Callable[..., None]]:
    """A model that does not come back before the test is over."""
    gate = threading.Event()
    yield lambda *_: gate.wait(60) and None
    gate.set()


def events(home: Home, kind: str | None = None) -> list[dict[str, Any]]:
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(EVENT).order_by(EVENT.c.id)).mappings()]
    engine.dispose()
    return [row for row in rows if kind in (None, row["kind"])]


def ask(client: Client, **changes: Any) -> list[dict[str, Any]]:
    response = client.post(SERVICE, json=call(**changes))
    assert response.status_code == 200, response.text
    return response.json()["cards"]


def tier(client: Client) -> tuple[str, str | None]:
    [found] = client.get("/api/v1/status").json()["releases"]
    return found["tier"], found["tier_reason"]


def generation(client: Client) -> int:
    return client.get("/api/v1/status").json()["releases"][0]["generation"]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.01)


def only_full(break_it: Callable[..., Any], whole: Callable[..., Any]) -> Callable[..., Any]:
    """Breaks the full model and leaves the reduced one as it is."""
    return lambda self, values: whole(self, values) if len(self.model.features) == 1 else break_it()


def test_a_model_that_hangs_is_answered_for_in_time_and_then_not_asked(
    home: Home, hang: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.ladder_release())
    with home.serving(silent_seconds_to_step_down=3600) as client:
        threads = threading.active_count()
        monkeypatch.setattr(Scorer, "score", only_full(hang, Scorer.score))
        took = []
        for _ in range(20):
            started = time.monotonic()
            [card] = ask(client)
            took.append(time.monotonic() - started)
        metrics = client.get("/metrics").text
        assert tier(client) == ("model", None), "a pause is bridged; only what lasts steps down"
    assert max(took) < WITHIN_SECONDS and sum(took) < 20 * 0.2, "only the first call waited"
    assert threading.active_count() <= threads + 1
    assert "The model does not answer: it does not answer in time. This is the reduced model" in card["detail"]
    assert {event["tier"] for event in events(home)} == {"reduced"}
    assert 'pilothouse_hanging_threads{use_case="triage"} 1.0' in metrics


def test_a_model_that_does_not_come_back_steps_down_though_nobody_calls_and_only_a_person_steps_up(
    home: Home, hang: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = home.ladder_release()
    home.point(digest)
    with home.serving(silent_seconds_to_step_down=0.2) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Scorer, "score", only_full(hang, Scorer.score))
            ask(client)
            until(lambda: tier(client)[0] == "reduced")
            lower = client.get("/readyz").json()["stepped_down"]
        ask(client)
        assert tier(client)[0] == "reduced", "the model would answer again, and nobody has said so"
        assert 'pilothouse_tier{site="city",tier="reduced",use_case="triage"} 1.0' in client.get("/metrics").text
        home.point(digest)
        ask(client)
        assert tier(client) == ("model", None)
    [step] = events(home, "step_down")
    assert (step["tier"], step["release_digest"]) == ("reduced", digest)
    assert step["reason"].startswith("the model has not answered for")
    assert [(one["site"], one["tier"]) for one in lower] == [("city", "reduced")]


def test_where_both_models_hang_the_rule_answers_inside_the_same_deadline(
    home: Home, hang: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.ladder_release())
    with home.serving() as client:
        monkeypatch.setattr(Scorer, "score", hang)
        started = time.monotonic()
        [card] = ask(client)
        assert time.monotonic() - started < WITHIN_SECONDS
    assert card["summary"].startswith("High acuity by rule")
    assert events(home)[0]["tier"] == "rule"


def test_a_model_that_hangs_while_it_is_loaded_steps_down_and_stops_nobody(
    home: Home, hang: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.ladder_release())
    monkeypatch.setattr(scoring, "load_bundle", hang)
    with home.serving(load_within_seconds=0.1, load_given_up_seconds=0.1) as client:
        [card] = ask(client)
        assert tier(client) == ("rule", "the model cannot be read: GivenUp")
    assert card["summary"].startswith("High acuity by rule")
    assert events(home, "step_down")[0]["tier"] == "rule"


def test_a_model_that_is_read_slowly_takes_over_by_itself_and_nothing_is_stepped_down(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is busy when the service starts costs a hospital its model for as long as it is busy, not more."""
    may_read, read = threading.Event(), scoring.load_bundle

    def slowly(*of: Any) -> Any:
        assert may_read.wait(20)
        return read(*of)

    home.point(home.ladder_release())
    monkeypatch.setattr(scoring, "load_bundle", slowly)
    monkeypatch.setattr("ml.serving.releases.CHECK_FOLDER_EVERY_SECONDS", 0.0)
    with home.serving(load_within_seconds=0.1) as client:
        [card] = ask(client)
        assert tier(client) == ("rule", "the model is still being read")
        assert "the model is still being read" in card["detail"]
        may_read.set()
        until(lambda: tier(client) == ("model", None))
        ask(client)
    assert events(home, "step_down") == []
    assert [event["tier"] for event in events(home, "call")] == ["rule", "model"]


def test_a_model_that_raises_in_half_of_its_calls_steps_down_to_the_reduced_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.ladder_release())
    whole = Scorer.score
    with home.serving() as client:
        for number in range(6):
            with monkeypatch.context() as patch:
                if number % 2:
                    patch.setattr(Scorer, "score", only_full(lambda: 1 / 0, whole))
                ask(client)
        assert tier(client) == ("reduced", "in 3 of the last 6 calls the model failed")
        [card] = ask(client)
    assert "in 3 of the last 6 calls the model failed. This is the reduced model" in card["detail"]
    assert [event["tier"] for event in events(home, "call")] == [*(["model", "reduced"] * 3), "reduced"]


def test_a_release_that_fails_closed_answers_nothing_when_its_model_hangs(
    home: Home, hang: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.ladder_release(fail="closed"))
    with home.serving() as client:
        monkeypatch.setattr(Scorer, "score", hang)
        assert ask(client) == []
    assert (events(home)[0]["status"], events(home)[0]["tier"]) == ("manual", "manual")


def test_a_model_file_that_is_altered_ends_in_no_advice_and_an_event(home: Home) -> None:
    digest = home.ladder_release()
    home.point(digest)
    with home.serving() as client:
        assert len(ask(client)) == 1
        model = home.path / "releases" / digest / "model" / "critical_care.lgb.txt"
        model.write_text(model.read_text() + " ")
        until(lambda: client.get("/readyz").status_code == 503)
        until(lambda: bool(events(home, "outage")))
        assert ask(client) == []
    [outage] = events(home, "outage")
    assert (outage["status"], outage["tier"]) == ("release_refused", "manual")
    assert "changed" in outage["reason"]
    assert events(home, "call")[-1]["status"] == "release_refused"


@pytest.mark.parametrize("fault", ["locked", "full"])
def test_without_its_event_no_answer_goes_out_and_what_was_refused_is_recorded_afterwards(
    home: Home, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.serving.tables.BUSY_TIMEOUT_SECONDS", 0.05)
    home.point(home.ladder_release())
    with home.serving() as client:
        answered = 0
        with broken_store(home, client, fault):
            while client.post(SERVICE, json=call()).status_code == 200:
                answered += 1
                assert answered < 100, "the store takes what it cannot hold"
            for _ in range(2):
                started = time.monotonic()
                refused = client.post(SERVICE, json=call())
                assert time.monotonic() - started < WITHIN_SECONDS
                assert refused.status_code == 503
                assert refused.json()["type"] == "urn:pilothouse:problem:store-unavailable"
                assert refused.headers["retry-after"] == "5"
        until(lambda: refused_calls(home) == 3)
        assert len(ask(client)) == 1
    assert {event["status"] for event in events(home, "outage")} == {"store_unavailable"}
    assert len(events(home, "call")) == answered + 1
    assert (answered == 0) == (fault == "locked"), "what fits in the pages that the file has is still written"


def refused_calls(home: Home) -> int:
    """How many calls the outages tell of; a small row may still fit where a call's does not, so there may be two."""
    return sum(int(event["reason"].partition(" calls from 12:00:00")[0]) for event in events(home, "outage"))


class broken_store:  # noqa: N801 - it reads as what it is: with broken_store(...)
    """The event store locked by another process, or its disk full."""

    def __init__(self, home: Home, client: Client, fault: str) -> None:
        self._path, self._client, self._fault = home.path / "events.db", client, fault

    def __enter__(self) -> None:
        if self._fault == "locked":
            self._other = sqlite3.connect(self._path, isolation_level=None)
            self._other.execute("BEGIN IMMEDIATE")
        else:
            self._pages("PRAGMA max_page_count = 1")

    def __exit__(self, *_: object) -> None:
        if self._fault == "locked":
            self._other.execute("ROLLBACK")
            self._other.close()
        else:
            self._pages("PRAGMA max_page_count = 1073741823")

    def _pages(self, pragma: str) -> None:
        """The bound of SQLite's file on the writer's own connection: what a full disk is to it."""
        store = self._client.app.state.running.store

        async def limit() -> None:
            await store.write(lambda connection: connection.exec_driver_sql(pragma))

        self._client.portal.call(limit)


def test_inputs_that_are_missing_or_stale_go_down_the_ladder_of_this_call(home: Home) -> None:
    """Three findings for the model, two for the reduced one, one for the rule; too old for any: the guideline."""
    home.point(home.ladder_release(steps=[]))
    full = prefetch()
    without = {**full, "vitals": {"resourceType": "Bundle", "type": "searchset"}}
    less = {**without, "triage": {"resourceType": "Bundle", "type": "searchset"}}
    with home.serving() as client:
        found = [ask(client, prefetch=sent) for sent in (full, without, less)]
        home.now += timedelta(hours=13)
        found.append(ask(client, prefetch=full))
        assert tier(client) == ("model", None)
    assert [event["tier"] for event in events(home)] == ["model", "reduced", "rule", "reference"]
    [card] = found[-1]
    assert (card["summary"], card["indicator"]) == ("No score now: NEWS2 guideline", "info")
    assert {"label": "NEWS2 guideline", "url": LADDER["reference"]["url"], "type": "absolute"} in card["links"]
    assert "what was sent is 14 hours old" in card["detail"] and events(home)[-1]["scores"] is None


def test_a_feed_that_lacks_its_readings_in_half_of_the_calls_steps_down(home: Home) -> None:
    home.point(home.ladder_release())
    poor = {**prefetch(), "vitals": {"resourceType": "Bundle", "type": "searchset"}}
    with home.serving() as client:
        for sent in (prefetch(), poor, poor):
            ask(client, prefetch=sent)
        assert tier(client) == ("reduced", "in 2 of the last 4 calls too little was known, or it was stale")


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_steps_down_judges_no_visit_by_it_and_a_person_says_that_it_is_right(
    home: Home, jump: float
) -> None:
    from ml.serving.config import utc_now

    clocks, digest = Clocks(), home.ladder_release()
    steady = clocks.steady()
    home.point(digest)
    with home.serving(clock=utc_now, steady_clock=steady) as client:
        ask(client)
        clocks.wall += jump
        [card] = ask(client)
        until(lambda: bool(events(home, "outage")))
        side = "ahead" if jump > 0 else "back"
        assert tier(client) == ("rule", f"the clock of the service jumped {side} by 86400 seconds")
        narrower = [(Stage.ASSISTIVE, Tier.MODEL, "0" * 64), (Stage.ASSISTIVE, Tier.REDUCED, None)]
        for lower in (*narrower, (Stage.SHADOW, Tier.MODEL, None), (Stage.ASSISTIVE, Tier.RULE, None)):
            home.point(digest, *lower)  # as the triggers of a policy do, by themselves
            until(lambda: generation(client) == home.generation)
            assert (tier(client)[0], steady.jump()) == ("rule", jump), "no person said that the clock is right"
        home.point(digest)
        until(lambda: tier(client) == ("model", None))
        assert steady.jump() == 0
    assert card["summary"].startswith("High acuity by rule"), "the visit is still one of now"
    before, after = (event["at_us"] for event in events(home, "call"))
    assert before == after, "events keep the time that passed"
    assert [event["status"] for event in events(home, "outage")] == ["clock_jumped"]


def test_a_lower_tier_vouches_for_the_clock_where_a_person_signed_it_and_no_step_down_looks_like_that(
    home: Home,
) -> None:
    """Serving answered `manual` by itself; a person had it answer by the reduced model again, and not by the whole."""
    before = home.point(home.ladder_release())
    assert steps_up(before, before.model_copy(update={"tier": Tier.REDUCED, "signed_step": 7}), Tier.MANUAL)
    said = {"tier": Tier.REDUCED, "reason": f"{SIGNED_STEP}7"}  # as pointers said it before they had a field for it
    assert steps_up(before, before.model_copy(update=said), Tier.MANUAL)
    assert not steps_up(before, before.model_copy(update=said), Tier.REDUCED), "that is where the clock led"
    about = {"use_case": before.use_case, "site": before.site, "issued_at": home.now, "signer": home.signer}
    down: Pointer = publish_lower(home.path, stage=before.stage, **said, **about)
    assert (down.tier, down.reason) == (Tier.REDUCED, f"unsigned: {SIGNED_STEP}7")
    assert not steps_up(before, down, Tier.MANUAL)


@pytest.mark.parametrize(("apart", "jumped"), [(JUMP_SECONDS - 0.001, 0.0), (JUMP_SECONDS, JUMP_SECONDS)])
def test_a_clock_that_is_set_a_little_is_followed(apart: float, jumped: float) -> None:
    clocks = Clocks()
    steady = clocks.steady()
    clocks.passed += 10
    clocks.wall += 10 + apart
    assert steady.jump() == pytest.approx(jumped)
    assert steady.seconds() == pytest.approx(clocks.wall - jumped)
    steady.trust()
    assert (steady.jump(), steady.seconds()) == (0.0, pytest.approx(clocks.wall))


def test_a_locked_ledger_holds_up_no_answer_and_no_step_down(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serving reads and writes no ledger; what it did is recorded there by orchestration, later."""
    ledger = sqlite3.connect(home.path / "ledger.db", isolation_level=None)
    ledger.execute("CREATE TABLE entry (id INTEGER)")
    ledger.execute("BEGIN EXCLUSIVE")
    home.point(home.ladder_release())
    with home.serving(failures_to_step_down=2) as client:
        monkeypatch.setattr(Scorer, "score", only_full(lambda: 1 / 0, Scorer.score))
        for _ in range(2):
            ask(client)
        assert tier(client)[0] == "reduced"
    ledger.close()
    assert len(events(home, "step_down")) == 1


def test_a_step_down_that_could_not_be_written_holds_and_is_written_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.serving.tables.BUSY_TIMEOUT_SECONDS", 0.05)
    home.point(home.ladder_release())
    with home.serving(failures_to_step_down=1) as client:
        ask(client)
        with broken_store(home, client, "locked"), monkeypatch.context() as patch:
            patch.setattr(Scorer, "score", only_full(lambda: 1 / 0, Scorer.score))
            assert client.post(SERVICE, json=call()).status_code == 503
            assert tier(client)[0] == "reduced"
            patch.setattr(Scorer, "score", lambda *_: 1 / 0)
            assert client.post(SERVICE, json=call()).status_code == 503
            assert tier(client)[0] == "rule"
        until(lambda: len(events(home, "step_down")) == 2)
        ask(client)
    assert [event["tier"] for event in events(home, "step_down")] == ["reduced", "rule"], "none stands for another"
    with home.serving() as client:
        assert tier(client)[0] == "rule", "also after a restart"


def test_a_call_that_gets_no_answer_in_time_is_told_so_and_recorded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from ml.serving.releases import ReleaseWatch

    home.point(home.ladder_release())
    state = ReleaseWatch.state
    slow = threading.Event()

    async def slow_state(self: Any, site: str) -> Any:
        while slow.is_set():
            await asyncio.sleep(0.01)
        return await state(self, site)

    monkeypatch.setattr(ReleaseWatch, "state", slow_state)
    with home.serving(answer_within_seconds=0.2, store_timeout_seconds=0.1) as client:
        ask(client)
        slow.set()
        refused = client.post(SERVICE, json=call())
        slow.clear()
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:pilothouse:problem:too-late")
        until(lambda: bool(events(home, "outage")))
    assert events(home, "outage")[0]["status"] == "too_late"


def test_in_shadow_no_tier_shows_a_card(home: Home) -> None:
    digest = home.ladder_release()
    for lower in (Tier.REDUCED, Tier.RULE, Tier.REFERENCE):
        home.point(digest, stage=Stage.SHADOW, tier=lower)
        with home.serving() as client:
            assert ask(client) == []
    assert [event["tier"] for event in events(home)] == ["reduced", "rule", "reference"]
    assert json.loads(events(home)[0]["scores"]).keys() == {"critical_care", "admission"}
    assert events(home)[0]["status"] == "fallback", "no score of the model: shadow evidence must not count it"
