"""A person as FHIR R4: Patient, with the identifiers a hospital really holds, and Coverage.

What does not belong here: who they are (`persons.py`) and visits (`visit_records.py`).
"""

from datetime import date

from orchestration.simulator import codes
from orchestration.simulator.chance import opaque_id
from orchestration.simulator.codes import coding, concept
from orchestration.simulator.persons import Person, cover_of, describe
from orchestration.simulator.population import Population
from orchestration.simulator.profiles import Profile

Resource = dict[str, object]

RACE_DISPLAY = {
    "2106-3": "White",
    "2054-5": "Black or African American",
    "2028-9": "Asian",
    "2131-1": "Other Race",
    "UNK": "Unknown",
}


class PeopleWriter:
    """Writes the people of one site; the same person always the same way."""

    def __init__(self, profile: Profile, people: Population, seed: int) -> None:
        self.profile, self.people, self.seed = profile, people, seed
        self._ids: dict[int, str] = {}

    def id(self, person: int) -> str:
        """The Patient's FHIR id."""
        known = self._ids.get(person)
        if known is None:
            known = self._ids[person] = opaque_id(self.seed, self.profile.site, "patient", person)
        return known

    def person(self, person: int) -> Person:
        """The person's particulars."""
        return describe(self.profile, self.people, person)

    def patient(self, person: int, registered: str, died: str | None = None) -> Resource:
        """The Patient as registered at an instant, or as it stands after a death (version 2)."""
        one, site = self.person(person), self.profile.site
        found: Resource = {
            "resourceType": "Patient",
            "id": self.id(person),
            "meta": {"versionId": "2" if died else "1", "lastUpdated": died or registered},
            **self._extensions(one),
            "identifier": [
                {
                    "use": "usual",
                    "type": concept(codes.IDENTIFIER_TYPE, "MR", "Medical record number"),
                    "system": f"urn:pilothouse:{site}:mrn",
                    "value": one.mrn,
                }
            ],
            "active": True,
            "name": [{"use": "official", "family": one.family, "given": [one.given]}],
            "telecom": [
                {"system": "phone", "value": one.phone, "use": "home"},
                {"system": "email", "value": one.email},
            ],
            "gender": "female" if one.is_female else "male",
            "birthDate": one.born.isoformat(),
            "address": [_address(one)],
            "communication": [{"language": concept(codes.LANGUAGE, one.language), "preferred": True}],
            "managingOrganization": {"reference": f"Organization/{site}-hospital"},
        }
        if died:
            found["deceasedDateTime"] = died
        return found

    def coverage(self, person: int, registered: str) -> Resource | None:
        """Who pays, where the site sends it (in the US); `type.text` is the class of payer."""
        if not self.profile.records_race:
            return None
        cover = cover_of(self.profile, self.people, person, date.fromisoformat(registered[:10]))
        return {
            "resourceType": "Coverage",
            "id": f"{self.id(person)}-cov",
            "meta": {"versionId": "1", "lastUpdated": registered},
            "status": "active",
            "type": {"text": cover.payer},
            "subscriberId": cover.member,
            "beneficiary": {"reference": f"Patient/{self.id(person)}"},
            "payor": [{"reference": f"Organization/{self.profile.site}-hospital"}],
        }

    def _extensions(self, person: Person) -> Resource:
        if not self.profile.records_race:
            return {}
        system = codes.NULL_FLAVOR if person.race == "UNK" else codes.RACE_AND_ETHNICITY
        ethnicity = ("2135-2", "Hispanic or Latino") if person.is_hispanic else ("2186-5", "Not Hispanic or Latino")
        return {
            "extension": [
                _us_core("race", coding(system, person.race, RACE_DISPLAY[person.race])),
                _us_core("ethnicity", coding(codes.RACE_AND_ETHNICITY, *ethnicity)),
            ]
        }


def _address(person: Person) -> Resource:
    return {
        "use": "home",
        "line": [person.street],
        "city": person.town,
        "state": person.state,
        "postalCode": person.postal,
        "country": person.country,
    }


def _us_core(name: str, value: codes.Coding) -> Resource:
    return {
        "url": f"{codes.US_CORE}/us-core-{name}",
        "extension": [
            {"url": "ombCategory", "valueCoding": value},
            {"url": "text", "valueString": value["display"]},
        ],
    }
