"""Service levels by the times of events: who never had a score counts, who still has time not, one cause one alert."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from evaluation.slo import load_objectives
from ml.usecases import UseCaseError
from orchestration.settings import Settings
from orchestration.steps.files import file_sha256, write_json
from orchestration.steps.record.incidents import MACHINE, close_incident, list_incidents
from orchestration.steps.record.records import TimeNotUnderstood
from orchestration.steps.slo import service_levels, tell_burning
from orchestration.steps.slo.measures import MEASURES
from tests.unit.orchestration.steps.intake.test_freshness import arrived

from .governed import Governed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
COLUMNS = {
    "triage_mart": "site varchar, visit_key varchar, charted_at timestamptz, is_eligible boolean, unit varchar, "
    "shift varchar, triage_level integer",
    "serving_event": 'site varchar, use_case varchar, kind varchar, visit_key varchar, "at" timestamptz, '
    "latency_ms double, status varchar, card_uuid varchar, is_displayed boolean, unit varchar",
    "serving_feedback": "site varchar, card_uuid varchar, outcome_at timestamptz",
}


def publish(settings: Settings, columns_of: Mapping[str, str], **tables: Sequence[tuple[object, ...]]) -> None:
    folder = settings.snapshots / hashlib.sha256(repr(tables).encode()).hexdigest()
    folder.mkdir(parents=True)
    entries = {}
    with duckdb.connect() as db:
        for name, columns in columns_of.items():
            rows = tables.get(name, ())
            db.execute(f"create table {name} ({columns})")
            if rows:
                came = pa.table({f"c{n}": list(column) for n, column in enumerate(zip(*rows, strict=True))})
                db.register("came", came).execute(f"insert into {name} from came")
            db.execute(f"copy {name} to '{folder}/{name}.parquet'")
            entries[name] = {
                "file": f"{name}.parquet",
                "sha256": file_sha256(folder / f"{name}.parquet"),
                "rows": len(rows),
            }
    write_json(
        settings.snapshots / "current.json", {"digest": folder.name, "as_of": NOON.isoformat(), "tables": entries}
    )


def visit(key: str, at: datetime, level: int = 3, site: str = "city", *, eligible: bool = True) -> tuple[object, ...]:
    return (site, key, at, eligible, "ED", "day", level)


def call(
    key: str,
    at: datetime,
    status: str = "scored",
    site: str = "city",
    latency: float | None = 40.0,
    card: str | None = None,
) -> tuple[object, ...]:
    return (site, "triage", "call", key, at, latency, status, card, card is not None, "ED")


def level(settings: Settings, objective: str, at: datetime = NOON) -> dict:
    [found] = [
        one for one in service_levels(settings, None, "city", at).document["slos"] if one["objective"] == objective
    ]
    return found


def test_a_visit_whose_score_never_came_is_late_and_an_urgent_one_costs_more(city: Governed) -> None:
    settings, start = city.settings, NOON - DAY
    seen = [visit(f"v{n}", start + n * MINUTE, level=1 if n == 2 else 5) for n in range(6)]
    strangers = [visit("x", start, site="rural"), visit("y", start, eligible=False), visit("z", start + DAY)]
    calls = [call(f"v{n}", start + n * MINUTE + timedelta(seconds=5)) for n in (0, 1, 3, 5)]
    late = [call("v1", start + 30 * MINUTE), call("v4", start + 4 * MINUTE + timedelta(seconds=31))]
    refused = [call("v2", start + 2 * MINUTE, status="not_scored")]
    nobodys = [visit("early", start - MINUTE), visit("child", start + MINUTE), visit("night", start + MINUTE)]
    refused += [call("early", start - MINUTE, status="no_release"), call("child", start + MINUTE, "out_of_population")]
    refused += [call("night", start + 2 * MINUTE, status="out_of_scope"), call("v5", start, status="out_of_scope")]
    first = [call("v0", start)]
    publish(
        settings, COLUMNS, triage_mart=[*seen, *strangers, *nobodys], serving_event=[*first, *calls, *late, *refused]
    )
    found = level(settings, "triage-score-in-time")
    assert (found["n"], found["share"]) == (6, pytest.approx(4 / 6))
    assert found["budget_spent"] == pytest.approx((10 + 1) / 15 / 0.005)
    assert found["is_met"] is False


def test_a_call_is_in_time_by_its_own_latency_and_no_latency_is_no_answer(city: Governed) -> None:
    calls = [
        call(f"v{n}", NOON - n * MINUTE, latency=latency) for n, latency in enumerate((900.0, 1000.0, 1001.0, None))
    ]
    publish(city.settings, COLUMNS, serving_event=calls)
    assert (
        level(city.settings, "triage-card-delivered")["n"],
        level(city.settings, "triage-card-delivered")["share"],
    ) == (4, 0.5)


def test_a_card_that_still_has_time_is_not_counted_yet(city: Governed) -> None:
    shown = [call(f"v{n}", NOON - age * MINUTE, card=f"c{n}") for n, age in enumerate((90, 80, 70, 10))]
    answers = [
        ("city", "c0", NOON - 75 * MINUTE),
        ("city", "c1", NOON - 20 * MINUTE),
        ("city", "c1", NOON - 19 * MINUTE),
    ]
    publish(city.settings, COLUMNS, serving_event=shown, serving_feedback=answers)
    now = level(city.settings, "triage-card-acknowledged")
    assert (now["n"], now["share"]) == (3, pytest.approx(1 / 3))
    assert level(city.settings, "triage-card-acknowledged", NOON + 20 * MINUTE)["n"] == 4


def test_files_of_a_feed_are_due_by_their_contract(settings: Settings) -> None:
    for day in (0, 1, 3, 4):  # the third day's census comes 18 hours after it was due
        arrived(settings, "census", NOON - 10 * DAY + day * DAY)
    found = level(settings, "feed-fresh", NOON - 6 * DAY)
    assert (found["n"], found["share"]) == (3, pytest.approx(2 / 3))
    outage = level(settings, "feed-fresh", NOON)  # from the fourth day on nothing came, and four files were due
    assert (outage["n"], outage["share"]) == (7, pytest.approx(2 / 7))


def test_a_feed_that_stopped_long_ago_goes_on_to_be_late(settings: Settings) -> None:
    arrived(settings, "census", NOON - 90 * DAY)
    dead = level(settings, "feed-fresh", NOON)
    assert dead["share"] == 0.0 and dead["n"] > 20


def outage(settings: Settings) -> None:
    begin = NOON - DAY
    good = [(n, begin + n * MINUTE) for n in range(600)]
    seen = [visit(f"v{n}", at) for n, at in good]
    calls = [call(f"v{n}", at) for n, at in good if not 300 <= n < 330]
    publish(settings, COLUMNS, triage_mart=seen, serving_event=calls)


def test_an_outage_of_the_night_is_one_incident_that_says_when_and_whom_to_ask(city: Governed) -> None:
    outage(city.settings)
    [entry] = tell_burning(city.settings, NOON)
    assert entry["payload"]["severity"] == "high"
    assert "Triage scores within 30 seconds of the vital signs, at city: by 2026-02-28 17:" in entry["payload"]["what"]
    assert "operator looks for the cause: pilothouse slo --site city" in entry["payload"]["what"]
    assert tell_burning(city.settings, NOON + timedelta(hours=1)) == []
    close_incident(
        city.settings, entry["payload"]["incident"], cause="net down", done="mended", finding="service", actor=MACHINE
    )
    assert tell_burning(city.settings, NOON + timedelta(hours=1)) == []
    assert [one["is_open"] for one in list_incidents(city.settings)] == [False]


def test_a_use_case_or_a_time_that_cannot_be_is_refused(settings: Settings) -> None:
    with pytest.raises(UseCaseError, match="nosuch"):
        service_levels(settings, "nosuch", None, None)
    for year in (1, 9999):
        with pytest.raises(TimeNotUnderstood, match="expected 1971 to 9000"):
            service_levels(settings, None, None, datetime(year, 12, 31, tzinfo=UTC))
    assert service_levels(settings, "feeds", "city", NOON).document["slos"]


def test_nothing_served_and_no_feed_is_quiet(settings: Settings) -> None:
    assert tell_burning(settings, NOON) == []
    assert all(one["is_met"] is None for one in service_levels(settings, None, None, NOON).document["slos"])


@pytest.mark.parametrize("name", sorted(path.stem for path in Path("evaluation/slo").glob("*.yaml")))
def test_every_objective_names_a_measure_that_is_taken(name: str) -> None:
    assert {one.measure for one in load_objectives(name)} <= set(MEASURES)
