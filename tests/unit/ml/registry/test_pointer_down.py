"""Stepping down: nothing stands in its way, it only narrows, and what serving saw before is still respected."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_homes import SITE, TRIAGE, Home, digest_of

from ml.registry import PointerError
from ml.registry.pointer import (
    Pointer,
    check_succession,
    pointed_sites,
    publish_lower,
    publish_pointer,
    read_pointer,
    withdraw_pointer,
)
from ml.registry.stages import Stage, Tier

LONG_AFTER_ANY_COUNT = 1_000_000_000


def lower(home: Home, stage: Stage, tier: Tier | None = None, **more: int) -> Pointer:
    return publish_lower(
        home.path,
        use_case=TRIAGE,
        site=SITE,
        stage=stage,
        tier=tier,
        reason="test",
        issued_at=home.now,
        signer=home.signer,
        **more,
    )


def read(home: Home) -> Pointer | None:
    return read_pointer(home.path, TRIAGE, SITE, home.signer.public)


def damage_json(home: Home) -> None:
    home.pointer_file.write_bytes(b"{")


def damage_signature(home: Home) -> None:
    content = home.pointer_file.read_bytes()
    home.pointer_file.write_bytes(content.replace(b'"generation":', b'"generation":1', 1))


def replace_by_link(home: Home) -> None:
    home.pointer_file.rename(home.path / "elsewhere")
    home.pointer_file.symlink_to(home.path / "elsewhere")


def remove(home: Home) -> None:
    home.pointer_file.unlink()


DAMAGES = [damage_json, damage_signature, replace_by_link, remove]


def test_a_lower_stage_keeps_the_release_and_counts_on(home: Home) -> None:
    release = home.release()
    before = home.point(release, stage=Stage.DECISION_SUPPORT)
    after = lower(home, Stage.SHADOW)
    assert (after.release, after.stage, after.tier, after.generation) == (release, Stage.SHADOW, Tier.MODEL, 2)
    assert after.last_release_at == before.last_release_at and read(home) == after


def test_a_lower_tier_keeps_the_stage(home: Home) -> None:
    home.point(home.release(), stage=Stage.ASSISTIVE)
    assert (lower(home, Stage.ASSISTIVE, Tier.RULE).tier, lower(home, Stage.ASSISTIVE).tier) == (Tier.RULE, Tier.RULE)


def test_a_release_that_can_no_longer_be_verified_is_in_nobodys_way(home: Home) -> None:
    release = home.release()
    home.point(release, stage=Stage.ASSISTIVE)
    shutil.rmtree(home.path / "releases" / release)
    assert lower(home, Stage.SHADOW, Tier.MANUAL).stage is Stage.SHADOW
    assert lower(home, Stage.OFF).release is None


@pytest.mark.parametrize("stage", [Stage.DECISION_SUPPORT])
def test_a_step_that_is_not_down_is_refused(home: Home, stage: Stage) -> None:
    home.point(home.release(), stage=Stage.ASSISTIVE, tier=Tier.RULE)
    before = home.pointer_file.read_bytes()
    for higher in ({"stage": stage}, {"stage": Stage.ASSISTIVE, "tier": Tier.MODEL}):
        with pytest.raises(PointerError, match="not a step down"):
            lower(home, **higher)  # type: ignore[arg-type]
    assert home.pointer_file.read_bytes() == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_off_follows_whatever_lies_there_and_serving_takes_it_for_newer(home: Home, damage) -> None:  # type: ignore[no-untyped-def]
    release = home.release()
    seen = [home.point(release) for _ in range(3)][-1]
    damage(home)
    with pytest.raises(PointerError, match="only be followed by off"):
        lower(home, Stage.SHADOW)
    off = lower(home, Stage.OFF)
    assert (off.release, off.stage) == (None, Stage.OFF) and off.generation > LONG_AFTER_ANY_COUNT
    check_succession(off, seen.generation, seen.digest, seen.last_release_at)
    assert read(home) == off and not home.pointer_file.is_symlink()


def test_after_damage_an_older_release_still_needs_a_ledger_entry(home: Home) -> None:
    release = home.release()
    home.point(release)
    damage_json(home)
    off = lower(home, Stage.OFF)
    with pytest.raises(PointerError, match="no rollback entry"):
        home.point(release)
    newer = home.release(created_at=(home.now + timedelta(seconds=1)).isoformat())
    assert home.point(newer).generation == off.generation + 1


def test_going_off_makes_nobody_forget(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    lower(home, Stage.OFF)
    with pytest.raises(PointerError, match="no rollback entry"):
        home.point(older)


def test_a_rollback_stays_on_the_pointer_of_its_release(home: Home) -> None:
    older, newer = home.release(), home.release(created_at="2026-03-01T00:00:01Z")
    home.point(newer)
    home.point(older, rollback=digest_of("entry"))
    assert lower(home, Stage.SHADOW).rollback is not None
    assert lower(home, Stage.OFF).rollback is None


def test_a_generation_that_is_known_from_elsewhere_is_never_reached_again(home: Home) -> None:
    home.point(home.release())
    assert lower(home, Stage.SHADOW, above=7).generation == 8
    assert lower(home, Stage.SHADOW, above=3).generation == 9
    assert lower(home, Stage.OFF, above=LONG_AFTER_ANY_COUNT * 10).generation == LONG_AFTER_ANY_COUNT * 10 + 1


def test_a_pointer_that_cannot_be_replaced_can_be_set_aside(home: Home) -> None:
    home.point(home.release())
    aside = withdraw_pointer(home.path, TRIAGE, SITE, home.now)
    assert aside is not None and aside.exists() and not home.pointer_file.exists()
    assert pointed_sites(home.path, TRIAGE) == () and read(home) is None
    assert withdraw_pointer(home.path, TRIAGE, SITE, home.now) is None


def test_even_a_folder_in_its_place_is_set_aside(home: Home) -> None:
    home.pointer_file.mkdir(parents=True)
    assert withdraw_pointer(home.path, TRIAGE, SITE, home.now) is not None
    assert lower(home, Stage.OFF).stage is Stage.OFF


def publish(home: Home, release: str, **more: int) -> Pointer:
    return publish_pointer(
        home.path,
        use_case=TRIAGE,
        site=SITE,
        release=release,
        stage=Stage.SHADOW,
        tier=Tier.MODEL,
        reason="test",
        issued_at=home.now,
        signer=home.signer,
        **more,
    )


def test_a_pointer_follows_only_the_one_that_was_decided_upon(home: Home) -> None:
    release = home.release()
    with pytest.raises(PointerError, match="changed meanwhile, from generation 1 to 0"):
        publish(home, release, follows=1)
    assert publish(home, release, follows=0).generation == 1
    with pytest.raises(PointerError, match="changed meanwhile, from generation 0 to 1"):
        publish(home, release, follows=0)
    assert publish(home, release, follows=1, above=5).generation == 6


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(list(Stage)), st.none() | st.sampled_from(list(Tier)), st.none() | st.sampled_from(DAMAGES)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_happens_in_between_steps_down_only_ever_narrow(
    steps: list[tuple[Stage, Tier | None, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home.at(tmp_path_factory.mktemp("home"))
    last = home.point(home.release(), stage=Stage.DECISION_SUPPORT)
    for stage, tier, damage in steps:
        if damage is not None and home.pointer_file.exists() and not home.pointer_file.is_symlink():
            (home.path / "elsewhere").unlink(missing_ok=True)
            damage(home)  # type: ignore[operator]
        home.now += timedelta(seconds=1)
        try:
            after = lower(home, stage, tier)
        except PointerError:
            assert stage is not Stage.OFF, "off is never refused"
            continue
        assert after.stage.rank <= last.stage.rank and after.generation > last.generation
        assert after.stage is Stage.OFF or after.tier.rank >= last.tier.rank
        check_succession(after, last.generation, last.digest, last.last_release_at)
        last = after


def test_nothing_is_left_of_a_draft(home: Home, tmp_path: Path) -> None:
    home.point(home.release())
    lower(home, Stage.OFF)
    assert {path.name for path in home.pointer_file.parent.iterdir()} == {f"{SITE}.json", f"{SITE}.lock"}
