"""The story of a fault stops where a step does not come about, and says which; the demo itself plays it to its end."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.demo import fault
from orchestration.demo.fault import FaultNotContained, Story
from orchestration.demo.replay import Department, ReplayClock
from orchestration.settings import Environment, Settings
from orchestration.steps.record.incidents import open_incident
from orchestration.steps.record.records import now, open_records
from orchestration.steps.watching.trigger_watch import TriggerWatch

HANDS: Any = None
JUMPED = {"kind": "segment_drift", "columns": ["x"], "feed": "f", "fields": {}, "since": "2026-04-20", "sentence": "x."}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    urls = (f"sqlite:///{tmp_path}/{name}.db" for name in ("ledger", "mlflow", "events"))
    open_records.cache_clear()
    return Story(Settings(tmp_path, Environment.DEVELOPMENT, *urls), "triage", "city", date(2026, 4, 20))


def seen(story: Story, name: str, **detail: Any) -> None:
    place = {"use_case": "triage", "site": "city", "severity": "high"}
    open_incident(story.settings, name, what="A reading jumped.", detail=detail, **place)


def play(story: Story) -> None:
    story.play(Department("http://nowhere", ReplayClock()), iter(()), now() - timedelta(seconds=2), HANDS)


@pytest.mark.parametrize("names", [(), ("drift-one", "drift-two")], ids=["none", "two"])
def test_a_fault_that_is_not_one_incident_stops_the_story(story: Story, names: tuple[str, ...]) -> None:
    seen(story, "slow", kind="segment_drift", since=None)
    for name in names:
        seen(story, name, **JUMPED)
    with pytest.raises(FaultNotContained, match=f"opened {len(names)} incidents"):
        play(story)


def test_a_fault_that_no_trigger_contains_stops_the_story(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(story, "drift-one", **JUMPED)
    elsewhere = {"payload": {"use_case": "staffing", "site": "city", "stage": "shadow", "reason": "late"}}
    for stepped, said in (([], "nothing"), ([elsewhere], "staffing")):
        monkeypatch.setattr(fault, "watch_triggers", lambda *_, found=stepped: TriggerWatch(stepped_down=found))
        with pytest.raises(FaultNotContained, match=f"stepped down .*{said}"):
            play(story)
    assert story.told["found"]["incident"] == "drift-one" and story.told["found"]["seconds"] >= 1
