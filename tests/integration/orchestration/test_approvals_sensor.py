"""The sensors over approvals and the ledger: nothing while nothing is new, one event for each change, a step down."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetMaterialization, AssetObservation, Failure, SensorResult, SkipReason, build_sensor_context

from evaluation.gates import Refusal
from evaluation.policies import Stage, load_policy
from orchestration.defs.names import LEDGER_ENTRY, release_key
from orchestration.defs.releases import sensors
from orchestration.defs.releases.shown import ledger_sensor
from orchestration.settings import Settings
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.release import record_refusal
from orchestration.steps.watching.approval_watch import Watch, watch_approvals
from tests.unit.orchestration.steps.conftest import settings_of
from tests.unit.orchestration.steps.governed import Governed, break_entry

DAYS = load_policy("triage").review_every_days


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Governed:
    (tmp_path / "home").mkdir()
    one = Governed.at(settings_of(tmp_path / "home"))
    one.release("assistive")
    monkeypatch.setenv("PILOTHOUSE_HOME", str(one.settings.home))
    open_records.cache_clear()
    return one


def tick(monkeypatch: pytest.MonkeyPatch, days: float, cursor: str | None) -> SensorResult | SkipReason:
    monkeypatch.setattr(sensors, "now", lambda: now() + timedelta(days=days))
    return sensors.approvals_sensor()(build_sensor_context(cursor=cursor))  # type: ignore[return-value]


def test_it_reminds_once_and_has_the_release_step_down_after(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(tick(monkeypatch, 0, None), SkipReason)
    told = tick(monkeypatch, DAYS - 10, None)
    assert isinstance(told, SensorResult)
    [event] = told.asset_events
    assert isinstance(event, AssetObservation)
    assert (event.asset_key, event.partition) == (release_key("triage"), "city")
    assert "Sign it again: pilothouse approve triage" in str(event.description)
    assert isinstance(tick(monkeypatch, DAYS - 10, told.cursor), SkipReason) and city.served == "assistive"
    over = tick(monkeypatch, DAYS + 1, told.cursor)
    assert isinstance(over, SensorResult) and "ledger_entry" in str(over.asset_events[0].metadata).lower()
    assert city.served == "off"


def test_a_challenger_that_is_taken_away_is_told_apart_from_the_release(
    city: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.challenge()
    over = tick(monkeypatch, DAYS + 1, None)
    assert isinstance(over, SensorResult)
    found = [json.loads(json.dumps(event.metadata[LEDGER_ENTRY].value)) for event in over.asset_events]
    assert [entry["kind"] for entry in found] == ["rollback", "challenger_withdrawn"]
    assert ["the challenger" in str(event.description) for event in over.asset_events] == [False, True]


def test_what_cannot_be_judged_fails_the_tick(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    (city.settings.home / "releases").rename(city.settings.home / "lost")
    with pytest.raises(Failure, match="cannot be judged"):
        tick(monkeypatch, 0, None)


def test_a_place_that_cannot_be_judged_silences_no_other(city: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is new is told first, and the problem beside it; the tick after that fails for as long as it stands."""
    problem = "The approvals of triage at rural cannot be judged: lost."

    def look(settings: Settings, at: datetime) -> Watch:
        return replace(watch_approvals(settings, at), problems=(problem,))

    monkeypatch.setattr(sensors, "watch_approvals", look)
    over = tick(monkeypatch, DAYS + 1, None)
    assert isinstance(over, SensorResult) and "ledger_entry" in str(over.asset_events[0].metadata).lower()
    assert city.served == "off" and str(over.skip_reason.skip_message if over.skip_reason else "") == problem
    with pytest.raises(Failure, match="rural cannot be judged"):
        tick(monkeypatch, DAYS + 1, "[]")


def test_what_happened_to_a_release_is_shown_on_it_once_with_who_and_why(city: Governed) -> None:
    def shown(cursor: str | None) -> SensorResult | SkipReason:
        return ledger_sensor()(build_sensor_context(cursor=cursor))  # type: ignore[return-value]

    first = shown(None)
    assert isinstance(first, SensorResult)
    assert [event.metadata["by"].value for event in first.asset_events] == ["ada (signed)", "noor (signed)"]
    assert isinstance(shown(first.cursor), SkipReason)
    why = Refusal("approval.model", "no valid model approval", "one", "Let somebody approve it.")
    record_refusal(city.settings, "triage", "city", Stage.DECISION_SUPPORT, [why], city.signs("ada"))
    roll_back(city.settings, "triage", "city", "shadow", "the cards were wrong", city.signs("olga"))
    then = shown(first.cursor)
    assert isinstance(then, SensorResult)
    refused, taken_back = then.asset_events
    assert isinstance(refused, AssetObservation) and isinstance(taken_back, AssetMaterialization)
    assert refused.metadata["reasons"].records[0].data == why.to_json()  # type: ignore[union-attr]
    assert (taken_back.asset_key, taken_back.partition) == (release_key("triage"), "city")
    assert taken_back.metadata["stage"].value == "shadow" and "the cards were wrong" in str(taken_back.description)
    break_entry(city)
    broken = shown(None)
    assert isinstance(broken, SkipReason) and "THE LEDGER IS BROKEN" in str(broken.skip_message)
