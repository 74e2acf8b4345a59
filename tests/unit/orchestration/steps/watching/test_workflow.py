"""Cards, answers, stays and hours counted from a small snapshot; and the page that is made of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.evidence import Evidence, Figure
from evaluation.metrics.workflow import Work, figures_of
from ml.serving.ops.document import FILE, read_operations
from orchestration.settings import Settings
from orchestration.steps.learning.stores import CandidateRecord, save_candidate, save_evidence
from orchestration.steps.record.records import believed_records
from orchestration.steps.warehouse.tables import Snapshot
from orchestration.steps.watching import operations, workflow
from orchestration.steps.watching.operations import publish_operations
from orchestration.steps.watching.workflow import work_of
from tests.unit.orchestration.steps.conftest import NOON
from tests.unit.orchestration.steps.governed import Governed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SITE = "city"
STAMP = pa.timestamp("us", "UTC")


def tables() -> dict[str, pa.Table]:
    """Twenty visits to the emergency department of a day each, the even ones moved to intensive care after 24 hours."""
    arrived = [NOON - 20 * DAY + n * HOUR for n in range(20)]
    visits: dict[str, Any] = {
        "site": ["city"] * 20, "visit_key": [f"v{n}" for n in range(20)], "arrived_at": pa.array(arrived, STAMP),
        "triaged_at": pa.array([at + timedelta(minutes=n) for n, at in enumerate(arrived)], STAMP),
        "unit": ["ED"] * 20, "shift": ["day", "night"] * 10, "critical_care": [n % 2 == 0 for n in range(20)],
        "labels_known_at": pa.array([at + 3 * DAY for at in arrived], STAMP),
    }  # fmt: skip
    beds = [("ED", "ER", at, at + DAY, True) for at in arrived] + [
        ("ICU", "ICU", at + DAY, at + 3 * DAY, False) for at in arrived[::2]
    ]
    stays: dict[str, Any] = {
        "site": ["city"] * 30, "visit_key": [f"v{n}" for n in [*range(20), *range(0, 20, 2)]],
        "unit": [one[0] for one in beds], "unit_place": [one[1] for one in beds],
        "entered_at": pa.array([one[2] for one in beds], STAMP), "left_at": pa.array([one[3] for one in beds], STAMP),
        "is_first": [one[4] for one in beds],
    }  # fmt: skip
    responses = ["accepted"] * 8 + ["overridden"] * 7 + ["ignored"] * 4 + ["waiting"]
    shown = [at + 2 * HOUR for at in arrived]
    shown[-1] = NOON  # the last that happened
    cards: dict[str, Any] = {
        "site": ["city"] * 20, "use_case": ["triage"] * 20, "card_uuid": [f"c{n}" for n in range(20)],
        "visit_key": [*visits["visit_key"][:18], "v16", "v19"], "unit": ["ED"] * 20, "shift": visits["shift"],
        "response": responses,
        "shown_at": pa.array(shown, STAMP), "event_id": [f"e{n}" for n in range(20)],
        "seconds_to_answer": [60.0 * n if n < 15 else None for n in range(20)],
    }  # fmt: skip
    hours: dict[str, Any] = {
        "site": ["city"] * 2, "unit": ["ED"] * 2, "date": [(NOON - DAY).date()] * 2, "shift": ["day", "night"],
        "rn_hours": [26.0, 20.0], "rostered_rn_hours": [24.0, 24.0],
    }  # fmt: skip
    adjusted = {
        "site": ["city"] * 3,
        "made_at": pa.array([NOON - DAY] * 3, STAMP),
        "role": ["charge_nurse"] * 2 + [None],
    }
    given = {"triage_mart": visits, "staffing_stay": stays, "card_response": cards, "staffing_mart": hours}
    return {name: pa.table(columns) for name, columns in {**given, "board_adjustment": adjusted}.items()}


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    found = tables()
    for name, table in found.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    made = Snapshot("0" * 64, NOON.isoformat(), tmp_path, {name: table.num_rows for name, table in found.items()})
    monkeypatch.setattr(workflow, "current_snapshot", lambda _: made)
    monkeypatch.setattr(workflow, "snapshot_digest", lambda _: made.digest)
    seen = {(SITE, NOON - 28 * DAY): frozenset(f"e{n}" for n in (*range(15), 19))}
    monkeypatch.setattr(workflow, "cards_seen", lambda _, site, begin: seen.get((site, begin)))
    return made


@pytest.fixture
def groups(settings: Settings, snapshot: Snapshot) -> dict[tuple[str, str], Work]:
    found = work_of(settings, "city")
    assert found is not None
    assert (found.until, found.begin) == (NOON, NOON - 28 * DAY)
    assert found.adjustments == {"charge_nurse": 2}
    return {(one.by, one.value): one for one in found.groups}


def test_the_whole_site_its_units_and_shifts_are_counted(groups: dict[tuple[str, str], Work]) -> None:
    assert list(groups) == [("site", "all"), ("unit", "ED"), ("unit", "ICU"), ("shift", "day"), ("shift", "night")]
    whole = groups["site", "all"]
    assert (whole.visits, whole.cards, whole.overridden, whole.ignored) == (20, 19, 7, 4)
    assert (whole.known, whole.came) == (19, 10)
    assert whole.seen == 15, "of those that wait no longer"
    assert (groups["shift", "day"].seen, groups["shift", "night"].seen, groups["unit", "ICU"].seen) == (8, 7, 0)
    assert whole.patient_days == pytest.approx(20 + 20)
    assert whole.overtime_hours == 2
    assert groups["shift", "night"].patient_days is None
    assert groups["unit", "ICU"].patient_days == pytest.approx(20)
    assert groups["unit", "ICU"].visits == 0


def test_times_run_between_the_events_that_they_are_named_for(groups: dict[tuple[str, str], Work]) -> None:
    times = groups["site", "all"].times
    assert times["lead_hours"] == [*[22.0] * 9, 20.0]
    assert list(times["action_minutes"]) == [float(n) for n in range(8)]
    assert list(times["acknowledge_minutes"]) == [float(n) for n in range(15)]
    assert sorted(times["wait_minutes"]) == [float(n) for n in range(20)]
    assert groups["unit", "ICU"].times["stay_hours"] == [48.0] * 10


def test_a_stay_counts_only_the_days_within_the_window(groups: dict[tuple[str, str], Work]) -> None:
    figures = dict(zip(groups, figures_of(list(groups.values())), strict=True))
    assert figures["site", "all"]["alerts_per_100_patient_days"].value == pytest.approx(100 * 18 / 40), (
        "a visit that was shown two cards alerts once"
    )
    assert figures["unit", "ICU"]["stay_hours"].value is None  # ten people


def test_cards_seen_and_answered_are_shares_of_those_shown(groups: dict[tuple[str, str], Work]) -> None:
    whole = groups["site", "all"]
    many = replace(whole, cards=190, seen=150, ignored=40)
    [figures] = figures_of([many])
    assert (figures["seen_rate"].value, figures["answered_rate"].value) == (150 / 190, 150 / 190)
    assert (figures["seen_rate"].n, figures["seen_rate"].n_events) == (190, 150)
    [unknown, few] = figures_of([replace(many, seen=None), replace(many, seen=185)])
    assert unknown["seen_rate"].value is None and few["seen_rate"].value is None, "five who did not see it are few"


def test_a_site_where_nothing_happened_has_no_work(settings: Settings, snapshot: Snapshot) -> None:
    assert work_of(settings, "rural") is None


def test_a_home_where_nothing_is_published_yet_has_a_page_that_says_so(settings: Settings) -> None:
    assert work_of(settings, "city") is None
    page, *_ = publish_operations(settings)
    assert read_operations(settings.home).sites == []
    assert "Nothing is here yet" in page.read_text()


def test_a_challenger_is_published_and_figures_of_few_visits_are_not(
    city: Governed, record: Callable[..., CandidateRecord]
) -> None:
    city.challenge()
    made = replace(record(), model=str(city.entries("challenger")[-1].payload["subject"]["model"]))  # type: ignore[call-overload, index]
    save_candidate(city.settings, made)
    names = [f"side_by_side.{name}" for name in ("visits", "x.auroc_difference", "both_alert")]
    values = (Figure(321.0, n=321), Figure(0.01, 0.0, 0.02, 321, 10), Figure(0.1, n=321, n_events=11))
    figures, detail = dict(zip(names, values, strict=True)), {"beside_version": "3"}
    save_evidence(
        city.settings, Evidence("side_by_side", "triage", "city", made.model, made.data, NOON, figures, detail)
    )
    publish_operations(city.settings)
    [site] = read_operations(city.settings.home).sites
    told = site.use_cases[0].challenger
    assert told is not None and told.version == "3"
    [missing] = told.missing
    assert missing.startswith(
        "2 conditions not met; see the reports, or run: pilothouse gate explain triage --site city"
    )
    assert told.since == city.entries("challenger")[-1].at
    assert [told.figures[name].value for name in names] == [321.0, None, 0.1]


def test_what_is_estimated_of_a_challenger_is_not_told_of_what_is_served(
    city: Governed, evidence: Callable[..., Evidence]
) -> None:
    model = city.entries("promotion")[-1].payload["subject"]["model"]  # type: ignore[call-overload, index]
    detail = {"outcomes": {}, "blind_spot": "It is blind."}
    mine, other = (
        evidence("estimated", value, NOON + n * DAY, "estimated.x.auroc") for n, value in enumerate((0.8, 0.6))
    )
    for one in (replace(mine, subject_model=str(model), detail=detail), replace(other, detail=detail)):
        save_evidence(city.settings, one)
    publish_operations(city.settings)
    [site] = read_operations(city.settings.home).sites
    assert [one.figures["estimated.x.auroc"].value for one in site.use_cases] == [0.8]


def test_the_document_is_published_for_the_service_and_as_pages(
    settings: Settings, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "use_case_names", tuple)
    verified: list[Settings] = []
    monkeypatch.setattr(operations, "believed_records", lambda one: (verified.append(one), believed_records(one))[1])
    pages = publish_operations(settings)
    assert verified == [settings]  # once for a look, however many sites there are
    document = read_operations(settings.home)
    assert [one.site for one in document.sites] == ["city"]
    assert all(page.exists() for page in pages)
    assert "Waiting time" in pages[0].read_text()
    told = (settings.home / FILE).read_text()
    assert not [key for key in ("v0", "c0") if json.dumps(key) in told]
