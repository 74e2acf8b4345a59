"""The ledger of a home: opened once, verified, shown, and asked about a time with a zone."""

import sqlite3
from datetime import UTC, datetime

import pytest

from orchestration.settings import Settings
from orchestration.steps.incidents import close_incident, open_incident
from orchestration.steps.people import new_person, revoke_person
from orchestration.steps.records import (
    TimeNotUnderstood,
    ledger_at_time,
    ledger_entries,
    now,
    open_records,
    verify_ledger,
)


def incident(settings: Settings, name: str = "slow-feed", site: str = "city") -> dict[str, object]:
    return open_incident(settings, name, use_case="triage", site=site, severity="low", what="The feed came late.")


def test_a_new_home_has_an_empty_ledger_that_verifies_and_a_private_key(settings: Settings) -> None:
    answer = verify_ledger(settings)
    assert answer.exit_code == 0
    assert answer.document == {"ok": True, "entries": 0, "first_bad": None, "reason": answer.document["reason"]}
    assert (settings.keys / "ledger.key.pem").stat().st_mode & 0o777 == 0o600


def test_entries_are_shown_oldest_first_as_they_were_answered(settings: Settings) -> None:
    opened = incident(settings)
    written = [opened, close_incident(settings, "slow-feed", cause="network", done="repaired", actor="ada")]
    assert ledger_entries(settings) == written
    assert [entry["kind"] for entry in written] == ["incident_opened", "incident_closed"]
    assert [entry["actor"] for entry in written] == ["pilothouse", "ada"]


def test_a_changed_entry_is_named_and_fails_the_command(settings: Settings) -> None:
    incident(settings)
    incident(settings, "other")
    open_records.cache_clear()
    with sqlite3.connect(settings.home / "ledger.db") as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
        [table] = [t for t in tables if "payload" in {row[1] for row in database.execute(f"pragma table_info({t})")}]
        database.execute(f"update {table} set payload = replace(payload, 'late', 'soon') where seq = 1")
    database.close()
    answer = verify_ledger(settings)
    assert answer.exit_code == 1
    assert (answer.document["ok"], answer.document["first_bad"]) == (False, 1)


@pytest.mark.parametrize("when", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-01T25:00:00Z"])
def test_what_is_no_time_is_refused_with_an_example(settings: Settings, when: str) -> None:
    with pytest.raises(TimeNotUnderstood, match="write it like 2026-03-01"):
        ledger_at_time(settings, "city", when)


@pytest.mark.parametrize("when", ["2026-03-01T14:00:00", "2026-03-01"])
def test_a_time_without_a_zone_is_refused_and_never_assumed(settings: Settings, when: str) -> None:
    with pytest.raises(TimeNotUnderstood, match="no time zone"):
        ledger_at_time(settings, "city", when)


@pytest.mark.parametrize("when", ["2026-03-01T14:00:00+00:00", "2026-03-01T14:00:00Z", "2026-03-01 09:00-05:00"])
def test_a_time_with_a_zone_is_an_instant_at_which_nothing_ran_yet(settings: Settings, when: str) -> None:
    answer = ledger_at_time(settings, "city", when)
    assert datetime.fromisoformat(answer["time"]).astimezone(UTC) == datetime(2026, 3, 1, 14, tzinfo=UTC)
    assert answer["running"] == []


def test_now_has_a_zone() -> None:
    assert now().tzinfo is UTC


def test_a_person_gets_a_private_key_once_and_loses_it_for_good(settings: Settings) -> None:
    path = settings.home / "ada.pem"
    entry = new_person(settings, "ada", ("nursing_lead",), path)
    assert entry["key"] == str(path) and path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() not in str(ledger_entries(settings))
    assert open_records(settings).people().current("ada").roles == frozenset({"nursing_lead"})  # type: ignore[union-attr]
    revoke_person(settings, "ada", "the key was lost")
    assert open_records(settings).people().at("ada", now()) is None


def test_a_key_file_that_exists_is_never_overwritten_and_nobody_is_registered(settings: Settings) -> None:
    from orchestration.steps.errors import known_errors

    path = settings.home / "ada.pem"
    path.write_text("somebody's key")
    with pytest.raises(known_errors()):
        new_person(settings, "ada", ("nursing_lead",), path)
    assert path.read_text() == "somebody's key" and ledger_entries(settings) == []
