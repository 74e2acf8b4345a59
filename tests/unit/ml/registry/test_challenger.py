"""The signed pointer to a challenger: generations rise, it is in shadow or nothing, and taking it away never fails."""

import json
from typing import Any

import pytest
from serving_homes import NOW, SITE, TRIAGE, Home, digest_of

from ml.registry import PointerError, SignatureError
from ml.registry.challenger import (
    Challenger,
    challenged_places,
    challenger_path,
    check_follows,
    publish_challenger,
    read_challenger,
    withdraw_challenger,
)

LEDGER = digest_of("ledger entry")


def put(home: Home, release: str, follows: int, **more: Any) -> Challenger:
    place = {"use_case": TRIAGE, "site": SITE, "ledger_hash": LEDGER, "reason": "test", "issued_at": NOW}
    return publish_challenger(home.path, release=release, follows=follows, signer=home.signer, **{**place, **more})


def take(home: Home, **more: Any) -> Challenger:
    place = {"use_case": TRIAGE, "site": SITE, "reason": "test", "issued_at": NOW}
    return withdraw_challenger(home.path, signer=home.signer, **{**place, **more})


def read(home: Home) -> Challenger | None:
    return read_challenger(home.path, TRIAGE, SITE, home.signer.public)


def test_generations_rise_whatever_changes(home: Home) -> None:
    release = home.release(stage="shadow")
    assert read(home) is None and challenged_places(home.path) == set()
    assert [put(home, release, 0).generation, put(home, release, 1).generation, take(home).generation] == [1, 2, 3]
    assert put(home, release, 3, above=7).generation == 8
    found = read(home)
    assert found is not None and (found.release, found.ledger_hash) == (release, LEDGER)
    assert challenged_places(home.path) == {(TRIAGE, SITE)}


def test_whoever_decided_upon_another_pointer_puts_nothing_there(home: Home) -> None:
    put(home, home.release(stage="shadow"), 0)
    with pytest.raises(PointerError, match="from generation 0 to 1"):
        put(home, home.release(stage="shadow"), 0)


@pytest.mark.parametrize("stage", ["assistive", "decision_support"])
def test_only_what_was_approved_for_shadow_challenges(home: Home, stage: str) -> None:
    with pytest.raises(PointerError, match="not approved for shadow"):
        put(home, home.release(stage=stage), 0)
    assert read(home) is None


def test_what_nobody_approved_does_not_challenge(home: Home) -> None:
    with pytest.raises(PointerError, match="not approved for shadow"):
        put(home, home.release(stage="shadow", approvals=[]), 0)


def test_a_release_challenges_at_its_own_site_only(home: Home) -> None:
    with pytest.raises(PointerError, match="another use case or site"):
        put(home, home.release(stage="shadow", site="rural"), 0)
    path = challenger_path(home.path, TRIAGE, "rural")
    put(home, home.release(stage="shadow"), 0)
    path.write_bytes(challenger_path(home.path, TRIAGE, SITE).read_bytes())
    with pytest.raises(PointerError, match="is of another site"):
        read_challenger(home.path, TRIAGE, "rural", home.signer.public)
    with pytest.raises(PointerError, match="named by lower-case letters"):
        challenger_path(home.path, TRIAGE, "../city")


def test_a_changed_pointer_is_refused_and_taken_away_all_the_same(home: Home) -> None:
    put(home, home.release(stage="shadow"), 0)
    path = challenger_path(home.path, TRIAGE, SITE)
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "generation": 9}))
    with pytest.raises(SignatureError, match="changed after it was signed"):
        read(home)
    assert take(home).generation == int(NOW.timestamp() * 1000) + 1
    found = read(home)
    assert found is not None and found.release is None


def test_over_a_torn_pointer_the_entry_of_the_ledger_says_the_generation(home: Home) -> None:
    put(home, home.release(stage="shadow"), 0)
    challenger_path(home.path, TRIAGE, SITE).write_bytes(b"x")
    found = take(home, above=1, ledger_hash=LEDGER)
    assert (found.generation, found.release, found.ledger_hash) == (2, None, LEDGER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"),
        (b"[]", "another schema"),
        (b'{"schema":"pilothouse.pointer/1"}', "another schema"),
        (b'{"schema":"pilothouse.challenger/1"}', "no well-formed signature"),
    ],
)
def test_a_file_that_is_no_challenger_is_refused(home: Home, content: bytes, message: str) -> None:
    take(home)
    challenger_path(home.path, TRIAGE, SITE).write_bytes(content)
    with pytest.raises(PointerError, match=message):
        read(home)


def test_an_older_pointer_is_refused_after_a_newer_was_seen(home: Home) -> None:
    first = put(home, home.release(stage="shadow"), 0)
    second = take(home)
    check_follows(second, first.generation, first.digest)
    check_follows(second, second.generation, second.digest)
    with pytest.raises(PointerError, match="went back from generation 2 to 1"):
        check_follows(first, second.generation, second.digest)
    with pytest.raises(PointerError, match="two versions of generation 2"):
        check_follows(second, second.generation, first.digest)


def test_a_pointer_of_a_shape_that_nobody_writes_is_refused(home: Home) -> None:
    with pytest.raises(PointerError, match="reason"):
        take(home, reason="")
