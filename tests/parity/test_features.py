"""Law 15: a feature is declared once; the mart's SQL and the request's code agree on it, feature by feature."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from ml.features.encoding import Encoder
from ml.features.mart import design_matrix
from ml.usecases import Feature
from tests.parity.conftest import SITES, Pair, Sides
from tests.parity.hand_made import CASES

pytestmark = pytest.mark.xdist_group("parity")

MISTYPED_SHARE = 0.005
"""The simulator mistypes about one reading in a thousand; what exceeds this is no mistyping."""

Pairs = dict[str, list[Pair]]


def same(asked: object, stored: object) -> bool:
    """Equal to the last bit, or missing on both sides; true is not 1."""
    return asked == stored and isinstance(asked, bool) is isinstance(stored, bool)


def differing(pair: Pair, sides: Sides) -> dict[str, tuple[object, object]]:
    """The features of a visit that are not the same: (request, mart)."""
    both = {feature.name: (pair.request.values[feature.name], pair.mart[feature.name]) for feature in sides.features}
    return {name: values for name, values in both.items() if not same(*values)}


def is_impossible(feature: Feature, asked: object, stored: object) -> bool:
    """A value outside the declared range that landing quarantined: in the request alone, and never seen by a model."""
    low, high = feature.bounds
    return stored is None and isinstance(asked, float) and not low <= asked <= high


def everyone(pairs: Pairs) -> list[Pair]:
    return [pair for site in SITES for pair in pairs[site]]


def test_every_live_request_has_its_row_in_the_mart_at_sites_that_record_differently(pairs: Pairs, sides: Sides):
    compared = {site: len(found) for site, found in pairs.items()}
    assert min(compared.values()) > 100 and sum(compared.values()) > 1000, compared


def test_every_declared_feature_is_filled_by_both_sides(pairs: Pairs, sides: Sides):
    declared = {feature.name for feature in sides.features}
    assert declared <= set(sides.mart.column_names)
    assert all(set(pair.request.values) == declared for pair in everyone(pairs))


def test_every_feature_is_equal_in_every_visit(pairs: Pairs, sides: Sides):
    """To the last bit. Only an impossible value may be in the request alone, and only as rarely as people mistype."""
    features = {feature.name: feature for feature in sides.features}
    found = [(name, both) for pair in everyone(pairs) for name, both in differing(pair, sides).items()]
    wrong = [(name, both) for name, both in found if not is_impossible(features[name], *both)]
    first = dict(reversed(wrong))
    assert not wrong, f"{Counter(name for name, _ in wrong)}; first (request, mart): {first}"
    mistyped = Counter(name for name, _ in found)
    assert all(count <= MISTYPED_SHARE * len(everyone(pairs)) for count in mistyped.values()), mistyped


def test_the_comparison_is_not_of_missing_values_only(pairs: Pairs, sides: Sides):
    """Each feature was present in some visit; what must vary in a week of three hospitals did vary."""
    found = {
        feature.name: {pair.request.values[feature.name] for pair in everyone(pairs)} for feature in sides.features
    }
    assert [name for name, values in found.items() if values <= {None}] == []
    measured = [feature.name for feature in sides.features if feature.kind == "numeric"]
    assert [name for name in measured if len(found[name] - {None}) < 3] == []
    assert [name for name in ("sex", "seen_72h", "is_injury", "arrived_by_ambulance") if len(found[name]) < 2] == []


def test_times_unit_and_population_are_equal_in_every_visit(pairs: Pairs):
    for pair in everyone(pairs):
        request, row = pair.request, pair.mart
        assert (request.arrived_at, request.triaged_at) == (row["arrived_at"], row["triaged_at"])
        assert request.unit == row["unit"]
        assert (request.eligible, request.ineligible_reason) == (row["is_eligible"], row["ineligible_reason"])
    reasons = {pair.request.ineligible_reason for pair in everyone(pairs)}
    assert {None, "under 18"} <= reasons


def test_the_model_sees_the_same_numbers_from_both_sides(pairs: Pairs, sides: Sides):
    """Through JSON, as an event stores them: encoding and plausible ranges are one rule for both."""
    encoder = Encoder(sides.features)
    rows = pa.Table.from_pylist([dict(pair.mart) for pair in everyone(pairs)], schema=sides.mart.schema)
    asked = [encoder.row(json.loads(json.dumps(dict(pair.request.values)))) for pair in everyone(pairs)]
    np.testing.assert_array_equal(np.vstack(asked), design_matrix(rows, sides.features))


def test_no_hand_made_record_is_quarantined_but_those_that_are_meant_to_be(sides: Sides):
    """A reading that the contract keeps from the mart, and that the request would use, is a difference."""
    assert sides.quarantined == Counter(case.quarantined for case in CASES.values() if case.quarantined)


IN_MART = [name for name, case in CASES.items() if case.is_in_mart]


@pytest.mark.parametrize("name", [name for name in CASES if name not in IN_MART])
def test_a_visit_without_a_known_arrival_is_in_no_mart_and_gets_no_score(hand_made: dict[str, Pair], name: str):
    pair = hand_made[name]
    assert (pair.mart, pair.request.ineligible_reason) == ({}, CASES[name].against)
    assert set(pair.request.values.values()) == {None}


@pytest.mark.parametrize("name", IN_MART)
def test_both_sides_give_the_same_reason_against_a_score(hand_made: dict[str, Pair], name: str):
    pair = hand_made[name]
    assert pair.request.ineligible_reason == pair.mart["ineligible_reason"] == CASES[name].against


@pytest.mark.parametrize("name", IN_MART)
def test_both_sides_read_a_hand_made_visit_as_declared(hand_made: dict[str, Pair], name: str):
    pair, expected = hand_made[name], CASES[name].expect
    request = {feature: pair.request.values.get(feature) for feature in expected}
    mart = {feature: pair.mart[feature] for feature in expected}
    assert (request, mart) == (dict(expected), dict(expected))


@pytest.mark.parametrize("name", IN_MART)
def test_the_model_sees_the_same_hand_made_visit_from_both_sides(hand_made: dict[str, Pair], sides: Sides, name: str):
    pair, encoder = hand_made[name], Encoder(sides.features)
    asked = encoder.row(pair.request.values)[0].tolist()
    stored = encoder.row({feature: pair.mart[feature] for feature in encoder.names})[0].tolist()
    both = zip(encoder.names, map(repr, asked), map(repr, stored), strict=True)  # nan is not nan, 'nan' is 'nan'
    assert [(feature, *numbers) for feature, *numbers in both if len(set(numbers)) > 1] == []
    assert pair.request.eligible is pair.mart["is_eligible"]
