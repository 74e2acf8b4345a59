"""Subgroups: figures, gaps, and that small cells cannot be had, directly or by subtraction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evaluation.metrics import MetricInputError
from evaluation.metrics.subgroups import MIN_CELL, MIN_EVENTS_TO_JUDGE, NOT_RECORDED, subgroups


def rows_of(groups, seed=1):
    """Rows from {group: (events, others)}; scores that rank imperfectly."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.repeat([1.0, 0.0], counts) for counts in groups.values()])
    labels = np.repeat(list(groups), [sum(counts) for counts in groups.values()]).tolist()
    return y, np.clip(0.3 + 0.2 * y + rng.normal(0, 0.2, y.size), 0, 1), labels


def report_of(groups):
    y, p, labels = rows_of(groups)
    labels = [None if label == NOT_RECORDED else label for label in labels]
    report = subgroups(y, p, {"race": labels})
    return report, {row.group: row for row in report.rows}


def test_a_group_has_the_figures_of_its_own_rows():
    y, p, labels = rows_of({"a": (60, 300), "b": (80, 200)})
    row = subgroups(y, p, {"sex": labels}).rows[1]
    own = np.array(labels) == "b"
    assert (row.attribute, row.group, row.n, row.n_events) == ("sex", "b", 280, 80)
    assert row.auroc.value == pytest.approx(roc_auc_score(y[own], p[own]))
    assert row.calibration.value == pytest.approx(y[own].mean() - p[own].mean())


@pytest.mark.parametrize(("events", "others", "suppressed"), [(11, 11, False), (10, 500, True), (500, 10, True)])
def test_a_cell_of_eleven_is_shown_and_one_of_ten_is_not(events, others, suppressed):
    assert MIN_CELL == 11
    _, rows = report_of({"small": (events, others), "large": (200, 900), "other": (150, 700)})
    assert rows["small"].suppressed is suppressed
    assert (rows["small"].n is None) is suppressed
    assert (rows["small"].auroc is None) is suppressed


def test_a_group_suppressed_alone_takes_the_counts_but_not_the_figures_of_the_next():
    _, rows = report_of({"a": (3, 4), "b": (60, 200), "c": (300, 900)})
    assert rows["a"].suppressed
    assert not rows["b"].suppressed
    assert rows["b"].n is None
    assert rows["b"].auroc.value is not None
    assert rows["b"].auroc.n is None
    assert rows["c"].n == 1200


def test_missing_values_are_a_group_of_their_own():
    _, rows = report_of({"a": (60, 300), NOT_RECORDED: (40, 100)})
    assert rows[NOT_RECORDED].n == 140


counts = st.tuples(st.integers(0, 40), st.integers(0, 60)).filter(any)


@given(st.lists(counts, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_no_small_cell_can_be_found_by_subtraction(sizes):
    groups = {f"g{i}": size for i, size in enumerate(sizes)}
    _, rows = report_of(groups)
    hidden = [name for name in groups if rows[name].n is None]
    if hidden and len(hidden) < len(groups):
        assert len(hidden) > 1
        assert sum(groups[name][0] for name in hidden) >= MIN_CELL
        assert sum(groups[name][1] for name in hidden) >= MIN_CELL
    for name, size in groups.items():
        if min(size) < MIN_CELL:
            assert rows[name].suppressed
            assert rows[name].auroc is None


@pytest.mark.parametrize(("events", "is_judged"), [(MIN_EVENTS_TO_JUDGE, True), (MIN_EVENTS_TO_JUDGE - 1, False)])
def test_a_gap_needs_twenty_events_in_each_of_two_groups(events, is_judged):
    report, _ = report_of({"a": (events, 300), "b": (100, 300)})
    for gap in (report.auroc_gaps["race"], report.calibration_gaps["race"]):
        assert (gap.figure.value is not None) is is_judged
        assert (gap.lowest is not None) is is_judged


def test_a_gap_is_the_distance_of_the_extremes_with_the_error_of_both():
    y, p, labels = rows_of({"a": (60, 300), "b": (80, 200), "c": (70, 250)})
    report = subgroups(y, p, {"race": labels})
    gap = report.auroc_gaps["race"]
    areas = {row.group: row.auroc.value for row in report.rows}
    assert gap.figure.value == pytest.approx(max(areas.values()) - min(areas.values()))
    assert (gap.lowest, gap.highest) == (min(areas, key=areas.get), max(areas, key=areas.get))
    assert gap.figure.lower <= gap.figure.value <= gap.figure.upper <= 1


def test_counts_beside_a_gap_are_rounded_down():
    report, _ = report_of({"a": (67, 300), "b": (100, 300), NOT_RECORDED: (2, 3)})
    figure = report.auroc_gaps["race"].figure
    assert (figure.n, figure.n_events) == (360, 60)


def test_an_attribute_of_another_length_is_refused():
    with pytest.raises(MetricInputError, match="attribute sex has 1 rows; expected 2"):
        subgroups([0, 1], [0.1, 0.9], {"sex": ["a"]})
