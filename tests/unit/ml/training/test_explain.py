import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.explain import NOTHING, reason_sentence
from ml.training.model import Driver, Score


def score(*drivers: Driver) -> Score:
    return Score(0.2, drivers)


OXYGEN = Driver("oxygen_saturation", 88.0, 98.0, 0.9)
BREATH = Driver("complaint_shortness_of_breath", 1.0, 0.08, 0.5)


def test_a_number_is_said_beside_what_is_usual(candidate):
    sentence = reason_sentence(candidate.model, score(OXYGEN, BREATH))

    assert sentence == "Oxygen saturation 88 % (usual at this site 98 %) raises the risk most."


def test_a_finding_is_said_beside_its_share(candidate):
    sentence = reason_sentence(candidate.model, score(BREATH))

    assert sentence == "Complaint: shortness of breath (8 % of visits at this site) raises the risk most."


def test_a_rare_finding_is_not_said_to_be_in_no_visit(candidate):
    sentence = reason_sentence(candidate.model, score(Driver("history_copd", 1.0, 0.004, 0.5)))

    assert sentence == "History of COPD (under 1 % of visits at this site) raises the risk most."


def test_a_stronger_driver_that_cannot_be_said_is_owned_up_to(candidate):
    sex = Driver("sex", 0.0, None, 2.0)

    assert reason_sentence(candidate.model, score(sex, OXYGEN)).startswith(
        "Among the recorded findings, oxygen saturation 88 %"
    )


@pytest.mark.parametrize(
    "driver",
    [
        Driver("oxygen_saturation", None, 98.0, 0.9),  # not measured
        Driver("oxygen_saturation", 98.0, 98.0, 0.9),  # at its usual value
        Driver("oxygen_saturation", 98.2, 98.0, 0.9),  # reads as its usual value
        Driver("oxygen_saturation", 100.0, 98.0, 0.9),  # better than usual
        Driver("pain_score", 0.0, 5.0, 0.9),  # no card says that less pain is a danger
        Driver("complaint_chest_pain", 0.0, 0.1, 0.9),  # absent
        Driver("sex", 1.0, None, 0.9),  # nobody can act on it
        Driver("arrival_hour", 3.0, 14.0, 0.9),
        Driver("heart_rate", 130.0, None, 0.9),  # nothing to compare with
        Driver("heart_rate", 130.0, 84.0, 0.0),  # does not raise the risk
    ],
)
def test_what_is_no_finding_is_not_named(candidate, driver):
    assert reason_sentence(candidate.model, score(driver)) == NOTHING


def test_nothing_is_said_when_nothing_raises_the_risk(candidate):
    assert reason_sentence(candidate.model, score()) == NOTHING


@given(index=st.integers(0, 2399), outcome=st.sampled_from(["critical_care", "admission"]))
def test_a_sentence_names_a_recorded_finding_that_raises_the_risk(candidate, mart, index, outcome):
    model = candidate.model
    found = model.predict_row({name: mart[name][index].as_py() for name in model.feature_names})[outcome]
    sentence = reason_sentence(model, found)

    assert sentence == reason_sentence(model, found)
    assert sentence == NOTHING or sentence.endswith("raises the risk most.")
    if sentence != NOTHING:
        said = [
            feature
            for feature in model.features
            for driver in found.drivers
            if driver.feature == feature.name
            and feature.phrase is not None
            and driver.value is not None
            and feature.phrase.format(value=driver.value, label=feature.label).lower() in sentence.lower()
        ]
        assert said
