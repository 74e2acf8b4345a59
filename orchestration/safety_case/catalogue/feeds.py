"""Faults of feeds: what a source, or what lies between, does to the files of a week.

What does not belong here: reading files, and everything that is made of them.
"""

import shutil
from collections.abc import Callable
from typing import Any

from orchestration.safety_case.faults import Barrier, FeedFault
from orchestration.safety_case.week import OBSERVATIONS, Week

FAMILY = "feeds"
HEART_RATE, BREATHS, TEMPERATURE, SYSTOLIC, GLUCOSE = "8867-4", "9279-1", "8310-5", "8480-6", "2345-7"
MG_PER_MMOL, MMHG_PER_KPA = 18.016, 7.50062
OWN_CODE = "HR-BEDSIDE"
LATE_DAYS = 3
Resource = dict[str, Any]


def _code(resource: Resource) -> str:
    return str(resource.get("code", {}).get("coding", [{}])[0].get("code", ""))


def _reading(code: str, change: Callable[[float], float]) -> Callable[[Week], None]:
    """Another value for every reading of a code; its unit goes on saying what it said."""

    def changed(resource: Resource, _: int) -> Resource:
        quantity = resource.get("valueQuantity")
        if _code(resource) == code and quantity and "value" in quantity:
            quantity["value"] = round(change(quantity["value"]), 1)
        return resource

    return lambda week: week.change("Observation", changed)


def _late(week: Week) -> None:
    for day in week.days[-LATE_DAYS:]:
        shutil.rmtree(week.folder(day))


def _replayed(week: Week) -> None:
    """The files of the first days of the week come again in the place of those of its last."""
    for day, old in zip(week.days[-LATE_DAYS:], week.days[:LATE_DAYS], strict=True):
        shutil.rmtree(week.folder(day))
        shutil.copytree(week.folder(old), week.folder(day))


def _truncated(week: Week) -> None:
    """The transfer of readings ends with a whole line, on every day: no record breaks its contract."""
    for day in week.days:
        path = week.folder(day) / OBSERVATIONS
        content = path.read_bytes()
        week.rewrite(path, content[: content.index(b"\n", len(content) // 2) + 1])


def _schema(week: Week) -> None:
    """A new version of the interface names the patient of a reading in another element."""

    def renamed(resource: Resource, _: int) -> Resource:
        if "subject" in resource:
            resource["patient"] = resource.pop("subject")
        return resource

    week.change("Observation", renamed)


def _codes(week: Week) -> None:
    def recoded(resource: Resource, _: int) -> Resource:
        if _code(resource) == HEART_RATE:
            resource["code"]["coding"][0] |= {"system": "urn:harbour:monitor", "code": OWN_CODE}
        return resource

    week.change("Observation", recoded)


def _deaths(week: Week) -> None:
    def alive(resource: Resource, _: int) -> Resource:
        resource.pop("deceasedDateTime", None)
        resource.pop("deceasedBoolean", None)
        return resource

    def gone_home(resource: Resource, _: int) -> Resource:
        resource.get("hospitalization", {}).pop("dischargeDisposition", None)
        return resource

    week.change("Patient", alive)
    week.change("Encounter", gone_home)


def _deletions(week: Week) -> None:
    def kept(resource: Resource, _: int) -> Resource | None:
        return None if resource.get("status") == "entered-in-error" else resource

    week.change("Observation", kept)


def _about(code: str) -> tuple[str]:
    """The review about readings of one code."""
    return (f"fhir_observation.{code}",)


def _fault(
    name: str,
    title: str,
    done: str,
    told: tuple[Barrier, tuple[str, ...]],
    inject: Callable[[Week], None],
    **more: Any,
) -> FeedFault:
    barrier, alarm = told
    named: dict[str, Any] = {"id": name, "family": FAMILY, "title": title, "done": done}
    return FeedFault(**named, barrier=barrier, alarm=alarm, inject=inject, **more)


STALE = (Barrier.FRESHNESS, ("stale-ehr_fhir-city",))
NOT_SENT = (
    "fhir_encounter.discharge_disposition_code field_*",
    "fhir_encounter.discharge_disposition_code outcome_*",
    "fhir_patient.deceased_at field_*",
    "fhir_patient.is_deceased field_*",
)


FEEDS = (
    _fault(
        "late-feed",
        "Late feed",
        f"The record system sends nothing for {LATE_DAYS} days.",
        STALE,
        _late,
    ),
    _fault(
        "replayed-days",
        "Replayed days",
        "The files of three days come again in the place of those of the last three.",
        STALE,
        _replayed,
    ),
    _fault(
        "truncated-file",
        "Truncated files",
        "Half of every day's readings is lost in transfer, at the end of a line.",
        (Barrier.MEANING, ("fhir_observation.records volume_less*",)),
        _truncated,
    ),
    _fault(
        "schema-drift",
        "Schema drift",
        "The patient of a reading stands in another element.",
        (Barrier.CONTRACT, ("stopped",)),
        _schema,
    ),
    _fault(
        "swapped-unit",
        "Swapped unit: Celsius sent as Fahrenheit",
        "Temperatures are measured in Celsius and go on being sent as Fahrenheit.",
        (Barrier.MEANING, _about(TEMPERATURE)),
        _reading(TEMPERATURE, lambda value: (value - 32) / 1.8),
        builds=True,
    ),
    _fault(
        "swapped-pressure",
        "Swapped unit: kilopascal sent as mmHg",
        "Systolic pressures are measured in kPa and go on being sent as mmHg.",
        (Barrier.MEANING, _about(SYSTOLIC)),
        _reading(SYSTOLIC, lambda value: value / MMHG_PER_KPA),
    ),
    _fault(
        "swapped-glucose",
        "Swapped unit that is plausible: mmol/L sent as mg/dL",
        "Glucose is measured in mmol/L and goes on being sent as mg/dL.",
        (Barrier.MEANING, _about(GLUCOSE)),
        _reading(GLUCOSE, lambda value: value / MG_PER_MMOL),
    ),
    _fault(
        "half-minute",
        "Changed meaning: breaths of half a minute",
        "Breaths are counted for half a minute and sent as those of a whole one.",
        (Barrier.MEANING, _about(BREATHS)),
        _reading(BREATHS, lambda value: value / 2),
        builds=True,
    ),
    _fault(
        "changed-codes",
        "Changed codes",
        "Heart rates come under a code of the monitor's maker.",
        (Barrier.MEANING, ("fhir_observation.code", "fhir_observation.code_system")),
        _codes,
        builds=True,
    ),
    _fault(
        "lost-deaths",
        "Lost deaths",
        "The source stops sending that people have died.",
        (Barrier.MEANING, NOT_SENT),
        _deaths,
        builds=True,
    ),
    _fault(
        "dropped-deletions",
        "Dropped deletions",
        "Readings that the source took back are not sent as taken back.",
        (Barrier.MEANING, ("fhir_observation.*",)),
        _deletions,
        builds=True,
        blind="Whoever receives cannot know of a retraction that never came: each record keeps its contract. Only the "
        "source's own count of what it took back, which no feed carries, would show it.",
    ),
)
