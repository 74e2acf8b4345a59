import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.training.explain import MOST_TRIED, NOTHING, checked_reason
from ml.training.model import Driver, Score


class Backwards:
    """A model whose contributions name the saturation first, though putting it back does not lower the risk."""

    def __init__(self, model, drivers, lowered_by):
        self.features, self._drivers, self._lowered_by = model.features, drivers, lowered_by
        self.asked = 0

    def predict_row(self, row, explained=None):
        self.asked += 1
        lowered = any(row[name] == value for name, value in self._lowered_by.items())
        return {"critical_care": Score(0.1 if lowered else 0.2, self._drivers if explained else ())}


class Holding(Backwards):
    """A model in which every finding holds: whatever is put back lowers the risk."""

    def predict_row(self, row, explained=None):
        return {"critical_care": Score(0.2 if set(row.values()) == {"as it is"} else 0.1, self._drivers)}


def sentence_of(model, *drivers: Driver) -> str:
    row = dict.fromkeys(model.feature_names, "as it is")
    return checked_reason(Holding(model, drivers, {}), "critical_care", row).sentence


OXYGEN = Driver("oxygen_saturation", 88.0, 98.0, 0.9)
BREATH = Driver("complaint_shortness_of_breath", 1.0, 0.08, 0.5)


def test_a_number_is_said_beside_what_is_usual(candidate):
    sentence = sentence_of(candidate.model, OXYGEN, BREATH)

    assert sentence == "Oxygen saturation 88 % (usual at this site 98 %) raises the risk most."


def test_a_finding_is_said_beside_its_share(candidate):
    sentence = sentence_of(candidate.model, BREATH)

    assert sentence == "Complaint: shortness of breath (8 % of visits at this site) raises the risk most."


def test_a_rare_finding_is_not_said_to_be_in_no_visit(candidate):
    sentence = sentence_of(candidate.model, Driver("history_copd", 1.0, 0.004, 0.5))

    assert sentence == "History of COPD (under 1 % of visits at this site) raises the risk most."


def test_a_stronger_driver_that_cannot_be_said_is_owned_up_to(candidate):
    sex = Driver("sex", 0.0, None, 2.0)

    assert sentence_of(candidate.model, sex, OXYGEN).startswith("Among the recorded findings, oxygen saturation 88 %")


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
    assert sentence_of(candidate.model, driver) == NOTHING


def test_nothing_is_said_when_nothing_raises_the_risk(candidate):
    assert sentence_of(candidate.model) == NOTHING


def row_of(candidate, mart, index):
    return {name: mart[name][index].as_py() for name in candidate.model.feature_names}


@given(index=st.integers(0, 2399), outcome=st.sampled_from(["critical_care", "admission"]))
def test_with_the_named_finding_put_back_to_what_is_usual_the_same_case_has_a_lower_risk(
    candidate, mart, index, outcome
):
    model, row = candidate.model, row_of(candidate, mart, index)
    reason = checked_reason(model, outcome, row)

    if reason.driver is None:
        assert reason.sentence == NOTHING
        return
    name = reason.driver.feature
    feature = next(one for one in model.features if one.name == name)
    said = feature.phrase.format(value=reason.driver.value, label=feature.label)
    assert reason.driver.value is not None and said.lower() in reason.sentence.lower()
    usual = False if feature.kind == "boolean" else model.baseline(name)
    before, after = (
        model.predict_row(values, explained=())[outcome].probability for values in (row, {**row, name: usual})
    )
    assert after < before


def test_a_finding_that_does_not_hold_is_not_named_and_the_next_one_is(candidate):
    row = dict.fromkeys(candidate.model.feature_names) | {OXYGEN.feature: 88.0, BREATH.feature: True}
    model = Backwards(candidate.model, (OXYGEN, BREATH), {BREATH.feature: False})
    reason = checked_reason(model, "critical_care", row)

    assert reason.sentence.startswith("Among the recorded findings, complaint: shortness of breath")
    assert (reason.driver, reason.gave_way) == (BREATH, 1)


def test_where_nothing_holds_the_sentence_says_that_no_single_finding_explains_the_risk(candidate):
    row = dict.fromkeys(candidate.model.feature_names)
    beats = Driver("heart_rate", 130.0, 84.0, 0.4)
    model = Backwards(candidate.model, (OXYGEN, BREATH, beats), {})
    reason = checked_reason(model, "critical_care", row)

    assert (reason.sentence, reason.driver, reason.gave_way) == (NOTHING, None, 3)
    assert model.asked == 4


def test_no_more_findings_are_tried_than_a_call_has_time_for(candidate):
    names = ("heart_rate", "respiratory_rate", "systolic_bp", "diastolic_bp", "temperature_c", "age_years")
    drivers = (OXYGEN, *(Driver(name, 90.0 if name != "temperature_c" else 40.0, 10.0, 0.5) for name in names))
    model = Backwards(candidate.model, drivers, {})

    assert checked_reason(model, "critical_care", dict.fromkeys(candidate.model.feature_names)).driver is None
    assert model.asked == MOST_TRIED + 1
