"""Refusals of the ledger: what contradicts what is recorded, whoever writes it; and a chain that is not whole."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluation.ledger import open_ledger, register_person, revoke_key, rotate_key, sign_act
from evaluation.ledger.people import registration, rotation
from tests.unit.evaluation.ledger.conftest import LEDGER_KEY, Board

from .rows import LEDGER, fails

Do = Callable[[], object]
HERE = {"use_case": "triage", "site": "city"}
HOUR = timedelta(hours=1)
ANNA, BEN, LEAD = "anna.berg", "ben.stone", "clinical_safety_lead"
REVIEW = {**HERE, "outcome": "continue", "next_review": "2027-01-01"}
ROLLBACK = {**HERE, "from_stage": "shadow", "stage": "off", "release": None, "previous": None, "generation": 2}


def an_empty_ledger(home: Path) -> Board:
    return Board(open_ledger(f"sqlite:///{home / 'ledger.db'}", key=LEDGER_KEY, checkpoint=home / "ledger.checkpoint"))


def refused(site: str, *words: str) -> Callable[[Any], Any]:
    """An entry that is not recorded."""
    sites = (f"register.{site}", "ledger.append/4")
    return fails(*sites, error="RefusedEntryError", words=(" is not recorded: ", *words), begins=LEDGER)


def broken(site: str, kind: str, *words: str) -> Callable[[Any], Any]:
    return fails(f"ledger.{site}", error=kind, words=words, begins=LEDGER)


def append(board: Board, kind: str, payload: dict[str, Any], actor: str = "board", later: timedelta = HOUR * 0) -> Do:
    return lambda: board.ledger.append(kind, actor, payload, at=board.now + later)


def act(board: Board, person: str, key: str = "", kind: str = "review", later: timedelta = HOUR * 0, **more: Any) -> Do:
    payload = {**REVIEW, **more} if kind == "review" else more
    signed = sign_act(kind, person, payload, board.key(key or person), at=board.now + later)
    return append(board, kind, signed, person)


def registers(board: Board, person: str, key: str = "", actor: str = "administrator") -> Do:
    return lambda: register_person(board.ledger, person, [LEAD], board.key(key or person), actor=actor, at=board.now)


def revokes(board: Board, person: str) -> None:
    revoke_key(board.ledger, person, "lost", actor="administrator", at=board.now)


# the clock, and who signed an act


@refused("admit/1", "before the entry of", "says so in effective_at")
def an_entry_of_before_the_last(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.review()
    return append(board, "review", REVIEW, later=-HOUR)


@refused("admit/2", "takes effect after it was recorded", "effective_at is no later than now")
def an_entry_that_takes_effect_tomorrow(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "rollback", {**ROLLBACK, "reason": "late", "effective_at": board.now + HOUR})


@refused("_check_act/1", "its actor is not registered", "no key proves")
def an_act_of_a_stranger(board: Board, _: pytest.MonkeyPatch) -> Do:
    return act(board, "zoe.none")


@refused("_check_act/2", "its actor's key was revoked", "register a new one")
def an_act_with_a_revoked_key(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    revokes(board, ANNA)
    return act(board, ANNA)


@refused("_check_act/3", "not signed with the key that its actor registered")
def an_act_with_the_key_of_another(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return act(board, ANNA, BEN)


@refused("_check_act/4", "signed after it was recorded", "clock")
def an_act_signed_tomorrow(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return act(board, ANNA, later=HOUR)


@refused("_check_act/5", "this very act is in the ledger already", "signed anew")
def an_act_that_is_replayed(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    once = act(board, ANNA)
    once()
    return once


# keys and people


@refused("_check_registration/1", "people do not register themselves", "somebody else gives them")
def somebody_who_registers_themselves(board: Board, _: pytest.MonkeyPatch) -> Do:
    return registers(board, ANNA, actor=ANNA)


@refused("_check_registration/2", "another key that still counts", "revoke it first")
def a_second_key_beside_the_first(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return registers(board, ANNA, "anna.second")


@refused("_require_new", "the person had this key before", "does not come back")
def a_key_that_was_given_up(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    rotate_key(board.ledger, ANNA, board.key(ANNA), board.key("anna.second"), at=board.now)
    return lambda: rotate_key(board.ledger, ANNA, board.key("anna.second"), board.key(ANNA), at=board.now)


@refused("_check_key/1", "belongs to somebody else already", "every person has their own")
def one_key_for_two_people(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    return registers(board, BEN, ANNA)


@refused("_check_key/2", "this public key was revoked", "make a new one")
def a_revoked_key_registered_again(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    revokes(board, ANNA)
    return registers(board, ANNA)


@refused("_check_key/3", "not signed by the key it registers")
def a_key_that_its_owner_does_not_hold(board: Board, _: pytest.MonkeyPatch) -> Do:
    payload = registration(ANNA, [LEAD], board.key(ANNA))
    return append(board, "person_registered", {**payload, "proof": "0" * 128}, "administrator")


def _rotated(board: Board, actor: str = ANNA, old: str = ANNA, roles: tuple[str, ...] = (LEAD,), **changes: Any) -> Do:
    board.register(ANNA, LEAD)
    known = board.ledger.people().current(ANNA)
    assert known is not None
    payload = rotation(replace(known, roles=frozenset(roles)), board.key(old), board.key("anna.second"))
    return append(board, "key_rotated", {**payload, **changes}, actor)


@refused("_check_rotation/1", "only somebody who is registered changes their own key")
def a_key_changed_by_another(board: Board, _: pytest.MonkeyPatch) -> Do:
    return _rotated(board, actor=BEN)


@refused("_check_rotation/2", "the key before is not one of this person's that still counts")
def a_key_changed_from_one_that_is_not_theirs(board: Board, _: pytest.MonkeyPatch) -> Do:
    return _rotated(board, old=BEN)


@refused("_check_rotation/3", "a new key changes no roles", "somebody else gives those")
def a_key_changed_with_more_roles(board: Board, _: pytest.MonkeyPatch) -> Do:
    return _rotated(board, roles=(LEAD, "nursing_lead"))


@refused("_check_rotation/4", "not signed with the key that it replaces")
def a_key_changed_without_the_old_one(board: Board, _: pytest.MonkeyPatch) -> Do:
    return _rotated(board, previous_signature="0" * 128)


@refused("_check_revocation/1", "never registered the key that is to be revoked")
def a_revocation_of_the_key_of_another(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    key = str(board.register(BEN, LEAD).payload["public_key"])
    return append(board, "key_revoked", {"person": ANNA, "public_key": key, "reason": "lost"}, "administrator")


@refused("_check_revocation/2", "begins after the revocation", "name the time since which not to trust it")
def a_revocation_that_voids_tomorrow(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.register(ANNA, LEAD)
    words = {"actor": "administrator", "at": board.now, "void_since": board.now + HOUR}
    return lambda: revoke_key(board.ledger, ANNA, "lost", **words)  # type: ignore[arg-type]


# the ledger itself


@broken("open_ledger", "LedgerError", "private key to write, or with its public key to read")
def a_ledger_opened_with_no_key(_: Board, __: pytest.MonkeyPatch) -> Do:
    return lambda: open_ledger("sqlite:///ledger.db")


@broken("append/1", "LedgerError", "opened to read", "its private key to write")
def a_reader_who_writes(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.review()
    reader = replace(board, ledger=open_ledger(_url(board), public_key=board.ledger.public_key))
    return append(reader, "review", REVIEW)


@broken("append/2", "PayloadError", "review: its time has no time zone", "timezone-aware")
def an_entry_of_no_known_moment(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.now = board.now.replace(tzinfo=None)
    return append(board, "review", REVIEW)


@broken("append/3", "PayloadError", "review: actor is not a plain lower-case id")
def an_entry_of_nobody(board: Board, _: pytest.MonkeyPatch) -> Do:
    return append(board, "review", REVIEW, "Somebody Else")


@broken("everything", "LedgerStoreError", "broken at entry 1", "run: ledger verify")
def reading_an_entry_that_was_changed(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.review()
    _change(board, "update pilothouse_entries set actor = 'mallory'")
    return board.ledger.entries


@broken("_walk_to_end", "LedgerStoreError", "nothing is appended to a broken ledger", "run: ledger verify")
def writing_behind_an_entry_that_was_changed(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.review()
    _change(board, "update pilothouse_entries set actor = 'mallory'")
    return append(_again(board), "review", REVIEW)


@broken("_require_whole", "LedgerStoreError", "does not end where its signed head says", "run: ledger verify")
def writing_behind_an_end_that_was_cut(board: Board, _: pytest.MonkeyPatch) -> Do:
    board.review()
    board.review()
    _change(board, "delete from pilothouse_entries where seq = 2")
    return append(_again(board), "review", REVIEW)


@broken("head", "LedgerStoreError", "no signed head", "run: ledger verify")
def a_ledger_whose_head_is_gone(board: Board, _: pytest.MonkeyPatch) -> Do:
    _change(board, "delete from pilothouse_head")
    return board.ledger.head


def _again(board: Board) -> Board:
    """The same ledger, as another process opens it."""
    return replace(board, ledger=open_ledger(_url(board), key=LEDGER_KEY))


def _url(board: Board) -> str:
    return str(board.ledger._store._url)


def _change(board: Board, statement: str) -> None:
    """As somebody with the file would: the triggers are dropped first."""
    with sqlite3.connect(_url(board).removeprefix("sqlite:///")) as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        database.execute(statement)
    database.close()
