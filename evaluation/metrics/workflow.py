"""What advice does to the work: alerts, answers and the outcomes that people feel, by unit, shift and role.

Here belong the definitions, their intervals and the suppression of small cells (``MIN_CELL``: CMS, 2020). Where the
counts come from does not. ``alerts_per_100_patient_days`` is visits for which a card was shown, each once however often
it was asked about, over the days that patients lay on the unit (interval: exact Poisson, Garwood, Biometrika 28 (1936)
437); shares are over displayed cards that no longer wait; times are medians with the order statistics that hold 95 %
(Conover, Practical Nonparametric Statistics, section 3.2).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from evaluation.evidence import Figure
from evaluation.metrics.intervals import CONFIDENCE, Z, wilson
from evaluation.metrics.subgroups import MIN_CELL

TIMES = ("lead_hours", "action_minutes", "acknowledge_minutes", "wait_minutes", "stay_hours")
NAMES = (
    "alerts_per_100_patient_days",
    "ppv",
    "override_rate",
    "ignored_rate",
    "seen_rate",
    "answered_rate",
    *TIMES,
    "visits_per_day",
    "overtime_hours_per_100_patient_days",
)


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """The counts of one group in a window of ``days``. What nobody counted is None; ``times`` are by name of ``TIMES``.

    ``cards`` no longer wait for an answer; ``known`` of them have an outcome, which ``came`` after so many; ``seen`` of
    them went out to a user who was told; ``alerted`` visits had one (None: one card each).
    """

    by: str
    value: str
    days: float
    visits: int | None = None
    patient_days: float | None = None
    cards: int = 0
    alerted: int | None = None
    known: int = 0
    came: int = 0
    overridden: int = 0
    ignored: int = 0
    seen: int | None = None
    overtime_hours: float | None = None
    times: Mapping[str, Sequence[float]] = field(default_factory=lambda: MappingProxyType({}))


def work_figures(work: Work) -> dict[str, Figure]:
    """Every figure of ``NAMES``; without value and without counts where its cell is small."""
    patient_days = work.patient_days or 0.0
    enough = work.visits is None or work.visits >= MIN_CELL
    return {
        "alerts_per_100_patient_days": _rate(_alerts(work), patient_days) if enough else Figure(None),
        "ppv": _share(work.came, work.known),
        "override_rate": _share(work.overridden, work.cards),
        "ignored_rate": _share(work.ignored, work.cards),
        "seen_rate": Figure(None) if work.seen is None else _share(work.seen, work.cards),
        "answered_rate": _share(work.cards - work.ignored, work.cards),
        **{name: _median(work.times.get(name, ())) for name in TIMES},
        "visits_per_day": _count_a_day(work.visits, work.days),
        "overtime_hours_per_100_patient_days": _overtime(work.overtime_hours, patient_days),
    }


def _alerts(work: Work) -> int:
    return work.cards if work.alerted is None else work.alerted


def figures_of(groups: Sequence[Work]) -> list[dict[str, Figure]]:
    """The figures of all groups. Where one group alone of its kind is suppressed, it could be had by subtraction from
    the whole: the smallest of the others is hidden with it."""
    found = [work_figures(one) for one in groups]
    for by in {one.by for one in groups if one.by != "site"}:
        mine = [figures for one, figures in zip(groups, found, strict=True) if one.by == by]
        for name in NAMES:
            shown = [figures for figures in mine if figures[name].value is not None]
            if len(mine) - len(shown) == 1 and shown:
                min(shown, key=lambda figures: figures[name].n or 0)[name] = Figure(None)
    return found


def _is_small(count: int) -> bool:
    return 0 < count < MIN_CELL


def _share(events: int, n: int) -> Figure:
    """A share; suppressed where the rows, those that it counts or the others are few."""
    if n < MIN_CELL or _is_small(events) or _is_small(n - events):
        return Figure(None)
    return Figure(events / n, *wilson(events, n), n=n, n_events=events)


def _rate(events: int, patient_days: float) -> Figure:
    from scipy.stats import chi2

    if patient_days <= 0 or _is_small(events):
        return Figure(None)
    tail = (1 - CONFIDENCE) / 2
    lower = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    upper = float(chi2.ppf(1 - tail, 2 * events + 2)) / 2
    scale = 100 / patient_days
    return Figure(events * scale, lower * scale, upper * scale, n=round(patient_days), n_events=events)


def _median(values: Sequence[float]) -> Figure:
    n = len(values)
    if n < MIN_CELL:
        return Figure(None)
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    half = Z * math.sqrt(n) / 2
    lower, upper = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    return Figure(float(np.median(ordered)), float(ordered[lower]), float(ordered[upper]), n=n)


def _count_a_day(visits: int | None, days: float) -> Figure:
    if visits is None or visits < MIN_CELL or days <= 0:
        return Figure(None)
    half = Z * math.sqrt(visits)
    return Figure(visits / days, max(0.0, visits - half) / days, (visits + half) / days, n=visits)


def _overtime(hours: float | None, patient_days: float) -> Figure:
    """Hours worked beyond the roster. They are of staff, whose number is not that of a patient cell; no interval."""
    if hours is None or patient_days < MIN_CELL:
        return Figure(None)
    return Figure(100 * hours / patient_days, n=round(patient_days))
