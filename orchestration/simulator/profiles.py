"""How the three simulated sites differ: volume, case mix, missing readings, coding habits, units of measure.

What does not belong here: units, beds and shifts (`orchestration/sites/<site>.yaml`), and what complaints mean
(`catalogue.yaml`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Coding = Literal["ICD-10-CM", "SNOMED", "ICD-10-CM short"]


class UnknownProfile(Exception):
    """The simulator has no profile for this site; the message names those it has."""


@dataclass(frozen=True)
class Profile:
    """One site's habits. Shares lie in 0..1, shifts are log-odds, `missing` is by reading.

    `daily_shape` and `hourly_shape` are gamma shapes: arrivals are Poisson with a gamma day effect and a gamma hour
    effect, so the counts are negative-binomial within an hour and over-dispersed across days.
    """

    site: str
    visits_per_day: float
    daily_shape: float
    hourly_shape: float
    people: int
    child_share: float
    elder_share: float
    coding: Coding
    temperature_unit: Literal["[degF]", "Cel"]
    has_pressure_panel: bool
    saturation_code: str
    has_si_labs: bool
    abbreviation_share: float
    upper_case_share: float
    problem_list_share: float
    history_share: float
    records_race: bool
    missing: Mapping[str, float]
    mix: Mapping[str, float] = field(default_factory=dict[str, float])
    critical_shift: float = 0.0
    admission_shift: float = 0.0
    nurse_noise: float = 1.0
    ed_minutes: float = 150.0
    races: Mapping[str, float] = field(default_factory=dict[str, float])
    hispanic_share: float = 0.0
    languages: Mapping[str, float] = field(default_factory=dict[str, float])
    state: str = ""
    town: str = ""
    postal: str = ""
    phone: str = ""


CITY = Profile(
    site="city",
    visits_per_day=150,
    daily_shape=60,
    hourly_shape=8,
    people=42_000,
    child_share=0.22,
    elder_share=0.17,
    coding="ICD-10-CM",
    temperature_unit="[degF]",
    has_pressure_panel=False,
    saturation_code="59408-5",
    has_si_labs=False,
    abbreviation_share=0.85,
    upper_case_share=0.25,
    problem_list_share=0.85,
    history_share=0.80,
    records_race=True,
    missing={
        "triage_level": 0.02,
        "complaint": 0.005,
        "temperature": 0.06,
        "heart_rate": 0.03,
        "respiratory_rate": 0.04,
        "oxygen_saturation": 0.04,
        "blood_pressure": 0.06,
        "pain": 0.22,
        "transport": 0.01,
    },
    mix={"assault": 1.8, "overdose": 1.6, "psychiatric": 1.4, "alcohol": 1.4, "limb_injury": 0.8},
    critical_shift=0.10,
    admission_shift=0.15,
    ed_minutes=205,
    races={"2106-3": 0.42, "2054-5": 0.27, "2028-9": 0.11, "2131-1": 0.17, "UNK": 0.03},
    hispanic_share=0.25,
    languages={"en": 0.74, "es": 0.17, "zh": 0.06, "ru": 0.03},
    state="NY",
    town="Harbour City",
    postal="10{:03d}",
    phone="+1-212-555-{:04d}",
)

DISTRICT = Profile(
    site="district",
    visits_per_day=80,
    daily_shape=50,
    hourly_shape=6,
    people=26_000,
    child_share=0.24,
    elder_share=0.21,
    coding="SNOMED",
    temperature_unit="Cel",
    has_pressure_panel=True,
    saturation_code="59408-5",
    has_si_labs=False,
    abbreviation_share=0.55,
    upper_case_share=0.05,
    problem_list_share=0.72,
    history_share=0.70,
    records_race=True,
    missing={
        "triage_level": 0.03,
        "complaint": 0.01,
        "temperature": 0.10,
        "heart_rate": 0.05,
        "respiratory_rate": 0.09,
        "oxygen_saturation": 0.07,
        "blood_pressure": 0.10,
        "pain": 0.35,
        "transport": 0.03,
    },
    mix={"abdominal_pain": 1.1, "chest_pain": 1.1},
    nurse_noise=1.1,
    ed_minutes=180,
    races={"2106-3": 0.71, "2054-5": 0.13, "2028-9": 0.03, "2131-1": 0.08, "UNK": 0.05},
    hispanic_share=0.12,
    languages={"en": 0.89, "es": 0.09, "pl": 0.02},
    state="IL",
    town="Millbrook",
    postal="60{:03d}",
    phone="+1-309-555-{:04d}",
)

RURAL = Profile(
    site="rural",
    visits_per_day=25,
    daily_shape=40,
    hourly_shape=5,
    people=9_000,
    child_share=0.20,
    elder_share=0.31,
    coding="ICD-10-CM short",
    temperature_unit="Cel",
    has_pressure_panel=False,
    saturation_code="2708-6",
    has_si_labs=True,
    abbreviation_share=0.20,
    upper_case_share=0.0,
    problem_list_share=0.55,
    history_share=0.60,
    records_race=False,
    missing={
        "triage_level": 0.06,
        "complaint": 0.02,
        "temperature": 0.16,
        "heart_rate": 0.08,
        "respiratory_rate": 0.22,
        "oxygen_saturation": 0.12,
        "blood_pressure": 0.14,
        "pain": 0.50,
        "transport": 0.06,
    },
    mix={"limb_injury": 1.4, "laceration": 1.4, "fall": 1.3, "assault": 0.3, "overdose": 0.5, "psychiatric": 0.6},
    critical_shift=-0.25,
    admission_shift=-0.10,
    nurse_noise=1.25,
    ed_minutes=140,
    languages={"en": 0.93, "pl": 0.04, "ga": 0.03},
    state="Co. Kerry",
    town="Glenmore",
    postal="V93 X{:03d}",
    phone="+353-66-555-{:04d}",
)

PROFILES: Mapping[str, Profile] = {profile.site: profile for profile in (CITY, DISTRICT, RURAL)}


def profile_of(site: str) -> Profile:
    """Return the profile of a simulated site. Raises `UnknownProfile`."""
    if site not in PROFILES:
        raise UnknownProfile(f"The simulator has no profile for site {site!r}; it has {', '.join(PROFILES)}.")
    return PROFILES[site]
