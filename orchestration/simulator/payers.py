"""Payers, and how a stay ended, in the codes of the National Uniform Billing Committee that billing and HL7 v2 share.

What does not belong here: prices (`x12/tariff.py`) and who is covered by whom (`persons.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.simulator.hospital import Disposition
from orchestration.simulator.persons import Payer


@dataclass(frozen=True, slots=True)
class Company:
    """A payer; `professional` and `institutional` are the claim filing indicators (SBR09)."""

    code: str
    name: str
    professional: str
    institutional: str


COMPANIES: Mapping[Payer, Company] = {
    "private": Company("BCA01", "BEACON COMMERCIAL ASSURANCE", "CI", "CI"),
    "medicare": Company("MCR00", "MEDICARE", "MB", "MA"),
    "medicaid": Company("MCD00", "STATE MEDICAID", "MC", "MC"),
    "self-pay": Company("SELF0", "PATIENT ACCOUNTS", "ZZ", "ZZ"),
    "public": Company("NHX00", "NATIONAL HEALTH EXECUTIVE", "ZZ", "ZZ"),
}
DISCHARGE_STATUS: Mapping[Disposition, str] = {
    "home": "01",
    "other-hcf": "02",
    "snf": "03",
    "aadvice": "07",
    "exp": "20",
    "rehab": "62",
}
