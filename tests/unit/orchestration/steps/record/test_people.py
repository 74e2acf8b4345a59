"""People: a key is left behind only for who was registered, with roles that a policy knows; and is revoked once."""

import os
from pathlib import Path

import pytest

from evaluation.drift.semantic_policy import load_semantic_policy
from evaluation.ledger import (
    Ledger,
    LedgerError,
    LedgerStoreError,
    generate_private_key,
    load_private_key,
    proof_of,
    public_hex,
    write_private_key,
)
from evaluation.policies import load_policy
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.steps.record.actors import ActorNotUsable, account, actor_of
from orchestration.steps.record.people import (
    KeyKept,
    ReservedName,
    UnknownRole,
    known_roles,
    new_person,
    revoke_person,
    rotate_person,
)
from orchestration.steps.record.records import TimeNotUnderstood, open_records, verify_ledger
from tests.unit.orchestration.steps.governed import LEDGER_DAMAGES, Damage, Governed, replace_ledger


def ledger_of(settings: Settings) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.actor, proof_of(entry)) for entry in open_records(settings).entries()]


def test_every_role_of_the_policy_can_be_given(settings: Settings) -> None:
    policies = [load_policy(use_case) for use_case in use_case_names()]
    named = {role for one in policies for role in (*one.rights.step_down_roles, *one.rights.step_up_roles)}
    named |= set(load_semantic_policy().reviewers.values())
    assert set(known_roles()) == named | {r for one in policies for kind in one.approvals.kinds for r in kind.roles}
    entry = new_person(settings, "ada", known_roles(), settings.home / "ada.pem")
    assert entry["payload"]["roles"] == known_roles()


def test_a_role_that_no_policy_knows_is_refused_with_those_there_are_and_leaves_nothing(settings: Settings) -> None:
    with pytest.raises(UnknownRole, match=r"'nurse'; known are .*nursing_lead"):
        new_person(settings, "ada", ("nursing_lead", "nurse"), settings.home / "ada.pem")
    assert not (settings.home / "ada.pem").exists() and ledger_of(settings) == []


@pytest.mark.parametrize("name", ["operator", "pilothouse", "os.root"])
def test_nobody_can_pass_for_the_system_or_an_account(settings: Settings, name: str) -> None:
    with pytest.raises(ReservedName):
        new_person(settings, name, ("nursing_lead",), settings.home / "key.pem")
    assert not (settings.home / "key.pem").exists()


@pytest.mark.parametrize("name", ["", "Ada", "a b", "x" * 65])
def test_a_name_that_the_ledger_refuses_leaves_no_key(settings: Settings, name: str) -> None:
    with pytest.raises(LedgerError):
        new_person(settings, name, ("nursing_lead",), settings.home / "key.pem")
    assert not (settings.home / "key.pem").exists() and ledger_of(settings) == []


def test_the_same_person_twice_is_refused_and_leaves_no_second_key(settings: Settings) -> None:
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    with pytest.raises(LedgerError, match="revoke it first"):
        new_person(settings, "ada", ("nursing_lead",), settings.home / "second.pem")
    assert not (settings.home / "second.pem").exists() and len(ledger_of(settings)) == 1


def test_a_key_file_that_is_there_stays_as_it_is(settings: Settings) -> None:
    (settings.home / "ada.pem").write_text("somebody's key")
    with pytest.raises(LedgerError, match="never overwritten; name a new file"):
        new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    assert (settings.home / "ada.pem").read_text() == "somebody's key" and ledger_of(settings) == []


@pytest.mark.parametrize("place", ["missing/ada.pem", "."])
def test_a_place_where_no_file_can_be_is_told_and_nobody_is_registered(settings: Settings, place: str) -> None:
    with pytest.raises(LedgerError, match=r"cannot be created|never overwritten"):
        new_person(settings, "ada", ("nursing_lead",), settings.home / place)
    assert ledger_of(settings) == []


@pytest.mark.parametrize("damage", LEDGER_DAMAGES, ids=lambda one: one.__name__)
def test_over_a_damaged_ledger_nobody_is_registered_and_no_key_is_left(city: Governed, damage: Damage) -> None:
    damage(city)
    with pytest.raises(Exception, match=r".{20,}"):
        new_person(city.settings, "nina", ("nursing_lead",), city.settings.home / "nina.pem")
    assert not (city.settings.home / "nina.pem").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_key_that_is_on_the_ledger_is_kept_whatever_fails_after_that(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    open_records(settings)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Ledger, "keep_head", fail)
    with pytest.raises((KeyKept, KeyboardInterrupt)) as stopped:
        new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    assert isinstance(error, KeyboardInterrupt) or "ada.pem" in str(stopped.value)
    monkeypatch.undo()
    known = open_records(settings).people().current("ada")
    assert known is not None
    assert public_hex(load_private_key(settings.home / "ada.pem")) == known.public_key
    assert verify_ledger(settings).exit_code == 0


def test_a_key_is_kept_where_nobody_can_say_whether_the_ledger_has_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_records(settings)

    def gone(*_: object, **__: object) -> None:
        replace_ledger(Governed(settings))
        raise LedgerStoreError("the connection was lost.")

    monkeypatch.setattr(Ledger, "append", gone)
    with pytest.raises(KeyKept, match=r"kept in ada\.pem"):
        new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    assert load_private_key(settings.home / "ada.pem")


def test_a_disk_that_is_full_leaves_no_half_of_a_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evaluation.ledger.keys.os.fsync", full)
    with pytest.raises(LedgerError, match=r"ada\.pem: cannot be written \(No space left on device\)"):
        write_private_key(settings.home / "ada.pem", generate_private_key())
    assert not (settings.home / "ada.pem").exists()


def test_what_a_kill_left_of_a_persons_key_goes_with_the_next_try(settings: Settings) -> None:
    left = settings.home / ".ada.pem.0123456789abcdef"
    left.touch(0o600)
    os.utime(left, (0, 0))
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    assert not left.exists() and load_private_key(settings.home / "ada.pem")


def test_who_gives_the_roles_is_the_account_or_somebody_named_or_somebody_who_signs(settings: Settings) -> None:
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    new_person(settings, "bo", ("nursing_lead",), settings.home / "bo.pem", actor_of("ada", None))
    new_person(settings, "cy", ("nursing_lead",), settings.home / "cy.pem", actor_of("ada", settings.home / "ada.pem"))
    assert ledger_of(settings) == [
        ("person_registered", account(), "none"),
        ("person_registered", "ada", "none"),
        ("person_registered", "ada", "signature"),
    ]


def test_a_key_that_proves_nothing_registers_nobody(settings: Settings) -> None:
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    for by, key in (("ada", "none.pem"), ("mallory", "ada.pem")):
        with pytest.raises((ActorNotUsable, LedgerError)):
            new_person(settings, "bo", ("nursing_lead",), settings.home / "bo.pem", actor_of(by, settings.home / key))
    assert not (settings.home / "bo.pem").exists() and len(ledger_of(settings)) == 1


def test_a_key_is_revoked_once_by_whoever_and_the_second_time_it_is_told_since_when(settings: Settings) -> None:
    path = settings.home / "ada.pem"
    new_person(settings, "ada", ("nursing_lead",), path)
    entry = revoke_person(settings, "ada", "lost", actor_of("ada", path))
    assert (entry["actor"], entry["proof"]) == ("ada", "signature")
    with pytest.raises(LedgerError, match=f"revoked already, since {entry['at'][:16]}"):
        revoke_person(settings, "ada", "lost")
    assert len(ledger_of(settings)) == 2


def test_after_it_was_revoked_a_new_key_is_made_under_a_new_name(settings: Settings) -> None:
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    revoke_person(settings, "ada", "lost")
    new_person(settings, "ada", ("nursing_lead",), settings.home / "second.pem")
    assert load_private_key(Path(settings.home / "second.pem"))


def test_a_new_key_takes_the_place_of_the_old_one_which_signs_nothing_more(settings: Settings) -> None:
    old, new = settings.home / "ada.pem", settings.home / "ada-2.pem"
    new_person(settings, "ada", ("nursing_lead",), old)
    entry = rotate_person(settings, "ada", old, new)
    assert (entry["kind"], entry["actor"], entry["proof"]) == ("key_rotated", "ada", "signature")
    with pytest.raises(LedgerError, match="not one of this person's that still counts"):
        rotate_person(settings, "ada", old, settings.home / "third.pem")
    assert not (settings.home / "third.pem").exists()
    known = open_records(settings).people().current("ada")
    assert known is not None
    assert (known.public_key, known.roles) == (public_hex(load_private_key(new)), {"nursing_lead"})


@pytest.mark.parametrize("since", ["yesterday", "2026-03-01T14:00:00"])
def test_a_time_since_which_not_to_trust_a_key_needs_a_zone(settings: Settings, since: str) -> None:
    new_person(settings, "ada", ("nursing_lead",), settings.home / "ada.pem")
    with pytest.raises(TimeNotUnderstood):
        revoke_person(settings, "ada", "stolen", since=since)
    assert [kind for kind, _, _ in ledger_of(settings)] == ["person_registered"]


def test_revoking_says_which_approvals_still_count_and_how_to_void_them(city: Governed) -> None:
    entry = revoke_person(city.settings, "ada", "left the hospital")
    (warning,) = entry["warnings"]
    assert "1 approvals that ada signed before stay valid" in warning and "--since" in warning
    assert revoke_person(city.settings, "ada", "the key was seen", since="2020-01-01T00:00:00Z")["warnings"] == []
