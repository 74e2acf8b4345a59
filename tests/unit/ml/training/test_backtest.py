from datetime import timedelta

import numpy as np
import pytest

from ml.training.backtest import backtest, predict_period
from ml.training.split import Period


@pytest.fixture
def result(use_case, mart, vocabulary, train_until, parameters):
    return backtest(
        use_case,
        mart,
        vocabulary,
        site="city",
        train_until=train_until,
        test_from=train_until,
        seed=1,
        as_of=train_until + timedelta(days=365),
        parameters=parameters,
    )


def test_the_test_begins_at_test_from_and_counts_add_up(result, mart, train_until):
    later = sum(moment >= train_until for moment in mart["arrived_at"].to_pylist())

    assert min(result.predictions["arrived_at"].to_pylist()) >= train_until
    assert result.n_test == result.predictions.num_rows == later
    assert 0 < result.n_train <= mart.num_rows - later


def test_predictions_carry_labels_scores_current_practice_and_subgroups(result, use_case):
    names = set(result.predictions.column_names)

    for outcome in use_case.outcomes:
        assert {f"{outcome.name}_label", f"{outcome.name}_score"} <= names
    assert {"triage_level", "sex", "age_band", "unit", "shift"} <= names


def test_the_scores_are_those_of_the_candidate(result, mart, train_until):
    chosen = mart.filter([moment >= train_until for moment in mart["arrived_at"].to_pylist()])

    assert (
        np.asarray(result.predictions["admission_score"]) == result.candidate.model.predict(chosen)["admission"]
    ).all()


def test_a_label_that_has_not_settled_is_null_and_a_visit_without_any_is_left_out(
    candidate, use_case, mart, train_until
):
    as_of = train_until + timedelta(days=10)
    table = predict_period(candidate.model, use_case, mart, Period(start=train_until), as_of)
    arrived = table["arrived_at"].to_pylist()
    labels = dict(zip(arrived, table["critical_care_label"].to_pylist(), strict=True))

    assert max(arrived) <= as_of - timedelta(days=2)
    assert {moment for moment, label in labels.items() if label is not None} == {
        moment for moment in arrived if moment <= as_of - timedelta(days=7)
    }


def test_an_unknown_outcome_is_null_in_the_predictions(candidate, use_case, mart, train_until, with_column):
    unknown = with_column(mart, "critical_care", [None] * mart.num_rows)
    table = predict_period(candidate.model, use_case, unknown, Period(start=train_until), None)

    assert table["critical_care_label"].null_count == table.num_rows > 0
    assert table["admission_label"].null_count == 0


def test_a_test_that_begins_inside_the_training_period_is_refused(use_case, mart, vocabulary, train_until, parameters):
    with pytest.raises(ValueError, match="before train_until"):
        backtest(
            use_case,
            mart,
            vocabulary,
            site="city",
            train_until=train_until,
            test_from=train_until - timedelta(days=1),
            seed=1,
            parameters=parameters,
        )
