"""A person as FHIR R4: Patient, with the identifiers a hospital really holds, and Coverage.

Names, addresses, telephone numbers and record numbers are invented, and must never be seen past the landing zone.
What does not belong here: visits (`visit_records.py`).
"""

from datetime import date

from orchestration.simulator import codes
from orchestration.simulator.chance import opaque_id
from orchestration.simulator.codes import coding, concept
from orchestration.simulator.names import load_names
from orchestration.simulator.population import Population
from orchestration.simulator.profiles import Profile

Resource = dict[str, object]

PAYERS = ("private", "medicare", "medicaid", "self-pay")
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
        self.profile, self.people, self.seed, self.names = profile, people, seed, load_names()
        self._ids: dict[int, str] = {}

    def id(self, person: int) -> str:
        """The Patient's FHIR id."""
        known = self._ids.get(person)
        if known is None:
            known = self._ids[person] = opaque_id(self.seed, self.profile.site, "patient", person)
        return known

    def patient(self, person: int, registered: str, died: str | None = None) -> Resource:
        """The Patient as registered at an instant, or as it stands after a death (version 2)."""
        people, site = self.people, self.profile.site
        found: Resource = {
            "resourceType": "Patient",
            "id": self.id(person),
            "meta": {"versionId": "2" if died else "1", "lastUpdated": died or registered},
            **self._extensions(person),
            "identifier": [
                {
                    "use": "usual",
                    "type": concept(codes.IDENTIFIER_TYPE, "MR", "Medical record number"),
                    "system": f"urn:pilothouse:{site}:mrn",
                    "value": f"{site[0].upper()}{10_000_000 + (person * 7919 + 1237) % 89_999_999}",
                }
            ],
            "active": True,
            "name": [self._name(person)],
            "telecom": self._telecom(person),
            "gender": "female" if people.is_female[person] else "male",
            "birthDate": date.fromordinal(int(people.born[person])).isoformat(),
            "address": [self._address(person)],
            "communication": [{"language": concept(codes.LANGUAGE, str(people.language[person])), "preferred": True}],
            "managingOrganization": {"reference": f"Organization/{site}-hospital"},
        }
        if died:
            found["deceasedDateTime"] = died
        return found

    def coverage(self, person: int, registered: str) -> Resource | None:
        """Who pays, where the site sends it (in the US); `type.text` is the class of payer."""
        if not self.profile.records_race:
            return None
        age = (date.fromisoformat(registered[:10]).toordinal() - int(self.people.born[person])) / 365.2425
        payer = "medicare" if age >= 65 else PAYERS[(person * 31 + 7) % 11 % 4]
        return {
            "resourceType": "Coverage",
            "id": f"{self.id(person)}-cov",
            "meta": {"versionId": "1", "lastUpdated": registered},
            "status": "active",
            "type": {"text": payer},
            "subscriberId": f"{payer[:2].upper()}{40_000_000 + (person * 104_729) % 9_999_991}",
            "beneficiary": {"reference": f"Patient/{self.id(person)}"},
            "payor": [{"reference": f"Organization/{self.profile.site}-hospital"}],
        }

    def _extensions(self, person: int) -> Resource:
        if not self.profile.records_race:
            return {}
        race = str(self.people.race[person])
        system = codes.NULL_FLAVOR if race == "UNK" else codes.RACE_AND_ETHNICITY
        hispanic = bool(self.people.is_hispanic[person])
        ethnicity = ("2135-2", "Hispanic or Latino") if hispanic else ("2186-5", "Not Hispanic or Latino")
        return {
            "extension": [
                _us_core("race", coding(system, race, RACE_DISPLAY[race])),
                _us_core("ethnicity", coding(codes.RACE_AND_ETHNICITY, *ethnicity)),
            ]
        }

    def _name(self, person: int) -> Resource:
        given = self.names.given_female if self.people.is_female[person] else self.names.given_male
        family = self.names.family_of(person)
        return {"use": "official", "family": family, "given": [given[(person // 3) % len(given)]]}

    def _telecom(self, person: int) -> list[Resource]:
        family = self.names.family_of(person).lower()
        phone = self.profile.phone.format((person * 37) % 10_000)
        return [
            {"system": "phone", "value": phone, "use": "home"},
            {"system": "email", "value": f"{family}.{person}@mail.example"},
        ]

    def _address(self, person: int) -> Resource:
        return {
            "use": "home",
            "line": [f"{1 + (person * 17) % 240} {self.names.streets[person % len(self.names.streets)]}"],
            "city": self.profile.town,
            "state": self.profile.state,
            "postalCode": self.profile.postal.format((person * 29) % 1000),
            "country": "US" if self.profile.records_race else "IE",
        }


def _us_core(name: str, value: codes.Coding) -> Resource:
    return {
        "url": f"{codes.US_CORE}/us-core-{name}",
        "extension": [
            {"url": "ombCategory", "valueCoding": value},
            {"url": "text", "valueString": value["display"]},
        ],
    }
