"""The small charts of the pages, as geometry that a template draws in SVG.

Here belong scales, ticks and paths from an evidence document's detail. Colours and text belong to the
templates; pictures for MLflow are in ``metrics``. A detail that holds no curve gives no chart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import cast

from evaluation.evidence import Evidence, Json
from evaluation.reports.words import brief_percent, percent

WIDTH, HEIGHT = 320, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 20, 10, 38

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in pixels, and what it reads."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline (SVG ``points``) of one of the kinds model, rival, practice or ideal."""

    kind: str
    label: str
    points: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, or with no width an interval, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart in a box of ``WIDTH`` by ``HEIGHT`` pixels; ``summary`` says in words what it shows."""

    title: str
    summary: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...] = ()
    dots: tuple[Point, ...] = ()
    whiskers: tuple[Bar, ...] = ()
    bars: tuple[Bar, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps data to pixels; values outside are drawn at the border."""

    x_from: float
    x_to: float
    y_from: float
    y_to: float

    def x(self, value: float) -> float:
        return self._place(value, self.x_from, self.x_to, _LEFT, WIDTH - _RIGHT)

    def y(self, value: float) -> float:
        return self._place(value, self.y_from, self.y_to, HEIGHT - _BOTTOM, _TOP)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)

    @staticmethod
    def _place(value: float, low: float, high: float, start: float, end: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(start + share * (end - start), 1)


def calibration_chart(evidence: Evidence, outcome: str) -> Chart | None:
    """Observed share against mean prediction, with intervals."""
    bins = _rows(evidence, "curve", outcome)
    if not bins:
        return None
    top = _ceiling(max(max(b["predicted"], b["upper"]) for b in bins))
    frame = _Frame(0, top, 0, top)
    points = [(b["predicted"], b["observed"]) for b in bins]
    whiskers = [
        Bar(frame.x(b["predicted"]), frame.y(b["upper"]), 0, frame.y(b["lower"]) - frame.y(b["upper"])) for b in bins
    ]
    first, last = bins[0], bins[-1]
    return Chart(
        title="Calibration",
        summary=(
            f"Lowest group: {percent(first['predicted'])} predicted, {percent(first['observed'])} observed."
            f" Highest group: {percent(last['predicted'])} predicted, {percent(last['observed'])} observed."
        ),
        x_label="Predicted risk",
        y_label="Observed share",
        x_ticks=_ticks(0, top, frame.x),
        y_ticks=_ticks(0, top, frame.y),
        lines=(
            Line("ideal", "Ideal", frame.path([(0, 0), (top, top)])),
            Line("model", "Model", frame.path(points)),
        ),
        dots=tuple((frame.x(x), frame.y(y)) for x, y in points),
        whiskers=tuple(whiskers),
    )


def decision_chart(evidence: Evidence, outcome: str) -> Chart | None:
    """Net benefit against the risk threshold: model, everybody, nobody, current practice."""
    points = _rows(evidence, "curve", outcome)
    if not points:
        return None
    high = max(max(p["model"] for p in points), max(p["treat_all"] for p in points), 0.001)
    points = [p for p in points if p["threshold"] <= _last_use(points)]
    frame = _Frame(0, points[-1]["threshold"], -0.25 * high, 1.1 * high)
    everybody = [(p["threshold"], p["treat_all"]) for p in points if p["treat_all"] >= frame.y_from]
    lines = [
        Line("ideal", "Flag nobody", frame.path([(0, 0), (frame.x_to, 0)])),
        Line("rival", "Flag everybody", frame.path(everybody)),
    ]
    practice = [
        (p["threshold"], p["current_practice"])
        for p in points
        if p.get("current_practice") is not None and p["current_practice"] >= frame.y_from
    ]
    if practice:
        lines.append(Line("practice", "Current practice", frame.path(practice)))
    lines.append(Line("model", "Model", frame.path([(p["threshold"], p["model"]) for p in points])))
    best = max(points, key=lambda p: p["model"] - max(p["treat_all"], 0.0))
    return Chart(
        title="Decision curve",
        summary=f"Its lead over flagging all or none is largest at {brief_percent(best['threshold'])}.",
        x_label="Risk threshold",
        y_label="Net benefit",
        x_ticks=_ticks(0, frame.x_to, frame.x),
        y_ticks=_ticks(0, 1.1 * high, frame.y, as_percent=False),
        lines=tuple(lines),
    )


def score_chart(evidence: Evidence, outcome: str) -> Chart | None:
    """How the scores are spread, as shares of visits."""
    shares = cast("Sequence[float] | None", _member(evidence, "score_shares", outcome))
    if not shares:
        return None
    top, step = _ceiling(max(shares)), 1 / len(shares)
    frame = _Frame(0, 1, 0, top)
    bars = [
        Bar(
            frame.x(i * step) + 0.5,
            frame.y(s),
            round(frame.x(step) - frame.x(0) - 1, 1),
            frame.y(0) - frame.y(s),
        )
        for i, s in enumerate(shares)
    ]
    return Chart(
        title="Score distribution",
        summary=f"{percent(shares[0])} of visits score below {brief_percent(step)}.",
        x_label="Predicted risk",
        y_label="Share of visits",
        x_ticks=_ticks(0, 1, frame.x),
        y_ticks=_ticks(0, top, frame.y),
        bars=tuple(bars),
    )


def _last_use(points: Sequence[Mapping[str, float]]) -> float:
    """The last threshold worth showing: a little past where the model stops being of use."""
    useful = [p["threshold"] for p in points if p["model"] > 0.02 * max(p["model"] for p in points)]
    return max([*useful, points[min(9, len(points) - 1)]["threshold"]])


def _member(evidence: Evidence, name: str, outcome: str) -> Json:
    part = evidence.detail.get(name)
    return part.get(outcome) if isinstance(part, Mapping) else None


def _rows(evidence: Evidence, name: str, outcome: str) -> list[Mapping[str, float]]:
    part = _member(evidence, name, outcome)
    if not isinstance(part, Sequence) or isinstance(part, str):
        return []
    return [cast("Mapping[str, float]", row) for row in part]


def _ceiling(value: float) -> float:
    """The next round number at or above a share: 1, 2, 2.5 or 5 times a power of ten, at most 1."""
    unit = 10 ** floor(log10(max(value, 1e-4)))
    return min(1.0, next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= value * 0.999))


def _ticks(low: float, high: float, place: Callable[[float], float], *, as_percent: bool = True) -> tuple[Tick, ...]:
    unit = 10 ** floor(log10((high - low) / 2))
    step = next(unit * m for m in (0.5, 1, 2, 2.5, 5, 10) if (high - low) / (unit * m) <= 5)
    values = [i * step for i in range(ceil(low / step), floor(high / step + 1e-9) + 1)]
    return tuple(Tick(place(v), brief_percent(v) if as_percent else f"{v:.3g}") for v in values)
