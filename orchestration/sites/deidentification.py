"""By which standard a site's people are de-identified in what is published of them, and who decided it.

Here belongs the shape of `deidentification` in a site's file. How dates, ages and places are treated is in
`dbt_project/macros/deidentification.sql`; why, and what it does not give, in decision record 0018.
"""

import datetime as dt
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, model_validator


class Standard(StrEnum):
    """Under either, no name, number, address or contact reaches the lake; of where somebody lives, the state does and
    the first three digits of a US ZIP code (000 where few live).

    LIMITED_DATA_SET: lake, OMOP tables and marts hold true dates and ages (45 CFR 164.514(e)); whoever gets them needs
    a data use agreement. SAFE_HARBOR: the OMOP tables, the marts and what is made of them hold each person's dates
    shifted by whole weeks, ages over 89 as 90, and no place but a state and those digits (45 CFR 164.514(b)(2)). The
    lake, and the working tables between lake and OMOP, stay a limited data set under either.
    """

    LIMITED_DATA_SET = "limited_data_set"
    SAFE_HARBOR = "safe_harbor"

    @property
    def says(self) -> str:
        """What whoever reads a page of the site is to know of it."""
        return SAYS[self]


SAYS = {
    Standard.LIMITED_DATA_SET: (
        "People's dates and ages are the true ones everywhere: a limited data set (45 CFR 164.514(e)), for whoever has "
        "a data use agreement."
    ),
    Standard.SAFE_HARBOR: (
        "In the OMOP tables and snapshots each person's dates are shifted by weeks of their own, no age is over 89, no "
        "place smaller than three digits of a ZIP code (Safe Harbor; decision record 0018 says what it does not give). "
        "The lake, the raw files and the warehouse as a file hold true dates: a limited data set, for nobody else."
    ),
}


class Deidentification(BaseModel):
    """The standard, who answers for it, why and since when. Without one a site is a limited data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    standard: Standard = Standard.LIMITED_DATA_SET
    owner: str = ""
    rationale: str = ""
    date: dt.date | None = None

    @model_validator(mode="after")
    def _somebody_answers_for_it(self) -> "Deidentification":
        missing = [name for name in ("owner", "rationale", "date") if not getattr(self, name)]
        if self.standard is Standard.SAFE_HARBOR and missing:
            raise ValueError(
                f"safe_harbor is a privacy officer's decision; write its {', '.join(missing)} beside `standard`"
            )
        return self
