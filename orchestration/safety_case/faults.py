"""What a named fault is: which alarm should tell it, how it is put in, and what became of it.

A fault names the barrier that promises to catch it, and the alarm that it must raise: another one of that barrier tells
something else. How it is looked for is not its business: every course looks in the same way, with a fault in it and
without one (null runs). What does not belong here: the faults (catalogue) and the courses that they happen in.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.safety_case.board import Board
    from orchestration.safety_case.service import Service
    from orchestration.safety_case.week import Week


class Barrier(StrEnum):
    """What stands between a fault and people: a part of the product with a surface on which it speaks."""

    CONTRACT = "contract"
    FRESHNESS = "freshness"
    MEANING = "meaning"
    TABLES = "tables"
    DRIFT = "drift"
    GATE = "gate"
    LEDGER = "ledger"
    RELEASE = "release"
    SERVICE = "service"


SURFACES: Mapping[Barrier, str] = {
    Barrier.CONTRACT: "receipts: a stopped feed, or one clause that holds back more than usual",
    Barrier.FRESHNESS: "incidents of feeds that are late by their contract",
    Barrier.MEANING: "reviews of meaning",
    Barrier.TABLES: "the checks of the build of tables",
    Barrier.DRIFT: "incidents of the watch over drift",
    Barrier.GATE: "refusals of approve and promote",
    Barrier.LEDGER: "ledger verify",
    Barrier.RELEASE: "status: releases and pointers that cannot be verified",
    Barrier.SERVICE: "answers of the service, and /readyz with what it stepped down from",
}
"""Where each barrier speaks: the only places where detection is looked for."""


@dataclass(frozen=True)
class Alarm:
    """One thing that a barrier said: about what, in its own words, and when.

    `seconds` is wall time since the fault was in; `days` is simulated time, of feeds, whose days are played in minutes.
    """

    barrier: Barrier
    about: str
    said: str
    seconds: float
    days: float | None = None


@dataclass(frozen=True)
class Reached:
    """How far it came: wrong rows of the lake and of OMOP, models or releases it is in, cards shown to people.

    None where the course has no such place. `withheld` are rows that are missing for it.
    """

    lake: int | None = None
    withheld: int | None = None
    omop: int | None = None
    model: int | None = None
    cards: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What one course came to: every alarm in order, how far things came, and how often each barrier was looked at."""

    alarms: tuple[Alarm, ...] = ()
    reached: Reached = Reached()
    looks: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One named fault. `done` says what is done to the sandbox; `blind` why no barrier is promised to see it.

    `alarm` names what the barrier must say it is about: names, or patterns with `*`, any of which will do.
    """

    id: str
    family: str
    title: str
    done: str
    barrier: Barrier
    alarm: tuple[str, ...]
    blind: str = ""

    def is_told_by(self, alarm: Alarm) -> bool:
        """Whether an alarm is the promised one."""
        return alarm.barrier is self.barrier and any(fnmatchcase(alarm.about, name) for name in self.alarm)


@dataclass(frozen=True, kw_only=True)
class FeedFault(Fault):
    """A fault of what a source sends in the week; `builds` where its rows go on into the tables."""

    inject: Callable[["Week"], None]
    builds: bool = False


@dataclass(frozen=True, kw_only=True)
class BoardFault(Fault):
    """A fault of people, evidence or the record: what is done instead of, or after, a rightful release."""

    act: Callable[["Board"], None]


@dataclass(frozen=True, kw_only=True)
class ServiceFault(Fault):
    """A fault around the running service, in it as long as the context lasts."""

    inject: Callable[["Service"], AbstractContextManager[None]]


def verdict(fault: Fault, outcome: Outcome, usual: Outcome) -> dict[str, Any]:
    """One line of the scoreboard: detected where the promised alarm was raised, and is not raised otherwise.

    What else was said is told under `also`: by other barriers their names, by this one what it was about. A gate that
    spoke and let the release through all the same detected nothing. `contained` is None where no cards were
    counted.
    """
    known = {(one.barrier, one.about) for one in usual.alarms}
    new = [one for one in outcome.alarms if (one.barrier, one.about) not in known]
    found = next((one for one in new if fault.is_told_by(one)), None)
    others = {_beside(fault, one) for one in new if not fault.is_told_by(one)}
    if fault.barrier is Barrier.GATE and outcome.reached.model:
        found = None
    cards = outcome.reached.cards
    return {
        "fault": fault.id,
        "family": fault.family,
        "title": fault.title,
        "done": fault.done,
        "barrier": fault.barrier.value,
        "alarm": list(fault.alarm),
        "promised": not fault.blind,
        "blind_spot": fault.blind or None,
        "detected": found is not None,
        "said": found.said if found else None,
        "seconds": round(found.seconds, 3) if found else None,
        "days": found.days if found else None,
        "also": sorted(others),
        "reached": vars(outcome.reached),
        "contained": None if cards is None else cards == 0,
    }


def _beside(fault: Fault, alarm: Alarm) -> str:
    barrier = alarm.barrier.value
    return f"{barrier}: {alarm.about}" if alarm.barrier is fault.barrier else barrier
