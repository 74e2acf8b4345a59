"""Overrides that are justified, and overrides that are disagreement: who was right once the outcome is known.

Here belong rates over displayed cards and the judgement of groups (a unit, a shift, a reason). Where cards come from
does not. A group's override rate is held against that of all other cards (Fisher's exact test, Benjamini-Hochberg over
the groups of one look), and it must differ by enough to matter. Then the outcomes speak: did what the card warns of
come less often where it was overridden than where it was accepted, people saw what the model did not; is it shown that
it came about as often, the card was right and was not believed. Between the two nobody is blamed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from evaluation.evidence import Figure
from evaluation.metrics.intervals import difference, wilson

ACCEPTED, OVERRIDDEN, IGNORED = "accepted", "overridden", "ignored"
FALSE_DISCOVERY = 0.05
LEAST_CARDS = 30
"""Displayed cards that a group needs before its rate is judged."""
LEAST_KNOWN = 10
"""Known outcomes, of overridden and of accepted cards each, before it is said who was right."""
MATTERS = 0.10
"""A difference of override rates, or of how often the outcome came, below this is not acted upon."""


class Verdict(StrEnum):
    """What a group's overrides mean."""

    TOO_FEW = "too few cards"
    AS_ELSEWHERE = "as elsewhere"
    NOT_KNOWN_YET = "more than elsewhere, outcomes not known yet"
    JUSTIFIED = "justified: the outcome came less often where cards were overridden"
    DISAGREEMENT = "disagreement: the outcome came about as often where cards were overridden"
    UNDECIDED = "more than elsewhere, outcomes do not tell who was right"


@dataclass(frozen=True)
class Cards:
    """Displayed cards in columns of one length: the response, whether the outcome came (not a number while it is not
    known), and by name what cards are grouped by (null is the empty string)."""

    response: NDArray[np.str_]
    outcome: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.str_]]


@dataclass(frozen=True)
class GroupOverrides:
    """One group: its override rate, that of all other cards, and how often the outcome came after each."""

    by: str
    value: str
    rate: Figure
    elsewhere: Figure
    p_adjusted: float | None
    came_overridden: Figure
    came_accepted: Figure
    verdict: Verdict


def rates(cards: Cards) -> dict[str, Figure]:
    """Shares of displayed cards that were accepted, overridden and ignored, with Wilson intervals."""
    return {kind: _share(cards.response == kind) for kind in (ACCEPTED, OVERRIDDEN, IGNORED)}


def judge_overrides(cards: Cards, by: Sequence[str]) -> list[GroupOverrides]:
    """Judge every value of every grouping in one look, sorted by name; false discoveries are held down over all."""
    asked = [(name, value) for name in by for value in sorted(set(cards.groups[name].tolist())) if value]
    chosen = {one: cards.groups[one[0]] == one[1] for one in asked}
    large = [one for one in asked if _is_large(chosen[one])]
    p_values = dict(zip(large, _adjusted([_p_value(cards, chosen[one]) for one in large]), strict=True))
    return [_judged(cards, name, value, chosen[name, value], p_values.get((name, value))) for name, value in asked]


def _is_large(chosen: NDArray[np.bool_]) -> bool:
    return min(int(chosen.sum()), int((~chosen).sum())) >= LEAST_CARDS


def _judged(cards: Cards, name: str, value: str, chosen: NDArray[np.bool_], p: float | None) -> GroupOverrides:
    overridden = cards.response == OVERRIDDEN
    rate, elsewhere = _share(overridden[chosen]), _share(overridden[~chosen])
    known = chosen & ~np.isnan(cards.outcome)
    ill = {kind: _share(cards.outcome[known & (cards.response == kind)] == 1) for kind in (OVERRIDDEN, ACCEPTED)}
    verdict = _verdict(rate, elsewhere, p, ill[OVERRIDDEN], ill[ACCEPTED])
    return GroupOverrides(name, value, rate, elsewhere, p, ill[OVERRIDDEN], ill[ACCEPTED], verdict)


def _verdict(rate: Figure, elsewhere: Figure, p: float | None, overridden: Figure, accepted: Figure) -> Verdict:
    if p is None:
        return Verdict.TOO_FEW
    assert rate.value is not None and elsewhere.value is not None, "a group that has a test has cards on both sides"
    if p > FALSE_DISCOVERY or rate.value - elsewhere.value < MATTERS:
        return Verdict.AS_ELSEWHERE
    if overridden.value is None or accepted.value is None or min(overridden.n or 0, accepted.n or 0) < LEAST_KNOWN:
        return Verdict.NOT_KNOWN_YET
    low, high = difference(accepted, overridden)
    return Verdict.JUSTIFIED if low > 0 else Verdict.DISAGREEMENT if high < MATTERS else Verdict.UNDECIDED


def _p_value(cards: Cards, chosen: NDArray[np.bool_]) -> float:
    overridden = cards.response == OVERRIDDEN
    return _tested(_counts(_share(overridden[chosen])), _counts(_share(overridden[~chosen])))


def _counts(figure: Figure) -> tuple[int, int]:
    n, events = figure.n or 0, figure.n_events or 0
    return events, n - events


def _tested(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Two-sided Fisher exact p-value of two counts of (yes, no)."""
    from scipy.stats import fisher_exact

    return cast("tuple[float, float]", fisher_exact([one, other]))[1]


def _adjusted(p_values: Sequence[float]) -> list[float]:
    from scipy.stats import false_discovery_control

    return false_discovery_control(p_values).tolist() if p_values else []


def _share(hits: NDArray[np.bool_]) -> Figure:
    n, events = int(hits.size), int(hits.sum())
    return Figure(events / n, *wilson(events, n), n=n, n_events=events) if n else Figure(None, n=0)
