"""Who is at the controls: a person who signs, somebody who is only named, or the operating system's account."""

import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.ledger import generate_private_key, is_person, public_hex, write_private_key
from orchestration.steps.errors import WrongUsage
from orchestration.steps.record import actors
from orchestration.steps.record.actors import ACCOUNT_PREFIX, ActorNotUsable, account, actor_of
from tests.unit.orchestration.steps.conftest import NOON

PAYLOAD = {"use_case": "triage", "site": "city", "cause": "a cable", "done": "a new cable", "incident": "one"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "ada.pem"
    write_private_key(path, generate_private_key())
    return path


def test_nobody_named_is_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = actor_of(None, None)
    assert actor == actor.required() and (actor.name, actor.key, actor.is_account) == (account(), None, True)


def test_a_person_with_their_key_signs_and_shows_no_key(key_file: Path) -> None:
    actor = actor_of("ada", key_file).required()
    assert actor.key is not None and actor.public_key == public_hex(actor.key) and "Ed25519" not in repr(actor)
    assert actor.act("incident_closed", PAYLOAD, NOON)["actor_proof"]["proof"] == "signature"


def test_a_name_alone_proves_nothing() -> None:
    actor = actor_of("ada", None).required()
    assert (actor.name, actor.public_key) == ("ada", None)
    assert actor.act("incident_closed", PAYLOAD, NOON)["actor_proof"] == {"proof": "none"}


@pytest.mark.parametrize("person", ["", "A", "Ada Lovelace", "ada;", "../ada", "é"])
def test_what_is_no_id_is_told_and_never_recorded(person: str) -> None:
    actor = actor_of(person, None)
    assert actor.name == account() and person not in actor.problem.split()
    with pytest.raises(ActorNotUsable, match="--as takes the id of a person"):
        actor.required()


def test_a_key_without_a_person_or_that_is_none_is_told(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    (tmp_path / "none.pem").chmod(0o644)
    for person, path, words in (
        (None, key_file, "--key proves nothing without --as"),
        ("ada", tmp_path / "none.pem", "mode is"),
        ("ada", tmp_path / "missing.pem", "cannot be read"),
        ("ada", tmp_path, "--key cannot be used"),
    ):
        actor = actor_of(person, path)
        assert actor.key is None
        with pytest.raises(WrongUsage, match=words):
            actor.required()


@given(st.text(max_size=80))
def test_every_account_has_an_id_of_its_own_kind(name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = pwd.getpwuid(actors.os.getuid())
        patch.setattr(pwd, "getpwuid", lambda _: type("Entry", (), {"pw_name": name})())
        assert is_person(account()) and account().startswith(ACCOUNT_PREFIX)
    assert found.pw_name


def test_an_account_that_the_system_cannot_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert account() == f"os.uid-{actors.os.getuid()}" and is_person(account())
