"""The catalogue of complaints, chronic conditions and diagnoses, read from `catalogue.yaml`.

What does not belong here: how often a given site sees them (`profiles.py`) and how a visit is drawn (`latent.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Floats = NDArray[np.float64]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Complaint(_Frozen):
    """A reason to come. Offsets in log-odds; `vitals` weighs circulation, breathing, temperature."""

    share: float
    ages: tuple[float, float, float]
    winter: float
    critical: float
    admission: float
    vitals: tuple[float, float, float]
    pain: float
    linked: tuple[str, ...]
    short: tuple[str, ...]
    plain: tuple[str, ...]
    mild: tuple[str, ...]
    severe: tuple[str, ...]


class Chronic(_Frozen):
    """A lasting condition: prevalence by age, what it adds to a visit's log-odds, its codes."""

    at_20: float
    at_80: float
    critical: float
    admission: float
    icd10: str
    snomed: str
    display: str


class _Document(_Frozen):
    complaints: dict[str, Complaint]
    chronic: dict[str, Chronic]
    diagnoses: dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class Catalogue:
    """Complaints (K of them) and chronic conditions (C), in the order of the file, with their numbers as arrays."""

    complaints: Mapping[str, Complaint]
    chronic: Mapping[str, Chronic]
    diagnoses: Mapping[str, tuple[str, str, str]]

    @cached_property
    def complaint_names(self) -> tuple[str, ...]:
        return tuple(self.complaints)

    @cached_property
    def chronic_names(self) -> tuple[str, ...]:
        return tuple(self.chronic)

    @cached_property
    def links(self) -> Floats:
        """(C, K): 1 where a chronic condition makes a complaint likelier."""
        links = np.zeros((len(self.chronic), len(self.complaints)))
        for column, complaint in enumerate(self.complaints.values()):
            for name in complaint.linked:
                links[self.chronic_names.index(name), column] = 1.0
        return links

    def complaint_column(self, field: str) -> Floats:
        """One number (or a row of numbers) per complaint."""
        return np.array([getattr(c, field) for c in self.complaints.values()], dtype=np.float64)

    def chronic_column(self, field: str) -> Floats:
        return np.array([getattr(c, field) for c in self.chronic.values()], dtype=np.float64)


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """Read the catalogue that ships with the simulator."""
    text = resources.files("orchestration.simulator").joinpath("catalogue.yaml").read_text("utf-8")
    document = _Document.model_validate(yaml.load(text, yaml.CSafeLoader))
    return Catalogue(document.complaints, document.chronic, document.diagnoses)
