"""Request and warehouse held together, visit by visit, and visits of a corrected fault set apart, told and bounded."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import pyarrow as pa
import pytest

from evaluation.evidence import Evidence
from evaluation.policies import Stage, load_policy
from orchestration.steps.learning import parity
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.parity import TOLERANCE, compare, parity_evidence
from orchestration.steps.learning.setting_apart import set_apart
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.record.corrections import Correction
from orchestration.steps.record.replaced import Replaced
from tests.unit.orchestration.steps.conftest import NOON, digest

Record = Callable[..., CandidateRecord]
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, None),
        (1.0, 1),
        (True, True),
        ("female", "female"),
        (36.5, 36.5 + TOLERANCE / 2),
        (-1.0, -1.0 - TOLERANCE / 2),
    ],
)
def test_values_within_the_tolerance_or_missing_on_both_sides_are_equal(asked: object, stored: object) -> None:
    assert parity._equal(asked, stored) and parity._equal(stored, asked)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, 0),
        (None, False),
        (None, ""),
        ("1", 1),
        ("female", "male"),
        (True, False),
        (0.0, float("nan")),
        (36.5, 36.5 + TOLERANCE * 2),
        (-1.0, 1.0),
    ],
)
def test_a_missing_value_another_kind_or_another_number_is_a_difference(asked: object, stored: object) -> None:
    assert not parity._equal(asked, stored) and not parity._equal(stored, asked)


Judge = Callable[..., Evidence]


@pytest.fixture
def judge(record: Record) -> Judge:
    """Judges requests against columns of the mart; visits come an hour apart from noon, by their numbers; `sent_again`
    are those whose records of every feature of a fault were replaced: all, unless it is said."""

    def made(
        requests: Sequence[dict[str, object]],
        *corrections: Correction,
        sent_again: Collection[int] | None = None,
        **columns: Sequence[object],
    ) -> Evidence:
        numbers = range(len(requests))
        keys = [f"visit-{row}" for row in numbers]
        visits = {"visit_key": keys, "patient_key": [f"of {key}" for key in keys]}
        served = {"at": [NOON + row * HOUR for row in numbers], "features": [json.dumps(one) for one in requests]}
        table = pa.table({**visits, **served, **columns})
        replaced = Replaced(frozenset(f"visit-{row}" for row in (numbers if sent_again is None else sent_again)))
        records = {one.incident: dict.fromkeys(one.features, replaced) for one in corrections}
        found = compare(table)
        apart = set_apart(table, found.differing, corrections, records)
        return parity_evidence(head_of(record(), {}), found, apart, corrections)

    return made


def fault(first: int, until: int, *features: str, incident: str = "breaths") -> Correction:
    """A corrected fault from one visit (inclusive) to another (exclusive)."""
    at = (NOON + first * HOUR, NOON + until * HOUR)
    return Correction(incident, "ehr_fhir", frozenset(features or ("breaths",)), *at, (digest("file"),), "ada")


def test_a_visit_agrees_only_when_every_feature_does(record: Record, judge: Judge) -> None:
    requests = [
        {"heart_rate": 80.0, "sex": "female"},
        {"heart_rate": 80.0, "sex": "male"},
        {"heart_rate": None, "sex": None},
    ]
    found = judge(requests, heart_rate=[80.0, 81.0, None], sex=["female", "female", None])
    figure = found.figures["parity.agreement"]
    assert (found.kind, figure.n, figure.n_events) == ("parity", 3, 2)
    assert found.detail["differing"] == {"heart_rate": 1, "sex": 1}
    assert found.detail["features_compared"] == 2
    assert (found.subject_model, found.subject_data) == (record().model, record().data)


def test_a_feature_that_the_mart_does_not_have_is_named_in_the_evidence(judge: Judge) -> None:
    found = judge([{"heart_rate": 80.0, "lost": 1}], heart_rate=[80.0])
    assert list(found.detail["features_not_in_mart"]) == ["lost"]  # type: ignore[arg-type]


def test_a_feature_that_the_mart_does_not_have_is_no_agreement(judge: Judge) -> None:
    """What was not compared cannot agree: a gate that reads the figure alone must not pass it."""
    found = judge([{"heart_rate": 80.0, "lost": 1}], heart_rate=[80.0])
    assert found.figures["parity.agreement"].value == 0.0


SEEN = [{"breaths": 10.0, "sex": "male"}] * 6
STORED = {"breaths": [10.0, 20.0, 20.0, 10.0, 20.0, 10.0], "sex": ["male"] * 6}


def test_without_a_correction_every_visit_counts(judge: Judge) -> None:
    found = judge(SEEN, **STORED)
    assert (found.figures["parity.agreement"].n, found.figures["parity.agreement"].n_events) == (6, 3)
    assert (found.figures["parity.set_apart"].value, found.figures["parity.set_apart"].n) == (0.0, 6)
    assert found.figures["parity.agreement_set_apart"].value is None and "set_apart" not in found.detail


def test_visits_of_a_corrected_fault_stand_apart_and_are_told_with_their_agreement(judge: Judge) -> None:
    """From the first visit of the fault on, up to and without the first after it."""
    found = judge(SEEN, fault(1, 4), fault(40, 50, incident="later"), **STORED)
    rest, apart = found.figures["parity.agreement"], found.figures["parity.agreement_set_apart"]
    assert (rest.n, rest.n_events, apart.n, apart.n_events) == (3, 2, 3, 1)
    assert (found.figures["parity.set_apart"].value, found.figures["parity.set_apart"].n) == (0.5, 6)
    assert found.detail["differing"] == {"breaths": 1}
    [told] = found.detail["set_apart"]  # type: ignore[misc]
    assert (told["incident"], told["visits"], told["agreeing"]) == ("breaths", 3, 1)  # type: ignore[index]
    assert (told["differing"], told["closed_by"]) == ({"breaths": 2}, "ada")  # type: ignore[index]


def test_a_visit_of_the_fault_that_differs_in_anything_else_counts_with_the_rest(judge: Judge) -> None:
    """No correction of breaths hides that serving took another sex."""
    found = judge(SEEN, fault(1, 4), **{**STORED, "sex": ["male", "female", "male", "female", "male", "male"]})
    assert (found.figures["parity.agreement"].n, found.figures["parity.agreement"].n_events) == (5, 2)
    assert found.figures["parity.agreement_set_apart"].n == 1
    assert found.detail["differing"] == {"breaths": 2, "sex": 2}


def test_a_visit_of_two_faults_stands_apart_once(judge: Judge) -> None:
    found = judge(SEEN, fault(1, 3), fault(2, 4, incident="again"), **STORED)
    assert found.figures["parity.agreement_set_apart"].n == 3
    assert [one["visits"] for one in found.detail["set_apart"]] == [2, 1]  # type: ignore[index, union-attr]


def test_a_visit_of_the_fault_whose_own_records_were_not_sent_again_counts_with_the_rest_and_is_told(
    judge: Judge,
) -> None:
    """A file that replaced another patient's breaths says nothing of what this visit differs in."""
    found = judge(SEEN, fault(1, 4), sent_again=[1, 3, 5], **STORED)
    rest, apart = found.figures["parity.agreement"], found.figures["parity.agreement_set_apart"]
    assert (rest.n, rest.n_events, apart.n, apart.n_events) == (4, 2, 2, 1)
    [told] = found.detail["set_apart"]  # type: ignore[misc]
    assert (told["visits"], told["without_own_record"]) == (2, 1)  # type: ignore[index]
    without = found.figures["parity.without_own_record"]
    assert (without.n_events, without.n) == (1, 6)
    assert found.detail["differing"] == {"breaths": 2}


def test_where_no_visit_has_a_record_that_was_replaced_none_stands_apart_and_all_are_told(judge: Judge) -> None:
    found = judge(SEEN, fault(1, 4), sent_again=[], **STORED)
    assert (found.figures["parity.set_apart"].value, found.figures["parity.agreement"].n) == (0.0, 6)
    [told] = found.detail["set_apart"]  # type: ignore[misc]
    assert (told["visits"], told["without_own_record"]) == (0, 3)  # type: ignore[index]


def test_a_visit_that_differs_in_two_features_of_the_fault_needs_records_of_both() -> None:
    both = fault(0, 1, "breaths", "pulse")
    table = pa.table({"at": [NOON], "visit_key": ["visit-0"], "patient_key": ["p"]})
    mine, nobody = Replaced(frozenset({"visit-0"})), Replaced()
    for differs, pulse, expected in (("breaths", nobody, both), ("pulse", nobody, None), ("pulse", mine, both)):
        apart = set_apart(
            table, [frozenset({"breaths", differs})], [both], {"breaths": {"breaths": mine, "pulse": pulse}}
        )
        assert apart.by_visit == (expected,)


def test_records_that_name_no_visit_are_those_of_the_patient() -> None:
    table = pa.table({"at": [NOON] * 2, "visit_key": ["a", "b"], "patient_key": ["p", "q"]})
    records = {"breaths": {"breaths": Replaced(patients=frozenset({"q"}))}}
    apart = set_apart(table, [frozenset({"breaths"})] * 2, [fault(0, 1)], records)
    assert apart.is_apart.tolist() == [False, True] and apart.without_record == (("breaths",), ())


def test_where_all_visits_stand_apart_the_rest_has_no_figure(judge: Judge) -> None:
    """A gate takes that for missing evidence."""
    found = judge(SEEN, fault(0, 6), **STORED)
    assert found.figures["parity.agreement"].value is None and found.figures["parity.set_apart"].value == 1.0


@pytest.mark.parametrize("use_case", ["triage", "appointments"])
def test_policies_bound_the_share_that_may_stand_apart(use_case: str) -> None:
    [clause] = [one for one in load_policy(use_case).clauses_for(Stage.ASSISTIVE) if one.figure == "parity.set_apart"]
    assert (clause.kind, clause.comparison, clause.bound) == ("parity", "<=", "value")
    assert isinstance(clause.threshold, float) and clause.threshold <= 0.2
