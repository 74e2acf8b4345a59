"""How a line of the scoreboard is judged: by what the promised barrier said, and by nothing that it says otherwise."""

from dataclasses import replace

import pytest

from evaluation.drift.semantics import Finding
from orchestration.safety_case.catalogue import CATALOGUE
from orchestration.safety_case.faults import SURFACES, Alarm, Barrier, Fault, Outcome, Reached, verdict

FAULT = Fault(
    id="late",
    family="feeds",
    title="Late",
    done="Nothing comes.",
    barrier=Barrier.FRESHNESS,
    alarm=("stale-ehr_fhir-*",),
)
LATE = Alarm(Barrier.FRESHNESS, "stale-ehr_fhir-city", "ehr_fhir is stale", 0.25, 7.0)
OTHER = Alarm(Barrier.MEANING, "code", "a code vanished", 0.5, 7.0)


def test_a_fault_is_detected_by_the_first_word_of_the_barrier_that_promises_it() -> None:
    line = verdict(FAULT, Outcome((OTHER, LATE)), Outcome())
    assert (line["detected"], line["said"], line["seconds"], line["days"]) == (True, "ehr_fhir is stale", 0.25, 7.0)
    assert line["also"] == ["meaning"]


def test_what_another_barrier_says_does_not_keep_the_promise() -> None:
    line = verdict(FAULT, Outcome((OTHER,)), Outcome())
    assert (line["detected"], line["said"], line["seconds"], line["also"]) == (False, None, None, ["meaning"])


def test_another_alarm_of_the_promised_barrier_does_not_keep_the_promise_and_is_told_beside() -> None:
    passing = Alarm(Barrier.FRESHNESS, "stale-rosters-city", "rosters is stale", 0.1, 1.0)
    line = verdict(FAULT, Outcome((passing, OTHER)), Outcome())
    assert (line["detected"], line["said"], line["also"]) == (False, None, ["freshness: stale-rosters-city", "meaning"])
    line = verdict(FAULT, Outcome((passing, LATE)), Outcome())
    assert (line["said"], line["seconds"], line["also"]) == (LATE.said, 0.25, ["freshness: stale-rosters-city"])


def test_any_of_the_named_alarms_of_the_barrier_will_do() -> None:
    named = replace(FAULT, alarm=("other", "stale-*-city"))
    assert verdict(named, Outcome((LATE,)), Outcome())["detected"]
    assert verdict(replace(FAULT, alarm=("*",)), Outcome((LATE,)), Outcome())["detected"]
    assert not verdict(replace(FAULT, alarm=("*",)), Outcome((OTHER,)), Outcome())["detected"]


def test_what_is_said_without_a_fault_as_well_detects_nothing() -> None:
    line = verdict(FAULT, Outcome((LATE,)), Outcome((LATE,)))
    assert not line["detected"] and line["also"] == []


def test_what_people_were_shown_is_not_contained_however_it_was_found() -> None:
    shown = Outcome((LATE,), Reached(cards=1))
    assert verdict(FAULT, Outcome((LATE,), Reached(cards=0)), Outcome())["contained"]
    assert verdict(FAULT, shown, Outcome())["contained"] is False
    assert verdict(FAULT, Outcome((LATE,)), Outcome())["contained"] is None, "no cards were counted"


def test_a_gate_that_spoke_and_let_the_release_through_detected_nothing() -> None:
    fault = replace(FAULT, barrier=Barrier.GATE, alarm=("some clause",))
    spoke = (Alarm(Barrier.GATE, "some clause", "refused", 0.1),)
    assert verdict(fault, Outcome(spoke, Reached(model=0)), Outcome())["detected"]
    assert not verdict(fault, Outcome(spoke, Reached(model=1)), Outcome())["detected"]


def test_every_fault_has_a_name_of_its_own_and_a_barrier_whose_surface_is_said() -> None:
    names = [fault.id for fault in CATALOGUE]
    assert len(set(names)) == len(names)
    assert set(SURFACES) == set(Barrier)
    assert all(fault.done.endswith(".") and fault.title for fault in CATALOGUE)


def test_every_fault_names_the_alarm_that_it_must_raise() -> None:
    assert [
        fault.id for fault in CATALOGUE if not fault.alarm or not all(name.strip("*") for name in fault.alarm)
    ] == []


@pytest.mark.parametrize(
    ("fault", "kind", "column", "is_told"),
    [
        ("truncated-file", "volume_less", "fhir_observation.records", True),
        ("truncated-file", "volume_more", "fhir_observation.records", False),
        ("lost-deaths", "field_gone", "fhir_patient.deceased_at", True),
        ("lost-deaths", "outcome_less", "fhir_encounter.discharge_disposition_code", True),
        ("lost-deaths", "code_moved", "fhir_encounter.discharge_disposition_code", False),
    ],
)
def test_what_does_not_come_is_told_by_its_own_kind_of_change(
    fault: str, kind: str, column: str, is_told: bool
) -> None:
    """The names that the catalogue promises fit the subjects under which the watch tells of them."""
    table, field = column.split(".")
    found = Finding(kind, table, field, "one", "", "", "", 1.0, 0.0, 1, 1, "")
    [promised] = [one for one in CATALOGUE if one.id == fault]
    assert promised.is_told_by(Alarm(Barrier.MEANING, found.subject, "", 0.0)) is is_told
