"""The watch over drift: one incident for one cause, told once, quiet while nothing is wrong, and whom it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from evaluation.drift import DriftFeature
from evaluation.drift.segments import Look, Shift
from evaluation.drift.tallies import Watched
from evaluation.drift.watch_policy import load_watch_policy
from orchestration.settings import Settings
from orchestration.steps.kinds import Windows
from orchestration.steps.learning.shadow import NothingServed
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.incidents import close_incident, list_incidents
from orchestration.steps.record.notifying import NotifyUnreadable, addresses, notify
from orchestration.steps.watching import drift_telling, drift_watch
from orchestration.steps.watching.drift_telling import Told, tell
from orchestration.steps.watching.drift_watch import Watching, watch_drift
from orchestration.steps.watching.status import status_of
from tests.unit.orchestration.steps.conftest import NOON, digest

Record = Callable[..., CandidateRecord]
TRAINED, SINCE = 120, 40


def mart(begin: int, days: int, seed: int, jumped: int = 0, **moved: float) -> pa.Table:
    draw, n = np.random.default_rng(seed), days * 40
    at = [NOON + timedelta(days=begin + row // 40, minutes=row % 40) for row in range(n)]
    table: dict[str, Any] = {"arrived_at": at, "known_at": at, "labels_known_at": at}
    for name in ("heart_rate", "temperature_c"):
        table[name] = draw.standard_normal(n) + moved.get(name, 0.0)
    table["heart_rate"][n - jumped * 40 :] += 3.0
    for name in ("critical_care", "admission"):
        table[name] = draw.random(n) < 0.3
    table |= {"sex": draw.choice(["female", "male"], n), "unit": ["ED"] * n, "shift": draw.choice(["day", "night"], n)}
    return pa.table(table)


@pytest.fixture
def look(settings: Settings, record: Record, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Watching | None]:
    """Watch a city whose model learned from one period, with shifts in the next."""
    features = (DriftFeature("heart_rate", "numeric"), DriftFeature("temperature_c", "numeric"))
    manifest = SimpleNamespace(model=SimpleNamespace(digest=digest("model")))
    release = SimpleNamespace(digest=digest("release"), manifest=manifest)

    def nothing(*_: object) -> None:
        raise NothingServed("no events")

    def watch(
        seed: int = 2,
        jumped: int = 0,
        trained: int = TRAINED,
        since: int = SINCE,
        use_case: str = "triage",
        **moved: float,
    ) -> Watching | None:
        windows = Windows(mart(-trained, trained, 1), mart(0, since, seed, jumped, **moved), features)
        monkeypatch.setattr(drift_watch, "kind_of", lambda _: SimpleNamespace(windows=lambda *_: windows))
        return watch_drift(settings, use_case, "city")

    monkeypatch.setattr(drift_watch, "released", lambda *_: release)
    monkeypatch.setattr(drift_watch, "current_pointer", lambda *_: None)
    monkeypatch.setattr(drift_watch, "read_candidate", lambda *_: record())
    monkeypatch.setattr(drift_watch, "served_visits", nothing)
    return watch


def test_nothing_wrong_is_quiet_and_is_evidence(settings: Settings, look: Callable[..., Watching | None]) -> None:
    found = look()
    assert found is not None
    assert (found.causes, found.opened, list_incidents(settings)) == ((), (), [])
    assert found.evidence.figures["segment_drift.causes"].value == 0
    assert found.evidence.figures["segment_drift.causes"].n == len(found.look.shifts) > 10
    assert list((settings.evidence / "triage" / "city").glob("segment_drift-*.json"))


@pytest.mark.parametrize(("use_case", "is_standing"), [("triage", False), ("staffing", True)])
def test_rows_of_wards_are_held_apart_from_visits(
    look: Callable[..., Watching | None],
    record: Record,
    monkeypatch: pytest.MonkeyPatch,
    use_case: str,
    is_standing: bool,
) -> None:
    asked: list[bool] = []

    def judged(compared: list[Any], _: object) -> Look:
        asked.extend(reference.is_standing for reference, _ in compared)
        return Look((), 0)

    monkeypatch.setattr(drift_watch, "judge_look", judged)
    look(use_case=use_case)
    assert asked[0] is is_standing
    assert not any(asked[1:]), "labels are those of visits"


def test_two_features_of_a_feed_in_every_segment_are_one_incident_told_once(
    settings: Settings, look: Callable[..., Watching | None]
) -> None:
    first, second = look(heart_rate=0.8, temperature_c=1.0), look(heart_rate=0.8, temperature_c=1.0)
    assert first is not None and second is not None
    assert len(first.look.alarms) >= 8
    (incident,) = list_incidents(settings)
    assert "temperature_c, heart_rate moved at the whole site" in incident["what"]
    assert (incident["use_case"], incident["site"], incident["severity"]) == ("triage", "city", "medium")
    assert (len(first.opened), len(second.opened)) == (1, 0)


def test_alarms_are_listed_before_what_chance_may_have_made_however_large(
    look: Callable[..., Watching | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shift(name: str, mean: float, *, is_alarm: bool) -> Shift:
        watched = Watched(name, "numeric", "feature", "ehr_fhir")
        return Shift(watched, ("site", "all"), 900, 800, mean, 0.0, 0.0, 0.0, 0.0, is_alarm=is_alarm)

    shifts = [
        shift("chance", 10.0, is_alarm=False),
        shift("small", 0.3, is_alarm=True),
        shift("large", 0.6, is_alarm=True),
    ]
    monkeypatch.setattr(drift_watch, "judge_look", lambda *_: Look(tuple(shifts), 0))
    found = look()
    assert found is not None
    listed: Any = found.evidence.detail["largest"]
    assert [one["column"] for one in listed] == ["large", "small", "chance"]
    assert found.evidence.figures["segment_drift.largest_effect"].value == 0.6


def test_a_cause_is_told_again_only_after_its_quiet_days(
    settings: Settings, look: Callable[..., Watching | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    look(heart_rate=0.8)
    (incident,) = list_incidents(settings)
    closing = Actor("os.tester")
    close_incident(settings, incident["incident"], cause="a new monitor", done="agreed", finding="feed", actor=closing)
    opened = datetime.fromisoformat(incident["opened_at"])
    for days, told in ((27.9, 1), (28.1, 2)):
        monkeypatch.setattr(drift_telling, "now", lambda days=days: opened + timedelta(days=days))
        look(heart_rate=0.8)
        assert len(list_incidents(settings)) == told


def test_a_jump_is_one_incident_with_its_day_feed_and_field_also_once_the_slow_watch_sees_it(
    settings: Settings, look: Callable[..., Watching | None]
) -> None:
    found, later = look(jumped=3), look(jumped=14)
    assert found is not None and later is not None
    [jump], [cause], [incident] = found.jumps, found.causes, list_incidents(settings)
    assert (jump.watched.name, jump.since) == ("heart_rate", (NOON + timedelta(days=SINCE - 3)).date())
    assert incident["severity"] == "high" and incident["feed"] == "ehr_fhir"
    assert incident["occurred_at"].startswith(str(jump.since))
    assert "Observation 8867-4 of ehr_fhir@" in incident["what"] and ", Observation.value_number" in incident["what"]
    assert incident["detail"]["fields"].keys() == {"heart_rate"} == set(cause.columns)
    assert found.evidence.figures["segment_drift.jumps"].value == 1
    assert {one.key for one in later.causes} == {cause.key}, "one cause, whichever look sees it"


def test_where_nothing_can_be_judged_for_jumps_the_evidence_says_why_and_has_no_figure(
    look: Callable[..., Watching | None],
) -> None:
    judged, short = look(), look(since=10)
    assert judged is not None and short is not None
    assert "jumps_not_judged" not in judged.evidence.detail
    figure, said = short.evidence.figures["segment_drift.jumps"], str(short.evidence.detail["jumps_not_judged"])
    assert (figure.value, figure.n) == (None, 0) and "and here are 10 days with rows" in said


def test_a_site_that_learned_from_too_few_rows_to_compare_is_still_watched_for_jumps(
    settings: Settings, look: Callable[..., Watching | None]
) -> None:
    calm, found = look(trained=4), look(trained=4, jumped=3)
    assert calm is not None and found is not None
    [one] = list_incidents(settings)
    assert "heart_rate jumped" in one["what"]
    for seen, jumps, causes in ((calm, 0, None), (found, 1, 1)):
        figures = {name.split(".")[1]: (one.value, one.n) for name, one in seen.evidence.figures.items()}
        assert figures.pop("jumps") == (jumps, 2), "counted on the columns that were looked at"
        assert figures == {"causes": (causes, 0), "alarms": (None, 0), "largest_effect": (None, 0)}


def test_jumps_that_could_not_be_judged_have_no_figure(look: Callable[..., Watching | None]) -> None:
    few_days = look(since=10)
    assert few_days is not None
    jumps, causes = (few_days.evidence.figures[f"segment_drift.{name}"] for name in ("jumps", "causes"))
    assert (jumps.value, jumps.n, causes.value) == (None, 0, 0)


def test_where_nothing_can_be_judged_there_is_no_evidence(look: Callable[..., Watching | None]) -> None:
    assert look(trained=4, since=10) is None


@pytest.mark.parametrize("use_case", ["triage", "appointments"])
def test_a_jump_is_told_also_while_slow_drift_of_its_feed_is_open_and_again_once_it_is_another(
    settings: Settings, record: Record, use_case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr("orchestration.steps.record.incidents.notify", lambda *given: messages.append(given[-1]))
    policy, key, seconds = load_watch_policy(), "feed-ehr_fhir", count()
    monkeypatch.setattr(drift_telling, "now", lambda: datetime.now(UTC) + timedelta(seconds=next(seconds)))

    def told(since: int | None, *jumped: str) -> int:
        day = None if since is None else date(2026, 3, since)
        cause = Told(key, ("temperature_c", *jumped), "It moved.", "high", "ehr_fhir", day, {}, jumped)
        return len(list(tell(settings, record(use_case=use_case), digest("release"), [cause], policy)))

    assert (told(None), told(None)) == (1, 0)
    assert (told(3, "heart_rate"), told(3, "heart_rate"), told(None)) == (1, 0, 0)
    assert told(3, "heart_rate", "pain_score") == 1, "another column jumped"
    assert len(messages) == len(list_incidents(settings)) == 3
    for one in list_incidents(settings):
        close_incident(settings, one["incident"], cause="a", done="b", finding="feed", actor=Actor("os.tester"))
    assert (told(3, "heart_rate"), told(9, "heart_rate")) == (0, 1), "quiet of the same one, not of the next"


def test_the_reference_is_counted_once_for_a_model_and_anew_when_damaged(
    settings: Settings, look: Callable[..., Watching | None]
) -> None:
    first = look(heart_rate=0.8)
    (kept,) = (settings.home / "drift").iterdir()
    kept.write_bytes(b"damaged")
    again = look(heart_rate=0.8)
    assert first is not None and again is not None
    assert first.look == again.look
    assert kept.stat().st_size > 1000


def test_labels_that_have_not_matured_are_no_rows(look: Callable[..., Watching | None]) -> None:
    found = look()
    assert found is not None
    newest = {one.watched.name: one.current_n for one in found.look.shifts if one.segment == ("site", "all")}
    assert newest["heart_rate"] == 28 * 40
    assert {"critical_care", "admission"} <= set(newest)
    missing = [one.missing_after for one in found.look.shifts if one.watched.role == "label"]
    assert set(missing) == {0.0}


# -- telling


class Hook(BaseHTTPRequestHandler):
    heard: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.heard.clear()
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def named(settings: Settings, text: str, mode: int = 0o600) -> Path:
    settings.keys.mkdir(exist_ok=True)
    path = settings.keys / "notify.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_whoever_is_named_for_the_site_is_told_and_others_are_not(settings: Settings, hook: str) -> None:
    named(settings, f"schema: pilothouse.notify/1\nsites: {{city: ['{hook}']}}\n")
    assert notify(settings, "city", "Drift: triage at city", "heart_rate moved")
    assert not notify(settings, "rural", "Drift", "nothing for you")
    (heard,) = Hook.heard
    assert (heard["title"], heard["message"]) == ("Drift: triage at city", "heart_rate moved")


def test_nobody_is_told_where_nobody_is_named(settings: Settings) -> None:
    assert not notify(settings, "city", "t", "b")


def test_a_file_that_lies_in_the_home_is_moved_and_of_two_the_one_in_keys_counts_and_the_other_is_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    text = "schema: pilothouse.notify/1\neverybody: ['json://127.0.0.1/']\n"
    kept = named(settings, text).rename(settings.home / "notify.yaml")
    assert addresses(settings).everybody == ("json://127.0.0.1/",)
    assert not kept.exists()
    assert status_of(settings).document["problems"] == [] and not caplog.records
    kept.write_text("schema: pilothouse.notify/1\neverybody: ['json://elsewhere/']\n")
    assert addresses(settings).everybody == ("json://127.0.0.1/",), "nobody goes untold for it"
    [problem] = status_of(settings).document["problems"]
    assert problem.startswith("notify.yaml lies in the home") and problem in caplog.text and "elsewhere" not in problem


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("schema: pilothouse.notify/1\n", 0o644, "chmod 600"),
        ("schema: pilothouse.notify/2\n", 0o600, "schema"),
        ("schema: pilothouse.notify/1\neverybody: ['secretword']\n", 0o600, "everybody"),
        ("]: [", 0o600, "YAML"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_its_secrets(
    settings: Settings, caplog: pytest.LogCaptureFixture, text: str, mode: int, said: str
) -> None:
    named(settings, text, mode)
    with pytest.raises(NotifyUnreadable, match=said) as error:
        addresses(settings)
    assert "secretword" not in str(error.value)
    assert not notify(settings, "city", "Drift", "b")
    assert "Nobody was told of: Drift" in caplog.text
    assert "secretword" not in caplog.text


def test_an_address_that_cannot_be_reached_is_logged_without_saying_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    named(settings, "schema: pilothouse.notify/1\neverybody: ['json://secretword:1@127.0.0.1:9/']\n")
    assert not notify(settings, "city", "Drift", "b")
    ours = [one.getMessage() for one in caplog.records if one.name == "pilothouse.notify"]
    assert ours and not any("secretword" in one for one in ours)
