"""A person's particulars and payer, the same in every feed: who they are does not depend on who writes it down.

Names, addresses, telephone numbers and record numbers are invented, and must never be seen past the landing zone.
What does not belong here: any format (`people_records.py`, `hl7v2/`, `x12/`), and when they come (`population.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from orchestration.simulator.names import load_names
from orchestration.simulator.population import DAYS_PER_YEAR, Population
from orchestration.simulator.profiles import Profile

Payer = Literal["private", "medicare", "medicaid", "self-pay", "public"]

PAYERS: tuple[Payer, ...] = ("private", "medicare", "medicaid", "self-pay")
PENSION_AGE = 65


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a site. `race` is empty where the site does not record it."""

    number: int
    mrn: str
    family: str
    given: str
    born: date
    is_female: bool
    race: str
    is_hispanic: bool
    language: str
    phone: str
    email: str
    street: str
    town: str
    state: str
    postal: str
    country: str


@dataclass(frozen=True, slots=True)
class Cover:
    """Who pays for a person, and under which member number."""

    payer: Payer
    member: str


def describe(profile: Profile, people: Population, number: int) -> Person:
    """Return the particulars of one person."""
    names = load_names()
    is_female = bool(people.is_female[number])
    given, family = names.given_female if is_female else names.given_male, names.family_of(number)
    return Person(
        number=number,
        mrn=record_number(profile.site, number),
        family=family,
        given=given[(number // 3) % len(given)],
        born=date.fromordinal(int(people.born[number])),
        is_female=is_female,
        race=str(people.race[number]),
        is_hispanic=bool(people.is_hispanic[number]),
        language=str(people.language[number]),
        phone=profile.phone.format((number * 37) % 10_000),
        email=f"{family.lower()}.{number}@mail.example",
        street=f"{1 + (number * 17) % 240} {names.streets[number % len(names.streets)]}",
        town=profile.town,
        state=profile.state,
        postal=profile.postal.format((number * 29) % 1000),
        country="US" if profile.records_race else "IE",
    )


def record_number(site: str, person: int) -> str:
    """The medical record number: the site's letter and eight digits."""
    return f"{site[0].upper()}{10_000_000 + (person * 7919 + 1237) % 89_999_999}"


def duplicate_record_number(site: str, visit: int) -> str:
    """The number of a record opened by mistake at a visit for somebody who had one: the letter and nine digits."""
    return f"{site[0].upper()}{900_000_000 + visit * 23}"


def visit_number(visit: int) -> str:
    """The number of a visit, also called account number."""
    return f"V{300_000_000 + visit * 17}"


def cover_of(profile: Profile, people: Population, number: int, registered: date) -> Cover:
    """Return who pays, as asked when the person was registered."""
    payer: Payer = PAYERS[(number * 31 + 7) % 11 % 4]
    if not profile.records_race:
        payer = "public"
    elif (registered.toordinal() - int(people.born[number])) / DAYS_PER_YEAR >= PENSION_AGE:
        payer = "medicare"
    return Cover(payer, f"{payer[:2].upper()}{40_000_000 + (number * 104_729) % 9_999_991}")
