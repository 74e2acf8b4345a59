"""Alerts, answers and outcomes: by their definitions, with their intervals, and never of few people."""

import numpy as np
import pytest

from evaluation.metrics.shadow_gap import decompose
from evaluation.metrics.workflow import NAMES, TIMES, Work, figures_of, work_figures


def test_every_figure_is_by_its_definition() -> None:
    times = {name: [float(n) for n in range(1, 22)] for name in TIMES}
    found = work_figures(
        Work("unit", "ED", 28, visits=560, patient_days=200, cards=50, known=40, came=16, overridden=20, ignored=15,
             overtime_hours=12, times=times)
    )  # fmt: skip
    assert set(found) == set(NAMES)
    assert found["alerts_per_100_patient_days"].value == 25
    assert (found["ppv"].value, found["override_rate"].value, found["ignored_rate"].value) == (0.4, 0.4, 0.3)
    assert found["visits_per_day"].value == 20
    assert found["overtime_hours_per_100_patient_days"].value == 6
    assert all(found[name].value == 11 for name in TIMES)
    assert all(one.lower <= one.value <= one.upper for one in found.values() if one.lower is not None)  # type: ignore[operator]


def test_a_rate_has_the_exact_interval_of_a_count() -> None:
    """Garwood's 95 % limits of a count of 20 are 12.22 and 30.89."""
    found = work_figures(Work("site", "all", 28, visits=500, patient_days=100, cards=20))["alerts_per_100_patient_days"]
    assert (found.lower, found.upper) == pytest.approx((12.2165, 30.8884), abs=1e-3)


@pytest.mark.parametrize(
    ("cards", "overridden", "is_shown"),
    [(10, 0, False), (11, 0, True), (30, 10, False), (30, 11, True), (30, 20, False)],
)
def test_a_share_of_few_on_either_side_is_not_shown(cards: int, overridden: int, is_shown: bool) -> None:
    found = work_figures(Work("role", "nurse", 28, cards=cards, overridden=overridden))["override_rate"]
    assert (found.value is not None, found.n is not None) == (is_shown, is_shown)


@pytest.mark.parametrize(("visits", "is_shown"), [(10, False), (11, True)])
def test_a_group_of_few_visits_shows_nothing_of_them(visits: int, is_shown: bool) -> None:
    found = work_figures(
        Work("unit", "ICU", 28, visits=visits, patient_days=50, times={"wait_minutes": [1.0] * visits})
    )
    for name in ("alerts_per_100_patient_days", "wait_minutes", "visits_per_day"):
        assert (found[name].value is not None) is is_shown, name


def test_the_interval_of_a_median_holds_it_nineteen_times_in_twenty() -> None:
    held = 0
    for seed in range(300):
        values = np.random.default_rng(seed).exponential(1.0, 60).tolist()
        one = work_figures(Work("site", "all", 1, visits=60, times={"wait_minutes": values}))["wait_minutes"]
        assert one.lower is not None and one.upper is not None
        held += one.lower <= np.log(2) <= one.upper
    assert 0.92 * 300 <= held <= 299


# -- the gap between serving and the test period


def period(n: int, seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal(n)
    return (draw.random(n) < 1 / (1 + np.exp(1 - strength * x))).astype(float), 1 / (1 + np.exp(-x))


def test_features_that_serving_did_not_have_are_infrastructure() -> None:
    y, p = period(4000, 1, 1.5)
    y1, q = period(4000, 2, 1.5)
    lost = np.where(np.random.default_rng(3).random(4000) < 0.3, 0.5, q)
    found = decompose((y, p), y1, lost, q, seed=1)
    assert found.infrastructure.upper is not None and found.infrastructure.upper < -0.02
    assert found.time.lower is not None and found.time.upper is not None
    assert found.time.lower < 0 < found.time.upper
    assert found.whole.value == pytest.approx((found.infrastructure.value or 0) + (found.time.value or 0))


def test_other_patients_are_time_and_equal_features_no_infrastructure() -> None:
    y1, q = period(4000, 5, 0.4)
    found = decompose(period(4000, 4, 1.5), y1, q, q, seed=1)
    assert (found.infrastructure.value, found.infrastructure.lower, found.infrastructure.upper) == (0, 0, 0)
    assert found.time.upper is not None and found.time.upper < -0.05


def test_a_gap_of_few_events_has_no_value() -> None:
    y, p = period(400, 6, 1.0)
    few = np.zeros(400)
    few[:9] = 1
    assert decompose((y, p), few, p, p, seed=1).whole.value is None


def test_a_group_hidden_alone_takes_another_with_it() -> None:
    """Forty of the whole and thirty of one unit would give away the ten of the other."""
    groups = [
        Work("site", "all", 28, cards=60, overridden=30),
        Work("unit", "ED", 28, cards=30, overridden=14),
        Work("unit", "MED", 28, cards=22, overridden=11),
        Work("unit", "ICU", 28, cards=8, overridden=5),
    ]
    rates = [one["override_rate"].value is not None for one in figures_of(groups)]
    assert rates == [True, True, False, False]
