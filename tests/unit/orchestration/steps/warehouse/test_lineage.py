"""The way back, and where it ends: what is not on record, what is ambiguous, what was changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from ml.registry import RegistryError
from orchestration.settings import Settings
from orchestration.steps.errors import known_errors
from orchestration.steps.files import file_sha256, write_json
from orchestration.steps.learning.stores import CandidateRecord, NoCandidate, save_candidate
from orchestration.steps.warehouse.lineage import NotOnRecord, trace
from orchestration.steps.warehouse.tables import TablesError
from tests.unit.ml.serving.homes import Home
from tests.unit.orchestration.steps.conftest import NOON, digest

CARD = "11111111-1111-4111-8111-111111111111"


def publish_events(settings: Settings, release: str) -> None:
    """A snapshot with one landed card."""
    folder = settings.snapshots / digest("snapshot")
    folder.mkdir(parents=True)
    path = folder / "serving_event.parquet"
    with duckdb.connect() as connection:
        row = f"'{release}' as release_digest, 'v1' as visit_key, timestamptz '{NOON}' as at, 'city' as site"
        connection.execute(f"copy (select {row}, '{CARD}' as card_uuid) to '{path}' (format parquet)")
    tables = {"serving_event": {"file": path.name, "sha256": file_sha256(path), "rows": 1}}
    write_json(
        settings.snapshots / "current.json", {"digest": folder.name, "as_of": NOON.isoformat(), "tables": tables}
    )


@pytest.fixture
def release(settings: Settings, record: Callable[..., CandidateRecord]) -> str:
    """A signed release in the home, with the record of its candidate."""
    home = Home.at(settings.home)
    released = home.release()
    manifest = json.loads((settings.home / "releases" / released / "manifest.json").read_text())
    save_candidate(settings, replace(record(), model=manifest["model"]["digest"]))
    return released


def test_a_release_is_found_by_its_digest_or_its_first_digits(settings: Settings, release: str) -> None:
    chain = trace(settings, release)
    assert chain == trace(settings, release[:8])
    assert chain["release"] == {"digest": release, "stage": "decision_support", "site": "city"}
    assert {approval["person"] for approval in chain["approvals"]} == {"a", "b"}
    assert chain["tables"] == {"dbt_manifest": digest("manifest")}
    assert chain["files"] == {}


def test_the_files_of_a_release_are_counted_from_the_receipts_of_its_site(settings: Settings, release: str) -> None:
    for site, name, landed in (("city", "a", 3), ("city", "b", 4), ("rural", "c", 9)):
        write_json(
            settings.home / "receipts" / site / f"{name}.json", {"feed": "census", "received": 5, "landed": landed}
        )
    assert trace(settings, release)["files"] == {"census": {"files": 2, "received": 10, "landed": 7}}


def test_a_card_leads_to_its_release_its_visit_and_the_lines_it_came_from(settings: Settings, release: str) -> None:
    publish_events(settings, release)
    folder = settings.lake / "fhir_encounter" / "site=city" / "day=2026-03-01"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        row = "'v1' as encounter_key, 'f' as _file, 7 as _line, 'ehr_fhir@1.0.0' as _contract"
        row += f", timestamptz '{NOON}' as _arrived_at"
        connection.execute(f"copy (select {row}) to '{folder}/a.parquet' (format parquet)")
    chain = trace(settings, CARD)
    assert chain["card"]["uuid"] == CARD and chain["card"]["visit_key"] == "v1"
    assert chain["release"]["digest"] == release
    assert [(one["table"], one["file"], one["line"]) for one in chain["visit"]] == [("fhir_encounter", "f", 7)]


@pytest.mark.parametrize("identifier", ["nonsense", "../../etc", "*", "' or true --", "", CARD.replace("1", "2")])
def test_what_is_not_on_record_is_refused_and_nothing_is_guessed(
    settings: Settings, release: str, identifier: str
) -> None:
    publish_events(settings, release)
    with pytest.raises(NotOnRecord, match="neither a release digest nor a card"):
        trace(settings, identifier)


def test_digits_that_several_releases_begin_with_name_none_of_them(settings: Settings, release: str) -> None:
    publish_events(settings, release)
    (settings.home / "releases" / (release[:8] + "0" * 56)).mkdir()
    with pytest.raises(NotOnRecord, match=f"2 releases begin with '{release[:8]}'"):
        trace(settings, release[:8])
    assert trace(settings, release)["release"]["digest"] == release


@pytest.mark.parametrize("digits", [1, 4, 7])
def test_fewer_digits_than_eight_name_no_release(settings: Settings, release: str, digits: int) -> None:
    with pytest.raises(NotOnRecord, match="give at least 8 digits"):
        trace(settings, release[:digits])


def test_before_anything_landed_a_card_cannot_be_looked_up(settings: Settings) -> None:
    with pytest.raises(TablesError, match="pilothouse run"):
        trace(settings, CARD)


def test_a_release_that_was_changed_is_refused_and_not_described(settings: Settings, release: str) -> None:
    path = settings.home / "releases" / release / "card.yaml"
    path.chmod(0o644)
    path.write_text(path.read_text() + "\n")
    with pytest.raises(RegistryError):
        trace(settings, release)


def test_a_release_whose_candidate_is_not_on_record_says_so(settings: Settings, release: str) -> None:
    for path in Path(settings.home / "candidates" / "triage").rglob("record.json"):
        path.unlink()
    with pytest.raises(NoCandidate):
        trace(settings, release)
    assert issubclass(NoCandidate, known_errors())
