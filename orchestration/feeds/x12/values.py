"""Elements as JSON values: amounts, dates, coded values. What cannot be read stays a text, for the contract to refuse.

What does not belong here: which segment holds what (loops.py, claim.py).
"""

import re

AMOUNT = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,15}(\.[0-9]{0,15})?")  # X12 allows 18 digits and uses ten
DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
MOMENT = re.compile(r"\d{12}(\d\d)?")
AUTHORITIES = {
    "XX": "http://hl7.org/fhir/sid/us-npi",
    "24": "http://hl7.org/fhir/sid/us-ein",
    "EI": "http://hl7.org/fhir/sid/us-ein",
    "34": "http://hl7.org/fhir/sid/us-ssn",
    "SY": "http://hl7.org/fhir/sid/us-ssn",
}
ICD10, ICD9 = "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-9-cm"
ICD10_PROCEDURES, ICD9_PROCEDURES = "http://hl7.org/fhir/sid/icd-10-pcs", "http://hl7.org/fhir/sid/icd-9-cm-procedures"
CPT, HCPCS = "http://www.ama-assn.org/go/cpt", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CDT, NDC = "http://www.ada.org/cdt", "http://hl7.org/fhir/sid/ndc"
LEVEL_TWO = re.compile(r"[A-Z]\d{4}")  # of HCPCS; level one is CPT

Record = dict[str, object]


def filled(**members: object) -> Record:
    """Return the members that were sent."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def number(text: str) -> object:
    """Return a decimal number."""
    if not AMOUNT.fullmatch(text):
        return text
    value = float(text)
    return int(value) if value.is_integer() else value


def day(text: str) -> str:
    """Return CCYYMMDD as ISO 8601, also where a time follows."""
    found = DAY.match(text)
    if found and (len(text) == found.end() or MOMENT.fullmatch(text)):
        return "-".join(found.groups())
    return text


def period(form: str, text: str) -> Record:
    """Return a date, a date and time, or two dates (DTP02, DTP03); a time keeps its digits beside its day."""
    if form == "RD8":
        first, _, last = text.partition("-")
        return filled(start=day(first), end=day(last))
    if form == "TM":
        return filled(time=text)
    return filled(start=day(text), moment=text if MOMENT.fullmatch(text) else None)


def authority(qualifier: str) -> str:
    """Return the naming system of an identification code qualifier; one without a name of its own stays as sent."""
    return AUTHORITIES.get(qualifier, qualifier)


def procedure_system(qualifier: str, code: str) -> str:
    """Return the code system of a product or service id (SV101-1); one that is not known stays as sent."""
    match qualifier:
        case "HC":
            return HCPCS if LEVEL_TWO.fullmatch(code) else CPT
        case "AD":
            return CDT
        case "N4":
            return NDC
        case _:
            return qualifier


def zip_digits(text: str | None) -> str | None:
    """Return the first three digits of a US ZIP code (five or nine digits); the rest is not even read."""
    digits = (text or "").replace("-", "")
    return digits[:3] if digits.isascii() and digits.isdigit() and len(digits) in (5, 9) else None
