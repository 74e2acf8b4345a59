"""`export` from a server in a thread to the lake: receipts, deletions, problems, a crash before it is closed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.feeds.bulk_export import Asked
from orchestration.feeds.errors import WaitingUnread
from orchestration.settings import Environment, Settings
from orchestration.sites import load_site
from orchestration.sites.bulk_export import BulkExport
from orchestration.steps.intake import exporting
from orchestration.steps.intake.exporting import NoServer, due_exports, export_site
from tests.unit.orchestration.feeds.bulk_export.server import FakeServer, Reply, key_pair, lines, running

LATER = "2026-03-02T12:00:00.000+00:00"
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1950-02-03"}
STAY = {
    "resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": "Patient/p1"},
    "class": {"code": "EMER"}, "period": {"start": "2026-02-20T10:00:00Z", "end": "2026-02-20T12:00:00Z"},
}  # fmt: skip
DELETION = {
    "resourceType": "Bundle", "type": "transaction",
    "entry": [{"request": {"method": "DELETE", "url": "Encounter/e1"}}],
}  # fmt: skip
PROBLEM = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "Ann Miller has no gender"}],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    return Settings(tmp_path, Environment.DEVELOPMENT, ledger_url=url, mlflow_uri=url, events_url=url)


@pytest.fixture
def server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server that the city's site file names."""
    fake = FakeServer(key_pair(settings.keys / "export.pem"))
    with running(fake):
        terms = BulkExport(
            base_url=f"{fake.base}/fhir", client_id="pilothouse", key_file="keys/export.pem", key_id="k1", every="PT6H"
        )
        place = load_site("city").model_copy(update={"bulk_export": terms})
        monkeypatch.setattr(exporting, "load_site", lambda site: place if site == "city" else load_site(site))
        yield fake


def encounters(settings: Settings) -> list[tuple[object, ...]]:
    with duckdb.connect() as db:
        found = f"{settings.lake}/fhir_encounter/site=city/*/*.parquet"
        return db.execute(f"select _is_deleted, status, _file <> '' from '{found}' order by _arrived_at").fetchall()


def test_what_a_server_has_lands_with_receipts_and_what_it_deleted_later_is_deleted(settings, server) -> None:
    server.files = {("output", "Patient-1"): lines(PATIENT), ("output", "Encounter-1"): lines(STAY)}
    said: list[str] = []
    first = export_site(settings, "city", Asked(), said.append)
    assert first.exit_code == 0 and first.document["complete"] is True
    assert [(one["file"], one["landed"]) for one in first.document["receipts"]] == [
        ("Encounter-00002.ndjson", 1),
        ("Patient-00001.ndjson", 1),
    ]
    server.files = {("deleted", "Bundle-1"): lines(DELETION)}
    server.transaction_time = LATER
    second = export_site(settings, "city", Asked(), said.append)
    [receipt] = second.document["receipts"]
    assert (second.document["since"], receipt["deleted"]) == (first.document["transaction_time"], 1)
    assert encounters(settings) == [(False, "finished", True), (True, None, True)]
    assert all(words.startswith("export    city: ") for words in said)


def test_problems_are_landed_as_rejects_told_by_code_and_the_next_export_begins_where_this_did(
    settings, server
) -> None:
    server.files = {("output", "Patient-1"): lines(PATIENT), ("error", "OperationOutcome-1"): lines(PROBLEM)}
    answer = export_site(settings, "city", Asked(), print)
    assert answer.exit_code == 1 and answer.document["complete"] is False
    assert answer.document["problems"][0] == "The server says error, exception: 1 times."
    assert "Miller" not in json.dumps(answer.document)
    assert sum(one["received"] for one in answer.document["receipts"]) == 2
    server.files = {("output", "Patient-1"): lines(PATIENT)}
    assert export_site(settings, "city", Asked(), print).document["since"] is None


def test_a_crash_between_landing_and_closing_lands_nothing_twice(settings, server, monkeypatch) -> None:
    server.files = {("output", "Encounter-1"): lines(STAY)}

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("orchestration.feeds.bulk_export.Exporter.close", killed)
        export_site(settings, "city", Asked(), print)
    answer = export_site(settings, "city", Asked(), print)
    [receipt] = answer.document["receipts"]
    assert (receipt["landed"], receipt["duplicate"]) == (0, 1)
    assert server.paths()["/fhir/$export"] == 1 and len(encounters(settings)) == 1


def test_a_file_that_came_damaged_does_not_let_the_next_export_begin_after_it(settings, server) -> None:
    server.counts = False
    server.files = {("output", "Patient-1"): lines(PATIENT), ("output", "Encounter-1"): lines(STAY)[:-9] + b"\n"}
    answer = export_site(settings, "city", Asked(), print)
    assert answer.exit_code == 1 and answer.document["complete"] is False
    assert "could not be taken as it came: file.truncated" in answer.document["problems"][0]
    server.files = {("output", "Encounter-1"): lines(STAY)}
    answer = export_site(settings, "city", Asked(), print)
    assert (answer.document["since"], answer.document["complete"]) == (None, True)


def test_an_export_whose_files_cannot_be_read_for_a_moment_is_landed_by_the_next(settings, server, monkeypatch) -> None:
    server.files = {("output", "Patient-1"): lines(PATIENT)}

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken, pytest.raises(WaitingUnread):
        broken.setattr("orchestration.feeds.vault.Vault.receive", failing)
        export_site(settings, "city", Asked(), print)
    answer = export_site(settings, "city", Asked(), print)
    assert [one["landed"] for one in answer.document["receipts"]] == [1]
    assert server.paths()["/fhir/$export"] == 1


def test_an_export_without_anything_new_is_done_and_lands_nothing(settings, server) -> None:
    answer = export_site(settings, "city", Asked(), print)
    assert (answer.exit_code, answer.document["files"], answer.document["receipts"]) == (0, 0, [])


def test_a_site_without_a_server_is_told_what_to_write(settings) -> None:
    with pytest.raises(NoServer, match="describe it as bulk_export"):
        export_site(settings, "nhamcs", Asked(), print)


def test_a_site_is_due_until_an_export_was_whole_and_again_after_its_span(settings, server) -> None:
    now = datetime.now(UTC)
    assert due_exports(settings, now) == ["city"]
    server.scripted["/fhir/$export"] = [Reply(400)]
    with pytest.raises(Exception, match="does not begin"):
        export_site(settings, "city", Asked(), print)
    assert due_exports(settings, now) == ["city"]
    export_site(settings, "city", Asked(), print)
    assert due_exports(settings, now) == []
    assert due_exports(settings, now + timedelta(hours=6, minutes=1)) == ["city"]
