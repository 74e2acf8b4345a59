"""The timeline of the release calendar as geometry that a template draws in SVG: weeks side by side, lanes below.

Here belong places and sizes in pixels. What is drawn is gathered in ``calendar.py``; colours belong to the template.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evaluation.calendar import Span

WIDTH, DAYS, PANELS = 340, 28, 3
_LEFT, _TOP, _HEAD, _LANE, _TRACK = 2, 22, 24, 38, 14
_NARROWEST = 5.0
DAY = timedelta(days=1)
PER_DAY = (WIDTH - 2 * _LEFT) / DAYS


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that lasts: a freeze, a window, a planned change. ``kind`` is its class, ``says`` what it is."""

    kind: str
    span: Span
    says: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment."""

    kind: str
    at: datetime
    says: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A use case at a site with all that is drawn of it."""

    site: str
    title: str
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    kind: str
    x: float
    width: float
    says: str


@dataclass(frozen=True, slots=True)
class Dot:
    kind: str
    x: float
    says: str


@dataclass(frozen=True, slots=True)
class Row:
    """A lane in a panel: ``y`` is where its track begins; ``head`` names the site above its first lane."""

    head: str
    title: str
    y: float
    bars: tuple[Bar, ...]
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Four weeks: ``weeks`` are the places and names of their Mondays, ``today`` the place of now, if it is in them."""

    title: str
    weeks: tuple[tuple[float, str], ...]
    today: float | None
    rows: tuple[Row, ...]
    height: float
    width: int = WIDTH
    track: int = _TRACK


def first_day(at: datetime) -> datetime:
    """The Monday, three weeks before the one of now, with which the timeline begins (UTC)."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - DAY * (midnight.weekday() + DAYS - 7)


def horizon(at: datetime) -> Span:
    """What is drawn: twelve weeks, of which three are over."""
    start = first_day(at)
    return Span(start, start + DAY * DAYS * PANELS)


def panels(lanes: Sequence[Lane], at: datetime) -> tuple[Panel, ...]:
    """The timeline of these lanes around ``at``, grouped by site in the order given."""
    start = first_day(at)
    return tuple(_panel(lanes, start + DAY * DAYS * number, at) for number in range(PANELS))


def _panel(lanes: Sequence[Lane], start: datetime, at: datetime) -> Panel:
    shown = Span(start, start + DAY * DAYS)
    rows, y, before = list[Row](), float(_TOP), ""
    for lane in lanes:
        head = lane.site if lane.site != before else ""
        y += _HEAD if head else 0
        rows.append(
            Row(head, lane.title, y + _LANE - _TRACK - 5, _bars(lane.stretches, shown), _dots(lane.marks, shown))
        )
        y, before = y + _LANE, lane.site
    weeks = tuple(
        (_x(day, shown), f"{day.day} {day:%b}") for day in (start + DAY * 7 * week for week in range(DAYS // 7))
    )
    title = f"{start.day} {start:%B %Y} to {(shown.end - DAY).day} {shown.end - DAY:%B %Y}"
    return Panel(title, weeks, _x(at, shown) if at in shown else None, tuple(rows), y + 8)


def _bars(stretches: Iterable[Stretch], shown: Span) -> tuple[Bar, ...]:
    found: list[Bar] = []
    for one in stretches:
        if one.span.overlaps(shown):
            left, right = _x(max(one.span.start, shown.start), shown), _x(min(one.span.end, shown.end), shown)
            width = right - left
            if one.kind.startswith("plan") and width < _NARROWEST:  # an hour would be half a pixel
                left, width = min(left, WIDTH - _LEFT - _NARROWEST), _NARROWEST
            found.append(Bar(one.kind, round(left, 1), round(width, 1), one.says))
    return tuple(found)


def _dots(marks: Iterable[Mark], shown: Span) -> tuple[Dot, ...]:
    return tuple(Dot(one.kind, _x(one.at, shown), one.says) for one in marks if one.at in shown)


def _x(at: datetime, shown: Span) -> float:
    return round(_LEFT + (at - shown.start) / DAY * PER_DAY, 1)
