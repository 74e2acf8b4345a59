"""Law 15 for appointments: the mart's features are those of a request that held only what was decided by the booking.

So it is the leakage test too: a feature that saw anything later would differ here.
"""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ml.features.booking import FEATURES, BookingRules
from ml.features.pseudonym import pseudonym
from ml.features.request import RequestFeatures
from ml.usecases import load_use_case
from tests.parity.bookings import bookings
from tests.parity.conftest import DAYS, KEY, SEED, SITES, START, Sides

pytestmark = pytest.mark.xdist_group("parity")
USE_CASE = load_use_case("appointments")
Pairs = list[tuple[RequestFeatures, dict[str, object]]]


@pytest.fixture(scope="module")
def booked(sides: Sides) -> Pairs:
    """Every booking of the compared days as it was asked about, beside its row in the mart."""
    rows = {(row["site"], row["appointment_key"]): row for row in sides.appointments.to_pylist()}
    found: Pairs = []
    for site in SITES:
        rules = BookingRules.of(FEATURES, ZoneInfo(sides.zones[site]))
        for one in bookings(site, START, SEED, DAYS):
            asked = rules.features(one.sent, datetime.fromisoformat(one.at))
            found.append((asked, rows[site, pseudonym(KEY, "appointment", one.number)]))
    return found


def test_the_declared_features_are_those_that_both_sides_fill(sides: Sides):
    declared = {feature.name for feature in USE_CASE.features}
    assert declared == set(FEATURES) and declared <= set(sides.appointments.column_names)


def test_every_feature_is_equal_in_every_booking_whatever_came_later(booked: Pairs):
    differing = Counter(name for asked, row in booked for name in FEATURES if asked.values[name] != row[name])
    assert len(booked) > 500 and not differing
    assert all(asked.eligible is row["is_eligible"] is True for asked, row in booked)


def test_the_comparison_is_not_of_people_without_a_past_alone(booked: Pairs):
    """A week is too short to miss an appointment and book the next; test_booking.py reads what was missed."""
    seen = {name: {row[name] for _, row in booked} for name in FEATURES}
    assert len(seen["service"]) > 5 and len(seen["start_hour"]) > 5 and len(seen["lead_days"]) > 10
    assert seen["is_new"] == {True, False} and max(seen["earlier_cancelled"]) > 0  # type: ignore[type-var]
    assert {None, False} <= seen["missed_last"] and max(seen["earlier_kept"]) > 0  # type: ignore[type-var]


def test_no_group_of_people_is_a_feature(sides: Sides):
    judged = {"race", "ethnicity", "language", "payer", "sex", "age_band"}
    assert judged <= set(USE_CASE.subgroups) and judged <= set(sides.appointments.column_names)
    assert not judged & {feature.name for feature in USE_CASE.features}


def test_a_slot_that_is_still_to_come_has_no_label(sides: Sides):
    rows = sides.appointments.to_pylist()
    open_ones = [row for row in rows if row["status"] in ("booked", "cancelled", "rescheduled", "proposed")]
    assert open_ones and all(row["no_show"] is None and row["labels_known_at"] is None for row in open_ones)
    settled = {row["status"]: row["no_show"] for row in rows if row["no_show"] is not None}
    assert settled == {"no_show": True, "arrived": False}
