"""Another site's model brought to a site: what each way keeps, which is taken, and that only the model crosses."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from ml.training import AdaptationRefused, TooFewEvents
from ml.training.adapt import WAYS, Source, adapt_model, choose_way, possible_ways
from ml.training.backtest import backtest
from ml.training.bundle import bundle_digest, load_bundle, write_bundle
from ml.training.calibration import log_loss
from ml.training.candidate import train_candidate
from ml.training.fit import Parameters
from ml.training.rows import rows_of


def shifted(mart: pa.Table, replaced, by: float) -> pa.Table:
    """The same findings at a site where outcomes are rarer: most events of both outcomes are taken away."""
    keep = np.random.default_rng(3).random(mart.num_rows) < by
    for outcome in ("critical_care", "admission"):
        values = [label and bool(kept) for label, kept in zip(mart[outcome].to_pylist(), keep, strict=True)]
        mart = replaced(mart, outcome, values)
    return mart


@pytest.fixture(scope="module")
def source(candidate) -> Source:
    return Source(candidate.model, candidate.digest)


@pytest.fixture(scope="module")
def elsewhere(mart_builder, with_column) -> pa.Table:
    return shifted(mart_builder(rows=2400, seed=8, site="district"), with_column, 0.35)


@pytest.fixture(scope="module")
def rows(use_case, elsewhere, vocabulary, train_until):
    return rows_of(use_case, elsewhere, vocabulary, site="district", until=train_until, known_by=train_until)


@pytest.fixture
def adapted(use_case, source, rows, parameters):
    return lambda way, taken=source: adapt_model(use_case, taken, rows, way, seed=1, parameters=parameters)


def held_loss(model, elsewhere, train_until, outcome="admission") -> float:
    later = elsewhere.filter([moment >= train_until for moment in elsewhere["arrived_at"].to_pylist()])
    labels = np.asarray([float(value) for value in later[outcome].to_pylist()])
    return log_loss(labels, model.predict(later)[outcome])


def test_recalibration_keeps_every_tree_and_the_order_of_patients_and_mends_the_level(
    adapted, candidate, elsewhere, train_until
):
    as_it_is, recalibrated = adapted("as_it_is"), adapted("recalibrated")

    for outcome, one in recalibrated.outcomes.items():
        assert one.text == candidate.model.outcomes[outcome].text
        before, after = as_it_is.predict(elsewhere)[outcome], recalibrated.predict(elsewhere)[outcome]
        assert (np.argsort(before, kind="stable") == np.argsort(after, kind="stable")).all()
        assert before.mean() > 1.5 * after.mean()
    assert held_loss(recalibrated, elsewhere, train_until) < 0.9 * held_loss(as_it_is, elsewhere, train_until)


def test_transfer_begins_with_the_trees_of_the_source_and_adds_some(adapted, candidate, parameters):
    transferred = adapted("transferred")

    for outcome, one in transferred.outcomes.items():
        theirs = candidate.model.outcomes[outcome].booster
        assert theirs.num_trees() < one.booster.num_trees() <= theirs.num_trees() + round(parameters.rounds * 0.3)
        assert one.booster.dump_model(num_iteration=3)["tree_info"] == theirs.dump_model(num_iteration=3)["tree_info"]


def test_explanations_speak_of_what_is_usual_at_the_new_site(
    use_case, adapted, source, elsewhere, with_column, vocabulary
):
    faster = with_column(elsewhere, "heart_rate", [value + 30 for value in elsewhere["heart_rate"].to_pylist()])
    rows = rows_of(
        use_case, faster, vocabulary, site="district", until=elsewhere["arrived_at"][-1].as_py(), known_by=None
    )

    model = adapt_model(use_case, source, rows, "recalibrated", seed=1, parameters=Parameters())

    assert model.baseline("heart_rate") == pytest.approx(source.model.baseline("heart_rate") + 30, abs=3)
    assert (model.site, model.reduced and model.reduced.site) == ("district", "district")


def test_the_reduced_model_is_adapted_too(adapted, candidate):
    assert candidate.model.reduced is not None
    recalibrated = adapted("recalibrated").reduced

    assert recalibrated is not None
    assert recalibrated.features == candidate.model.reduced.features
    assert {name: one.text for name, one in recalibrated.outcomes.items()} == {
        name: one.text for name, one in candidate.model.reduced.outcomes.items()
    }
    assert recalibrated.outcomes["admission"].calibration != candidate.model.reduced.outcomes["admission"].calibration


def test_a_bundle_says_where_its_model_came_from_and_loads(adapted, source, tmp_path):
    write_bundle(adapted("transferred"), tmp_path / "bundle")

    loaded = load_bundle(tmp_path / "bundle", bundle_digest(tmp_path / "bundle"))

    assert loaded.trained["adapted_from"] == {"site": "city", "model": source.digest, "way": "transferred"}


def test_equal_inputs_give_equal_models(adapted):
    first, second = adapted("transferred"), adapted("transferred")

    assert {name: one.text for name, one in first.outcomes.items()} == {
        name: one.text for name, one in second.outcomes.items()
    }
    assert first.outcomes["admission"].calibration == second.outcomes["admission"].calibration


def test_where_the_same_patients_come_the_model_is_taken_as_it_is(
    use_case, mart_builder, vocabulary, source, train_until, parameters
):
    alike = mart_builder(rows=2400, seed=21, site="district")
    rows = rows_of(use_case, alike, vocabulary, site="district", until=train_until, known_by=train_until)

    choice = choose_way(source, rows, 1, parameters)

    assert choice.way == "as_it_is"
    assert set(choice.losses) == set(WAYS)
    for outcome, mask in rows.settled.items():
        assert choice.visits[outcome] == pytest.approx(mask.sum() / 6, rel=0.05)


def test_where_outcomes_are_rarer_the_model_is_recalibrated(source, rows, parameters):
    choice = choose_way(source, rows, 1, parameters)

    admission = {way: losses["admission"] for way, losses in choice.losses.items()}
    assert choice.way == "recalibrated"
    assert admission["recalibrated"] < 0.9 * admission["as_it_is"]
    assert admission["recalibrated"] <= 1.01 * min(admission.values())


def test_an_outcome_with_hardly_an_event_in_the_latest_slice_judges_nothing(source, rows, parameters):
    _, held = rows.parted()
    assert held.of("critical_care")[1].sum() < 5 <= held.of("admission")[1].sum()

    choice = choose_way(source, rows, 1, parameters)

    assert {tuple(losses) for losses in choice.losses.values()} == {("admission",)}


def test_where_findings_mean_the_opposite_nothing_of_the_source_is_taken(
    use_case, mart_builder, vocabulary, with_column, source, train_until, parameters
):
    odd = mart_builder(rows=2400, seed=9, site="district")
    low = [value is not None and value < 96 for value in odd["oxygen_saturation"].to_pylist()]
    rng = np.random.default_rng(4)
    for outcome in ("critical_care", "admission"):  # here the well-saturated fare badly
        chance = np.where(low, 0.02, 0.5)
        odd = with_column(odd, outcome, (rng.random(odd.num_rows) < chance).tolist())
    rows = rows_of(use_case, odd, vocabulary, site="district", until=train_until, known_by=train_until)

    assert choose_way(source, rows, 1, parameters).way in {"transferred", "from_scratch"}


@pytest.mark.parametrize(
    ("events", "ways"),
    [
        (4, ("as_it_is",)),
        (5, ("as_it_is", "recalibrated")),
        (19, ("as_it_is", "recalibrated")),
        (20, WAYS),
    ],
)
def test_a_way_needs_as_many_events_as_it_learns_from(
    use_case, elsewhere, with_column, vocabulary, train_until, events, ways
):
    rare = elsewhere
    for outcome in ("critical_care", "admission"):
        rare = with_column(rare, outcome, [number < events for number in range(rare.num_rows)])
    rows = rows_of(use_case, rare, vocabulary, site="district", until=train_until, known_by=train_until)

    assert possible_ways(rows) == ways


def test_a_site_without_enough_events_gets_a_model_that_it_could_not_train(
    use_case, elsewhere, with_column, vocabulary, train_until, parameters, source
):
    rare = elsewhere
    for outcome in ("critical_care", "admission"):
        rare = with_column(rare, outcome, [number < 6 for number in range(elsewhere.num_rows)])
    asked = {"site": "district", "train_until": train_until, "seed": 1, "parameters": parameters}

    with pytest.raises(TooFewEvents):
        train_candidate(use_case, rare, vocabulary, **asked)
    candidate = train_candidate(use_case, rare, vocabulary, **asked, source=source)

    assert candidate.choice is not None
    assert (candidate.choice.way, candidate.choice.losses) == ("recalibrated", {})
    assert candidate.adapted_from == {"site": "city", "model": source.digest, "way": "recalibrated"}


def test_a_source_with_other_features_is_refused(use_case, rows, source, parameters):
    fewer = Source(
        type(source.model)(
            **{
                name: getattr(source.model, name)
                for name in ("use_case", "site", "outcomes", "baselines", "vocabulary", "trained", "seed")
            },
            features=source.model.features[:-1],
        ),
        source.digest,
    )

    with pytest.raises(AdaptationRefused, match="of city has other features"):
        choose_way(fewer, rows, 1, parameters)


def test_the_choice_never_looks_at_the_test_period(
    use_case, elsewhere, with_column, vocabulary, train_until, parameters, source
):
    later = [moment >= train_until for moment in elsewhere["arrived_at"].to_pylist()]
    labels = elsewhere["admission"].to_pylist()
    flipped = with_column(
        elsewhere, "admission", [not one if late else one for late, one in zip(later, labels, strict=True)]
    )
    asked = {"site": "district", "train_until": train_until, "seed": 1, "parameters": parameters, "source": source}

    first, second = (train_candidate(use_case, mart, vocabulary, **asked) for mart in (elsewhere, flipped))

    assert (first.choice, first.digest) == (second.choice, second.digest)


def test_a_backtest_scores_the_same_visits_by_every_way(
    use_case, elsewhere, vocabulary, train_until, parameters, source
):
    result = backtest(
        use_case,
        elsewhere,
        vocabulary,
        site="district",
        train_until=train_until,
        test_from=train_until,
        seed=1,
        as_of=train_until + timedelta(days=365),
        parameters=parameters,
        source=source,
    )

    assert set(result.ways) == set(WAYS)
    assert result.ways[result.candidate.choice.way] is result.predictions
    for predictions in result.ways.values():
        assert predictions["visit_occurrence_id"] == result.predictions["visit_occurrence_id"]
    scores = {way: tuple(table["admission_score"].to_pylist()) for way, table in result.ways.items()}
    assert len(set(scores.values())) == len(WAYS)
