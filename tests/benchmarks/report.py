"""Figures and how they are shown: one table, or one JSON document.

A figure stands beside its yardstick, which was measured in the same run on the same machine: the ratio is what can be
compared between machines, the figure alone is not.
"""

import os
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number, its unit, and the number beside it; `ratio` is the figure over its yardstick.

    `beside_unit` is the yardstick's where it is not the figure's; there is no ratio of two units.
    `target` is what was promised: of the value, or of the ratio where `is_of_ratio`; at least, or at most where
    `is_at_most`. What was not measured is not met.
    """

    subject: str
    figure: str
    value: float | None
    unit: str
    yardstick: str = ""
    beside: float | None = None
    target: float | None = None
    is_at_most: bool = False
    is_of_ratio: bool = False
    beside_unit: str | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; null where there is none."""
        if self.target is None:
            return None
        found = self.ratio if self.is_of_ratio else self.value
        return found is not None and (found <= self.target if self.is_at_most else found >= self.target)

    @property
    def promised(self) -> str:
        """The target in words, and whether it is met."""
        if self.target is None:
            return ""
        unit = " times" if self.is_of_ratio else f" {self.unit}"
        bound = "at most" if self.is_at_most else "at least"
        return f"{'met' if self.is_met else 'NOT MET'}: {bound} {_plain(self.target)}{unit}"

    @property
    def ratio(self) -> float | None:
        is_of_one_unit = self.beside_unit in (None, self.unit)
        return self.value / self.beside if self.value is not None and self.beside and is_of_one_unit else None


def document(figures: list[Figure], scale: str) -> dict[str, Any]:
    """Everything as plain JSON values, with what the machine was doing meanwhile."""
    rows = [{**asdict(figure), "ratio": _rounded(figure.ratio), "is_met": figure.is_met} for figure in figures]
    return {"scale": scale, "cores": os.cpu_count(), "load_average": os.getloadavg(), "figures": rows}


def table(figures: list[Figure], scale: str) -> str:
    """The figures as aligned text, one subject after the other."""
    head = ("", "figure", "yardstick of the same run", "", "ratio", "target")
    rows = [head]
    for n, figure in enumerate(figures):
        is_first = n == 0 or figures[n - 1].subject != figure.subject
        shown = f"{_plain(figure.value)} {figure.unit}".strip()
        unit = figure.unit if figure.beside_unit is None else figure.beside_unit
        beside = f"{_plain(figure.beside)} {unit}".strip() if figure.beside is not None else ""
        ratio = _plain(_rounded(figure.ratio)) if figure.ratio is not None else ""
        if is_first:
            rows.append((figure.subject.upper(), "", "", "", "", ""))
        rows.append((f"  {figure.figure}", shown, figure.yardstick, beside, ratio, figure.promised))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return "\n".join([*lines, "", f"{scale}; {os.cpu_count()} cores, load {load} (1, 5, 15 min)"])


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _plain(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
