"""Refusals of the signed pointers, to what is served and to a challenger: torn, of another place, or going back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.registry.canonical import canonical_json
from ml.registry.challenger import (
    Challenger,
    challenger_path,
    check_follows,
    publish_challenger,
    read_challenger,
)
from ml.registry.pointer import (
    Pointer,
    check_release,
    check_succession,
    pointer_path,
    publish_lower,
    publish_pointer,
    read_pointer,
)
from ml.registry.stages import Stage, Tier
from tests.unit.ml.serving.homes import NOW, SITE, TRIAGE, Home, digest_of

from .rows import KEY, fails

Do = Callable[[], object]
LEDGER = digest_of("ledger entry")
AGAIN, AWAY = "ublish it again", "ithdraw it"
HERE = {"use_case": TRIAGE, "site": SITE, "reason": "a test", "issued_at": NOW}


def error(*sites: str, words: tuple[str, ...]) -> Callable[[Any], Any]:
    return fails(*sites, error="PointerError", words=words, begins=KEY)


def read(home: Home) -> Do:
    return lambda: read_pointer(home.path, TRIAGE, SITE, home.signer.public)


def look(home: Home) -> Do:
    return lambda: read_challenger(home.path, TRIAGE, SITE, home.signer.public)


def publish(home: Home, release: str | None, stage: Stage = Stage.SHADOW, **more: Any) -> Do:
    given = {**HERE, "tier": Tier.MODEL, "signer": home.signer, **more}
    return lambda: publish_pointer(home.path, release=release, stage=stage, **given)


def lower(home: Home, stage: Stage, tier: Tier | None = None) -> Do:
    return lambda: publish_lower(home.path, stage=stage, tier=tier, signer=home.signer, **HERE)  # type: ignore[arg-type]


def challenge(home: Home, release: str, follows: int = 0, **more: Any) -> Do:
    given = {**HERE, "signer": home.signer, "ledger_hash": LEDGER, **more}
    return lambda: publish_challenger(home.path, release=release, follows=follows, **given)


def signed(home: Home, path: Path, **changes: object) -> dict[str, Any]:
    """Let the release key sign what lies there, with changes."""
    document = {name: value for name, value in json.loads(path.read_bytes()).items() if name != "signature"} | changes
    signature = home.signer.sign(document["schema"], canonical_json(document))
    path.write_bytes(canonical_json({**document, "signature": signature.model_dump()}))
    return document


def lies(home: Home, content: bytes) -> None:
    for path in (pointer_path(home.path, TRIAGE, SITE), challenger_path(home.path, TRIAGE, SITE)):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)


# to what is served


@error("pointer.pointer_path", words=("lower-case letters, digits, - and _ only",))
def a_pointer_of_no_plain_name(home: Home, _: pytest.MonkeyPatch) -> Do:
    return lambda: read_pointer(home.path, TRIAGE, "../city", home.signer.public)


@error("pointer.read_pointer", words=("is of another site or use case", AGAIN))
def a_pointer_of_another_site(home: Home, _: pytest.MonkeyPatch) -> Do:
    publish(home, home.release(site="rural"), site="rural")()
    path = pointer_path(home.path, TRIAGE, "rural")
    path.rename(path.with_name("city.json"))
    return read(home)


@error("pointer._require_follows", words=("from generation 0 to 1", "decide anew"))
def a_pointer_that_changed_meanwhile(home: Home, _: pytest.MonkeyPatch) -> Do:
    publish(home, home.release())()
    return publish(home, home.release(), follows=0)


@error("pointer._require_lower/1", words=("missing or cannot be trusted", "only be followed by off"))
def a_lower_stage_of_nothing(home: Home, _: pytest.MonkeyPatch) -> Do:
    return lower(home, Stage.SHADOW)


@error("pointer._require_lower/2", words=("assistive and model is not a step down", "promote it"))
def a_step_down_that_goes_up(home: Home, _: pytest.MonkeyPatch) -> Do:
    publish(home, home.release())()
    return lower(home, Stage.ASSISTIVE)


@error("pointer.check_release/1", words=("made for another use case or site", "serves only its own"))
def a_release_of_another_site(home: Home, _: pytest.MonkeyPatch) -> Do:
    return publish(home, home.release(site="rural"))


@error("pointer.check_release/2", words=("approved for shadow, not for assistive", "release it anew"))
def a_stage_above_the_approved_one(home: Home, _: pytest.MonkeyPatch) -> Do:
    return publish(home, home.release(stage="shadow"), Stage.ASSISTIVE)


@error("pointer.check_release/3", words=("Nobody approved the release", "serves nothing", "Promote it"))
def a_release_that_nobody_approved(home: Home, _: pytest.MonkeyPatch) -> Do:
    return publish(home, home.release(approvals=[]))


@error("pointer.check_release/4", words=("another time of creation than its manifest", AGAIN))
def a_pointer_that_misdates_its_release(home: Home, _: pytest.MonkeyPatch) -> Do:
    publish(home, home.release())()
    path = pointer_path(home.path, TRIAGE, SITE)
    found = Pointer.model_validate(signed(home, path, last_release_at="2020-01-01T00:00:00Z"))
    return lambda: check_release(home.path, found, home.signer.public)


def _seen(home: Home, generation: int, digest: str = "") -> Do:
    """The pointer that lies there, after one of this generation and digest was seen."""
    publish(home, home.release())()
    found = read_pointer(home.path, TRIAGE, SITE, home.signer.public)
    assert found is not None
    return lambda: check_succession(found, generation, digest or found.digest, found.last_release_at)


@error("pointer.check_succession/1", words=("from generation 5 to 1", AGAIN, "ledger entry of a rollback"))
def a_pointer_that_was_put_back(home: Home, _: pytest.MonkeyPatch) -> Do:
    return _seen(home, 5)


@error("pointer.check_succession/2", words=("two versions of generation 1", AGAIN))
def two_pointers_of_one_generation(home: Home, _: pytest.MonkeyPatch) -> Do:
    return _seen(home, 1, "f" * 64)


@error("pointer.check_succession/3", words=("older release and no rollback entry", "through the ledger"))
def an_older_release_without_a_rollback(home: Home, _: pytest.MonkeyPatch) -> Do:
    old = home.release()
    publish(home, home.release(created_at="2026-03-01T00:00:01Z"))()
    return publish(home, old)


@error("pointer._parse/1", words=("is no JSON", AGAIN))
def a_pointer_that_is_torn(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b"{")
    return read(home)


@error("pointer._parse/2", words=("another schema", "'pilothouse.pointer/1' only", AGAIN))
def a_pointer_of_another_schema(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b"{}")
    return read(home)


@error("pointer._parse/3", words=("no well-formed signature", AGAIN))
def a_pointer_that_nobody_signed(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b'{"schema": "pilothouse.pointer/1"}')
    return read(home)


@error("pointer._off_means_no_release", "pointer._validated", words=("stage off has no release", "every other stage"))
def a_pointer_to_a_release_that_is_off(home: Home, _: pytest.MonkeyPatch) -> Do:
    publish(home, home.release())()
    signed(home, pointer_path(home.path, TRIAGE, SITE), stage="off")
    return read(home)


# to a challenger


@error("challenger.challenger_path", words=("lower-case letters, digits, - and _ only",))
def a_challenger_of_no_plain_name(home: Home, _: pytest.MonkeyPatch) -> Do:
    return lambda: read_challenger(home.path, TRIAGE, "../city", home.signer.public)


@error("challenger.read_challenger", words=("is of another site or use case", AWAY))
def a_challenger_of_another_site(home: Home, _: pytest.MonkeyPatch) -> Do:
    challenge(home, home.release(site="rural", stage="shadow"), site="rural")()
    path = challenger_path(home.path, TRIAGE, "rural")
    path.rename(path.with_name("city.json"))
    return look(home)


@error("challenger.publish_challenger", words=("from generation 0 to 1", "ask again"))
def a_challenger_that_changed_meanwhile(home: Home, _: pytest.MonkeyPatch) -> Do:
    challenge(home, home.release(stage="shadow"))()
    return challenge(home, home.release(stage="shadow"))


@error("challenger.check_challenger/1", words=("made for another use case or site", "scores only for its own"))
def a_challenger_made_for_another_site(home: Home, _: pytest.MonkeyPatch) -> Do:
    return challenge(home, home.release(site="rural", stage="shadow"))


@error("challenger.check_challenger/2", words=("not approved for shadow", "only such a release"))
def a_challenger_that_was_approved_for_more(home: Home, _: pytest.MonkeyPatch) -> Do:
    return challenge(home, home.release(stage="assistive"))


@error("challenger.check_challenger/2", words=("not approved for shadow", "only such a release"))
def a_challenger_that_nobody_approved(home: Home, _: pytest.MonkeyPatch) -> Do:
    return challenge(home, home.release(stage="shadow", approvals=[]))


def _beside(home: Home, generation: int, digest: str) -> Do:
    challenge(home, home.release(stage="shadow"))()
    found = look(home)()
    assert isinstance(found, Challenger)
    return lambda: check_follows(found, generation, digest)


@error("challenger.check_follows/1", words=("from generation 5 to 1", "pilothouse rollback --challenger"))
def a_challenger_that_was_put_back(home: Home, _: pytest.MonkeyPatch) -> Do:
    return _beside(home, 5, "f" * 64)


@error("challenger.check_follows/2", words=("two versions of generation 1", AWAY))
def two_challengers_of_one_generation(home: Home, _: pytest.MonkeyPatch) -> Do:
    return _beside(home, 1, "f" * 64)


@error("challenger._parse/1", words=("is no JSON", AWAY))
def a_challengers_pointer_that_is_torn(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b"{")
    return look(home)


@error("challenger._parse/2", words=("another schema than 'pilothouse.challenger/1'", AWAY))
def a_challengers_pointer_of_another_schema(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b"{}")
    return look(home)


@error("challenger._parse/3", words=("no well-formed signature", AWAY))
def a_challengers_pointer_that_nobody_signed(home: Home, _: pytest.MonkeyPatch) -> Do:
    lies(home, b'{"schema": "pilothouse.challenger/1"}')
    return look(home)


@error("challenger._validated", words=("The challenger's pointer breaks its schema at generation",))
def a_challengers_pointer_that_breaks_its_schema(home: Home, _: pytest.MonkeyPatch) -> Do:
    challenge(home, home.release(stage="shadow"))()
    signed(home, challenger_path(home.path, TRIAGE, SITE), generation=0)
    return look(home)
