"""Events come back as drops: each once, marked only when it is written."""

import json
from collections.abc import Callable
from datetime import date

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert

from ml.serving.tables import EVENT, microseconds, open_database
from orchestration.settings import Settings
from orchestration.steps.intake.landing import land_days
from orchestration.steps.watching import monitoring
from orchestration.steps.watching.monitoring import collect_events
from tests.unit.orchestration.steps.conftest import NOON, digest

DAY = date(2026, 3, 2)


@pytest.fixture
def happen(settings: Settings) -> Callable[..., None]:
    """Record calls at a site."""

    def record(*names: str, site: str = "city", kind: str = "call") -> None:
        engine = open_database(settings.events_url)
        rows = [
            {
                "event_id": f"00000000-0000-4000-8000-{digest(name)[:12]}",
                "at_us": microseconds(NOON),
                "kind": kind,
                "use_case": "triage",
                "site": site,
                "status": "scored",
                "payload": '{"cards":[]}',
                "visit_key": digest(name)[:32],
                "patient_key": digest(name)[:32],
                "is_displayed": False,
            }
            for name in names
        ]
        with engine.begin() as connection:
            connection.execute(insert(EVENT), rows)
        engine.dispose()

    return record


def exported(settings: Settings, site: str = "city") -> list[str]:
    files = sorted((settings.drops / site).rglob("*.parquet"))
    return [event for path in files for event in pq.read_table(path)["event_id"].to_pylist()]


def test_new_events_are_written_into_the_drop_of_the_day_and_marked(
    settings: Settings, happen: Callable[..., None]
) -> None:
    happen("a", "b")
    assert collect_events(settings, DAY)["city"] == 1
    assert len(exported(settings)) == 2
    assert [path.parent.name for path in (settings.drops / "city").rglob("*.parquet")] == ["2026-03-02"]
    assert json.loads((settings.home / "state" / "export-city.json").read_text()) == {
        "event": 2,
        "feedback": 0,
        "adjustment": 0,
    }


def test_collecting_again_brings_nothing_twice_and_later_events_alone(
    settings: Settings, happen: Callable[..., None]
) -> None:
    happen("a", "b")
    collect_events(settings, DAY)
    assert set(collect_events(settings, DAY).values()) == {0}
    happen("c")
    assert collect_events(settings, date(2026, 3, 3))["city"] == 1
    assert len(exported(settings)) == len(set(exported(settings))) == 3


def test_what_a_challenger_scored_lands_under_the_contract(settings: Settings, happen: Callable[..., None]) -> None:
    happen("a")
    happen("b", kind="challenger")
    collect_events(settings, DAY)
    counts = land_days(settings, "city", [DAY])["serving_events"].counts
    assert (counts["landed"], counts.get("quarantined", 0)) == (2, 0)


def test_every_site_has_a_mark_of_its_own(settings: Settings, happen: Callable[..., None]) -> None:
    happen("a")
    happen("b", site="rural")
    done = collect_events(settings, DAY)
    assert (done["city"], done["rural"], done["district"]) == (1, 1, 0)
    assert len(exported(settings, "rural")) == 1 and not (settings.drops / "district").exists()


def test_a_crash_before_the_mark_writes_the_same_file_again_and_it_lands_once(
    settings: Settings, happen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    happen("a", "b")
    with monkeypatch.context() as crash:
        crash.setattr(monitoring, "write_json", _fail)
        with pytest.raises(OSError, match="full"):
            collect_events(settings, DAY)
    first = land_days(settings, "city", [DAY])["serving_events"].counts
    collect_events(settings, DAY)
    again = land_days(settings, "city", [DAY])["serving_events"].counts
    assert (first["landed"], again["landed"], again["duplicate"]) == (2, 0, 2)


def _fail(*_: object) -> None:
    raise OSError("the disk is full")


def test_without_any_event_there_is_no_drop_and_no_mark(settings: Settings) -> None:
    assert set(collect_events(settings, DAY).values()) == {0}
    assert not settings.drops.exists() and not list(settings.home.glob("state/export-*"))
