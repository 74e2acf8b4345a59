"""What a site sends about the same days, as FHIR, HL7 v2, X12 and Synthea's CSV, with the dates that it means.

Every reading has a number of its own, by which its row is found again. What does not belong here: landing and building.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.integration.landing.test_x12_files import stay

ZONES = {"london": "Europe/London", "newyork": "America/New_York", "auckland": "Pacific/Auckland"}
SITES = (*ZONES, "nozone")
DAYS = [
    date(2026, 1, 14), date(2026, 7, 14),
    date(2026, 3, 8), date(2026, 11, 1),  # the clocks change in New York,
    date(2026, 3, 29), date(2026, 10, 25),  # in London,
    date(2026, 4, 5), date(2026, 9, 27),  # and in Auckland
]  # fmt: skip
CLOCKS = [time(0, 30), time(2, 30), time(23, 30)]
ELSEWHERE = [timezone(timedelta(hours=hours)) for hours in (-11, 0, 13)]
ARRIVED = datetime(2026, 12, 1, 12, tzinfo=UTC)
HEART_RATE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
CONDITION, PROCEDURE = "59621000", "73761001"  # SNOMED CT


@dataclass(frozen=True)
class Dated:
    """One reading: the time as it is written, and the day that the site means."""

    number: int
    written: str
    day: date


def zone_of(site: str) -> ZoneInfo:
    return ZoneInfo(ZONES.get(site, "UTC"))


def moments(site: str) -> Iterator[tuple[datetime, date]]:
    """Instants by the clock of the site, and their day there."""
    for day in DAYS:
        for clock in CLOCKS:
            instant = datetime.combine(day, clock, zone_of(site)).astimezone(UTC)
            yield instant, day


def fhir_readings(site: str) -> list[Dated]:
    """Times with the site's offset and with others, days, a month and a year."""
    written: list[tuple[str, date]] = []
    for instant, day in moments(site):
        written += [(instant.astimezone(place).isoformat(), day) for place in (zone_of(site), *ELSEWHERE)]
    written += [(day.isoformat(), day) for day in DAYS]
    written += [("2026-07", date(2026, 7, 1)), ("2025", date(2025, 1, 1))]
    return [Dated(100 + n, text, day) for n, (text, day) in enumerate(written)]


def hl7_readings(site: str) -> list[Dated]:
    """Times without a zone and with others, days, and a day with a zone beside it."""
    written: list[tuple[str, date]] = []
    for instant, day in moments(site):
        written.append((f"{instant.astimezone(zone_of(site)):%Y%m%d%H%M}", day))
        written += [(f"{instant.astimezone(place):%Y%m%d%H%M%z}", day) for place in ELSEWHERE]
    written += [(f"{day:%Y%m%d}", day) for day in DAYS]
    written += [(f"{day:%Y%m%d}+1300", day) for day in DAYS]
    return [Dated(300 + n, text, day) for n, (text, day) in enumerate(written)]


def write_feeds(folder: Path, site: str) -> list[Path]:
    """Write what the site sends; return its files."""
    folder.mkdir(parents=True)
    for kind, resources in _resources(site).items():
        lines = [json.dumps({"resourceType": kind, **one}) for one in resources]
        (folder / f"{kind}.ndjson").write_text("\n".join(lines) + "\n")
    (folder / "messages.hl7").write_text("\r".join(_messages(site)) + "\r")
    (folder / "claims.x12").write_bytes(_claim())
    for name, rows in _tables(site).items():
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return sorted(folder.iterdir())


def _resources(site: str) -> Mapping[str, list[dict[str, Any]]]:
    whose = {"subject": {"reference": "Patient/p"}}
    late = datetime(2026, 7, 14, 23, 30, tzinfo=zone_of(site))
    early = datetime(2026, 7, 16, 0, 30, tzinfo=zone_of(site))
    observations = [
        {"id": f"o{one.number}", "status": "final", "code": HEART_RATE, "effectiveDateTime": one.written, **whose,
         "valueQuantity": {"value": one.number, "unit": "/min", "code": "/min"}}
        for one in fhir_readings(site)
    ]  # fmt: skip
    snomed = {"system": "http://snomed.info/sct"}
    return {
        "Patient": [{"id": "p", "birthDate": "1960-07-14", "gender": "female", "deceasedDateTime": "2026-11-01"}],
        "Encounter": [
            {"id": "e", "status": "finished", **whose, "class": {"code": "IMP"},
             "period": {"start": late.isoformat(), "end": early.astimezone(UTC).isoformat()}}
        ],
        "Observation": observations,
        "Condition": [
            {"id": "c", **whose, "code": {"coding": [snomed | {"code": CONDITION}]}, "onsetDateTime": "2026-07-14",
             "abatementDateTime": "2026-11-01", "recordedDate": "2026-07-14"}
        ],
        "Procedure": [
            {"id": "q", "status": "completed", **whose, "code": {"coding": [snomed | {"code": PROCEDURE}]},
             "performedPeriod": {"start": "2026-03-29", "end": late.isoformat()}}
        ],
        "Coverage": [
            {"id": "v", "status": "active", "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": "x"}],
             "period": {"start": "2026-01-01", "end": "2026-11-30"}}
        ],
    }  # fmt: skip


def _messages(site: str) -> list[str]:
    admitted, discharged = "202607140030", "202607162330"
    pid = "PID|1||{0}^^^A^MR||ROE^JO||19600714|F"
    head = "MSH|^~\\&|APP|FAC|R|R|20261130||{0}|{1}|P|2.5"
    oru = [head.format("ORU^R01", "1"), pid.format("h1"), "OBR|1|1|1|8867-4^Heart rate^LN"]
    oru += [
        f"OBX|{n}|NM|8867-4^Heart rate^LN||{one.number}|/min|||||F|||{one.written}"
        for n, one in enumerate(hl7_readings(site), start=1)
    ]
    visit = f"PV1|1|I|WARD{'|' * 16}V1{'|' * 25}{admitted}"
    dead = pid.format("h2") + "|" * 21 + "20260720|Y"
    return [
        *oru,
        head.format("ADT^A01", "2"), "EVN|A01", dead, visit, "DG1|1||I10^^I10||20260714|A",
        head.format("ADT^A03", "3"), "EVN|A03", dead, f"{visit}|{discharged}",
    ]  # fmt: skip


def _claim() -> bytes:
    return stay(
        ("DTP*434*RD8*20260201-20260205", "DTP*434*RD8*20260714-20260716"),
        ("DTP*435*DT*202602010015", "DTP*435*DT*202607140030"),
        ("SV2*0120**9000.50*DA*4", "SV2*0120*HC:99221*9000.50*UN*1\nDTP*472*D8*20260715"),
    )


def _tables(site: str) -> Mapping[str, list[dict[str, str]]]:
    start, stop = (
        datetime(2026, 7, day, hour, 30, tzinfo=zone_of(site)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for day, hour in ((14, 23), (16, 0))
    )
    person, visit = "07cb2889-a47c-bede-f317-57a3822ec014", "57d6cc36-4f34-b14f-405d-83635d410871"
    names = "SSN,DRIVERS,PASSPORT,PREFIX,FIRST,MIDDLE,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,BIRTHPLACE"
    places = "ADDRESS,CITY,STATE,COUNTY,FIPS,ZIP,LAT,LON,HEALTHCARE_EXPENSES,HEALTHCARE_COVERAGE,INCOME"
    rest = dict.fromkeys([*names.split(","), *places.split(",")], "")
    ends = "ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST"
    more = dict.fromkeys([*ends.split(","), "PAYER_COVERAGE", "REASONCODE", "REASONDESCRIPTION"], "")
    return {
        "patients": [
            {"Id": person, "BIRTHDATE": "1960-07-14", "DEATHDATE": "2026-07-20", **rest, "GENDER": "F"}
        ],
        "encounters": [
            {"Id": visit, "START": start, "STOP": stop, "PATIENT": person, **more, "ENCOUNTERCLASS": "inpatient",
             "CODE": "185347001"}
        ],
        "conditions": [
            {"START": "2026-07-14", "STOP": "2026-11-01", "PATIENT": person, "ENCOUNTER": visit,
             "SYSTEM": "SNOMED-CT", "CODE": CONDITION, "DESCRIPTION": ""}
        ],
    }  # fmt: skip
