"""Metrics of rosters, beside the rosters that were really worked: rules broken, need covered, gap, fairness.

Columns in, figures of evidence out. A unit's week is what is drawn for bounds; units and weeks are few, so a figure
over fewer than ten of them has no bounds. Which weeks are judged is the caller's decision, which figures are good
enough a policy's.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics.roster_rules import Duty, HardRule, Staff, broken_rules

REPLICATES, FEWEST_WEEKS = 2000, 10
Which = Literal["made", "worked"]
BOTH: tuple[tuple[Which, str], ...] = (("made", ""), ("worked", "worked."))
"""Which roster, and how the names of its figures begin."""


@dataclass(frozen=True, slots=True)
class UnitWeek:
    """One unit's roster of one past period, and the one that was worked.

    ``need``: nurses by date, shift and skill, as known before; ``objective`` None where no roster was found; ``asked``
    and ``granted`` count wishes; ``changes`` is how many assignments a drawn sick call changed, None where none was
    drawn.
    """

    unit: str
    first: date
    need: Mapping[tuple[date, str, str], int]
    staff: Sequence[Staff]
    history: Sequence[Duty]
    made: Sequence[Duty]
    worked: Sequence[Duty]
    objective: int | None
    bound: int
    asked: int = 0
    granted: int = 0
    changes: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict[str, float])

    def duties(self, which: "Which") -> Sequence[Duty]:
        """The duties of the roster that was made, or of the one that was worked."""
        return self.made if which == "made" else self.worked


def evaluate_rosters(
    weeks: Sequence[UnitWeek], rules: Sequence[HardRule], head: EvidenceHead, seed: int
) -> tuple[Evidence, Evidence]:
    """Evidence of kinds performance and subgroups. ``<figure>`` is of the rosters made, ``worked.<figure>`` of those
    that were worked, on the same rules and need."""
    sentences = {which: _broken(weeks, rules, which) for which, _ in BOTH}
    figures = {
        "hard_rules_broken": _count(sentences["made"], sum(len(one.made) for one in weeks)),
        "worked.hard_rules_broken": _count(sentences["worked"], sum(len(one.worked) for one in weeks)),
        "solved_share": Figure(float(np.mean([one.objective is not None for one in weeks])), n=len(weeks)),
        "gap": _worst_gap(weeks),
        "above_bound_per_nurse": _worst_above(weeks),
        "wishes_kept": _share(sum(one.granted for one in weeks), sum(one.asked for one in weeks)),
        "changes_per_sick_call": _mean([one.changes for one in weeks if one.changes is not None]),
        **_covered(weeks, seed),
    }
    fairness = {
        f"{prefix}{name}.{unit}": figure for which, prefix in BOTH for unit, name, figure in _spreads(weeks, which)
    }
    # One that is not known is the widest of all, so that a gate refuses it.
    fairness["nights.widest_spread"] = max(
        (one for name, one in fairness.items() if name.startswith("nights.spread.")),
        key=lambda one: math.inf if one.value is None else one.value,
    )
    detail: dict[str, Json] = {
        "weeks": [f"{one.unit} from {one.first}" for one in weeks],
        "broken_by_worked": len(sentences["worked"]),
        "judge": "evaluation/metrics/roster_rules, which shares no code with the solver",
        "method": f"bootstrap of unit-weeks, {REPLICATES} replicates, seed {seed}, from {FEWEST_WEEKS} of them on",
    }
    return head.evidence("performance", figures, detail), head.evidence("subgroups", fairness, detail)


def _broken(weeks: Iterable[UnitWeek], rules: Sequence[HardRule], which: Which) -> list[str]:
    found = (broken_rules(week.duties(which), week.history, week.staff, rules) for week in weeks)
    return [sentence for sentences in found for sentence in sentences]


def _count(sentences: Sequence[str], n: int) -> Figure:
    return Figure(float(len(sentences)), n=n, n_events=len(sentences))


def _share(part: int, whole: int) -> Figure:
    return Figure(part / whole, n=whole, n_events=part) if whole else Figure(None, n=0)


def _mean(values: Sequence[int]) -> Figure:
    return Figure(float(np.mean(values)), n=len(values)) if values else Figure(None, n=0)


def _worst_gap(weeks: Iterable[UnitWeek]) -> Figure:
    """Cost above the proven bound, as a share of the cost, where it is largest: an upper bound on what was left."""
    gaps = [(one.objective - one.bound) / max(one.objective, 1) for one in weeks if one.objective is not None]
    return Figure(max(gaps), n=len(gaps)) if gaps else Figure(None, n=0)


def _worst_above(weeks: Iterable[UnitWeek]) -> Figure:
    """Cost above the proven bound for each nurse needed, where it is largest: a gap means nothing near a cost of 0."""
    above = [(one.objective - one.bound) / max(sum(one.need.values()), 1) for one in weeks if one.objective is not None]
    return Figure(max(above), n=len(above)) if above else Figure(None, n=0)


def _covered(weeks: Sequence[UnitWeek], seed: int) -> dict[str, Figure]:
    """Share of the needed nurses that were there, over all skills and by skill; nobody makes up for another shift."""
    skills = sorted({skill for one in weeks for _, _, skill in one.need})
    figures: dict[str, Figure] = {}
    for which, prefix in BOTH:
        for skill in (None, *skills):
            name = f"{prefix}demand_covered" + (f".{skill}" if skill else "")
            figures[name] = _ratio([_there(one, which, skill) for one in weeks], seed)
    return figures


def _there(week: UnitWeek, which: Which, skill: str | None) -> tuple[int, int]:
    present = Counter((one.date, one.shift, one.skill) for one in week.duties(which) if one.unit == week.unit)
    wanted = {key: nurses for key, nurses in week.need.items() if skill in (None, key[2])}
    return sum(min(present[key], nurses) for key, nurses in wanted.items()), sum(wanted.values())


def _ratio(parts: Sequence[tuple[int, int]], seed: int) -> Figure:
    """A ratio of totals; bounds by drawing whole unit-weeks."""
    counted = np.array(parts, dtype=np.float64)
    total = counted.sum(axis=0)
    if not total[1]:
        return Figure(None, n=0)
    value, n = float(total[0] / total[1]), int(total[1])
    if len(counted) < FEWEST_WEEKS:
        return Figure(value, n=n)
    drawn = np.random.default_rng(seed).integers(0, len(counted), (REPLICATES, len(counted)))
    sums = counted[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / np.maximum(sums[:, 1], 1), [0.025, 0.975])
    return Figure(value, float(min(low, value)), float(max(high, value)), n=n)


def _spreads(weeks: Sequence[UnitWeek], which: Which) -> Iterable[tuple[str, str, Figure]]:
    """Spread of nights and weekends over people by unit: standard deviation of counts for a full contract."""
    counts: Mapping[str, Callable[[Duty], bool]] = {
        "nights.spread": lambda one: one.is_night,
        "weekends.spread": lambda one: one.date.weekday() >= 5,
    }
    for unit in sorted({one.unit for one in weeks}):
        mine = [one for one in weeks if one.unit == unit]
        for name, is_counted in counts.items():
            done, share = Counter[str](), dict[str, float]()
            for week in mine:
                share.update(week.shares)
                done.update(one.person for one in week.duties(which) if is_counted(one))
            each = [done[person] / max(part, 0.1) for person, part in share.items()]
            yield unit, name, Figure(float(np.std(each)), n=len(each)) if each else Figure(None, n=0)
