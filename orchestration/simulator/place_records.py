"""What hardly changes: the hospital, its units and its staff as FHIR R4. Sent once, with the first drop.

What does not belong here: who works when (`rosters.py`).
"""

from dataclasses import dataclass

from orchestration.simulator import codes
from orchestration.simulator.chance import opaque_id
from orchestration.simulator.codes import concept
from orchestration.simulator.names import load_names
from orchestration.simulator.people_records import Resource
from orchestration.sites import Site, UnitKind

PHYSICIANS = 24
LOCATION_TYPE = {
    UnitKind.ED: ("ER", "Emergency room"),
    UnitKind.ICU: ("ICU", "Intensive care unit"),
    UnitKind.WARD: ("HU", "Hospital unit"),
}


def physician_id(seed: int, site: str, number: int) -> str:
    """FHIR id of one of the site's physicians."""
    return opaque_id(seed, site, "physician", number % PHYSICIANS)


def organizations(site: Site, instant: str) -> list[Resource]:
    """The hospital and the group it belongs to."""
    group: Resource = {
        "resourceType": "Organization",
        "id": "harbour-health",
        "meta": {"versionId": "1", "lastUpdated": instant},
        "active": True,
        "type": [concept(codes.ORGANIZATION_TYPE, "bus")],
        "name": "Harbour Health Group",
    }
    hospital: Resource = {
        "resourceType": "Organization",
        "id": f"{site.id}-hospital",
        "meta": {"versionId": "1", "lastUpdated": instant},
        "active": True,
        "type": [concept(codes.ORGANIZATION_TYPE, "prov", "Healthcare Provider")],
        "name": site.name,
        "partOf": {"reference": "Organization/harbour-health"},
    }
    return [group, hospital]


def locations(site: Site, instant: str) -> list[Resource]:
    """One Location per unit; `identifier[0].value` is the unit's code, `type` says what kind of unit it is."""
    return [
        {
            "resourceType": "Location",
            "id": f"{site.id}-{unit.id.lower()}",
            "meta": {"versionId": "1", "lastUpdated": instant},
            "identifier": [{"system": f"urn:pilothouse:{site.id}:unit", "value": unit.id}],
            "status": "active",
            "name": unit.name,
            "mode": "instance",
            "type": [concept(codes.ROLE_CODE, *LOCATION_TYPE[unit.kind])],
            "physicalType": concept(codes.PHYSICAL_TYPE, "wa", "Ward"),
            "managingOrganization": {"reference": f"Organization/{site.id}-hospital"},
        }
        for unit in site.units
    ]


def practitioners(site: Site, instant: str, seed: int) -> list[Resource]:
    """The physicians, by name and number."""
    return [_physician(site, instant, seed, number) for number in range(PHYSICIANS)]


@dataclass(frozen=True, slots=True)
class Physician:
    """A physician as the site's systems name them."""

    number: str
    family: str
    given: str


def physician_of(visit: int) -> Physician:
    """The physician who is responsible for a visit: the one of `physician_id`."""
    place, names = visit % PHYSICIANS, load_names()
    given = names.given_female if place % 2 else names.given_male
    return Physician(f"PH{4100 + place * 13}", names.family_of(place + 3), given[place % len(given)])


def _physician(site: Site, instant: str, seed: int, number: int) -> Resource:
    one = physician_of(number)
    return {
        "resourceType": "Practitioner",
        "id": physician_id(seed, site.id, number),
        "meta": {"versionId": "1", "lastUpdated": instant},
        "identifier": [{"system": f"urn:pilothouse:{site.id}:physician", "value": one.number}],
        "active": True,
        "name": [{"family": one.family, "given": [one.given], "prefix": ["Dr"]}],
    }
