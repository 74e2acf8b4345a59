"""Who may be scored: an adult, alive, in an emergency visit whose arrival is known.

Here belong the reasons against a score, from Patient and Encounter alone; the mart gives the same reasons, or has no
such visit. What was observed (`observed.py`) and the scope of a release (`ml/serving`) do not belong here.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from ml.features.fhir import Json, day, first_code, in_zone, instant, mapping

MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""The clocks of two systems differ by less; what begins later than this from now has not begun."""

MAX_SINCE_ARRIVAL: Final = timedelta(days=30)
"""A visit that began longer ago is not at triage: its start is mistyped, or the visit is an old one."""

EARLIEST_BIRTH: Final = date(1875, 1, 1)
"""The feed's contract refuses an earlier date of birth."""

MAX_AGE_YEARS: Final = 120
"""The use case's own bound of `age_years`: beyond it the date of birth is wrong, and the age is not known."""

NO_EMERGENCY_VISIT = "no emergency visit"
NO_ARRIVAL_TIME = "arrival time not known"
ARRIVAL_IN_FUTURE = "arrival time lies in the future"
ARRIVAL_TOO_LONG_AGO = "arrival time lies too long ago"
DEAD_ON_ARRIVAL = "dead on arrival"
DECEASED = "recorded as deceased"
NO_AGE = "age not known"


def arrival_of(encounter: Json, zone: tzinfo) -> datetime | None:
    """When the visit began (UTC), as it was sent; a day alone is its midnight in the site's `zone`."""
    return instant(mapping(encounter.get("period")).get("start"), zone)


def against_arrival(arrived_at: datetime | None, now: datetime) -> str | None:
    """Say why a visit that is to be scored `now` cannot have begun then; None when it can."""
    if arrived_at is None:
        return NO_ARRIVAL_TIME
    if arrived_at - now > MAX_CLOCK_SKEW:
        return ARRIVAL_IN_FUTURE
    return ARRIVAL_TOO_LONG_AGO if now - arrived_at > MAX_SINCE_ARRIVAL else None


def is_emergency(encounter: Json) -> bool:
    """Whether the visit is, or began as, one of an emergency department."""
    admitted_from = first_code(mapping(encounter.get("hospitalization")).get("admitSource"))
    return mapping(encounter.get("class")).get("code") == "EMER" or admitted_from == "emd"


def against_life(patient: Json, arrived: datetime, now: datetime) -> str | None:
    """Say that the patient was dead on arrival, or is recorded as deceased by `now`; None of the living.

    `arrived` is in the site's zone. A death known by its day alone was before arrival when it was on an earlier day;
    midnight there is how a day is landed. A death without a date is as old as the record that says so.
    """
    zone = arrived.tzinfo or UTC
    written, is_flagged = patient.get("deceasedDateTime"), patient.get("deceasedBoolean") is True
    died_at = instant(written, zone)
    is_of_a_day = died_at is None or in_zone(died_at, zone).time() == datetime.min.time()
    if died_at is None and is_flagged:
        died_at = instant(mapping(patient.get("meta")).get("lastUpdated"), zone)
    if died_at is not None:
        died_on = in_zone(died_at, zone).date()
        if died_on < arrived.date() if is_of_a_day else died_at <= arrived:
            return DEAD_ON_ARRIVAL
    is_unreadable = died_at is None and written is not None
    return DECEASED if is_flagged or is_unreadable or (died_at is not None and died_at <= now) else None


def age_at(arrived: date, patient: Json) -> int | None:
    """Age in completed years on the day of arrival; None when no possible date of birth was sent."""
    born = day(patient.get("birthDate"))
    if born is None or not EARLIEST_BIRTH <= born <= arrived:
        return None
    years = arrived.year - born.year - ((arrived.month, arrived.day) < (born.month, born.day))
    return years if years <= MAX_AGE_YEARS else None
