"""Refusals of a broken glass: by whom, for how long, for what reason, and where there is a door."""

from collections.abc import Callable

import pytest

from orchestration.steps.record.actors import Actor
from orchestration.steps.record.people import new_person
from orchestration.steps.releases.breaking import break_glass
from tests.unit.orchestration.steps.governed import Governed

from ..challenged import approve
from .rows import CANDIDATE, SHOWN, refuses

Do = Callable[[], object]
WHY = "A surge: forty are waiting, and the board meets on Monday."


def glass(one: Governed, to: str = "decision_support", hours: float = 2, why: str = WHY, by: Actor | None = None) -> Do:
    return lambda: break_glass(one.settings, "triage", "city", to, hours, why, by or one.signs("ada"))


@refuses(
    "glass.why_not_broken/1",
    clause="break-glass.who",
    words=("olga holds operator", "one of chief_medical_information_officer", "Let somebody in one of these roles"),
    begins=SHOWN,
)
def a_glass_by_whom_the_policy_does_not_name(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return glass(one, by=one.signs("olga"))


@refuses(
    "glass.why_not_broken/2",
    "rights.why_not_proven/1",
    clause="break-glass.signed",
    words=("ada is claimed, not proven", "the signature of ada", "--key FILE"),
    begins=SHOWN,
)
def a_glass_that_nobody_signs(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return glass(one, by=Actor("ada"))


@refuses(
    "glass._once",
    clause="break-glass.once",
    words=("a glass is broken here already", "no glass upon a glass", "pilothouse rollback"),
    begins=CANDIDATE,
)
def a_glass_upon_a_glass(one: Governed, _: pytest.MonkeyPatch) -> Do:
    glass(one, "shadow")()
    return glass(one, "assistive")


@refuses(
    "glass._step",
    clause="break-glass.step",
    words=("assistive to off", "one stage up", "To go down: pilothouse rollback"),
    begins=SHOWN,
)
def a_glass_that_goes_down(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return glass(one, "off")


@refuses(
    "glass._terms/1",
    clause="break-glass.hours",
    words=("99 hours", "at least a minute and at most 12", "Name a time within which the board decides"),
    begins=SHOWN,
)
def a_glass_for_days(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return glass(one, hours=99)


@refuses(
    "glass._terms/2",
    clause="break-glass.reason",
    words=("a reason of 6 characters", "at least 15", "Say what harm waiting"),
    begins=SHOWN,
)
def a_glass_without_a_reason(one: Governed, _: pytest.MonkeyPatch) -> Do:
    return glass(one, why="please")


@refuses(
    "glass._terms/3",
    clause="break-glass.author",
    words=("mia.author made the model", "somebody else", "who did not make the model"),
    begins=SHOWN,
)
def a_glass_for_ones_own_work(one: Governed, _: pytest.MonkeyPatch) -> Do:
    new_person(one.settings, "mia.author", ("clinical_safety_lead",), one.key("mia.author"))
    return glass(one, by=one.signs("mia.author"))


@refuses(
    "breaking._why_not_past",
    clause="break-glass.needed",
    words=("nothing is unmet", "something that the gate refuses", "pilothouse promote"),
    begins=CANDIDATE,
)
def a_glass_where_the_door_is_open(one: Governed, _: pytest.MonkeyPatch) -> Do:
    approve(one, "shadow")
    return glass(one, "shadow")
