"""Which visits get an examination by imaging, when, and under which numbers; the examinations are in `imaging.yaml`.

What does not belong here: the objects (`dicom_files.py`) and the bill (`x12/`).
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from orchestration.simulator.chance import stream_of
from orchestration.simulator.hospital import Visit

SOONEST, LATEST = 40 * 60, 150 * 60  # seconds from arrival


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exam(_Frozen):
    """An examination; one object per view."""

    modality: str
    body_part: str
    text: str
    views: tuple[str, ...]
    loinc: str
    cpt: str
    revenue: str
    charge: int


class Imaging(_Frozen):
    """All examinations, and how often each complaint leads to one of them."""

    exams: dict[str, Exam]
    by_complaint: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Study:
    """One examination of a visit; `acquired` in seconds, `accession` is the order's number."""

    exam: Exam
    visit: Visit
    acquired: int
    accession: str


@lru_cache(maxsize=1)
def load_imaging() -> Imaging:
    """Read the examinations that ship with the simulator."""
    text = resources.files("orchestration.simulator").joinpath("imaging.yaml").read_text("utf-8")
    return Imaging.model_validate(yaml.load(text, yaml.CSafeLoader))


def study_of(seed: int, site: str, visit: Visit, complaint: str) -> Study | None:
    """Return the examination that a visit is to have, if any; the same whenever it is asked."""
    shares = load_imaging().by_complaint.get(complaint)
    if shares is None:
        return None
    which, when = stream_of(seed, site, "imaging", visit.number).random(2)
    for name, share in shares.items():
        if which < share:
            acquired = visit.arrived + SOONEST + int((LATEST - SOONEST) * when)
            return Study(load_imaging().exams[name], visit, acquired, f"RX{60_000_000 + visit.number * 11}")
        which -= share
    return None


def was_acquired(study: Study) -> bool:
    """Whether the patient was still there for it, as far as is known."""
    return study.visit.ended is None or study.visit.ended > study.acquired
