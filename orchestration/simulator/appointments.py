"""Outpatient appointments: booked when a patient leaves, then kept, cancelled or missed; some lead to the next one.

Only people whom the record system knows are booked. The dead are taken off the list, and whoever lies in the hospital
does not come. What does not belong here: messages (`hl7v2/scheduling.py`) and files (`appointment_file.py`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from math import exp
from typing import Literal

import numpy as np

from orchestration.simulator.chance import stream_of
from orchestration.simulator.charts import Chart
from orchestration.simulator.clinics import load_clinics
from orchestration.simulator.clock import DAY, HOUR
from orchestration.simulator.hospital import Visit
from orchestration.simulator.persons import Payer, cover_of
from orchestration.simulator.world import Day, World

Status = Literal["booked", "cancelled", "no_show", "arrived"]
Reason = Literal["", "patient", "clinic", "deceased", "inpatient"]

FOLLOW_UP_SHARE, INPATIENT_SHARE = 0.35, 0.65  # of those who go home from the ED, and from a ward
AGAIN_SHARE: dict[Status, float] = {"arrived": 0.45, "cancelled": 0.6, "no_show": 0.4}
CANCELLED_SHARE, BY_CLINIC_SHARE = 0.13, 0.25
OPENS, CLOSES, SLOT = 8, 17, 20  # local hours, minutes
SATURDAY = 5

# Log-odds of not coming: lead time, youth and earlier habit carry most of it, as in published no-show models.
MISSES, PER_LEAD_DAY, YOUNG, UNINSURED, OTHER_LANGUAGE, MONDAY_MORNING, HABIT = -2.4, 0.025, 0.55, 0.35, 0.3, 0.25, 0.9


@dataclass(slots=True)
class Appointment:
    """One appointment; `booked`, `start` and `decided` (when the last status came) in seconds."""

    number: int
    person: int
    clinic: str
    minutes: int
    booked: int
    start: int
    outcome: Status
    decided: int
    reason: Reason = ""

    @property
    def id(self) -> str:
        return f"A{500_000_000 + self.number * 13}"


@dataclass(frozen=True, slots=True)
class Change:
    """An appointment came into a status at a second."""

    at: int
    status: Status
    appointment: Appointment


@dataclass
class AppointmentBook:
    """All appointments of one site that are still to come. Call `changes` for day after day."""

    world: World
    open: list[Appointment] = field(default_factory=list[Appointment])
    visits: dict[int, Visit] = field(default_factory=dict[int, Visit])
    died: dict[int, int] = field(default_factory=dict[int, int])
    charts: dict[int, Chart] = field(default_factory=dict[int, Chart])
    made: int = 0
    _today: tuple[Day, list[Change]] | None = None

    def changes(self, day: Day) -> list[Change]:
        """Return what changed on a day, in order; asking twice for the same day gives the same."""
        if self._today is None or self._today[0] is not day:
            self._today = day, self._advance(day)
        return self._today[1]

    def _advance(self, day: Day) -> list[Change]:
        self.visits |= {chart.visit.person: chart.visit for chart in day.charts}
        self.charts |= {chart.visit.number: chart for chart in day.charts}
        self.died |= day.died
        self._book_follow_ups(day)
        found: list[Change] = []
        waiting, self.open = self.open, []
        while waiting:
            waiting += self._follow(day, waiting.pop(0), found)
        return sorted(found, key=lambda change: (change.at, change.appointment.number))

    def _follow(self, day: Day, one: Appointment, found: list[Change]) -> Iterator[Appointment]:
        """Note what happened to an appointment on the day; yield the one it led to."""
        if self.died.get(one.person, one.booked) < one.booked:
            return
        self._overrule(day, one)
        if day.starts <= one.booked < day.ends:
            found.append(Change(one.booked, "booked", one))
        if one.decided >= day.ends:
            self.open.append(one)
            return
        found.append(Change(one.decided, one.outcome, one))
        if one.reason not in ("deceased", "inpatient"):
            yield from self._book_next(one)

    def _book_next(self, one: Appointment) -> Iterator[Appointment]:
        """Sometimes the next one is booked: at the desk, or after a cancelled or missed one when somebody rings."""
        rng = stream_of(self.world.seed, self.world.site.id, "next appointment", one.number)
        if rng.random() >= AGAIN_SHARE[one.outcome]:
            return
        at, lead = one.start + one.minutes * 60, (14, 120)
        if one.outcome != "arrived":
            wait = DAY if one.outcome == "no_show" else 0
            at, lead = one.decided + wait + int(rng.integers(300, 3000)), (4, 30)
        yield self._book(one.person, one.clinic, self._office(at, rng), lead)

    def _book_follow_ups(self, day: Day) -> None:
        """Book those who left the ED or a ward for home today."""
        left = [c for c in self.charts.values() if c.visit.ended is not None]
        self.charts = {number: c for number, c in self.charts.items() if c.visit.ended is None}
        for chart in sorted(left, key=lambda c: (c.visit.ended or 0, c.visit.number)):
            visit = chart.visit
            rng = stream_of(self.world.seed, self.world.site.id, "follow-up", visit.number)
            share = FOLLOW_UP_SHARE if visit.admitted is None else INPATIENT_SHARE
            if visit.disposition != "home" or rng.random() >= share:
                continue
            age = self.world.people.ages(np.array([visit.person]), day.day)[0]
            clinic = load_clinics().for_complaint(self.world.catalogue.complaint_names[chart.complaint], float(age))
            at = self._office((visit.ended or 0) + int(rng.integers(600, 4 * HOUR)), rng)
            self.open.append(self._book(visit.person, clinic, at, (3, 35)))

    def _book(self, person: int, clinic: str, booked: int, lead: tuple[int, int]) -> Appointment:
        number, minutes = self.made, load_clinics().clinics[clinic].minutes
        self.made += 1
        rng = stream_of(self.world.seed, self.world.site.id, "appointment", number)
        start = self._slot(booked, int(rng.integers(*lead)), rng)
        one = Appointment(number, person, clinic, minutes, booked, start, "arrived", start)
        missed = 1 / (1 + exp(-self.odds_of_missing(one)))
        chance = rng.random(4)
        if chance[0] < CANCELLED_SHARE:
            one.outcome, one.reason = "cancelled", "clinic" if chance[1] < BY_CLINIC_SHARE else "patient"
            one.decided = booked + int((start - booked - HOUR) * (0.1 + 0.9 * chance[2]))
        elif chance[1] < missed:
            one.outcome, one.decided = "no_show", start + int(HOUR * (0.5 + 2 * chance[2]))
        else:
            one.decided = start - int(1200 * chance[2])
        return one

    def odds_of_missing(self, one: Appointment) -> float:
        """Return the log-odds that somebody does not come, of those who do not cancel."""
        return self.odds_of_booking(one) + self._odds_of_person(one)

    def odds_of_booking(self, one: Appointment) -> float:
        """Return the part of them that the booking itself makes: how far ahead, and a Monday morning."""
        local = datetime.fromtimestamp(one.start, self.world.clock.zone)
        is_monday_morning = local.weekday() == 0 and local.hour < 12
        return MISSES + PER_LEAD_DAY * min((one.start - one.booked) / DAY, 60) + MONDAY_MORNING * is_monday_morning

    def _odds_of_person(self, one: Appointment) -> float:
        world, people = self.world, self.world.people
        local = datetime.fromtimestamp(one.start, world.clock.zone)
        age = people.ages(np.array([one.person]), local.date())[0]
        registered = world.clock.date_of(world.records.registered[one.person])
        payer: Payer = cover_of(world.profile, people, one.person, registered).payer
        habit = stream_of(world.seed, world.site.id, "habit", one.person).normal()
        return (
            YOUNG * (18 <= age < 35)
            + UNINSURED * (payer in ("medicaid", "self-pay"))
            + OTHER_LANGUAGE * (str(people.language[one.person]) != "en")
            + HABIT * habit
        )

    def _overrule(self, day: Day, one: Appointment) -> None:
        """Nobody comes who has died or lies in the hospital; appointments that are still to come know it by then."""
        died = self.died.get(one.person)
        if died is not None and died < one.decided:
            one.outcome, one.reason, one.decided = "cancelled", "deceased", max(self._next_office(died), one.booked)
            return
        visit = self.visits.get(one.person)
        is_today = day.starts <= one.start < day.ends and one.outcome in ("arrived", "no_show")
        if visit and is_today and visit.arrived <= one.start and (visit.ended is None or visit.ended > one.start):
            is_known = visit.arrived < one.start - 3 * HOUR
            one.outcome, one.reason = ("cancelled", "inpatient") if is_known else ("no_show", "")
            one.decided = max(one.start - HOUR, day.starts) if is_known else one.start + HOUR

    def _slot(self, booked: int, days: int, rng: np.random.Generator) -> int:
        """A free slot some days later, on a weekday in office hours."""
        local = datetime.fromtimestamp(booked, self.world.clock.zone).date() + timedelta(days=days)
        while local.weekday() >= SATURDAY:
            local += timedelta(days=1)
        minutes = int(rng.integers(0, (CLOSES - OPENS) * 60 // SLOT)) * SLOT
        begins = time(OPENS + minutes // 60, minutes % 60)
        return int(datetime.combine(local, begins, self.world.clock.zone).timestamp())

    def _office(self, second: int, rng: np.random.Generator) -> int:
        """The same second in office hours, otherwise some time in the morning they open again."""
        opened = self._next_office(second)
        return second if opened == second else opened + int(rng.integers(0, 2 * HOUR))

    def _next_office(self, second: int) -> int:
        local = datetime.fromtimestamp(second, self.world.clock.zone)
        if local.weekday() < SATURDAY and OPENS <= local.hour < CLOSES:
            return second
        day = local.date() + timedelta(days=local.hour >= OPENS)
        while day.weekday() >= SATURDAY:
            day += timedelta(days=1)
        return int(datetime.combine(day, time(OPENS), self.world.clock.zone).timestamp())


def latest(changes: Iterable[Change]) -> list[Change]:
    """The last change of each appointment, in order of time."""
    found = {change.appointment.number: change for change in changes}
    return sorted(found.values(), key=lambda change: (change.at, change.appointment.number))
