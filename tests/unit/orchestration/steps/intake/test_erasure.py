"""`erase`: what it destroys beyond the lake, what it writes down, and that one that was stopped is finished."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from ml.features.pseudonym import pseudonym
from ml.serving.tables import EVENT, FEEDBACK, open_database
from orchestration.cli import main
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.intake.derived import TOMBSTONE, hash63
from orchestration.steps.intake.erasure import ErasureNotUnderstood, erase_expired, erase_person, sites_past_term
from orchestration.steps.intake.keys import site_key
from orchestration.steps.intake.landing import ingest_paths
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import open_records, verify_ledger

MARY, JOHN = "mary-0815", "john-4711"
WHO = Actor("dana.privacy")
WHY = "asked for by the person, file 12/2026"


def land_two_people(settings: Settings, tmp_path: Path) -> tuple[str, str]:
    """Land two people; return their pseudonyms."""
    path = tmp_path / "Patient.ndjson"
    path.write_text("".join(json.dumps({"resourceType": "Patient", "id": one}) + "\n" for one in (MARY, JOHN)))
    ingest_paths(settings, [path], "city", None)
    key = site_key(settings, load_site("city"))
    return pseudonym(key, "Patient", MARY), pseudonym(key, "Patient", JOHN)


def erase(settings: Settings, *, is_built: bool = True, reason: str = WHY):
    return erase_person(settings, "city", ("Patient", MARY), None, reason, WHO, lambda: is_built)


def record_event(settings: Settings, number: int, patient_key: str) -> None:
    engine = open_database(settings.events_url)
    with engine.begin() as connection:
        values = {
            "event_id": f"event-{number}", "at_us": 0, "kind": "call", "use_case": "triage", "site": "city",
            "patient_key": patient_key, "status": "scored", "is_displayed": False, "payload": "{}",
        }  # fmt: skip
        connection.execute(insert(EVENT).values(**values))
        answer = {
            "feedback_id": f"f{number}", "received_us": 0, "event_id": f"event-{number}", "card_uuid": "c",
            "outcome": "accepted", "accepted_suggestions": 0, "outcome_us": 0,
        }  # fmt: skip
        connection.execute(insert(FEEDBACK).values(**answer))
    engine.dispose()


def test_events_snapshots_predictions_and_the_warehouse_lose_the_person(settings: Settings, tmp_path: Path) -> None:
    mary, john = land_two_people(settings, tmp_path)
    record_event(settings, 1, mary)
    record_event(settings, 2, john)
    numbers = [hash63("person", "city", mary), hash63("person", "city", john)]
    held, other = settings.snapshots / "a", settings.snapshots / "b"
    for folder, ids in ((held, numbers), (other, numbers[1:])):
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"person_id": ids}), folder / "triage_mart.parquet")
    predictions = settings.home / "candidates" / "triage" / "city" / "m" / "predictions.parquet"
    predictions.parent.mkdir(parents=True)
    pq.write_table(pa.table({"person_id": numbers, "p": [0.1, 0.2]}), predictions)
    settings.warehouse.write_bytes(b"tables")
    settings.spills.mkdir()
    (settings.spills / "duckdb_temp_1_0_storage_DEFAULT-0.tmp").write_bytes(
        b"what a killed build did not keep in memory"
    )
    answer = erase(settings)
    [done] = answer.document["erasures"]
    assert (done["rows"], done["events"], done["snapshots"], done["predictions"]) == (1, 1, 1, 1)
    assert answer.document["tables"] == "rebuilt"
    assert not settings.warehouse.exists() and not settings.spills.exists()
    assert json.loads((held / TOMBSTONE).read_bytes())["tables"] == ["triage_mart.parquet"]
    assert (other / "triage_mart.parquet").exists()
    assert pq.read_table(predictions).column("person_id").to_pylist() == numbers[1:]
    engine = open_database(settings.events_url)
    with engine.connect() as connection:
        assert connection.execute(select(EVENT.c.patient_key)).scalars().all() == [john]
        assert connection.execute(select(FEEDBACK.c.event_id)).scalars().all() == ["event-2"]
    engine.dispose()
    assert mary.encode() not in (settings.home / "events.db").read_bytes()


def test_the_ledger_says_that_and_why_and_names_nobody(settings: Settings, tmp_path: Path) -> None:
    mary, _ = land_two_people(settings, tmp_path)
    erase(settings)
    [entry] = open_records(settings).entries()
    assert (entry.kind, entry.actor, entry.payload["reason"]) == ("erasure", "dana.privacy", WHY)
    text = json.dumps(entry.to_json())
    assert MARY not in text and mary not in text
    assert verify_ledger(settings).document["ok"]


def test_an_erasure_whose_tables_cannot_be_rebuilt_stays_open_and_is_finished_by_the_next(
    settings: Settings, tmp_path: Path
) -> None:
    land_two_people(settings, tmp_path)
    settings.warehouse.write_bytes(b"tables")
    assert erase(settings, is_built=False).exit_code == 1
    assert list(settings.home.glob("erasures/city/*.journal"))
    settings.warehouse.write_bytes(b"tables again")
    assert erase(settings).exit_code == 0
    assert not list(settings.home.glob("erasures/city/*.journal"))
    entries = open_records(settings).entries()
    assert len(entries) == 1, [str(entry.payload["counts"]) for entry in entries]


def test_a_reason_that_holds_the_identifier_is_wrong_usage(settings: Settings, tmp_path: Path) -> None:
    land_two_people(settings, tmp_path)
    with pytest.raises(ErasureNotUnderstood, match="reason"):
        erase(settings, reason=f"{MARY} asked for it")


@pytest.mark.parametrize("given", [(None, None), (("Patient", MARY), "k" * 32)], ids=["nobody", "twice"])
def test_a_person_is_named_in_one_way(settings: Settings, given) -> None:
    with pytest.raises(ErasureNotUnderstood, match="--identifier"):
        erase_person(settings, "city", *given, WHY, WHO, lambda: True)


def test_terms_that_are_not_over_erase_nothing(settings: Settings, tmp_path: Path) -> None:
    land_two_people(settings, tmp_path)
    answer = erase_expired(settings, "city", WHY, WHO, lambda: True)
    assert answer.document == {"expired": [], "tables": "none to rebuild"}
    assert open_records(settings).entries() == []


def test_what_is_past_its_term_goes_and_the_ledger_counts_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_two_people(settings, tmp_path)
    monkeypatch.setattr("orchestration.steps.intake.erasure.now", lambda: datetime(2099, 1, 1, tzinfo=UTC))
    answer = erase_expired(settings, "city", WHY, WHO, lambda: True)
    assert [one["feed"] for one in answer.document["expired"]] == ["ehr_fhir"]
    [entry] = open_records(settings).entries()
    assert entry.payload["counts"] == {"destroyed": 1, "files": 1}


def test_only_a_site_that_holds_something_past_its_term_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_two_people(settings, tmp_path)
    first = datetime.now(UTC)
    assert sites_past_term(settings, first) == []
    assert sites_past_term(settings, first.replace(year=first.year + 11)) == ["city"]
    monkeypatch.setattr("orchestration.steps.intake.erasure.now", lambda: first.replace(year=first.year + 11))
    erase_expired(settings, "city", WHY, WHO, lambda: True)
    assert sites_past_term(settings, first.replace(year=first.year + 11)) == []


def test_rows_of_the_person_leave_the_reviews_that_show_them(settings: Settings, tmp_path: Path) -> None:
    land_two_people(settings, tmp_path)
    [receipt] = settings.home.glob("receipts/city/*/*.json")
    here = {"file": receipt.name[:12], "contract": "ehr_fhir@3.1.0"}
    rows = {"before": [{**here, "line": "1", "gender": "female"}, {**here, "line": "2", "gender": "male"}],
            "after": [{**here, "file": "0" * 12, "line": "1"}]}  # fmt: skip
    path, page = settings.home / "reviews" / "meaning-1.json", settings.reports / "reviews" / "meaning-1.html"
    for one, text in ((path, json.dumps({"review": "meaning-1", "rows": rows, "digest": "d"})), (page, "female")):
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text(text)
    erase(settings)
    left = json.loads(path.read_text())
    assert left["rows"] == {"before": rows["before"][1:], "after": rows["after"]}
    assert left["digest"] == "d" and len(left["emptied_by"]) == 1 and not page.exists()


def test_the_command_refuses_a_person_and_a_term_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path))
    arguments = ["erase", "--site", "city", "--expired", "--patient-key", "x", "--reason", "r"]
    assert CliRunner().invoke(main, arguments).exit_code == 2
