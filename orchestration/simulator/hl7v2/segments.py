"""The segments that messages of all kinds share: MSH, PID, PV1, PV2, IN1, DG1.

What does not belong here: which event has which of them (`adt.py`, `results.py`, `scheduling.py`).
"""

from dataclasses import dataclass

from orchestration.simulator.charts import Chart
from orchestration.simulator.hl7v2.syntax import ENCODING, Times, identifier, parts, segment
from orchestration.simulator.hospital import Visit
from orchestration.simulator.interfaces import Interfaces
from orchestration.simulator.observation_records import is_complaint
from orchestration.simulator.payers import COMPANIES
from orchestration.simulator.persons import Cover, Person, visit_number
from orchestration.simulator.place_records import physician_of
from orchestration.simulator.profiles import Profile
from orchestration.sites import Site, UnitKind

VERSION = "2.5.1"
SERVICE = {UnitKind.ED: "EMR", UnitKind.ICU: "ICU", UnitKind.WARD: "MED"}
URGENCY = {"EM": "1", "UR": "2", "R": "3"}
CODE_SYSTEM = {"ICD-10-CM": "I10C", "ICD-10-CM short": "I10C", "SNOMED": "SCT"}


@dataclass(frozen=True)
class Writer:
    """Writes the shared segments as one site does."""

    site: Site
    profile: Profile
    interfaces: Interfaces
    times: Times

    def header(self, code: str, trigger: str, structure: str, sent: int, control: str) -> str:
        """MSH."""
        fields = {
            2: ENCODING,
            3: self.interfaces.application,
            4: self.interfaces.facility,
            5: "PILOTHOUSE",
            6: "HARBOUR",
            7: self.times.exact(sent),
            9: parts(code, trigger, structure),
            10: control,
            11: "P",
            12: VERSION,
            18: self.interfaces.charset,
        }
        return segment("MSH", fields)

    def patient(self, person: Person, mrn: str, *, is_full: bool, died: int | None = None) -> str:
        """PID; a quick registration has no address, telephone or language."""
        fields = {
            1: "1",
            3: identifier(mrn, self.interfaces.mrn_authority, "MR"),
            5: f"{parts(person.family, person.given)}^^^^^L",
            7: f"{person.born:%Y%m%d}",
            8: "F" if person.is_female else "M",
        }
        if is_full:
            fields |= self._particulars(person)
        if died is not None:
            fields |= {29: self.times.clinical(died), 30: "Y"}
        return segment("PID", fields)

    def _particulars(self, person: Person) -> dict[int, str]:
        found = {
            11: parts(person.street, "", person.town, person.state, person.postal, person.country, "H"),
            13: f"{parts(person.phone, 'PRN', 'PH')}~{parts('', 'NET', 'Internet', person.email)}",
            15: parts(person.language, "", "ISO639"),
        }
        if self.profile.records_race:
            system = "HL70005" if person.race == "UNK" else "CDCREC"
            ethnicity = ("2135-2", "Hispanic or Latino") if person.is_hispanic else ("2186-5", "Not Hispanic or Latino")
            found |= {10: parts(person.race, "", system), 22: parts(*ethnicity, "CDCREC")}
        return found

    def visit(self, visit: Visit, at: int, *, is_inpatient: bool, ended: int | None = None, how: str = "") -> str:
        """PV1 as it stood at a second; `ended` and `how` only once the patient has left."""
        here = max((n for n, stay in enumerate(visit.stays) if stay.entered <= at), default=0)
        is_new = here > 0 and visit.stays[here].entered == at
        return self._visit(visit, here, here - 1 if is_new else None, is_inpatient, ended, how)

    def admission(self, visit: Visit, at: int) -> str:
        """PV1 of an admission: of a patient who moves at the same second, where it was decided."""
        here = max((n for n, stay in enumerate(visit.stays) if stay.entered < at), default=0)
        return self._visit(visit, here, None, True, None, "")

    def _visit(
        self, visit: Visit, here: int, before: int | None, is_inpatient: bool, ended: int | None, how: str
    ) -> str:
        unit = self.site.unit(visit.stays[here].unit)
        admitted = visit.admitted if is_inpatient and visit.admitted is not None else visit.arrived
        fields = {
            1: "1",
            2: "I" if is_inpatient else "E",
            3: self._bed(visit, here),
            4: "E",
            6: "" if before is None else self._bed(visit, before),
            7: self._physician(visit),
            10: SERVICE[unit.kind],
            14: "7",
            18: "IP" if is_inpatient else "ER",
            19: self.visit_identifier(visit),
            36: how,
            44: self.times.clinical(admitted),
            45: self.times.clinical(ended),
        }
        return segment("PV1", fields)

    def visit_identifier(self, visit: Visit) -> str:
        return identifier(visit_number(visit.number), self.interfaces.visit_authority, "VN")

    def _bed(self, visit: Visit, stay: int) -> str:
        unit = self.site.unit(visit.stays[stay].unit)
        place = (visit.number * 7 + stay) % max(unit.beds, 1)
        return parts(unit.id, f"{1 + place // 2}", "AB"[place % 2], self.interfaces.facility)

    def _physician(self, visit: Visit) -> str:
        one = physician_of(visit.number)
        return f"{parts(one.number, one.family, one.given)}^^^DR"

    def reason(self, chart: Chart, at: int) -> str | None:
        """PV2 with the complaint and the urgency, once triage has them on record."""
        said = [due.resource["valueString"] for due in chart.triage if due.issued <= at and is_complaint(due.resource)]
        urgency = URGENCY[chart.priority] if chart.priority and chart.triaged <= at else ""
        if not said and not urgency:
            return None
        return segment("PV2", {3: parts("", str(said[0])) if said else "", 25: urgency})

    def insurance(self, cover: Cover) -> str:
        """IN1."""
        company = COMPANIES[cover.payer]
        return segment("IN1", {1: "1", 2: company.code, 3: company.code, 4: parts(company.name), 36: cover.member})

    def diagnosis(self, rank: int, at: int, code: tuple[str, str, str]) -> str:
        """DG1 in the site's own coding; `code` is ICD-10-CM, SNOMED CT and the text, as in the catalogue."""
        icd10, snomed, text = code
        own = {"ICD-10-CM": icd10, "ICD-10-CM short": icd10[:3], "SNOMED": snomed}[self.profile.coding]
        system = CODE_SYSTEM[self.profile.coding]
        return segment("DG1", {1: str(rank), 3: parts(own, text, system), 5: self.times.clinical(at), 6: "F"})
