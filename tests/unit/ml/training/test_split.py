from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from ml.features import ColumnMissing
from ml.training.split import Period, forward_slices, label_cutoff, microseconds, settled, times, visits


def arrivals(table):
    return table["arrived_at"].to_pylist()


def test_training_ends_just_before_train_until_and_testing_begins_at_it(mart):
    boundary = arrivals(mart)[1000]
    before, after = visits(mart, "city", Period(end=boundary)), visits(mart, "city", Period(start=boundary))

    assert max(arrivals(before)) < boundary
    assert min(arrivals(after)) == boundary
    assert before.num_rows + after.num_rows == mart.num_rows


def test_visits_of_another_site_and_ineligible_ones_are_left_out(mart, with_column):
    half = with_column(mart, "is_eligible", [row % 2 == 0 for row in range(mart.num_rows)])

    assert visits(half, "city", Period()).num_rows == mart.num_rows / 2
    assert visits(half, "elsewhere", Period()).num_rows == 0


def test_a_null_eligibility_is_not_eligible(mart, with_column):
    unknown = with_column(mart, "is_eligible", [None] * mart.num_rows)

    assert visits(unknown, "city", Period()).num_rows == 0


def test_the_order_of_visits_does_not_depend_on_the_order_of_the_mart(mart):
    shuffled = mart.take(np.random.default_rng(3).permutation(mart.num_rows))

    assert visits(shuffled, "city", Period()).equals(visits(mart, "city", Period()))


def test_an_unknown_label_is_left_out_and_never_counted_as_no(mart, with_column, use_case):
    outcome = use_case.outcome("critical_care")
    unknown = with_column(mart, "critical_care", [None] * 10 + mart["critical_care"].to_pylist()[10:])

    assert not settled(unknown, outcome, None)[:10].any()
    assert settled(unknown, outcome, None)[10:].all()


@pytest.mark.parametrize(("late_by", "counts"), [(timedelta(0), True), (timedelta(microseconds=1), False)])
@pytest.mark.parametrize("column", ["labels_known_at", "known_at"])
def test_a_label_counts_up_to_the_moment_it_was_known(mart, with_column, use_case, column, late_by, counts):
    known_by = arrivals(mart)[0] + timedelta(days=30)
    late = with_column(mart, column, [known_by + late_by, *mart[column].to_pylist()[1:]])

    assert settled(late, use_case.outcome("critical_care"), known_by)[0] == counts


@pytest.mark.parametrize(("age", "counts"), [(timedelta(days=7), True), (timedelta(days=7, microseconds=-1), False)])
def test_a_visit_counts_once_everybody_s_label_can_have_settled(mart, with_column, use_case, age, counts):
    outcome = use_case.outcome("critical_care")
    assert outcome.maturity_days == 7
    early = with_column(mart, "labels_known_at", mart["arrived_at"].to_pylist())
    early = with_column(early, "known_at", mart["arrived_at"].to_pylist())

    assert settled(early, outcome, arrivals(mart)[500] + age)[500] == counts


def test_a_label_whose_arrival_is_unknown_does_not_count_for_a_live_feed(mart, with_column, use_case):
    unknown = with_column(mart, "labels_known_at", [None] * mart.num_rows)
    late = arrivals(mart)[-1] + timedelta(days=365)

    assert not settled(unknown, use_case.outcome("admission"), late).any()
    assert settled(unknown, use_case.outcome("admission"), None).all()


def test_a_live_feed_is_cut_at_train_until_and_a_survey_imported_later_is_not(mart, with_column, train_until):
    imported = with_column(mart, "known_at", [train_until + timedelta(days=900)] * mart.num_rows)

    assert label_cutoff(mart, "city", train_until) == train_until
    assert label_cutoff(imported, "city", train_until) is None


def test_slices_move_forward_and_never_part_equal_times():
    arrived = np.repeat(np.arange(20), 5)
    slices = forward_slices(arrived, first=0.5, count=3)

    assert len(slices) == 3
    for earlier, later in slices:
        assert arrived[earlier].max() < arrived[later].min()
    covered = np.logical_or.reduce([later for _, later in slices])
    assert covered.sum() == 50


def test_slices_of_visits_that_all_arrived_at_once_are_none():
    assert forward_slices(np.zeros(50, dtype=np.int64)) == []
    assert forward_slices(np.array([], dtype=np.int64)) == []


def test_a_time_without_a_zone_is_refused(mart):
    naive = pa.table({"arrived_at": pa.array([datetime(2026, 1, 1)], pa.timestamp("us"))})  # noqa: DTZ001

    with pytest.raises(ColumnMissing, match="time zone"):
        times(naive, "arrived_at")
    with pytest.raises(ValueError, match="zone"):
        microseconds(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_mart_without_its_keys_or_labels_is_refused_by_name(mart, use_case):
    with pytest.raises(ColumnMissing, match="known_at"):
        visits(mart.drop_columns(["known_at"]), "city", Period())
    with pytest.raises(ColumnMissing, match="critical_care"):
        settled(mart.drop_columns(["critical_care"]), use_case.outcome("critical_care"), None)
