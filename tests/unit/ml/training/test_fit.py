import numpy as np
import pyarrow as pa
import pytest

from ml.features import ColumnMissing, ColumnUnknown
from ml.training import TooFewEvents
from ml.training.bundle import model_digest
from ml.training.candidate import train_candidate
from ml.training.fit import fit_model


@pytest.fixture
def train(use_case, vocabulary, train_until, parameters):
    def run(mart, seed=1, **changes):
        arguments = {"site": "city", "train_until": train_until, "parameters": parameters} | changes
        return train_candidate(use_case, mart, vocabulary, seed=seed, **arguments)

    return run


def test_two_fits_on_the_same_data_give_the_same_digest(candidate, train, mart):
    assert train(mart).digest == candidate.digest


def test_the_order_of_the_rows_does_not_change_the_model(candidate, train, mart):
    shuffled = mart.take(np.random.default_rng(0).permutation(mart.num_rows))

    assert train(shuffled).digest == candidate.digest


def test_another_seed_gives_another_model(candidate, train, mart):
    assert train(mart, seed=2).digest != candidate.digest


def test_nothing_that_arrived_at_or_after_the_cutoff_changes_the_model(
    candidate, train, mart, train_until, with_column
):
    later = [moment >= train_until for moment in mart["arrived_at"].to_pylist()]
    assert any(later)
    changed = mart
    for column, value in (("critical_care", True), ("oxygen_saturation", 61.0), ("admission", None)):
        values = [value if late else old for late, old in zip(later, mart[column].to_pylist(), strict=True)]
        changed = with_column(changed, column, values)

    assert train(changed).digest == candidate.digest


def test_a_label_that_arrived_after_the_cutoff_is_not_learned_from(candidate, train, mart, train_until, with_column):
    limit = train_until
    late = [known > limit for known in mart["labels_known_at"].to_pylist()]
    flipped = [not old if hidden else old for hidden, old in zip(late, mart["critical_care"].to_pylist(), strict=True)]
    assert flipped != mart["critical_care"].to_pylist()

    assert train(with_column(mart, "critical_care", flipped)).digest == candidate.digest


def test_columns_that_are_not_declared_are_never_read(candidate, train, mart):
    leak = mart.append_column("length_of_stay_hours", pa.array(np.where(mart["critical_care"], 99.0, 1.0)))

    assert train(leak).digest == candidate.digest
    assert "length_of_stay_hours" not in candidate.model.feature_names


def test_a_grouped_column_that_the_vocabulary_does_not_know_is_refused(train, mart):
    leak = mart.append_column("complaint_went_to_icu", mart["critical_care"])

    with pytest.raises(ColumnUnknown, match="complaint_went_to_icu"):
        train(leak)


def test_a_declared_column_that_is_missing_is_refused_by_name(train, mart):
    with pytest.raises(ColumnMissing, match="heart_rate"):
        train(mart.drop_columns(["heart_rate"]))
    with pytest.raises(ColumnMissing, match="history_copd"):
        train(mart.drop_columns(["history_copd"]))


def test_no_label_and_no_time_is_among_the_features(candidate, use_case):
    labels = {outcome.label_column for outcome in use_case.outcomes}

    assert not labels & set(candidate.model.feature_names)
    assert not [name for name in candidate.model.feature_names if name.endswith("_at") or "disposition" in name]


def test_too_few_events_is_said_with_the_numbers(train, mart, with_column):
    none = with_column(mart, "critical_care", [False] * mart.num_rows)

    with pytest.raises(TooFewEvents, match=r"critical_care at city has 0 events among \d+ visits"):
        train(none)


def test_the_model_learns_what_made_the_outcomes(candidate, mart, train_until):
    later = mart.filter(pa.array([moment >= train_until for moment in mart["arrived_at"].to_pylist()]))
    p = candidate.model.predict(later)["critical_care"]
    y = np.asarray(later["critical_care"])

    assert p[y].mean() > 1.5 * p[~y].mean()
    assert p.mean() == pytest.approx(y.mean(), rel=0.35)


def test_a_lower_oxygen_saturation_never_lowers_the_risk(candidate, mart):
    row = {name: mart[name][0].as_py() for name in candidate.model.feature_names}
    risks = [
        candidate.model.predict_row(row | {"oxygen_saturation": float(value)})["critical_care"].probability
        for value in range(60, 101)
    ]

    assert (np.diff(risks) <= 1e-12).all()
    assert risks[0] > risks[-1]


def test_baselines_are_medians_and_shares_of_the_training_visits_only(
    candidate, mart, train_until, use_case, vocabulary, parameters
):
    before = mart.filter(pa.array([moment < train_until for moment in mart["arrived_at"].to_pylist()]))
    known = [value for value in before["oxygen_saturation"].to_pylist() if value is not None]
    share = np.mean(before["complaint_shortness_of_breath"].to_pylist())

    assert candidate.model.baseline("oxygen_saturation") == np.median(known)
    assert candidate.model.baseline("complaint_shortness_of_breath") == pytest.approx(share)
    assert candidate.model.baseline("sex") is None
    assert sum(candidate.model.baselines["sex"].values()) == pytest.approx(1)


def test_everything_counts_when_no_label_cutoff_is_given(use_case, mart, vocabulary, train_until, parameters):
    limited, free = (
        fit_model(
            use_case,
            mart,
            vocabulary,
            site="city",
            train_until=train_until,
            known_by=known_by,
            seed=1,
            parameters=parameters,
        )
        for known_by in (train_until, None)
    )

    assert free.trained["outcomes"]["critical_care"]["visits"] > limited.trained["outcomes"]["critical_care"]["visits"]
    assert model_digest(free) != model_digest(limited)


def test_the_model_keeps_its_direction_even_where_the_data_say_otherwise(train, mart, with_column):
    odd = [value is not None and value >= 98 for value in mart["oxygen_saturation"].to_pylist()]
    model = train(with_column(mart, "critical_care", odd)).model
    row = {name: mart[name][0].as_py() for name in model.feature_names}
    risks = [
        model.predict_row(row | {"oxygen_saturation": float(value)})["critical_care"].probability
        for value in range(60, 101)
    ]

    assert (np.diff(risks) <= 1e-12).all()


def test_the_reduced_model_looks_at_single_features_that_nearly_every_visit_had(candidate):
    """The mart lacks the oxygen saturation of every fifth visit; groups of a vocabulary are no single features."""
    reduced = candidate.model.reduced

    assert reduced is not None
    assert "oxygen_saturation" not in reduced.feature_names and "heart_rate" in reduced.feature_names
    assert not {"complaint_chest_pain", "history_copd"} & set(reduced.feature_names)
    assert set(reduced.feature_names) < set(candidate.model.feature_names)
    assert reduced.outcomes.keys() == candidate.model.outcomes.keys()


def test_without_a_fallback_no_reduced_model_is_fitted(use_case, mart, vocabulary, train_until, parameters):
    alone = use_case.model_copy(update={"fallback": None})
    model = fit_model(
        alone, mart, vocabulary, site="city", train_until=train_until, known_by=None, seed=1, parameters=parameters
    )
    assert model.reduced is None
