"""Numbers, names and thresholds as people read them."""

from datetime import UTC, date, datetime

import pytest

from evaluation.evidence import Figure
from evaluation.reports import words

OUTCOMES = (("critical_care", "critical care or death"), ("admission", "hospital admission"))


@pytest.mark.parametrize(
    ("name", "outcome", "label"),
    [
        ("critical_care.auroc", "critical_care", "AUROC"),
        ("critical_care.net_benefit@0.05", "critical_care", "Net benefit at 5\u202f%"),
        ("critical_care.auroc_gap.age_band", "critical_care", "Largest AUROC gap by age band"),
        ("drift.share", None, "Share of features drifted"),
        ("shadow.alerts_per_100", None, "Alerts per 100 visits"),
        ("shadow.admission.auroc", "admission", "AUROC"),
        ("slo.latency_ms_p50", None, "Time to answer, median (ms)"),
        ("critical_care.something_new@high", "critical_care", "Something new"),
        ("critical_care.auroc.worst", "critical_care", "AUROC at the worst other site"),
        ("critical_care.auroc.district", "critical_care", "AUROC, district"),
    ],
)
def test_a_figure_has_a_name_for_people(name, outcome, label):
    assert words.figure_label(name, outcome) == label


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("critical_care.auroc", "AUROC (critical care or death)"),
        ("shadow.admission.auroc", "AUROC (hospital admission, in shadow)"),
        ("shadow.alerts_per_100", "Alerts per 100 visits (in shadow)"),
        ("rehearsal.seconds_to_restore", "Seconds to restored service"),
    ],
)
def test_a_full_name_says_which_outcome(name, full):
    assert words.figure_name(name, OUTCOMES) == full


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (">= 0.75", "≥ 0.75"),
        ("<= -0.1", "≤ -0.1"),
        ("< 3", "< 3"),
        ("present", "present"),
        ("> critical_care.auroc.current_practice", "> AUROC of current practice"),
        ("> critical_care.auroc.current_practice + 0.05", "> AUROC of current practice + 0.05"),
    ],
)
def test_a_threshold_reads_in_signs_and_names(asked, text):
    assert words.threshold_text(asked, OUTCOMES) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("critical_care.auroc", 0.8649, "0.865"),
        ("critical_care.prevalence", 0.0236, "2.4\u202f%"),
        ("critical_care.ppv@0.05", 0.1, "10.0\u202f%"),
        ("critical_care.net_benefit_gain@0.05", -0.00123, "\u22120.0012"),
        ("critical_care.alerts_per_100@0.05", 12.345, "12.3"),
        ("drift.share", 1 / 3, "33.3\u202f%"),
        ("rehearsal.seconds_to_restore", 4.25, "4.2"),
        ("rehearsal.seconds_to_restore", 1.0, "1.0"),
        ("rehearsal.seconds_to_restore", 0.0342, "0.034"),
        ("slo.latency_ms_p99", 6.185, "6.2"),
        ("rehearsal.calls_dropped", 0.0, "0"),
        ("segment_drift.alarms", 3.0, "3"),
    ],
)
def test_a_number_has_the_precision_of_its_kind(name, value, text):
    assert words.number(name, value) == text


@pytest.mark.parametrize("name", ["drift.share", "critical_care.auroc", "alerts_per_100", "visits"])
def test_no_figure_is_less_than_nothing_by_rounding(name):
    assert words.number(name, -1e-9) == words.number(name, 0.0)
    assert words.percent(-1e-9) == words.percent(0.0) and words.brief_percent(-1e-9) == words.brief_percent(0.0)


def test_a_figure_without_value_reads_not_evidenced_and_has_no_interval():
    assert words.figure_text("x.auroc", Figure(None, 0.1, 0.2)) == "NOT EVIDENCED"
    assert words.interval_text("x.auroc", Figure(None, 0.1, 0.2)) == ""
    assert words.interval_text("x.auroc", Figure(0.5)) == ""


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("is not <= 0.2", "It is not ≤ 0.2."),
        ("rests on 36 events, at least 50 count", "It rests on 36 events, at least 50 count."),
        ("the evidence is old.", "The evidence is old."),
        ("", ""),
    ],
)
def test_a_reason_reads_as_a_sentence(reason, text):
    assert words.sentence(reason) == text


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-03-09T00:00:00-04:00", "2026-03-09"),
        ("2026-03-09T00:00:01-04:00", "2026-03-09 00:00 UTC-04:00"),
        ("2026-03-09T08:30", "2026-03-09 08:30"),
        ("2026-13-09T00:00", "2026-13-09T00:00"),
    ],
)
def test_a_time_in_iso_8601_reads_as_a_time_and_a_midnight_as_a_date(iso, text):
    assert words.instant(iso) == text


def test_times_counts_and_names_of_the_card():
    assert words.moment(datetime(2026, 11, 22, 9, 5, tzinfo=UTC)) == "2026-11-22 09:05 UTC"
    assert words.moment(date(2026, 11, 22)) == "2026-11-22"
    assert words.moment(None) == "NOT EVIDENCED"
    assert words.count(54632) == "54\u202f632"
    assert words.count(None) == "hidden"
    assert words.spaced("IntendedUseAndWorkflow") == "Intended use and workflow"
    assert words.spaced("AISystemFacts") == "AI system facts"
    assert words.spaced("lower") == "lower"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (172_800, "2 days")],
)
def test_a_length_of_time_has_a_unit_for_people(seconds, said):
    assert words.length(seconds) == said


def test_lists_and_mappings_are_words():
    assert words.listed({"columns": ["heart_rate", "age"], "since": None}) == "columns: heart_rate, age, since: None"
