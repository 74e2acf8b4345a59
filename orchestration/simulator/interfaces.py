"""How the systems around the record system of each site write: names, authorities, times, framing.

Every site names the authority of its record numbers in its own way, as real ones do; which names mean the same is for
the receiver to know. What does not belong here: coding and measuring habits (`profiles.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Framing = Literal["plain", "batch", "lines"]
TableFormat = Literal["csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Interfaces:
    """One site's habits.

    `mrn_authority` is CX-4 as sent, `issuer` DICOM's issuer of patient id; `has_offset` says whether times carry the
    offset from UTC, `clinical_form` how precise times of events are; `charset` is MSH-18, empty where none is declared
    and other characters than ASCII are lost. `framing` of messages in a file: one after the other, in a batch, or with
    line feeds and blank lines. `code_first` is what stands first in a code with an alternate. `billing_sender` is the
    sender of claims, `claim_versions` the implementation guides professional and institutional. `tables` is the format
    of appointments, notes and staffing; `own_staffing_form` says that staffing has the site's own names, codes, decimal
    comma and character set.
    """

    application: str
    facility: str
    mrn_authority: str
    visit_authority: str
    issuer: str
    has_offset: bool
    clinical_form: str
    charset: str
    framing: Framing
    code_first: Literal["LN", "L"]
    billing_sender: str
    claim_versions: tuple[str, str]
    tax_number: str
    charting_minutes: float
    tables: TableFormat = "csv"
    own_staffing_form: bool = False


INTERFACES: Mapping[str, Interfaces] = {
    "city": Interfaces(
        application="HARBOUR-EHR",
        facility="HCUH",
        mrn_authority="HCUH",
        visit_authority="HCUHVISIT",
        issuer="HCUH",
        has_offset=True,
        clinical_form="%Y%m%d%H%M%S",
        charset="UNICODE UTF-8",
        framing="plain",
        code_first="LN",
        billing_sender="HCUHBILLING",
        claim_versions=("005010X222A1", "005010X223A2"),
        tax_number="131234567",
        charting_minutes=4.0,
    ),
    "district": Interfaces(
        application="MILLBROOK",
        facility="MDH",
        mrn_authority="MDHMRN",
        visit_authority="MDHENC",
        issuer="MILLBROOK PACS",
        has_offset=False,
        clinical_form="%Y%m%d%H%M%S",
        charset="",
        framing="batch",
        code_first="L",
        billing_sender="364455667",
        claim_versions=("005010X222A2", "005010X223A3"),
        tax_number="364455667",
        charting_minutes=9.0,
        tables="parquet",
    ),
    "rural": Interfaces(
        application="GLENPAS",
        facility="GLENMORE",
        mrn_authority="&urn:pilothouse:rural:mrn&URI",
        visit_authority="&urn:pilothouse:rural:visit&URI",
        issuer="urn:pilothouse:rural:mrn",
        has_offset=False,
        clinical_form="%Y%m%d%H%M",
        charset="8859/2",
        framing="lines",
        code_first="LN",
        billing_sender="GLENMORE",
        claim_versions=("005010X222A1", "005010X223A2"),
        tax_number="990011223",
        charting_minutes=15.0,
        own_staffing_form=True,
    ),
}
