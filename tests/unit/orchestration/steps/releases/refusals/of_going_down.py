"""Refusals of going down, and of a tier: there is nothing to take back, it is no step down, or it cannot be written."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from ml.registry.pointer import publish_pointer
from ml.registry.stages import Stage, Tier
from orchestration.steps.record.actors import Actor
from orchestration.steps.record.records import now, open_records
from orchestration.steps.releases import going_down, tiers
from orchestration.steps.releases.going_down import roll_back
from orchestration.steps.releases.release_keys import release_signer
from orchestration.steps.releases.served import served_tier
from orchestration.steps.releases.tiers import change_tier
from orchestration.steps.releases.way_back import way_back
from tests.unit.ml.serving.homes import Home
from tests.unit.orchestration.steps.governed import Governed, empty_pointer

from .rows import CANDIDATE, SHOWN, fails, refuses

Do = Callable[[], object]
NOTHING = ("triage serves no release at city", "a release that is served", "nothing to do")


def tier(one: Governed, to: str, person: str = "ada") -> Do:
    return lambda: change_tier(one.settings, "triage", "city", to, "a test", one.signs(person))


def back(one: Governed, to: str | None = None) -> Do:
    return lambda: roll_back(one.settings, "triage", "city", to, "a test", one.signs("ada"))


def denied(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def hand_signed(one: Governed, release: str | None, stage: Stage) -> None:
    """A pointer that nobody recorded, by somebody who holds the release key."""
    publish_pointer(
        one.settings.home,
        use_case="triage",
        site="city",
        release=release,
        stage=stage,
        tier=Tier.MODEL,
        reason="a test",
        issued_at=now(),
        signer=release_signer(one.settings),
    )


@refuses(
    "going_down._taken_back/1",
    "going_down.nothing_served",
    clause="something-to-change",
    words=NOTHING,
    begins=CANDIDATE,
)
def a_rollback_of_nothing(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return back(one)


@refuses(
    "going_down._taken_back/2",
    "going_down._not_down",
    clause="down-only",
    words=("assistive to decision_support", "a stage below assistive", "To go up: pilothouse promote"),
    begins=SHOWN,
)
def a_rollback_that_goes_up(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return back(one, "decision_support")


@fails(
    "going_down._publish",
    error="NotStopped",
    words=("can be neither replaced nor set aside (Permission denied)", "Stop the service itself"),
    begins=SHOWN,
)
def a_pointer_that_cannot_be_written(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    patch.setattr(going_down, "publish_lower", denied)
    patch.setattr(going_down, "withdraw_pointer", denied)
    return back(one, "off")


@fails(
    "going_down._back",
    error="warning",
    words=("could not be brought back", "POINTER AND LEDGER DIFFER", "switched off instead"),
    begins=SHOWN,
    goes_down=True,
)
def the_release_before_where_the_ledger_says_otherwise(one: Governed, _: pytest.MonkeyPatch) -> Do:
    assert one.pointer is not None
    one.release("assistive")
    assert one.pointer is not None
    hand_signed(one, one.pointer.release, Stage.SHADOW)
    return back(one)


@fails(
    "way_back.way_back",
    error="StepError",
    words=("released past the gate for a time", "not given again"),
    begins=SHOWN,
)
def the_release_before_that_nobody_approved(one: Governed, _: pytest.MonkeyPatch) -> Do:
    home, at = Home.at(one.settings.home), now()
    lent = home.release(stage="assistive", created_at=at.isoformat(), approvals=[])
    made = home.release(stage="assistive", created_at=now().isoformat(), previous=lent)
    hand_signed(one, made, Stage.ASSISTIVE)
    pointer = one.pointer
    assert pointer is not None
    return lambda: way_back(one.settings, open_records(one.settings), pointer, going_down.Tier.MODEL, at)


@fails(
    "served.served_tier",
    error="ServedTierUnknown",
    words=("event store cannot be read", "whether it stepped down is unknown"),
    begins=SHOWN,
)
def a_service_whose_events_nobody_can_read(one: Governed, _: pytest.MonkeyPatch) -> Do:
    (one.settings.home / "events.db").write_bytes(b"no database" * 500)
    pointer = one.pointer
    assert pointer is not None
    return lambda: served_tier(one.settings, pointer)


@refuses(
    "tiers.change_tier/1", "going_down.nothing_served", clause="something-to-change", words=NOTHING, begins=CANDIDATE
)
def a_tier_of_nothing(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return tier(one, "rule")


@refuses(
    "tiers.change_tier/2",
    "tiers._nothing_to_step_up",
    clause="pointer-agrees-with-ledger",
    words=("the pointer cannot be trusted: ", "the pointer that the ledger records", "pilothouse rollback USE_CASE"),
    begins=SHOWN,
)
def a_tier_up_under_a_pointer_that_is_torn(one: Governed, _: pytest.MonkeyPatch) -> Do:
    empty_pointer(one)
    return tier(one, "model")


@refuses(
    "tiers._step_tier_up/1", "going_down.nothing_served", clause="something-to-change", words=NOTHING, begins=SHOWN
)
def a_tier_up_of_what_was_switched_off_a_moment_ago(one: Governed, patch: pytest.MonkeyPatch) -> Do:
    tier(one, "rule")()
    real = tiers.exclusive
    signed = one.signs("noor")

    @contextmanager
    def after_another(*words: object) -> Generator[None]:
        patch.setattr(tiers, "exclusive", real)
        pointer = one.pointer_file.read_bytes()
        one.pointer_file.unlink()
        try:
            with real(*words):  # type: ignore[arg-type]
                yield
        finally:
            one.pointer_file.write_bytes(pointer)

    patch.setattr(tiers, "exclusive", after_another)
    return lambda: change_tier(one.settings, "triage", "city", "model", "a test", signed)


@refuses(
    "tiers._step_tier_up/2",
    "tiers._step_tier_up/3",
    clause="tier",
    words=("already at model", "another tier", "nothing to do"),
    begins=SHOWN,
)
def the_tier_that_answers_already(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return tier(one, "model")


@refuses(
    "rights._refusal",
    "tiers._step_tier_up/3",
    clause="who-may-step-up",
    words=("olga holds operator", "one of clinical_safety_lead", "Let somebody in one of these roles"),
    begins=SHOWN,
)
def a_tier_up_by_whom_the_policy_does_not_name(one: Governed, _: pytest.MonkeyPatch) -> Do:
    tier(one, "rule")()
    return tier(one, "model", "olga")


@refuses(
    "rights.why_not_proven/1",
    "tiers._step_tier_up/3",
    clause="who-may-step-up",
    words=("ada is claimed, not proven", "the signature of one of clinical_safety_lead", "--key FILE"),
    begins=SHOWN,
)
def a_tier_up_that_nobody_signs(one: Governed, _: pytest.MonkeyPatch) -> Do:
    tier(one, "rule")()
    return lambda: change_tier(one.settings, "triage", "city", "model", "a test", Actor("ada"))
