"""Overrides are told apart by who was right, and nothing is said of too few."""

import numpy as np
import pytest

from evaluation.evidence import Figure
from evaluation.metrics.intervals import difference, wilson
from evaluation.metrics.overrides import ACCEPTED, IGNORED, OVERRIDDEN, Cards, Verdict, judge_overrides, rates

RNG = np.random.default_rng(3)
UNKNOWN = float("nan")


def cards(**units: list[tuple[str, float, int]]) -> Cards:
    """By unit: (response, share of the patients who were ill, how many cards)."""
    rows = [
        (unit, response, float(n < round(ill * count)) if ill == ill else UNKNOWN)
        for unit, parts in units.items()
        for response, ill, count in parts
        for n in range(count)
    ]
    unit, response, outcome = zip(*rows, strict=True)
    return Cards(np.array(response), np.array(outcome), {"unit": np.array(unit)})


def verdicts(found: Cards) -> dict[str, Verdict]:
    return {one.value: one.verdict for one in judge_overrides(found, ["unit"])}


ELSEWHERE = [(ACCEPTED, 0.3, 170), (OVERRIDDEN, 0.05, 30)]


@pytest.mark.parametrize(
    ("north", "expected"),
    [
        ([(ACCEPTED, 0.4, 50), (OVERRIDDEN, 0.05, 50)], Verdict.JUSTIFIED),
        ([(ACCEPTED, 0.4, 400), (OVERRIDDEN, 0.4, 400)], Verdict.DISAGREEMENT),
        ([(ACCEPTED, 0.4, 50), (OVERRIDDEN, 0.38, 50)], Verdict.UNDECIDED),
        ([(ACCEPTED, 0.3, 50), (OVERRIDDEN, 0.5, 50)], Verdict.DISAGREEMENT),
        ([(ACCEPTED, 0.4, 50), (OVERRIDDEN, UNKNOWN, 50)], Verdict.NOT_KNOWN_YET),
        ([(ACCEPTED, 0.4, 85), (OVERRIDDEN, 0.4, 15)], Verdict.AS_ELSEWHERE),
        ([(ACCEPTED, 0.4, 2000), (OVERRIDDEN, 0.4, 500)], Verdict.AS_ELSEWHERE),
        ([(ACCEPTED, 0.4, 5), (OVERRIDDEN, 0.4, 24)], Verdict.TOO_FEW),
    ],
    ids=lambda value: value.name if isinstance(value, Verdict) else None,
)
def test_a_unit_that_overrides_more_is_judged_by_who_was_right(
    north: list[tuple[str, float, int]], expected: Verdict
) -> None:
    assert verdicts(cards(north=north, south=ELSEWHERE))["north"] is expected


def test_a_single_unit_has_nobody_to_be_compared_with() -> None:
    assert verdicts(cards(north=[(OVERRIDDEN, 0.5, 100)])) == {"north": Verdict.TOO_FEW}


def test_a_card_that_nobody_answered_counts_as_displayed_and_as_no_override() -> None:
    found = rates(cards(north=[(ACCEPTED, 0.3, 60), (OVERRIDDEN, 0.3, 20), (IGNORED, 0.3, 20)]))
    assert {name: (one.value, one.n) for name, one in found.items()} == {
        ACCEPTED: (0.6, 100),
        OVERRIDDEN: (0.2, 100),
        IGNORED: (0.2, 100),
    }


def test_units_that_do_not_differ_are_seldom_called_different() -> None:
    """Over 200 looks at 12 units that all override 30 %: the false discovery rate holds over each look."""
    alarmed = 0
    for _ in range(200):
        unit = RNG.integers(0, 12, 1200).astype(str)
        response = np.where(RNG.random(1200) < 0.3, OVERRIDDEN, ACCEPTED)
        found = judge_overrides(Cards(response, np.full(1200, UNKNOWN), {"unit": unit}), ["unit"])
        alarmed += any(one.verdict is not Verdict.AS_ELSEWHERE for one in found)
    assert alarmed / 200 <= 0.05


def test_without_cards_nothing_is_said() -> None:
    empty = Cards(np.array([], dtype=str), np.array([]), {"unit": np.array([], dtype=str)})
    assert judge_overrides(empty, ["unit"]) == []
    assert rates(empty)[OVERRIDDEN].value is None


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """The example of Newcombe (1998), table II (a): 56 of 70 against 48 of 80."""
    low, high = difference(*(Figure(k / n, *wilson(k, n), n=n, n_events=k) for k, n in ((56, 70), (48, 80))))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
