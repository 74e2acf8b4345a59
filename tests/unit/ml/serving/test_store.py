"""The event store: durable before the answer, once each, and no answer without it."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from serving_homes import NOW, SERVICE, SITE, Home, call, digest_of, prefetch
from sqlalchemy import Connection, insert, select, text

from ml.registry.stages import Tier
from ml.serving import ServingRefused, StoreUnavailable
from ml.serving.events import Event, EventStore
from ml.serving.export import EVENTS_SCHEMA, FEEDBACK_SCHEMA, ExportMark, export_events
from ml.serving.tables import EVENT, SCHEMA, instant_of, microseconds, open_database

SYSTEM = "urn:pilothouse:override-reasons:triage"


@pytest.fixture
def assistive(home: Home) -> Home:
    home.point(home.release())
    return home


def feedback(card: str) -> dict[str, object]:
    reason = {"reason": {"code": "wrong-data", "system": SYSTEM}, "userComment": "Mrs X\x00 was mixed up"}
    item = {"card": card, "outcome": "overridden", "overrideReason": reason, "outcomeTimestamp": NOW.isoformat()}
    return {"feedback": [item]}


def test_instants_survive_as_microseconds() -> None:
    assert instant_of(microseconds(NOW)) == NOW
    assert microseconds(NOW) == 1_772_452_800_000_000


def test_calls_replays_feedback_and_steps_down_in_either_database(
    assistive: Home, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.serving import scoring

    body = call(instance=str(uuid4()))
    with assistive.serving(events_url=url, failures_to_step_down=1) as client:
        first = client.post(SERVICE, json=body)
        assert client.post(SERVICE, json=body).content == first.content
        card = first.json()["cards"][0]["uuid"]
        for _ in range(2):
            assert client.post(f"{SERVICE}/feedback", json=feedback(card)).status_code == 200
        assert {answer.status_code for answer in client.together(SERVICE, [call() for _ in range(40)])} == {200}
        monkeypatch.setattr(scoring.Scorer, "score", lambda *_: 1 / 0)
        client.post(SERVICE, json=call())
        assert client.get("/api/v1/status").json()["releases"][0]["tier"] == "rule"
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 42
        assert client.get("/readyz").status_code == 200
    with assistive.serving(events_url=url) as client:
        client.post(SERVICE, json=call())
        assert client.get("/api/v1/status").json()["releases"][0]["tier"] == "rule"
    engine = open_database(url)
    with engine.connect() as connection:
        kinds = [row[0] for row in connection.execute(select(EVENT.c.kind))]
        comments = [row[0] for row in connection.execute(text("SELECT user_comment FROM serving_feedback"))]
    engine.dispose()
    assert (kinds.count("call"), kinds.count("step_down")) == (43, 1)
    assert comments == ["Mrs X was mixed up"]


def test_export_has_every_event_and_no_free_text(assistive: Home, url: str, tmp_path: Path) -> None:
    out = tmp_path / "drop"
    with assistive.serving(events_url=url) as client:
        cards = [client.post(SERVICE, json=call()).json()["cards"][0]["uuid"] for _ in range(3)]
        client.post(SERVICE, json=call(prefetch(saturation=99)))
        client.post(f"/sites/district{SERVICE}", json=call())
        client.post(f"{SERVICE}/feedback", json=feedback(cards[0]))
    exported = export_events(url, out, site=SITE)
    assert [path.name for path in exported.files] == ["serving_events-1-4.parquet", "serving_feedback-1-1.parquet"]
    assert exported.mark == ExportMark(4, 1)
    events, back = (pq.read_table(path) for path in exported.files)
    assert events.schema.equals(EVENTS_SCHEMA)
    assert back.schema.equals(FEEDBACK_SCHEMA)
    row = events.to_pylist()[0]
    assert row["at"] == NOW
    assert (row["kind"], row["status"], row["is_displayed"], row["card_uuid"]) == ("call", "scored", True, cards[0])
    assert json.loads(row["features"])["age_years"] == 75
    [given] = back.to_pylist()
    assert (given["card_uuid"], given["event_id"], given["visit_key"]) == (cards[0], row["event_id"], row["visit_key"])
    assert (given["outcome_at"], given["has_comment"], given["override_reason_code"]) == (NOW, True, "wrong-data")
    for path in exported.files:
        content = path.read_bytes()
        for word in (b"Mrs X", b"raises the risk", b"Practitioner", b'"p1"'):
            assert word not in content


def test_export_goes_on_where_it_stopped_and_repeats_itself_exactly(assistive: Home, tmp_path: Path) -> None:
    url = assistive.config().event_store_url
    with assistive.serving() as client:
        client.post(SERVICE, json=call())
        first = export_events(url, tmp_path / "a", site=SITE)
        again = export_events(url, tmp_path / "b", site=SITE)
        assert first.files[0].read_bytes() == again.files[0].read_bytes()
        nothing = export_events(url, tmp_path / "c", site=SITE, since=first.mark)
        assert (nothing.files, nothing.mark) == ((), first.mark)
        assert not (tmp_path / "c").exists()
        client.post(SERVICE, json=call())
        more = export_events(url, tmp_path / "c", site=SITE, since=first.mark)
    assert [path.name for path in more.files] == ["serving_events-2-2.parquet"]


def test_when_the_store_cannot_write_no_advice_goes_out(assistive: Home) -> None:
    with assistive.serving(store_timeout_seconds=10) as client:
        assert client.post(SERVICE, json=call()).status_code == 200
        with closing(sqlite3.connect(assistive.path / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            response = client.post(SERVICE, json=call())
            assert response.status_code == 503
            assert response.json()["type"] == "urn:pilothouse:problem:store-unavailable"
            assert response.headers["retry-after"] == "5"
            assert "cards" not in response.json()
            assert client.get("/readyz").status_code == 503
            other.execute("ROLLBACK")
        assert client.post(SERVICE, json=call()).status_code == 200
        assert client.get("/api/v1/board/city/ED").json()["calls"] == 2


def test_a_store_that_does_not_confirm_in_time_gives_no_advice_and_keeps_no_event(assistive: Home) -> None:
    with assistive.serving(store_timeout_seconds=0.2) as client:
        client.post(SERVICE, json=call())
        with closing(sqlite3.connect(assistive.path / "events.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            answers = client.together(SERVICE, [call() for _ in range(3)])
            assert {answer.status_code for answer in answers} == {503}
            other.execute("ROLLBACK")


def test_a_full_disk_gives_no_advice(assistive: Home) -> None:
    """SQLite's own bound on pages stands in for the disk: the error is the same `database or disk is full`."""
    from sqlalchemy import event

    with assistive.serving() as client:
        client.post(SERVICE, json=call())
        store = client.app.state.running.store
        pages = []

        def bound(connection: Connection) -> None:
            pages.append(connection.exec_driver_sql("PRAGMA max_page_count=1").scalar_one())

        event.listen(store.engine, "begin", bound)
        answers = [client.post(SERVICE, json=call()).status_code for _ in range(60)]
        assert answers[-1] == 503
        assert pages
        assert set(answers) <= {200, 503}


def test_commits_are_fsynced_and_in_wal(assistive: Home) -> None:
    engine = open_database(assistive.config().event_store_url)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_the_log_is_taken_into_the_database_beside_the_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event

    monkeypatch.setattr("ml.serving.writer.CHECKPOINT_AFTER", 3)
    path, alone, taken = tmp_path / "events.db", tmp_path / "alone.db", threading.Event()
    store = EventStore(f"sqlite:///{path}", 5.0)
    event.listen(store.engine, "after_cursor_execute", lambda *said: "checkpoint" in said[2] and taken.set())
    before = path.read_bytes()
    for is_taken in (False, False, True):
        assert path.read_bytes() == before
        asyncio.run(store.record(Event(str(uuid4()), 0, "call", "triage", SITE, "", "{}")))
        assert taken.wait(5.0 if is_taken else 0.0) is is_taken
    alone.write_bytes(path.read_bytes())  # without its log
    store.close()
    with closing(sqlite3.connect(alone)) as found:
        assert found.execute("SELECT count(*) FROM serving_event").fetchone() == (3,)


def test_where_no_thread_is_to_be_had_the_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def thrice() -> None:
        for _ in range(3):
            await store.record(Event(str(uuid4()), 0, "call", "triage", SITE, "", "{}"))

    monkeypatch.setattr("ml.serving.writer.CHECKPOINT_AFTER", 1)
    store = EventStore(f"sqlite:///{tmp_path / 'events.db'}", 5.0)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        asyncio.run(thrice())
    store.close()


@pytest.mark.parametrize("bad", ["", "events.db", "mysql://host/db", "oracle://host/db"])
def test_a_database_of_another_kind_is_refused(bad: str) -> None:
    with pytest.raises(ServingRefused, match="PILOTHOUSE_EVENTS_URL"):
        open_database(bad)


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        open_database(f"sqlite:///{tmp_path / 'absent' / 'events.db'}")


def test_the_store_carries_its_schema_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    for _ in range(2):
        engine = open_database(url)
        with engine.connect() as connection:
            assert connection.execute(select(SCHEMA.c.version)).scalars().all() == [1]
        engine.dispose()


def test_a_store_of_events_whose_schema_version_is_gone_is_damaged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    open_database(url).dispose()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        connection.execute("delete from serving_schema")
        connection.commit()
    open_database(url).dispose()  # nothing is in it yet: its first start was cut short
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        connection.execute(
            "insert into serving_event (event_id, at_us, kind, use_case, site, status, is_displayed, payload)"
            " values ('1', 1, 'request', 'triage', 'city', 'ok', 0, '{}')"
        )
        connection.execute("delete from serving_schema")
        connection.commit()
    with pytest.raises(ServingRefused, match=r"serving_schema is gone.* restore"):
        open_database(url)


def test_one_row_that_the_database_refuses_does_not_take_others_down(tmp_path: Path) -> None:
    import asyncio

    from sqlalchemy import Connection

    from ml.serving.writer import GroupCommitWriter

    engine = open_database(f"sqlite:///{tmp_path / 'events.db'}")
    writer = GroupCommitWriter(engine)

    def add(version: int) -> object:
        def work(connection: Connection) -> int:
            connection.execute(insert(SCHEMA).values(version=version))
            return version

        return work

    async def together() -> list[object]:
        works = [writer.write(add(version), 5.0) for version in (2, 3, 1, 4)]
        return await asyncio.gather(*works, return_exceptions=True)

    results = asyncio.run(together())
    writer.close()
    engine.dispose()
    assert results[:2] == [2, 3]
    assert isinstance(results[2], StoreUnavailable)
    assert results[3] == 4


def test_a_closed_writer_takes_nothing(tmp_path: Path) -> None:
    import asyncio

    from ml.serving.writer import GroupCommitWriter

    engine = open_database(f"sqlite:///{tmp_path / 'events.db'}")
    writer = GroupCommitWriter(engine)
    writer.close()
    with pytest.raises(StoreUnavailable, match="does not keep up"):
        asyncio.run(writer.write(lambda _: None, 1.0))
    engine.dispose()
    assert digest_of("x")
    assert Tier.RULE.rank == 2


def test_a_step_down_that_is_written_late_takes_none_back_that_was_written_since(home: Home, url: str) -> None:
    async def step(store: EventStore, name: str, tier: Tier) -> None:
        event = Event(digest_of(name)[:36], 0, "step_down", "triage", SITE, "stepped_down", "{}")
        await store.step_down(event, pointer, tier, name)

    pointer, store = home.point(home.release()), EventStore(url, 5)
    store.remember_pointer(pointer)
    found = []
    for name, tier in (("first", Tier.REDUCED), ("second", Tier.RULE), ("late", Tier.REDUCED)):
        asyncio.run(step(store, name, tier))
        seen = store.pointer_seen("triage", SITE)
        assert seen is not None
        found.append((seen.stepped_down_to, seen.stepped_down_reason))
    store.close()
    assert found == [(Tier.REDUCED, "first"), (Tier.RULE, "second"), (Tier.RULE, "second")]


def test_after_a_failed_commit_the_writer_opens_another_connection(assistive: Home) -> None:
    """What the disk, or a lock, did to the one that it kept is not carried into the next commit."""
    from sqlalchemy import event

    with assistive.serving() as client:
        assert client.post(SERVICE, json=call()).status_code == 200
        engine, opened = client.app.state.running.store.engine, []
        event.listen(engine, "checkout", lambda *_: opened.append(1))
        assert client.post(SERVICE, json=call()).status_code == 200
        assert not opened, "a sound connection is kept"
        with closing(sqlite3.connect(assistive.path / "events.db", isolation_level=None)) as other:
            other.execute("DROP TABLE serving_token_spent")
            other.execute("ALTER TABLE serving_event RENAME TO elsewhere")
            assert client.post(SERVICE, json=call()).status_code == 503
            other.execute("ALTER TABLE elsewhere RENAME TO serving_event")
        assert client.post(SERVICE, json=call()).status_code == 200
        assert opened


def test_what_one_piece_of_work_raises_is_its_own_and_the_writer_goes_on(tmp_path: Path) -> None:
    store = EventStore(f"sqlite:///{tmp_path / 'events.db'}", 5.0)

    def odd(_: Connection) -> None:
        raise ValueError("a row that nobody expected")

    async def main() -> list[object]:
        together = await asyncio.gather(store.write(odd), store.write(lambda _: "stored"), return_exceptions=True)
        return [*together, await store.write(lambda _: "later")]

    refused, beside, later = asyncio.run(main())
    assert (beside, later) == ("stored", "later")
    assert isinstance(refused, StoreUnavailable) and "ValueError" in str(refused)
    store.close()
