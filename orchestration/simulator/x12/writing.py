"""A claim as segments of 837P (005010X222) or 837I (005010X223): loops 2000B to 2400.

What does not belong here: envelopes (`syntax.py`) and what is billed (`claims.py`).
"""

from collections.abc import Iterator
from datetime import datetime

from orchestration.simulator.names import load_names
from orchestration.simulator.payers import COMPANIES, DISCHARGE_STATUS
from orchestration.simulator.persons import Person, visit_number
from orchestration.simulator.place_records import PHYSICIANS, physician_of
from orchestration.simulator.world import World
from orchestration.simulator.x12.claims import Claim, Line
from orchestration.simulator.x12.syntax import COMPONENT, money, plain, provider_number, segment

CHILD_UNTIL = 18
SELF, CHILD = "18", "19"
EMERGENCY_ROOM = "23"
INPATIENT_BILL = "11"
PHYSICIAN_TAXONOMY, HOSPITAL_TAXONOMY = "207P00000X", "282N00000X"


def opening(world: World, sender: str, tax_number: str, batch: str, made: datetime) -> list[str]:
    """BHT, submitter, receiver and billing provider (loops 1000 and 2000A)."""
    telephone = "".join(c for c in world.profile.phone.format(1000) if c.isdecimal())[-10:]
    number = provider_number(50_000_000 + sum(world.site.id.encode()))
    town, state = plain(world.profile.town), _state(world)
    return [
        segment("BHT", "0019", "00", batch, f"{made:%Y%m%d}", f"{made:%H%M%S}", "CH"),
        segment("NM1", "41", "2", plain(world.site.name), *[""] * 4, "46", sender),
        segment("PER", "IC", "BILLING OFFICE", "TE", telephone),
        segment("NM1", "40", "2", "HARBOUR CLEARING", *[""] * 4, "46", "HARBOURCLEARING"),
        segment("HL", "1", "", "20", "1"),
        segment("PRV", "BI", "PXC", HOSPITAL_TAXONOMY),
        segment("NM1", "85", "2", plain(world.site.name), *[""] * 4, "XX", number),
        segment("N3", "1 HOSPITAL WAY"),
        segment("N4", town, state, _postal(world.profile.postal.format(1)), *_country(world)),
        segment("REF", "EI", tax_number),
    ]


class ClaimWriter:
    """Writes claims of one transaction set; hierarchical levels are numbered on."""

    def __init__(self, world: World) -> None:
        self.world, self.level = world, 1

    def write(self, claim: Claim) -> list[str]:
        """Return the segments of one claim with the people it concerns."""
        return [
            *self._people(claim),
            *self._claim(claim),
            *(s for n, line in enumerate(claim.lines, start=1) for s in self._line(claim, n, line)),
        ]

    def _people(self, claim: Claim) -> Iterator[str]:
        """Loop 2000B, and 2000C for a child on a parent's policy."""
        person, company = claim.person, COMPANIES[claim.cover.payer]
        is_dependent = claim.cover.payer == "private" and self._age(claim) < CHILD_UNTIL
        self.level += 1
        filing = company.professional if claim.kind == "P" else company.institutional
        yield segment("HL", str(self.level), "1", "22", "1" if is_dependent else "0")
        yield segment("SBR", "P", "" if is_dependent else SELF, *[""] * 6, filing)
        died = self._died(claim)
        if died and not is_dependent:
            yield segment("PAT", *[""] * 4, "D8", died)
        yield from self._subscriber(claim, is_dependent)
        yield segment("NM1", "PR", "2", company.name, *[""] * 4, "PI", company.code)
        if is_dependent:
            self.level += 1
            yield segment("HL", str(self.level), str(self.level - 1), "23", "0")
            yield segment("PAT", CHILD, *[""] * 3, *(("D8", died) if died else ()))
            yield segment("NM1", "QC", "1", plain(person.family), plain(person.given))
            yield from self._where(person)

    def _subscriber(self, claim: Claim, is_dependent: bool) -> Iterator[str]:
        person, names = claim.person, load_names()
        given = person.given
        if is_dependent:
            given = names.given_female[(person.number * 5 + 1) % len(names.given_female)]
        member = ("MI", claim.cover.member)
        yield segment("NM1", "IL", "1", plain(person.family), plain(given), *[""] * 3, *member)
        if not is_dependent:
            yield from self._where(person)

    def _where(self, person: Person) -> Iterator[str]:
        yield segment("N3", plain(person.street))
        yield segment("N4", plain(person.town), _state(self.world), _postal(person.postal), *_country(self.world))
        yield segment("DMG", "D8", f"{person.born:%Y%m%d}", "F" if person.is_female else "M")

    def _claim(self, claim: Claim) -> Iterator[str]:
        """Loop 2300 up to its providers."""
        bill = (INPATIENT_BILL, "A") if claim.kind == "I" else (EMERGENCY_ROOM, "B")
        place = COMPONENT.join((*bill, claim.frequency))
        number = visit_number(claim.chart.visit.number)
        signed = ("", "A", "Y", "Y") if claim.kind == "I" else ("Y", "A", "Y", "Y")
        yield segment("CLM", number, money(claim.charge), "", "", place, *signed)
        if claim.kind == "I":
            yield from self._stay(claim)
        if claim.replaced:
            yield segment("REF", "F8", claim.replaced)
        if claim.fault != "number":
            yield segment("REF", "EA", claim.person.mrn)
        yield from _diagnoses(claim)
        one, visit = physician_of(claim.chart.visit.number), claim.chart.visit
        role = "71" if claim.kind == "I" else "82"
        npi = provider_number(10_000_000 + visit.number % PHYSICIANS)
        yield segment("NM1", role, "1", plain(one.family), plain(one.given), *[""] * 3, "XX", npi)
        if claim.kind == "P":
            yield segment("PRV", "PE", "PXC", PHYSICIAN_TAXONOMY)

    def _stay(self, claim: Claim) -> Iterator[str]:
        visit = claim.chart.visit
        arrived, admitted, ended = (self._local(s) for s in (visit.arrived, visit.admitted, visit.ended))
        period = f"{arrived:%Y%m%d}-{ended:%Y%m%d}"
        yield segment("DTP", "096", "TM", f"{ended:%H%M}")
        yield segment("DTP", "434", "RD8", "20001332-20001332" if claim.fault == "date" else period)
        yield segment("DTP", "435", "DT", f"{admitted:%Y%m%d%H%M}")
        yield segment("CL1", "1", "1", DISCHARGE_STATUS[visit.disposition] if visit.disposition else "30")

    def _line(self, claim: Claim, number: int, line: Line) -> Iterator[str]:
        """Loop 2400."""
        yield segment("LX", str(number))
        service = COMPONENT.join(("HC", line.cpt)) if line.cpt else ""
        if claim.kind == "I":
            unit = "UN" if line.cpt else "DA"
            yield segment("SV2", line.revenue, service, money(line.charge), unit, str(line.units))
        else:
            yield segment("SV1", service, money(line.charge), "UN", str(line.units), "", "", "1")
        is_wrong = claim.fault == "date" and claim.kind == "P"
        yield segment("DTP", "472", "D8", "20001332" if is_wrong else f"{line.day:%Y%m%d}")
        yield segment("REF", "6R", f"{claim.chart.visit.number}L{number}")

    def _age(self, claim: Claim) -> float:
        return (self._local(claim.chart.visit.arrived).date() - claim.person.born).days / 365.2425

    def _died(self, claim: Claim) -> str:
        visit = claim.chart.visit
        return f"{self._local(visit.ended):%Y%m%d}" if visit.disposition == "exp" else ""

    def _local(self, second: int | None) -> datetime:
        """A time of a visit that is over."""
        if second is None:
            raise ValueError(
                "A claim needs a visit that is over and, if institutional, an admission; this one has none."
            )
        return datetime.fromtimestamp(second, self.world.clock.zone)


def _diagnoses(claim: Claim) -> Iterator[str]:
    """HI segments, in the order of the guide; codes have no dots."""
    first, *others = (code.replace(".", "") for code in claim.codes)
    if claim.kind == "P":
        yield segment("HI", f"ABK:{first}", *(f"ABF:{code}" for code in others))
        return
    yield segment("HI", f"ABK:{first}{COMPONENT * 7}Y")
    yield segment("HI", f"ABJ:{claim.came_with.replace('.', '')}")
    if others:
        yield segment("HI", *(f"ABF:{code}{COMPONENT * 7}Y" for code in others))


def _state(world: World) -> str:
    return world.profile.state if world.profile.records_race else ""


def _country(world: World) -> tuple[str, ...]:
    return () if world.profile.records_race else ("IE",)


def _postal(code: str) -> str:
    return code.replace(" ", "")
