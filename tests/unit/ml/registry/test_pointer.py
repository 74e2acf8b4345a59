"""The signed pointer: generations rise, and going back needs a ledger entry."""

import json
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_homes import SITE, TRIAGE, Home, digest_of

from ml.registry import PointerError, RegistryError, SignatureError
from ml.registry.pointer import (
    SIGNED_STEP,
    Pointer,
    check_succession,
    pointed_sites,
    pointer_path,
    publish_pointer,
    read_pointer,
)
from ml.registry.stages import Stage, Tier

LEDGER = digest_of("ledger entry")


def read(home: Home) -> Pointer | None:
    return read_pointer(home.path, TRIAGE, SITE, home.signer.public)


def test_there_is_no_pointer_before_the_first(home: Home) -> None:
    assert read(home) is None
    assert pointed_sites(home.path, TRIAGE) == ()


def test_generations_rise_by_one(home: Home) -> None:
    release = home.release()
    assert [home.point(release).generation for _ in range(3)] == [1, 2, 3]
    assert home.point(None).generation == 4
    found = read(home)
    assert found is not None
    assert (found.generation, found.release, found.stage) == (4, None, Stage.OFF)
    assert pointed_sites(home.path, TRIAGE) == (SITE,)


def test_a_changed_pointer_is_refused(home: Home) -> None:
    home.point(home.release(), stage=Stage.SHADOW)
    document = json.loads(home.pointer_file.read_text())
    home.pointer_file.write_text(json.dumps({**document, "stage": "decision_support"}))
    with pytest.raises(SignatureError, match="changed after it was signed"):
        read(home)
    home.pointer_file.write_text(json.dumps({k: v for k, v in document.items() if k != "signature"}))
    with pytest.raises(PointerError, match="no well-formed signature"):
        read(home)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no JSON"), (b"[]", "another schema"), (b'{"schema":"pilothouse.pointer/2"}', "another schema")],
)
def test_a_file_that_is_no_pointer_is_refused(home: Home, content: bytes, message: str) -> None:
    home.point(home.release())
    home.pointer_file.write_bytes(content)
    with pytest.raises(PointerError, match=message):
        read(home)


def test_the_pointer_of_another_site_is_refused(home: Home) -> None:
    home.point(home.release())
    shutil.copy(home.pointer_file, home.pointer_file.with_name("district.json"))
    with pytest.raises(PointerError, match="another site"):
        read_pointer(home.path, TRIAGE, "district", home.signer.public)


def test_a_linked_pointer_is_refused(home: Home, tmp_path: Path) -> None:
    home.point(home.release())
    home.pointer_file.rename(tmp_path / "pointer")
    home.pointer_file.symlink_to(tmp_path / "pointer")
    with pytest.raises(RegistryError, match="cannot be opened"):
        read(home)


def test_a_release_of_another_site_cannot_be_pointed_to(home: Home) -> None:
    with pytest.raises(PointerError, match="another use case or site"):
        home.point(home.release(), site="district")


def test_a_stage_above_the_approved_one_is_refused_and_the_approved_one_is_not(home: Home) -> None:
    release = home.release(stage="shadow")
    with pytest.raises(PointerError, match="approved for shadow, not for assistive"):
        home.point(release, stage=Stage.ASSISTIVE)
    assert home.point(release, stage=Stage.SHADOW).generation == 1


def test_going_back_to_an_older_release_needs_a_ledger_entry(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    with pytest.raises(PointerError, match="no rollback entry"):
        home.point(older)
    pointer = home.point(older, rollback=LEDGER)
    assert pointer.generation == 2
    assert pointer.rollback is not None
    assert pointer.rollback.ledger_hash == LEDGER


def test_off_does_not_make_the_pointer_forget(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    home.point(None)
    with pytest.raises(PointerError, match="no rollback entry"):
        home.point(older)


def test_a_rollback_stays_on_the_pointer_as_long_as_its_release(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    home.point(older, rollback=LEDGER)
    kept = home.point(older, tier=Tier.RULE)
    assert kept.rollback is not None
    assert kept.rollback.ledger_hash == LEDGER
    assert home.point(newer).rollback is None


def test_a_refused_pointer_leaves_the_present_one(home: Home) -> None:
    release = home.release()
    home.point(release)
    before = home.pointer_file.read_bytes()
    with pytest.raises(RegistryError, match="not in this home"):
        home.point(digest_of("absent"))
    assert home.pointer_file.read_bytes() == before


def signed(home: Home, **changes: object) -> None:
    """Put a pointer in place that the release key signed, whatever it says."""
    from ml.registry.canonical import canonical_json
    from ml.registry.pointer import PURPOSE

    document = {k: v for k, v in json.loads(home.pointer_file.read_text()).items() if k != "signature"} | changes
    signature = home.signer.sign(PURPOSE, canonical_json(document))
    home.pointer_file.write_bytes(canonical_json({**document, "signature": signature.model_dump()}))


def test_a_signed_pointer_that_breaks_its_schema_is_refused(home: Home) -> None:
    home.point(home.release())
    signed(home, generation=0)
    with pytest.raises(PointerError, match="breaks its schema at generation"):
        read(home)


def test_a_pointer_that_misdates_its_release_is_refused(home: Home) -> None:
    from ml.registry.pointer import check_release

    home.point(home.release())
    signed(home, last_release_at="2020-01-01T00:00:00Z")
    found = read(home)
    assert found is not None
    with pytest.raises(PointerError, match="another time of creation"):
        check_release(home.path, found, home.signer.public)


@pytest.mark.parametrize("name", ["../city", "a/b", "", "City", ".hidden"])
def test_a_site_that_is_no_plain_name_is_refused(home: Home, name: str) -> None:
    with pytest.raises(PointerError, match="lower-case letters"):
        pointer_path(home.path, TRIAGE, name)


def pointer(generation: int, at: int, rollback: bool = False) -> Pointer:
    return Pointer.model_validate(
        {
            "schema": "pilothouse.pointer/1",
            "use_case": TRIAGE,
            "site": SITE,
            "generation": generation,
            "release": digest_of("r"),
            "stage": "shadow",
            "tier": "model",
            "issued_at": datetime(2026, 1, 1, tzinfo=UTC),
            "reason": "test",
            "last_release_at": datetime.fromtimestamp(at, tz=UTC),
            "rollback": {"ledger_hash": LEDGER} if rollback else None,
        }
    )


def test_succession_at_its_boundaries() -> None:
    last = pointer(5, 100)
    seen = (last.generation, last.digest, last.last_release_at)
    check_succession(last, *seen)
    check_succession(pointer(6, 100), *seen)
    check_succession(pointer(6, 99, rollback=True), *seen)
    with pytest.raises(PointerError, match="went back from generation 5 to 4"):
        check_succession(pointer(4, 100), *seen)
    with pytest.raises(PointerError, match="two versions of generation 5"):
        check_succession(pointer(5, 101), *seen)
    with pytest.raises(PointerError, match="older release"):
        check_succession(pointer(6, 99), *seen)


def test_a_release_and_the_stage_off_exclude_each_other() -> None:
    document = pointer(1, 1).to_json()
    for change in ({"stage": "off"}, {"release": None}):
        with pytest.raises(ValueError, match="stage off has no release"):
            Pointer.model_validate({**document, **change})


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["old", "new", "off", "old with entry"]), min_size=1, max_size=6))
def test_whatever_is_published_generations_rise_and_no_release_goes_back_silently(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home.at(tmp_path_factory.mktemp("home"))
    old, new = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    published: list[Pointer] = []
    for step in steps:
        release = {"old": old, "new": new, "off": None, "old with entry": old}[step]
        try:
            published.append(home.point(release, rollback=LEDGER if step == "old with entry" else None))
        except PointerError:
            assert step == "old"
    assert [item.generation for item in published] == list(range(1, len(published) + 1))
    served = [item for item in published if item.release is not None]
    for before, after in pairwise(served):
        if before.release == new and after.release == old:
            assert after.rollback is not None


def test_a_signed_step_is_told_by_its_own_field_and_by_the_reason_of_older_pointers(home: Home) -> None:
    about = {"use_case": TRIAGE, "site": SITE, "release": home.release(), "stage": Stage.SHADOW, "tier": Tier.RULE}
    given: dict[str, Any] = {**about, "issued_at": home.now, "signer": home.signer}
    plain = publish_pointer(home.path, **given, reason="a step")
    assert not plain.is_signed_step and "signed_step" not in plain.to_json(), "as it was before there was the field"
    typed = publish_pointer(home.path, **given, reason=f"{SIGNED_STEP}9")
    assert not typed.is_signed_step and typed.reason == f"unsigned: {SIGNED_STEP}9"
    said = publish_pointer(home.path, **given, reason="whatever it says", signed_step=9)
    found = read(home)
    assert found == said and said.is_signed_step and said.to_json()["signed_step"] == 9
    assert not publish_pointer(home.path, **given, reason="the next step").is_signed_step
    signed(home, reason=f"{SIGNED_STEP}3")
    older = read(home)
    assert older is not None and older.signed_step is None and older.is_signed_step
