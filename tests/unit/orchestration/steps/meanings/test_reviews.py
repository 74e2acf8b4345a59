"""Which changes a review that waits, or was answered, leaves to be told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from evaluation.drift.semantics import Finding
from orchestration.settings import Settings
from orchestration.steps.meanings import reviews
from orchestration.steps.meanings.reviews import show_review, watch_meaning
from tests.unit.orchestration.steps.meanings.test_meaning import AFTER, put

READINGS = """
    select 'o' || range as _key, 'f00dfeed' as _file, range as _line, 'ehr_fhir@2.4.0' as _contract, 'c' as _content,
        false as _is_deleted, 'e' || range as encounter_key, 'vital-signs' as category_code
    from range(8)
"""
TABLE = "fhir_observation"
Look = Callable[..., set[str]]


def finding(kind: str, item: str = "", per: str = "", column: str = "records") -> Finding:
    return Finding(kind, TABLE, column, item, per, "400", "200", 5.0, 1e-9, 400, 200, "Half of them came.")


@pytest.fixture
def look(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Look at a feed in which some changes are found; return what reviews were opened about."""
    put(settings, TABLE, AFTER, READINGS)
    put(settings, TABLE, AFTER + timedelta(days=1), READINGS)

    def looked(*found: Finding) -> set[str]:
        monkeypatch.setattr(reviews, "_changes", lambda *_: list(found))
        opened = [name for one in watch_meaning(settings, "city") for name in one.opened]
        return {show_review(settings, name)["about"] for name in opened}

    return looked


SURVEYS = finding("volume_more", "survey")
VITALS = finding("volume_less", "vital-signs")
HUNG = finding("volume_less", per="for each visit of fhir_encounter")


def test_half_of_the_vital_signs_is_told_while_twice_as_many_surveys_wait_for_an_answer(look: Look) -> None:
    assert look(SURVEYS) == {SURVEYS.subject}
    assert look(SURVEYS, VITALS) == {VITALS.subject}
    assert look(SURVEYS, VITALS, HUNG) == {HUNG.subject}
    assert look(SURVEYS, VITALS, HUNG) == set()


def test_a_field_that_comes_back_is_not_told_to_be_less_and_one_that_is_less_is_told_to_be_gone(look: Look) -> None:
    gone, less = (finding(f"field_{how}", column="is_first") for how in ("gone", "less"))
    assert look(gone) == {gone.subject}
    assert look(less) == set()
    less, gone = (finding(f"outcome_{how}", "death", column="status") for how in ("less", "gone"))
    assert look(less) == {less.subject}
    assert look(gone) == {gone.subject}
