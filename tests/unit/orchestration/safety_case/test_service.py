"""Calls go on until the promised alarm is raised, whatever is said before it, and without a fault to the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from orchestration.safety_case import service
from orchestration.safety_case.faults import Barrier, Outcome, ServiceFault, verdict
from orchestration.safety_case.service import Answered, Service

LONGEST = 0.3


class Counting(Service):
    """Answers at once; monitoring says one thing at the second look and another at the fourth."""

    def call(self) -> Answered:
        return Answered(200, {})

    def look(self, answer: Answered) -> None:
        self.looked += 1
        if self.is_hurt and self.looked >= 2:
            self.tell("answer 429", "too many calls")
        if self.is_hurt and self.looked >= 4:
            self.tell("tier", "city answers from rule")

    is_hurt = False


@contextmanager
def hurt(one: Service) -> Iterator[None]:
    cast("Counting", one).is_hurt = True
    yield


def fault(*alarm: str) -> ServiceFault:
    return ServiceFault(
        id="slow", family="serving", title="Slow", done="It is slow.", barrier=Barrier.SERVICE, alarm=alarm, inject=hurt
    )


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(service, "LONGEST_SECONDS", LONGEST)
    nothing: Any = None
    return Counting(nothing, nothing, "release")


def test_another_alarm_that_comes_first_neither_ends_the_calls_nor_is_credited(counting: Counting) -> None:
    found = service._calls(counting, fault("tier"))  # pyright: ignore[reportPrivateUsage]
    assert [one.about for one in found.alarms] == ["answer 429", "tier"]
    assert found.looks == {"service": 4}
    line = verdict(fault("tier"), found, Outcome())
    assert (line["said"], line["also"]) == ("city answers from rule", ["service: answer 429"])


def test_calls_go_on_as_long_without_a_fault_as_with_one_that_is_not_told(counting: Counting) -> None:
    found = service._calls(counting, None)  # pyright: ignore[reportPrivateUsage]
    assert found.alarms == () and found.looks["service"] > 4
    assert service.time.perf_counter() - counting.started >= LONGEST
    missed = service._calls(counting, fault("readyz 503"))  # pyright: ignore[reportPrivateUsage]
    assert service.time.perf_counter() - counting.started >= LONGEST
    assert not verdict(fault("readyz 503"), missed, found)["detected"]
