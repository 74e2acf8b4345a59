"""Drops: what waits, what they bring, and what is not looked at twice."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orchestration.feeds import FeedNotListed, Receipt
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.landing import (
    Landed,
    arrival_time,
    ingest_paths,
    land_days,
    mark_landed,
    pending_drops,
)

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-02-03"}


def drop(settings: Settings, day: str, name: str, content: str, site: str = "city") -> Path:
    path = settings.drops / site / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def receipt(**counts: int) -> Receipt:
    reasons = {"status.required": counts["quarantined"]} if counts.get("quarantined") else {}
    return Receipt("ehr_fhir", "ehr_fhir@1.0.0", "a.ndjson", "0" * 64, sum(counts.values()), reasons=reasons, **counts)


def test_receipts_add_up_by_outcome_and_by_clause() -> None:
    landed, other = Landed(), Landed()
    landed.add(receipt(landed=3, duplicate=1, quarantined=2))
    other.add(receipt(landed=1, superseded=1, deleted=1, quarantined=1))
    landed.merge(other)
    assert landed.files == 2 and landed.adds_up
    assert landed.counts == {
        "received": 10,
        "landed": 4,
        "duplicate": 1,
        "superseded": 1,
        "deleted": 1,
        "quarantined": 3,
    }
    assert landed.reasons == {"status.required": 3}


def test_sums_that_lose_a_record_are_found_out() -> None:
    assert Landed().adds_up
    assert not Landed(counts={**Landed().counts, "received": 1}).adds_up


def test_two_sums_share_nothing() -> None:
    Landed().add(receipt(landed=1))
    assert Landed().counts["landed"] == 0


def test_a_drop_arrives_at_the_end_of_its_local_day_in_summer_and_in_winter() -> None:
    assert arrival_time(load_site("city"), MONDAY).astimezone(UTC) == datetime(2026, 3, 3, 4, 59, 59, tzinfo=UTC)
    assert arrival_time(load_site("city"), date(2026, 7, 1)).astimezone(UTC) == datetime(
        2026, 7, 2, 3, 59, 59, tzinfo=UTC
    )


def test_nothing_waits_in_an_empty_home(settings: Settings) -> None:
    assert pending_drops(settings) == []


def test_new_drops_wait_in_order_of_days_and_only_at_the_site_asked_for(settings: Settings) -> None:
    for day in ("2026-03-03", "2026-03-02"):
        drop(settings, day, "census.csv", "unit\n")
    drop(settings, "2026-03-02", "census.csv", "unit\n", site="rural")
    drop(settings, "2026-03-02", "census.csv", "unit\n", site="nowhere")
    assert [(one.site, one.days) for one in pending_drops(settings)] == [
        ("city", (MONDAY, TUESDAY)),
        ("rural", (MONDAY,)),
    ]
    assert [one.site for one in pending_drops(settings, "rural")] == ["rural"]


def test_only_drops_before_a_day_wait_when_one_is_named(settings: Settings) -> None:
    drop(settings, "2026-03-02", "census.csv", "unit\n")
    drop(settings, "2026-03-03", "census.csv", "unit\n")
    assert [one.days for one in pending_drops(settings, before=TUESDAY)] == [(MONDAY,)]
    assert pending_drops(settings, before=MONDAY) == []


def test_what_was_landed_waits_again_only_when_its_files_changed(settings: Settings) -> None:
    drop(settings, "2026-03-02", "census.csv", "unit\n")
    [waiting] = pending_drops(settings)
    mark_landed(settings, waiting)
    assert pending_drops(settings) == []
    drop(settings, "2026-03-02", "rosters.csv", "unit\n")
    drop(settings, "2026-03-03", "census.csv", "unit\n")
    [waiting] = pending_drops(settings)
    assert waiting.days == (MONDAY, TUESDAY)
    mark_landed(settings, waiting)
    assert pending_drops(settings) == []


def test_a_corrected_file_of_the_same_length_waits_again(settings: Settings) -> None:
    """A sender who corrects a digit sends a file of the same name and length."""
    path = drop(settings, "2026-03-02", "census.csv", "unit,beds\nED,36\n")
    mark_landed(settings, pending_drops(settings)[0])
    path.write_text("unit,beds\nED,37\n")
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1_000_000_000))
    assert [one.days for one in pending_drops(settings)] == [(MONDAY,)]


def test_a_folder_that_is_no_day_does_not_stop_the_days_beside_it(settings: Settings) -> None:
    drop(settings, "2026-03-02", "census.csv", "unit\n")
    drop(settings, "outgoing", "census.csv", "unit\n")
    assert [one.days for one in pending_drops(settings)] == [(MONDAY,)]


TABLES = {"rosters", "census", "appointments", "triage_notes", "staffing", "workforce", "leave", "wishes"}
SERVED = {"serving_events", "serving_feedback", "board_adjustments"}


@pytest.mark.parametrize(
    ("name", "feeds"),
    [
        ("a.NDJSON", {"ehr_fhir"}),
        ("a.json", {"ehr_fhir"}),
        ("a.csv", TABLES),
        ("a.parquet", TABLES | SERVED),
        ("a.zip", {"ehr_fhir"} | TABLES | SERVED),
        ("README", {"ehr_fhir"} | TABLES | SERVED),
    ],
)
def test_the_feeds_of_a_drop_are_those_that_its_files_could_be_of(
    settings: Settings, name: str, feeds: set[str]
) -> None:
    drop(settings, "2026-03-02", name, "x")
    [waiting] = pending_drops(settings)
    assert set(waiting.feeds) == feeds


def test_days_land_with_their_sums_by_feed_and_again_as_duplicates(settings: Settings) -> None:
    drop(settings, "2026-03-02", "Patient.ndjson", json.dumps(PATIENT) + "\n{\n")
    landed = land_days(settings, "city", [MONDAY, TUESDAY])
    assert set(landed) == {"ehr_fhir"} and landed["ehr_fhir"].adds_up
    assert (landed["ehr_fhir"].counts["landed"], landed["ehr_fhir"].counts["quarantined"]) == (1, 1)
    assert land_days(settings, "city", [MONDAY])["ehr_fhir"].counts["duplicate"] == 1


def test_ingest_answers_with_a_receipt_for_each_file(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT))
    answer = ingest_paths(settings, [tmp_path / "Patient.ndjson"], "city", None)
    assert answer.exit_code == 0
    assert [(one["feed"], one["received"], one["landed"]) for one in answer.document["receipts"]] == [
        ("ehr_fhir", 1, 1)
    ]


def test_ingest_of_a_feed_that_the_site_does_not_send_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT))
    with pytest.raises(FeedNotListed, match="nhamcs does not send the feed 'ehr_fhir'"):
        ingest_paths(settings, [tmp_path / "Patient.ndjson"], "nhamcs", "ehr_fhir")
    [one] = ingest_paths(settings, [tmp_path / "Patient.ndjson"], "nhamcs", None).document["receipts"]
    assert one["reasons"] == {"file.feed_not_listed": 1}


def test_a_drop_lands_only_the_feeds_of_its_site(settings: Settings) -> None:
    drop(settings, "2026-03-02", "Patient.ndjson", json.dumps(PATIENT), site="nhamcs")
    landed = land_days(settings, "nhamcs", [MONDAY])
    assert landed["ehr_fhir"].reasons == {"file.feed_not_listed": 1}


def test_ingest_of_a_table_without_a_required_column_exits_3_with_every_receipt(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "rosters.csv").write_text("shift_id,staff_id\n1,2\n")
    (tmp_path / "Patient.ndjson").write_text(json.dumps(PATIENT))
    answer = ingest_paths(settings, [tmp_path / "rosters.csv"], "city", "rosters")
    assert answer.exit_code == 3
    [one] = answer.document["receipts"]
    assert (one["received"], one["quarantined"]) == (1, 1)
    assert "shift_date" in answer.document["stopped"]
