import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.features import ColumnMissing, ColumnUnknown, ValueUnreadable
from ml.features.encoding import Encoder
from ml.features.mart import design_matrix

number = st.none() | st.floats(-1e6, 1e6) | st.integers(-10, 400)


def value_of(feature):
    if feature.levels is not None:
        return st.none() | st.sampled_from([*feature.levels, "unknown"])
    return st.none() | st.booleans() if feature.kind == "boolean" else number


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_scoring_a_row_equals_scoring_the_batch(candidate, data):
    model = candidate.model
    rows = [
        {feature.name: data.draw(value_of(feature)) for feature in model.features}
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    types = {"boolean": pa.bool_(), "numeric": pa.float64(), "categorical": pa.string()}
    table = pa.table(
        {f.name: pa.array([row[f.name] for row in rows], types[f.kind], from_pandas=False) for f in model.features}
    )
    batch = model.predict(table)

    for index, row in enumerate(rows):
        for outcome, score in model.predict_row(row).items():
            assert score.probability == batch[outcome][index]


def test_a_missing_vital_sign_stays_missing(candidate, mart):
    at = candidate.model.feature_names.index("oxygen_saturation")
    matrix = design_matrix(mart, candidate.model.features)
    absent = np.array([value is None for value in mart["oxygen_saturation"].to_pylist()])

    assert absent.any()
    assert (np.isnan(matrix[:, at]) == absent).all()


def test_a_missing_value_is_scored_otherwise_than_the_usual_one(candidate, mart):
    row = {name: mart[name][0].as_py() for name in candidate.model.feature_names}
    missing, usual = (
        candidate.model.predict_row(row | {"oxygen_saturation": value})["critical_care"].drivers
        for value in (None, candidate.model.baseline("oxygen_saturation"))
    )

    assert all(driver.value is None for driver in missing if driver.feature == "oxygen_saturation")
    assert missing != usual


def test_an_implausible_value_is_scored_as_missing(candidate, mart):
    row = {name: mart[name][0].as_py() for name in candidate.model.feature_names}

    assert candidate.model.predict_row(row | {"heart_rate": 0.0}) == candidate.model.predict_row(
        row | {"heart_rate": None}
    )
    assert candidate.model.predict_row(row | {"heart_rate": 998}) == candidate.model.predict_row(
        row | {"heart_rate": None}
    )


def test_a_row_must_name_the_declared_features_and_no_others(candidate):
    empty = dict.fromkeys(candidate.model.feature_names)

    assert set(candidate.model.predict_row(empty)) == {"critical_care", "admission"}
    with pytest.raises(ColumnUnknown, match="diagnosis"):
        candidate.model.predict_row(empty | {"diagnosis": 1})
    del empty["heart_rate"]
    with pytest.raises(ColumnMissing, match="heart_rate"):
        candidate.model.predict_row(empty)


def test_text_where_a_number_belongs_is_refused_without_showing_it(candidate):
    empty = dict.fromkeys(candidate.model.feature_names)

    with pytest.raises(ValueUnreadable) as refusal:
        candidate.model.predict_row(empty | {"heart_rate": "ninety"})
    assert "ninety" not in str(refusal.value)


def test_drivers_only_raise_the_risk_and_come_strongest_first(candidate, mart):
    for index in range(50):
        row = {name: mart[name][index].as_py() for name in candidate.model.feature_names}
        for score in candidate.model.predict_row(row).values():
            parts = [driver.contribution for driver in score.drivers]
            assert parts == sorted(parts, reverse=True)
            assert all(part > 0 for part in parts)
        for outcome, score in candidate.model.predict_row(row).items():
            assert tuple(candidate.model.drivers(outcome, row)) == score.drivers


def test_drivers_are_given_only_for_the_outcomes_asked_for(candidate):
    empty = dict.fromkeys(candidate.model.feature_names)
    scores = candidate.model.predict_row(empty, explained={"admission"})

    assert scores["critical_care"].drivers == ()
    assert scores["admission"].drivers
    assert scores["critical_care"].probability == candidate.model.predict_row(empty)["critical_care"].probability


def test_a_table_without_rows_gives_no_scores(candidate, mart):
    assert len(candidate.model.predict(mart.slice(0, 0))["admission"]) == 0


@pytest.mark.parametrize(
    ("value", "stays"), [(19.999, False), (20, True), (300, True), (300.001, False), (float("inf"), False)]
)
def test_the_plausible_range_includes_its_bounds(candidate, value, stays):
    encoder = Encoder(candidate.model.features)
    at = encoder.names.index("heart_rate")
    row = encoder.row(dict.fromkeys(encoder.names) | {"heart_rate": value})

    assert (not np.isnan(row[0, at])) == stays
