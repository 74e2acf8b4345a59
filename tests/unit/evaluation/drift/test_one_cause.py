"""Which changes of one feed have one cause."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.drift.changes import Finding
from evaluation.drift.one_cause import Kinship, by_cause
from evaluation.drift.semantic_policy import load_semantic_policy

KIN = Kinship.of(load_semantic_policy().feeds["ehr_fhir"])
READINGS, STAYS = "fhir_observation", "fhir_encounter"


def change(
    kind: str, column: str = "records", item: str = "", category: str = "", since: str = "", table: str = READINGS
) -> Finding:
    return Finding(kind, table, column, item, category, "2", "1", 1.0, 0.001, 9, 9, "It changed.", since)


MONDAY, TUESDAY, THURSDAY = "2026-03-02", "2026-03-03", "2026-03-05"
LOST = change("volume_less", since=MONDAY)


@pytest.mark.parametrize(
    "other",
    [
        change("volume_less", item="vital-signs", since=THURSDAY),
        change("field_gone", "discharge_disposition_code", since=TUESDAY, table=STAYS),
        change("volume_more", item="survey", since=MONDAY),
        change("code_gone", "code", category="8867-4"),
        change("word_moved", "value_text", category="chest pain"),
    ],
)
def test_what_began_on_one_day_and_what_a_loss_takes_along_are_one_cause(other: Finding) -> None:
    assert KIN.is_akin(LOST, other) and KIN.is_akin(other, LOST)


@pytest.mark.parametrize(
    "other",
    [
        change("volume_more", item="survey", since=THURSDAY),
        change("volume_less", since=THURSDAY, table="fhir_condition"),
        change("code_gone", "code", category="38341003", table="fhir_condition"),
        change("code_new", "code", category="NK-1"),
        change("values_moved", "value_number", item="8867-4"),
    ],
)
def test_other_days_tables_and_meanings_are_other_causes(other: Finding) -> None:
    assert not KIN.is_akin(LOST, other) and not KIN.is_akin(other, LOST)


def test_a_code_and_its_system_are_one_matter_and_another_code_is_not() -> None:
    code, system = change("code_new", "code", category="NK-1"), change("system_new", "code_system", category="maker")
    assert KIN.is_akin(code, system)
    assert not KIN.is_akin(code, change("code_new", "value_code", category="NK-1"))


def test_a_unit_that_is_spelled_otherwise_is_one_matter_for_all_codes_of_a_column() -> None:
    glucose, sodium = (change("unit_new", "value_unit", item, "mmol/l") for item in ("2345-7", "2951-2"))
    assert KIN.is_akin(glucose, sodium)
    assert not KIN.is_akin(glucose, change("unit_new", "value_unit", "8310-5", "K"))


def test_a_third_change_ties_two_together_whatever_the_order() -> None:
    early, late = LOST, change("volume_less", since=THURSDAY, table="fhir_condition")
    tie = change("volume_less", item="laboratory", since="2026-03-04")
    for found in itertools.permutations((early, late, tie)):
        assert by_cause(found, KIN.is_akin) == [list(found)]
    assert by_cause((early, late), KIN.is_akin) == [[early], [late]]


KINDS = st.sampled_from(
    ["volume_less", "volume_more", "field_gone", "code_new", "code_moved", "unit_new", "values_moved"]
)
CHANGES = st.builds(
    change,
    KINDS,
    st.sampled_from(["records", "code", "code_system"]),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["", "x"]),
    st.sampled_from(["", MONDAY, TUESDAY, THURSDAY]),
    st.sampled_from([READINGS, STAYS]),
)


@given(st.lists(CHANGES, max_size=8))
def test_every_change_stands_in_one_cause_and_no_two_causes_are_akin(found: list[Finding]) -> None:
    causes = by_cause(found, KIN.is_akin)
    assert sorted(map(repr, itertools.chain(*causes))) == sorted(map(repr, found))
    for one, other in itertools.combinations(causes, 2):
        assert not any(KIN.is_akin(*pair) for pair in itertools.product(one, other))
