"""A booking as it stands in a request: what counts, as of when, and what is refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.features import ColumnUnknown
from ml.features.booking import FEATURES, BookingRules
from ml.features.request import RequestRefused

NOW = datetime(2026, 3, 5, 4, 30, tzinfo=UTC)  # still the fourth of March in New York
RULES = BookingRules.of(FEATURES, ZoneInfo("America/New_York"))
PATIENT = {"resourceType": "Patient", "id": "p"}


def appointment(identifier: str, start: str | None, status: str = "proposed", **more: object) -> dict[str, object]:
    actor = {"actor": {"reference": "Patient/p"}, "status": "accepted"}
    found: dict[str, object] = {"resourceType": "Appointment", "id": identifier, "status": status}
    return {**found, "participant": [actor], **({} if start is None else {"start": start}), **more}


def bundle(*resources: object) -> dict[str, object]:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}


def read(*booked: object, history: object = None, patient: object = PATIENT):
    return RULES.features({"patient": patient, "appointments": bundle(*booked), "history": history}, NOW)


def test_a_first_booking_knows_its_calendar_in_the_sites_time_and_nothing_else():
    coded = {"serviceType": [{"coding": [{"code": "GIM"}]}]}
    found = read(appointment("a", "2026-03-09T13:00:00Z", **coded), history=bundle())
    assert found.values == {
        "lead_days": 5, "start_weekday": 1, "start_hour": 9, "service": "GIM", "is_new": True, "earlier_kept": 0,
        "earlier_no_shows": 0, "earlier_cancelled": 0, "missed_last": None,
    }  # fmt: skip
    assert (found.eligible, found.patient_id, found.encounter_id, found.unit) == (True, "p", "a", None)


@pytest.mark.parametrize("history", [None, [], {"entry": []}, {"resourceType": "OperationOutcome"}])
def test_a_past_that_was_not_sent_is_not_known_and_is_no_empty_one(history: object):
    booked = appointment("a", "2026-03-09T15:00:00Z")
    silent, empty = read(booked, history=history), read(booked, history=bundle())
    past = ("is_new", "earlier_kept", "earlier_no_shows", "earlier_cancelled", "missed_last")
    assert {name: silent.values[name] for name in past} == dict.fromkeys(past)
    assert (silent.values["lead_days"], silent.eligible) == (5, True)
    assert [note.feature for note in silent.notes] == ["history"] and "none is known" in silent.notes[0].reason
    assert (empty.values["is_new"], empty.values["earlier_kept"], empty.notes) == (True, 0, ())


def test_earlier_appointments_count_by_what_came_of_them_and_the_last_one_by_its_start():
    history = bundle(
        appointment("1", "2026-01-05T15:00:00Z", "fulfilled"),
        appointment("2", "2026-02-05T15:00:00Z", "noshow"),
        appointment("3", "2026-02-20T15:00:00Z", "cancelled"),
        appointment("4", "2026-04-20T15:00:00Z", "booked"),
        appointment("5", "2026-01-02T15:00:00Z", "entered-in-error"),
        appointment("a", "2026-03-09T15:00:00Z", "proposed"),
    )
    found = read(appointment("a", "2026-03-09T15:00:00Z"), history=history).values
    names = ("is_new", "earlier_kept", "earlier_no_shows", "earlier_cancelled", "missed_last")
    assert [found[name] for name in names] == [False, 1, 1, 1, True]


def test_a_state_that_came_after_the_call_is_not_known_yet():
    late = {"meta": {"lastUpdated": (NOW + timedelta(seconds=1)).isoformat()}}
    on_time = {"meta": {"lastUpdated": NOW.isoformat()}}
    one = appointment("1", "2026-02-05T15:00:00Z", "noshow")
    booked = appointment("a", "2026-03-09T15:00:00Z")
    assert read(booked, history=bundle({**one, **late})).values["is_new"] is True
    assert read(booked, history=bundle({**one, **on_time})).values["missed_last"] is True


def test_of_several_the_one_that_begins_first_is_advised_on():
    found = read(appointment("b", "2026-03-09T15:00:00Z"), appointment("a", "2026-03-08T15:00:00Z"))
    assert found.encounter_id == "a"


@pytest.mark.parametrize(
    ("booked", "why"),
    [
        (appointment("a", None), "start of the appointment not known"),
        (appointment("a", "2026-03-09"), None),
        (appointment("a", "2026-03-05T04:30:00Z"), "booked as it began"),
        (appointment("a", "2026-03-09T15:00:00Z", "cancelled"), "not about to be booked"),
    ],
)
def test_what_cannot_be_missed_is_outside_the_population(booked: object, why: str | None):
    found = read(booked)
    assert (found.ineligible_reason, found.eligible) == (why, why is None)


@pytest.mark.parametrize(
    ("booked", "patient", "is_missing"),
    [
        ((), PATIENT, True),
        ((appointment("", "2026-03-09T15:00:00Z"),), PATIENT, True),
        ((appointment("a", "2026-03-09T15:00:00Z"),), None, True),
        ((appointment("a", "2026-03-09T15:00:00Z"),), {**PATIENT, "id": "q"}, False),
    ],
)
def test_a_call_that_is_about_nobody_or_two_people_is_refused(booked, patient, is_missing: bool):
    with pytest.raises(RequestRefused) as refused:
        read(*booked, patient=patient)
    assert refused.value.is_missing is is_missing


def test_somebody_elses_past_is_not_read():
    other = appointment("1", "2026-02-05T15:00:00Z", "noshow")
    other["participant"] = [{"actor": {"reference": "Patient/q"}}]
    found = read(
        appointment("a", "2026-03-09T15:00:00Z"), history=bundle(other, "odd", {"resourceType": "Appointment"})
    )
    assert found.values["is_new"] is True and found.notes


def test_a_feature_that_nothing_fills_is_refused():
    with pytest.raises(ColumnUnknown, match="race"):
        BookingRules.of(["lead_days", "race"], ZoneInfo("UTC"))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["entry", "resource", "id"]), inner),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_nothing_that_is_sent_raises_anything_else(patient: object, booked: object, history: object):
    for sent in ({"patient": patient, "appointments": booked, "history": history}, booked):
        with suppress(RequestRefused):
            RULES.features(sent, NOW)
    one = appointment("a", "2026-03-09T15:00:00Z", serviceType=booked, participant=history, meta=patient)
    RULES.features({"patient": PATIENT, "appointments": bundle(one), "history": bundle(one, history)}, NOW)
