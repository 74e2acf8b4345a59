"""The ledger of a home: opened once, verified, shown, and asked about a time with a zone."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from evaluation.ledger import LedgerError
from orchestration.settings import Settings
from orchestration.steps.record.actors import Actor, account
from orchestration.steps.record.incidents import close_incident, open_incident
from orchestration.steps.record.people import new_person, revoke_person
from orchestration.steps.record.records import (
    LedgerKeyGone,
    TimeNotUnderstood,
    ledger_at_time,
    ledger_entries,
    now,
    open_records,
    show_ledger,
    verify_ledger,
    who,
)
from tests.unit.orchestration.steps.governed import LEDGER_DAMAGES, Governed, break_entry, remove_ledger_key


def incident(settings: Settings, name: str = "slow-feed", site: str = "city") -> dict[str, object]:
    return open_incident(settings, name, use_case="triage", site=site, severity="low", what="The feed came late.")


def test_a_new_home_has_an_empty_ledger_that_verifies_and_a_private_key(settings: Settings) -> None:
    answer = verify_ledger(settings)
    assert answer.exit_code == 0
    assert answer.document == {"ok": True, "entries": 0, "first_bad": None, "reason": "", "problems": []}
    assert (settings.keys / "ledger.key.pem").stat().st_mode & 0o777 == 0o600


def test_entries_are_shown_oldest_first_as_they_were_answered(settings: Settings) -> None:
    opened = incident(settings)
    written = [
        opened,
        close_incident(settings, "slow-feed", cause="network", done="repaired", finding="feed", actor=Actor("ada")),
    ]
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


def test_every_entry_says_what_stands_behind_its_actor(city: Governed) -> None:
    shown = show_ledger(city.settings)
    proofs = {entry["kind"]: (entry["actor"], entry["proof"]) for entry in shown.document["entries"]}
    assert shown.exit_code == 0 and proofs == {
        "person_registered": (account(), "none"),
        "approval": ("noor", "signature"),
        "promotion": ("os.tester", "none"),
    }
    assert (who("ada", "signature"), who("ada", "none")) == ("ada (signed)", "ada (claimed)")
    assert who("pilothouse", "none") == "pilothouse (automatic)"


def test_what_ran_says_who_ordered_it_and_what_stands_behind_the_name(city: Governed) -> None:
    [running] = ledger_at_time(city.settings, "city", now().isoformat())["running"]
    assert (running["by"], running["proof"]) == ("os.tester", "none")


@pytest.mark.parametrize("damage", LEDGER_DAMAGES, ids=lambda one: one.__name__)
def test_a_damaged_ledger_is_told_by_every_command_about_it(
    city: Governed, damage: Callable[[Governed], object]
) -> None:
    damage(city)
    verdict, shown = verify_ledger(city.settings), show_ledger(city.settings)
    assert verdict.exit_code == shown.exit_code == 1
    assert verdict.document.keys() == {"ok", "entries", "first_bad", "reason", "problems"}
    assert verdict.document["ok"] is False and "THE LEDGER IS BROKEN" in verdict.document["reason"]
    assert len(shown.document["entries"]) == verdict.document["entries"] and shown.document["problems"]
    with pytest.raises(LedgerError, match="cannot be said with certainty"):
        ledger_at_time(city.settings, "city", now().isoformat())


def test_of_a_broken_ledger_what_came_before_the_first_bad_entry_is_shown(city: Governed) -> None:
    break_entry(city)
    assert [entry["seq"] for entry in show_ledger(city.settings).document["entries"]] == [1]


def test_a_ledger_whose_key_is_gone_gets_no_other_key(city: Governed) -> None:
    remove_ledger_key(city)
    with pytest.raises(LedgerKeyGone, match="restore it from the backup"):
        open_records(city.settings)
    assert not (city.settings.keys / "ledger.key.pem").exists()


def test_what_waits_to_be_recorded_is_told(city: Governed) -> None:
    (city.settings.home / "pending").mkdir()
    (city.settings.home / "pending" / "odd.json").write_text("{}")
    verdict = verify_ledger(city.settings)
    assert verdict.exit_code == 1 and "odd.json waits in pending/" in verdict.document["problems"][0]
