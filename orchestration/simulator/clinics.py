"""The outpatient clinics and which of them follows up what, read from `clinics.yaml`.

What does not belong here: appointments (`appointments.py`).
"""

from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

CHILD_UNTIL = 16


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clinic(_Frozen):
    """A clinic; `minutes` is the length of an appointment."""

    name: str
    minutes: int


class Clinics(_Frozen):
    """All clinics by code, and where complaints are followed up."""

    clinics: dict[str, Clinic]
    default: str
    children: str
    by_complaint: dict[str, str]

    def for_complaint(self, complaint: str, age: float) -> str:
        """The code of the clinic that follows up a complaint."""
        return self.children if age < CHILD_UNTIL else self.by_complaint.get(complaint, self.default)


@lru_cache(maxsize=1)
def load_clinics() -> Clinics:
    """Read the clinics that ship with the simulator."""
    text = resources.files("orchestration.simulator").joinpath("clinics.yaml").read_text("utf-8")
    return Clinics.model_validate(yaml.load(text, yaml.CSafeLoader))
