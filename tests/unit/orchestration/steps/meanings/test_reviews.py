"""Which changes are put before a reviewer, and in which review: one for one cause, also from look to look."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from evaluation.drift.semantics import Finding
from orchestration.settings import Settings
from orchestration.steps.meanings import reviews, standing
from orchestration.steps.meanings.opening import pattern_of
from orchestration.steps.meanings.reviews import (
    ReviewChanged,
    UnknownReview,
    answer_review,
    list_reviews,
    show_review,
    watch_meaning,
)
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.people import new_person
from orchestration.steps.record.records import open_records, verify_ledger
from tests.unit.orchestration.steps.meanings.test_meaning import AFTER, put

READINGS = """
    select 'o' || range as _key, 'f00dfeed' as _file, range as _line, 'ehr_fhir@2.4.0' as _contract, 'c' as _content,
        false as _is_deleted, 'e' || range as encounter_key, 'vital-signs' as category_code
    from range(8)
"""
TABLE = "fhir_observation"
Look = Callable[..., dict[str, list[str]]]


def finding(kind: str, item: str = "", per: str = "", column: str = "records", since: str = "") -> Finding:
    return Finding(kind, TABLE, column, item, per, "400", "200", 5.0, 1e-9, 400, 200, "Half of them came.", since)


@pytest.fixture
def look(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Look at a feed in which some changes are found; return by its first subject what each review is about."""
    put(settings, TABLE, AFTER, READINGS)
    put(settings, TABLE, AFTER + timedelta(days=1), READINGS)

    def looked(*found: Finding) -> dict[str, list[str]]:
        monkeypatch.setattr(reviews, "_changes", lambda *_: list(found))
        watch_meaning(settings, "city")
        shown = [show_review(settings, one["review"]) for one in list_reviews(settings)]
        return {one["about"]: one["subjects"] for one in shown}

    return looked


SURVEYS = finding("volume_more", "survey", since="2026-03-01")
VITALS = finding("volume_less", "vital-signs", since="2026-03-05")
HUNG = finding("volume_less", per="for each visit of fhir_encounter", since="2026-03-05")
LATER = finding("volume_less", "laboratory", since="2026-03-09")


def test_half_of_the_vital_signs_is_told_in_a_review_of_its_own_while_twice_as_many_surveys_wait(look: Look) -> None:
    surveys = {SURVEYS.subject: [SURVEYS.subject]}
    assert look(SURVEYS) == surveys
    assert look(SURVEYS, VITALS) == surveys | {VITALS.subject: [VITALS.subject]}


def test_one_cut_transfer_is_one_review_that_lists_what_was_found(look: Look, settings: Settings) -> None:
    assert look(VITALS, HUNG) == {VITALS.subject: [VITALS.subject, HUNG.subject]}
    [entry] = open_records(settings).entries(kinds=("meaning_review_opened",))
    assert entry.payload["patterns"] == [pattern_of("city", "ehr_fhir", one.subject) for one in (VITALS, HUNG)]


def test_what_is_found_later_of_a_cause_joins_its_review_and_is_on_the_ledger(look: Look, settings: Settings) -> None:
    look(VITALS)
    assert look(VITALS, HUNG) == {VITALS.subject: [VITALS.subject, HUNG.subject]}
    [entry] = open_records(settings).entries(kinds=("meaning_review_joined",))
    [review] = list_reviews(settings)
    shown = show_review(settings, review["review"])
    assert entry.payload["document"] == shown["digest"] and len(shown["changes"]) == 2
    assert review["joined_at"] == entry.at.isoformat()
    assert HUNG.sentence in Path(shown["page"]).read_text("utf-8")
    assert look(VITALS, HUNG) == {VITALS.subject: [VITALS.subject, HUNG.subject]}
    assert len(open_records(settings).entries(kinds=("meaning_review_joined",))) == 1


def test_losses_of_a_table_join_while_they_go_on_and_are_another_cause_once_they_ended(look: Look) -> None:
    look(VITALS)
    assert list(look(VITALS, LATER)) == [VITALS.subject]
    assert set(look(finding("volume_less", "imaging", since="2026-03-20"))) == {
        VITALS.subject,
        finding("volume_less", "imaging").subject,
    }


def test_what_joins_is_answered_with_the_review(look: Look, settings: Settings) -> None:
    look(VITALS)
    look(VITALS, HUNG)
    [review] = list_reviews(settings)
    new_person(settings, "ines.informatics", ["clinical_informatics_lead"], settings.home / "ines.pem")
    actor = actor_of("ines.informatics", settings.home / "ines.pem")
    answer_review(settings, review["review"], "accept", "The monitor was replaced.", actor)
    assert look(VITALS, HUNG) == {VITALS.subject: [VITALS.subject, HUNG.subject]}
    assert [one["is_open"] for one in list_reviews(settings)] == [False]
    assert verify_ledger(settings).document["ok"]


def test_a_review_whose_document_is_gone_is_joined_by_nothing(look: Look, settings: Settings) -> None:
    look(VITALS)
    [path] = (settings.home / "reviews").glob("*.json")
    path.unlink()
    watch_meaning(settings, "city")
    with pytest.raises(UnknownReview):
        look(VITALS, HUNG)
    assert [one["changes"] for one in list_reviews(settings)] == [["volume_less"], ["volume_less"]]


def test_what_joins_a_review_that_an_erasure_emptied_is_bound_again(
    look: Look, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(VITALS)
    [path] = (settings.home / "reviews").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "emptied_by": ["e1"]}))
    monkeypatch.setattr(standing, "_was_emptied", lambda _, document: bool(document.get("emptied_by")))
    look(VITALS, HUNG)
    [path] = (settings.home / "reviews").glob("*.json")
    path.write_text(path.read_text().replace("Half of them", "None of them"))
    with pytest.raises(ReviewChanged):
        show_review(settings, list_reviews(settings)[0]["review"])


def test_a_review_that_an_earlier_version_opened_is_joined_and_not_told_again(look: Look, settings: Settings) -> None:
    earlier = finding("code_moved")  # is known by table and column alone, as flows were
    look(earlier)
    assert earlier.subject == VITALS.earlier_subject
    assert look(VITALS) == {earlier.subject: [earlier.subject, VITALS.subject]}


def test_a_field_that_comes_back_is_not_told_to_be_less_and_one_that_is_less_is_told_to_be_gone(look: Look) -> None:
    gone, less = (finding(f"field_{how}", column="is_first") for how in ("gone", "less"))
    assert look(gone) == look(less) == {gone.subject: [gone.subject]}
    less, gone = (finding(f"outcome_{how}", "death", column="status") for how in ("less", "gone"))
    assert look(less)[less.subject] == [less.subject]
    assert look(less, gone)[less.subject] == [less.subject, gone.subject]
