"""Ranges beside each other, as geometry that the template draws in SVG.

Here belong scale and places. What the ranges are belongs to whoever draws them.
"""

from collections.abc import Sequence
from math import ceil, floor, log10

from evaluation.reports.charts import Bar, Chart, Tick

WIDTH, ROW, TOP, LEFT, RIGHT, FOOT = 420, 34, 8, 90, 20, 36
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_TICKS = 4


def range_chart(title: str, rows: Sequence[tuple[str, tuple[float, float]]], unit: str) -> Chart:
    """One bar per range from its lower to its upper end, on one scale that holds nothing too."""
    low, high = min(0.0, *(one[0] for _, one in rows)), max(0.0, *(one[1] for _, one in rows))
    high = high if high > low else low + 1
    right = WIDTH - RIGHT

    def x(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (right - LEFT), 1)

    bottom = TOP + ROW * len(rows)
    bars = tuple(
        Bar(x(lo), TOP + ROW * i + 9, max(x(hi) - x(lo), 1.5), ROW - 18) for i, (_, (lo, hi)) in enumerate(rows)
    )
    return Chart(
        title=title,
        summary=" ".join(f"{name}: {_short(lo)} to {_short(hi)} {unit}." for name, (lo, hi) in rows),
        x_label=unit,
        y_label="ranges",
        x_ticks=tuple(Tick(x(one), _short(one)) for one in _round(low, high)),
        y_ticks=tuple(Tick(TOP + ROW * i + ROW / 2, name) for i, (name, _) in enumerate(rows)),
        bars=bars,
        width=WIDTH,
        height=bottom + FOOT,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
    )


def _round(low: float, high: float) -> list[float]:
    """Round numbers from low to high, nothing among them."""
    unit = 10.0 ** floor(log10((high - low) / MOST_TICKS))
    step = next(unit * one for one in STEPS if (high - low) / (unit * one) <= MOST_TICKS)
    return [n * step for n in range(ceil(low / step), floor(high / step) + 1)]


def _short(value: float) -> str:
    sign, size = "\u2212" if value < 0 else "", abs(value)
    if size >= 1e6:
        return f"{sign}{size / 1e6:.3g} M"
    return f"{sign}{size / 1e3:.3g} k" if size >= 1e3 else f"{sign}{size:.3g}"
