"""When a rule of the calendar holds: once, each year, or on days of the week, by the clock on a site's wall.

Here belongs turning wall-clock times into spans of UTC. A span has its start and lacks its end. Where the clock is put
back an hour comes twice, and where it is put forward one is missing: the wider reading is taken for a freeze and the
narrower for a window, so that doubt closes. What is closed or open then does not belong here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from evaluation.policies.clause import FrozenModel

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A quoted time of day: YAML reads 07:00 without quotes as the number 420."""
Wall = tuple[datetime, datetime]
DAY = timedelta(days=1)
LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until ``end``, both aware: the start is in, the end is out."""

    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


def _local(value: object) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime.combine(found, time())
    if not isinstance(found, datetime) or found.tzinfo is not None:
        raise ValueError("write a day or the site's own time without a zone, such as 2026-12-18 or 2026-12-18T07:00")
    return found


def _month_day(value: object) -> str:
    try:
        date.fromisoformat(f"{LEAP_YEAR}-{value}")
    except ValueError as error:
        raise ValueError("write month and day, such as 12-18") from error
    return str(value)


LocalTime = Annotated[datetime, BeforeValidator(_local)]
MonthDay = Annotated[str, BeforeValidator(_month_day)]


class Once(FrozenModel):
    """One stretch of local time; a day alone means its midnight."""

    from_: Annotated[LocalTime, Field(alias="from")]
    until: LocalTime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.from_:
            raise ValueError("until must come after from")
        return self

    def walls(self, _first: date, _last: date) -> Iterator[Wall]:
        yield self.from_, self.until


class Yearly(FrozenModel):
    """Each year, from the midnight of a day until that of another, over the turn of the year where that comes first.

    29 February is 1 March in a year that has none: the day after 28 February in any year.
    """

    from_: Annotated[MonthDay, Field(alias="from")]
    until: MonthDay

    @model_validator(mode="after")
    def _is_no_whole_year(self) -> Self:
        if self.until == self.from_:
            raise ValueError("from and until are the same day; until is the first day that is free again")
        return self

    def walls(self, first: date, last: date) -> Iterator[Wall]:
        turns = int(self.until < self.from_)
        for year in range(first.year - 1, last.year + 1):
            yield _midnight(year, self.from_), _midnight(year + turns, self.until)


class Weekly(FrozenModel):
    """On days of the week, from one time of day until another; one at or before it is of the next day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    from_: Annotated[Clock, Field(alias="from")]
    until: Clock

    def walls(self, first: date, last: date) -> Iterator[Wall]:
        starts, ends = time.fromisoformat(self.from_), time.fromisoformat(self.until)
        for number in range(-1, (last - first).days + 1):
            day = first + number * DAY
            if WEEKDAYS[day.weekday()] in self.days:
                yield datetime.combine(day, starts), datetime.combine(day + DAY * (ends <= starts), ends)


When = Once | Yearly | Weekly


def spans(when: When, zone: tzinfo, after: datetime, before: datetime, *, widest: bool) -> Iterator[Span]:
    """Each time that a rule holds which touches ``after`` to ``before`` (aware), in UTC, in order.

    ``widest``: where the clock is changed at an edge, the longer reading; else the shorter, which may be nothing.
    """
    asked = Span(after, before)
    for start, end in when.walls(after.astimezone(zone).date(), before.astimezone(zone).date()):
        starts, ends = _readings(start, zone), _readings(end, zone)
        span = Span(min(starts), max(ends)) if widest else Span(max(starts), min(ends))
        if span.start < span.end and span.overlaps(asked):
            yield span


def _midnight(year: int, month_day: str) -> datetime:
    month, day = map(int, month_day.split("-"))
    try:
        return datetime(year, month, day)  # noqa: DTZ001 - a time on the wall
    except ValueError:
        return datetime(year, 3, 1)  # noqa: DTZ001 - 29 February of a common year


def _readings(local: datetime, zone: tzinfo) -> list[datetime]:
    return [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
