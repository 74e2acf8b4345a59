"""The triage mart over the small hospital: what was known at triage, and what came of the visit."""

import pytest

from tests.integration.tables.conftest import Ask

pytestmark = pytest.mark.xdist_group("tables")


def test_only_readings_up_to_triage_count_in_the_unit_of_the_mart(ask: Ask) -> None:
    found = ask(
        "select round(temperature_c, 6), heart_rate, respiratory_rate, systolic_bp, diastolic_bp, triage_level "
        "from marts.triage_mart where visit_key = 'stay'"
    )
    assert found == [(38.5, 120.0, None, 98.0, 60.0, 2)]


def test_complaint_history_and_arrival_are_those_known_at_triage(ask: Ask) -> None:
    found = ask(
        "select complaint_shortness_of_breath, complaint_chest_pain, complaint_fever, is_injury, "
        "history_heart_failure, history_diabetes, history_count, "
        "arrived_by_ambulance, arrival_hour, arrival_weekday, shift, unit, age_years, sex "
        "from marts.triage_mart where visit_key = 'stay'"
    )
    assert found == [(True, True, False, False, True, False, 1, True, 5, 7, "day", "ED", 75, "female")]


def test_labels_are_known_when_the_record_that_settled_them_arrived(ask: Ask, ask_earlier: Ask) -> None:
    query = (
        "select critical_care, admission, strftime(labels_known_at, '%Y-%m-%d %H') from marts.triage_mart "
        "where visit_key = 'stay'"
    )
    assert ask_earlier(query) == [(None, None, None)]
    assert ask(query) == [(True, True, "2026-03-03 06")]


def test_a_visit_outside_the_population_says_why(ask: Ask) -> None:
    found = ask(
        "select visit_key, is_eligible, ineligible_reason from marts.triage_mart where site = 'city' order by 1"
    )
    assert found == [
        ("child", False, "under 18"),
        ("stay", True, None),
        ("stranger", False, "age not known"),
    ]


def test_what_the_survey_does_not_know_is_null_and_not_false(ask: Ask) -> None:
    found = ask(
        "select visit_key, arrival_hour, shift, is_injury, history_count, critical_care, admission "
        "from marts.triage_mart where site = 'nhamcs' order by 1"
    )
    assert found == [
        ("v1", 23, "late", False, 1, False, False),
        ("v2", None, None, True, 1, True, True),
        ("v3", 0, "late", None, None, None, True),
    ]


def test_no_column_of_the_mart_is_named_after_something_that_triage_cannot_know(ask: Ask) -> None:
    columns = {str(row[0]) for row in ask("select column_name from (describe marts.triage_mart)")}
    late = ("diagnos", "procedure", "length_of_stay", "discharge", "wait", "disposition", "medication_given", "test_")
    assert not [name for name in columns if name.startswith(late)]
