"""What a site serves: verified or nothing, reloaded on change, stepping down by itself and up by a person only."""

import asyncio
import json
import os
import shutil
import time
from typing import Any

import pytest
from serving_homes import CARD, SERVICE, SITE, Client, Home, call, digest_of, prefetch
from sqlalchemy import select, update

from ml.registry.stages import Stage, Tier
from ml.registry.store import release_folder
from ml.serving import StoreUnavailable, releases, scoring, watching
from ml.serving.tables import EVENT, POINTER_SEEN, open_database

LEDGER = digest_of("ledger entry")


def events(home: Home) -> list[dict[str, Any]]:
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(EVENT).order_by(EVENT.c.id)).mappings()]
    engine.dispose()
    return rows


def cards(client: Client, **changes: Any) -> int:
    response = client.post(SERVICE, json=call(**changes))
    assert response.status_code == 200, response.text
    return len(response.json()["cards"])


def status(client: Client) -> dict[str, Any]:
    return client.get("/api/v1/status").json()["releases"][0]


@pytest.fixture(autouse=True)
def check_folders_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "CHECK_FOLDER_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(releases, "RETRY_REFUSED_EVERY_SECONDS", 0.0)


def test_a_new_pointer_is_followed_without_a_restart(home: Home) -> None:
    first, second = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(first, stage=Stage.SHADOW)
    with home.serving() as client:
        assert cards(client) == 0
        home.point(second)
        assert cards(client) == 1
        assert (status(client)["release"], status(client)["generation"]) == (second, 2)
        home.point(None)
        assert cards(client) == 0
    assert [(event["status"], event["stage"], event["generation"]) for event in events(home)] == [
        ("scored", "shadow", 1),
        ("scored", "assistive", 2),
        ("no_release", "off", 3),
    ]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "card.yaml", "model/bundle.json"])
def test_a_release_tampered_with_while_it_is_served_is_served_no_longer(home: Home, name: str) -> None:
    digest = home.release()
    home.point(digest)
    with home.serving() as client:
        assert cards(client) == 1
        path = release_folder(home.path, digest) / name
        path.write_bytes(path.read_bytes()[:-1] + b" ")
        assert cards(client) == 0
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["type"] == "urn:pilothouse:problem:not-ready"
        assert SITE in ready.json()["detail"]
        assert client.get("/healthz").status_code == 200
        assert 'pilothouse_site_ready{site="city",use_case="triage"} 0.0' in client.get("/metrics").text
    assert [event["status"] for event in events(home)] == ["scored", "release_refused"]


def test_a_tampered_pointer_serves_nothing_and_a_repaired_one_serves_again(home: Home) -> None:
    home.point(home.release(stage="assistive"))
    with home.serving() as client:
        sound = home.pointer_file.read_bytes()
        home.pointer_file.write_bytes(sound.replace(b"assistive", b"decision_support"))
        assert cards(client) == 0
        assert client.get("/readyz").status_code == 503
        home.pointer_file.write_bytes(sound)
        assert cards(client) == 1
        assert client.get("/readyz").json() == {"status": "ready"}


def test_a_pointer_that_goes_back_a_generation_is_refused_even_after_a_restart(home: Home) -> None:
    digest = home.release()
    home.point(digest)
    old = home.pointer_file.read_bytes()
    home.point(digest, tier=Tier.RULE)
    with home.serving() as client:
        assert cards(client) == 1
    home.pointer_file.write_bytes(old)
    with home.serving() as client:
        assert cards(client) == 0
        assert "went back from generation 2 to 1" in client.get("/readyz").json()["detail"]


def test_two_pointers_of_one_generation_cannot_both_be_served(home: Home) -> None:
    digest = home.release()
    home.point(digest)
    with home.serving() as client:
        cards(client)
        home.pointer_file.unlink()
        home.point(digest, tier=Tier.MANUAL)
        cards(client)
        assert "two versions of generation 1" in client.get("/readyz").json()["detail"]


def test_a_pointer_that_disappears_is_no_way_to_start_over(home: Home) -> None:
    home.point(home.release())
    with home.serving(default_site=SITE) as client:
        assert cards(client) == 1
        home.pointer_file.unlink()
        assert cards(client) == 0
    assert events(home)[-1]["status"] == "release_refused"
    assert "is gone, but generation 1 was served" in events(home)[-1]["reason"]


def test_a_pointer_that_is_removed_while_it_is_served_makes_the_service_unready_and_every_call_an_event(
    home: Home,
) -> None:
    home.point(home.release())
    with home.serving() as client:
        assert cards(client) == 1
        home.pointer_file.unlink()
        for path in (SERVICE, f"/sites/city{SERVICE}"):
            response = client.post(path, json=call())
            assert (response.status_code, response.json()) == (200, {"cards": []})
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["type"]) == (503, "urn:pilothouse:problem:not-ready")
        assert "city: The pointer of triage at city is gone, but generation 1 was served" in ready.json()["detail"]
        assert client.get("/healthz").json() == {"status": "alive"}
        assert 'pilothouse_site_ready{site="city",use_case="triage"} 0.0' in client.get("/metrics").text
        assert (status(client)["stage"], status(client)["is_ready"]) == ("off", False)
        home.point(home.released[0])
        home.point(home.released[0])
        assert cards(client) == 1
        assert client.get("/readyz").status_code == 200
    assert [event["status"] for event in events(home)] == ["scored", "release_refused", "release_refused", "scored"]


@pytest.mark.parametrize("what", ["pointer", "folder"])
def test_a_pointer_that_is_gone_is_missed_after_a_restart_too(home: Home, what: str) -> None:
    home.point(home.release())
    with home.serving():
        pass
    home.pointer_file.unlink() if what == "pointer" else shutil.rmtree(home.path / "pointers")
    with home.serving() as client:
        assert cards(client) == 0
        assert "is gone" in client.get("/readyz").json()["detail"]


def test_a_site_that_the_service_no_longer_knows_is_not_missed(home: Home) -> None:
    home.point(home.release())
    with home.serving():
        pass
    home.pointer_file.unlink()
    known = home.config().sites["district"]
    with home.serving(sites={"district": known}) as client:
        assert client.get("/readyz").status_code == 200


def test_a_pointer_is_remembered_though_nobody_calls(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback that no call ever saw must not let the pointer before it come back."""
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.01)
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    before = home.pointer_file.read_bytes()
    with home.serving():
        home.point(older, rollback=LEDGER)
        deadline = time.monotonic() + 20
        while seen(home) != 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert seen(home) == 2
    home.pointer_file.write_bytes(before)
    with home.serving() as client:
        assert "went back from generation 2 to 1" in client.get("/readyz").json()["detail"]
        assert cards(client) == 0


def seen(home: Home) -> int | None:
    """The generation that the event store remembers."""
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        found = connection.scalar(select(POINTER_SEEN.c.generation))
    engine.dispose()
    return found


def test_a_look_that_fails_is_not_the_last_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.01)
    looks: list[str] = []

    async def look(site: str) -> None:
        looks.append(site)
        raise StoreUnavailable("The event store is away.")

    async def watch() -> None:
        async with watching.watching(lambda: [SITE], look):
            while len(looks) < 3:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(watch(), 20))
    assert set(looks) == {SITE}


def test_a_rollback_with_its_ledger_entry_is_followed(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    with home.serving() as client:
        cards(client)
        home.point(older, rollback=LEDGER)
        cards(client)
        assert status(client)["release"] == older
        home.point(older, tier=Tier.RULE)
        cards(client)
        assert (status(client)["tier"], status(client)["is_ready"]) == ("rule", True)


def test_an_older_release_without_a_ledger_entry_is_refused_by_the_memory_of_the_service(home: Home) -> None:
    """A pointer signed over an emptied pointer folder knows of no newer release; the event store does."""
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    with home.serving() as client:
        cards(client)
    shutil.rmtree(home.path / "pointers")
    home.point(older)
    home.point(older)
    with home.serving() as client:
        assert cards(client) == 0
        assert "names an older release and no rollback entry" in client.get("/readyz").json()["detail"]


def test_without_the_public_key_nothing_is_served(home: Home) -> None:
    home.point(home.release())
    (home.path / "keys" / "release.pub.pem").unlink()
    with home.serving() as client:
        assert cards(client) == 0
        assert "cannot be read" in client.get("/readyz").json()["detail"]


def test_a_site_that_the_service_does_not_know_is_not_ready_and_stops_no_other(home: Home) -> None:
    home.point(home.release())
    home.point(home.release(site="elsewhere"), site="elsewhere")
    with home.serving() as client:
        assert client.get("/readyz").status_code == 503
        assert cards(client) == 1
        assert client.post(f"/sites/elsewhere{SERVICE}", json=call()).status_code == 404


def break_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(scoring.Scorer, "score", fail)


def test_a_call_whose_scoring_fails_is_answered_by_the_rule(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())
    with home.serving() as client:
        assert cards(client) == 1
        with monkeypatch.context() as patch:
            break_model(patch)
            assert cards(client) == 1
        assert cards(client) == 1
        assert status(client)["tier"] == "model"
    healthy, failed, again = events(home)
    assert (healthy["tier"], failed["tier"], again["tier"]) == ("model", "rule", "model")
    assert failed["status"] == "fallback"
    assert failed["reason"].startswith("scoring failed: ZeroDivisionError; oxygen saturation 50 %")


def test_a_release_that_fails_closed_says_nothing_when_scoring_fails(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.point(home.release(fallback={"fail": "closed", "tiers": ["model", "rule", "manual"]}))
    with home.serving() as client:
        break_model(monkeypatch)
        assert cards(client) == 0
    assert (events(home)[-1]["status"], events(home)[-1]["tier"]) == ("manual", "manual")


def test_failures_in_a_row_step_down_once_and_only_a_person_steps_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = home.release()
    home.point(digest)
    with home.serving(failures_to_step_down=3) as client:
        cards(client)
        with monkeypatch.context() as patch:
            break_model(patch)
            for _ in range(2):
                cards(client)
            assert status(client)["tier"] == "model"
            for _ in range(3):
                cards(client)
        cards(client)
        assert status(client)["tier"] == "rule"
        assert status(client)["tier_reason"] == "3 calls in a row: scoring failed: ZeroDivisionError"
    steps = [event for event in events(home) if event["kind"] == "step_down"]
    assert [(step["status"], step["tier"], step["release_digest"]) for step in steps] == [
        ("stepped_down", "rule", digest)
    ]
    with home.serving() as client:
        cards(client)
        assert status(client)["tier"] == "rule"
        home.point(digest)
        cards(client)
        assert (status(client)["tier"], status(client)["tier_reason"]) == ("model", None)


def test_a_success_between_failures_starts_the_count_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())
    with home.serving(failures_to_step_down=2) as client:
        for _ in range(3):
            with monkeypatch.context() as patch:
                break_model(patch)
                cards(client)
            cards(client)
        assert status(client)["tier"] == "model"


def test_a_verified_model_that_cannot_be_read_steps_down_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.point(home.release())

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(scoring, "load_bundle", fail)
        with home.serving() as client:
            assert cards(client) == 1
            assert status(client)["tier_reason"] == "the model cannot be read: MemoryError"
            assert client.get("/readyz").status_code == 200
    assert [(event["kind"], event["tier"]) for event in events(home)] == [("step_down", "rule"), ("call", "rule")]
    assert json.loads(events(home)[1]["features"])["oxygen_saturation"] == 50
    with home.serving() as client:
        cards(client)
        assert status(client)["tier"] == "rule"


def test_a_site_without_a_pseudonym_key_is_not_served(home: Home) -> None:
    from ml.serving.config import SiteContext

    home.point(home.release())
    sites = {SITE: SiteContext("America/New_York")}
    with home.serving(sites=sites) as client:
        assert client.get("/readyz").status_code == 503
        assert client.post(SERVICE, json=call()).status_code == 503
    (home.path / "keys" / "city.pseudonym.v1.key").write_bytes(bytes(31))
    with home.serving(sites=sites) as client:
        assert "has 31 bytes" in client.get("/readyz").json()["detail"]
    (home.path / "keys" / "city.pseudonym.v1.key").write_bytes(bytes(32))
    with home.serving(sites=sites) as client:
        assert cards(client) == 1


def test_a_release_that_was_touched_and_not_changed_is_served_on(home: Home) -> None:
    digest = home.release()
    home.point(digest)
    with home.serving() as client:
        cards(client)
        later = time.time() + 5
        os.utime(release_folder(home.path, digest) / "card.yaml", (later, later))
        assert cards(client) == 1


def test_a_home_of_a_later_event_store_is_refused(home: Home) -> None:
    from ml.serving import ServingRefused
    from ml.serving.tables import SCHEMA

    engine = open_database(home.config().event_store_url)
    with engine.begin() as connection:
        connection.execute(update(SCHEMA).values(version=2))
    engine.dispose()
    with pytest.raises(ServingRefused, match="schema version 2"), home.serving():
        pass


def test_the_memory_of_a_pointer_is_one_row_per_site(home: Home) -> None:
    digest = home.release()
    with home.serving(default_site=SITE) as client:
        for _ in range(3):
            home.point(digest)
            cards(client, prefetch=prefetch())
    engine = open_database(home.config().event_store_url)
    with engine.connect() as connection:
        rows = connection.execute(select(POINTER_SEEN.c.site, POINTER_SEEN.c.generation)).all()
    engine.dispose()
    assert rows == [(SITE, 3)]
    assert CARD["use_case"] == "triage"
