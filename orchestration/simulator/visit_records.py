"""A visit as FHIR R4: one Encounter from arrival to the end, and the Conditions charted in it.

The Encounter's class is EMER until the decision to admit and IMP after it; `location[]` lists every unit in order with
its period, the emergency department first. `encounter` shows the visit as it stood at a given second, for a drop (the
end of a day) as for a live request. What does not belong here: measurements, people, places.
"""

from orchestration.simulator import codes
from orchestration.simulator.catalogue import Catalogue
from orchestration.simulator.clock import LocalClock
from orchestration.simulator.codes import concept
from orchestration.simulator.hospital import Visit
from orchestration.simulator.people_records import PeopleWriter, Resource
from orchestration.simulator.persons import visit_number
from orchestration.simulator.profiles import Coding, Profile

EMERGENCY = codes.coding(codes.ACT_CODE, "EMER", "emergency")
INPATIENT = codes.coding(codes.ACT_CODE, "IMP", "inpatient encounter")
DISPOSITION_TEXT = {
    "home": "Home",
    "snf": "Skilled nursing facility",
    "rehab": "Rehabilitation",
    "other-hcf": "Other healthcare facility",
    "exp": "Expired",
    "aadvice": "Left against advice",
}


class VisitWriter:
    """Writes Encounters and Conditions the way one site does."""

    def __init__(self, profile: Profile, catalogue: Catalogue, clock: LocalClock, people: PeopleWriter) -> None:
        self.profile, self.catalogue, self.clock, self.people = profile, catalogue, clock, people

    def encounter(self, visit: Visit, at: int, priority: str | None, is_return: bool, physician: str) -> Resource:
        """Return the Encounter as it stood at second `at`, not before the arrival."""
        site, changes = self.profile.site, [c for c in visit.changes if c <= at]
        is_admitted = visit.admitted is not None and visit.admitted <= at
        is_over = visit.ended is not None and visit.ended <= at
        period: Resource = {"start": self.clock.instant(visit.arrived)}
        if is_over and visit.ended is not None:
            period["end"] = self.clock.instant(visit.ended)
        found: Resource = {
            "resourceType": "Encounter",
            "id": visit.id,
            "meta": {"versionId": str(len(changes)), "lastUpdated": self.clock.instant(changes[-1])},
            "identifier": [{"system": f"urn:pilothouse:{site}:visit", "value": visit_number(visit.number)}],
            "status": "finished" if is_over else "in-progress",
            "class": INPATIENT if is_admitted else EMERGENCY,
            "type": [concept(codes.SNOMED, "50849002", "Emergency room admission")],
            "subject": {"reference": f"Patient/{self.people.id(visit.person)}"},
            "participant": [{"individual": {"reference": f"Practitioner/{physician}"}}],
            "period": period,
            "location": self._locations(visit, at),
            "serviceProvider": {"reference": f"Organization/{site}-hospital"},
        }
        if priority:
            found["priority"] = concept(codes.ACT_PRIORITY, priority)
        hospitalization = self._hospitalization(visit, is_admitted, is_over, is_return)
        if hospitalization:
            found["hospitalization"] = hospitalization
        return found

    def _locations(self, visit: Visit, at: int) -> list[Resource]:
        found: list[Resource] = []
        for stay in visit.stays:
            if stay.entered > at:
                break
            period = {"start": self.clock.instant(stay.entered)}
            has_left = stay.left is not None and stay.left <= at
            if has_left and stay.left is not None:
                period["end"] = self.clock.instant(stay.left)
            found.append(
                {
                    "location": place(self.profile.site, stay.unit),
                    "status": "completed" if has_left else "active",
                    "period": period,
                }
            )
        return found

    def _hospitalization(self, visit: Visit, is_admitted: bool, is_over: bool, is_return: bool) -> Resource:
        found: Resource = {}
        if is_admitted:
            found["admitSource"] = concept(codes.ADMIT_SOURCE, "emd", "From accident/emergency department")
        if is_return:
            found["reAdmission"] = concept(codes.READMISSION, "R", "Re-admission")
        if is_over and visit.disposition:
            text = DISPOSITION_TEXT[visit.disposition]
            found["dischargeDisposition"] = concept(codes.DISPOSITION, visit.disposition, text)
        return found

    def diagnosis(self, visit: Visit, name: str, recorded: int, rank: int) -> Resource:
        """A diagnosis of this visit, recorded when the patient leaves the ED or the hospital."""
        icd10, snomed, display = self.catalogue.diagnoses[name]
        found = self._condition(visit.person, f"{visit.id}-d{rank}", recorded, "encounter-diagnosis")
        found["code"] = _coded(self.profile.coding, icd10, snomed, display)
        found["encounter"] = {"reference": f"Encounter/{visit.id}"}
        return found

    def problem(self, person: int, index: int, recorded: int, onset: str | None = None) -> Resource:
        """A lasting condition on the problem list; `index` is its place in the catalogue."""
        chronic = self.catalogue.chronic[self.catalogue.chronic_names[index]]
        found = self._condition(person, f"{self.people.id(person)}-p{index:02d}", recorded, "problem-list-item")
        found["code"] = _coded(self.profile.coding, chronic.icd10, chronic.snomed, chronic.display)
        if onset:
            found["onsetDateTime"] = onset
        return found

    def _condition(self, person: int, identity: str, recorded: int, category: str) -> Resource:
        instant = self.clock.instant(recorded)
        return {
            "resourceType": "Condition",
            "id": identity,
            "meta": {"versionId": "1", "lastUpdated": instant},
            "clinicalStatus": concept(codes.CONDITION_CLINICAL, "active"),
            "verificationStatus": concept(codes.CONDITION_VERIFICATION, "confirmed"),
            "category": [concept(codes.CONDITION_CATEGORY, category)],
            "subject": {"reference": f"Patient/{self.people.id(person)}"},
            "recordedDate": instant,
        }


def place(site: str, unit: str) -> Resource:
    """A reference to a unit, by resource and by the site's own code."""
    return {
        "reference": f"Location/{site}-{unit.lower()}",
        "identifier": {"system": f"urn:pilothouse:{site}:unit", "value": unit},
    }


def _coded(habit: Coding, icd10: str, snomed: str, display: str) -> codes.Concept:
    """Write a diagnosis in the site's habit; the short one cuts ICD-10-CM to its category of three characters."""
    if habit == "SNOMED":
        return concept(codes.SNOMED, snomed, display, display)
    return concept(codes.ICD10, icd10[:3] if habit == "ICD-10-CM short" else icd10, display, display)
