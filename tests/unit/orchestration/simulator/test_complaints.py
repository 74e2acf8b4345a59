import numpy as np
import pytest

from orchestration.simulator.catalogue import load_catalogue
from orchestration.simulator.complaint_text import write_complaint
from orchestration.simulator.profiles import PROFILES

CATALOGUE = load_catalogue()


@pytest.mark.parametrize(
    ("style", "side", "expected"),
    [(0.0, 0.0, "CP rad L arm"), (0.0, 0.99, "CP rad R arm"), (0.999, 0.0, "chest pressure, left arm heavy")],
)
def test_a_complaint_is_written_in_the_style_of_the_site(style: float, side: float, expected: str):
    uniforms = np.array([style, 0.34, 0.0, side, 0.999])
    assert write_complaint(PROFILES["city"], CATALOGUE.complaints["chest_pain"], uniforms) == expected


def test_some_nurses_type_in_capitals_where_the_site_has_such():
    uniforms = np.array([0.0, 0.0, 0.2, 0.0, 0.0])
    assert write_complaint(PROFILES["city"], CATALOGUE.complaints["dyspnoea"], uniforms) == "SOB X2D"
    assert write_complaint(PROFILES["rural"], CATALOGUE.complaints["dyspnoea"], uniforms) == "SOB x2d"


def test_every_phrase_can_be_written_and_is_short():
    rng = np.random.default_rng(0)
    for complaint in CATALOGUE.complaints.values():
        for _ in range(50):
            text = write_complaint(PROFILES["district"], complaint, rng.random(5))
            assert 2 <= len(text) <= 60 and "{" not in text and text == text.strip()


def test_the_catalogue_names_only_diagnoses_and_conditions_it_has():
    for complaint in CATALOGUE.complaints.values():
        assert set(complaint.mild) | set(complaint.severe) <= set(CATALOGUE.diagnoses)
        assert set(complaint.linked) <= set(CATALOGUE.chronic)
