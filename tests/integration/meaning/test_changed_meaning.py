"""Faults that change what a feed means are found and named; a hospital that goes on as before opens no review."""

import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.ledger import LedgerError
from orchestration.settings import Settings
from orchestration.steps.meanings.reviews import (
    NotTheReviewer,
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

from .conftest import BASELINE, DAYS, SITE, Fault, five_weeks, settings_of

pytestmark = pytest.mark.xdist_group("meaning")  # one simulation for all of them

GLUCOSE, TEMPERATURE, ESI = "2345-7", "8310-5", "75636-1"


def code_of(resource: dict[str, Any]) -> str:
    return resource["code"]["coding"][0]["code"]


def glucose_in_mmol(resource: dict[str, Any], number: int) -> None:
    """The analyser was switched to mmol/L and its interface still says mg/dL."""
    if code_of(resource) == GLUCOSE:
        resource["valueQuantity"]["value"] = round(resource["valueQuantity"]["value"] / 18.016, 2)


def temperature_in_fahrenheit(resource: dict[str, Any], number: int) -> None:
    if code_of(resource) == TEMPERATURE:
        celsius = resource["valueQuantity"]["value"]
        resource["valueQuantity"] |= {"value": round(celsius * 1.8 + 32, 1), "unit": "F", "code": "[degF]"}


def another_code_system(resource: dict[str, Any], number: int) -> None:
    for coding in resource["code"]["coding"]:
        coding["system"] = "http://hl7.org/fhir/sid/icd-10-cm"


def split_code(resource: dict[str, Any], number: int) -> None:
    coding = resource["code"]["coding"][0]
    if coding["code"] == COMMON:
        coding["code"] = COMMON + ("1" if number % 2 else "2")


def abbreviated(resource: dict[str, Any], number: int) -> None:
    """Triage began to write what nobody listed."""
    if code_of(resource) == "8661-1" and number % 4 == 0:
        resource["valueString"] = "QXR " + resource["valueString"]


def level_means_less(resource: dict[str, Any], number: int) -> None:
    """Level 2 is given to whom level 3 was given before."""
    if code_of(resource) == ESI and resource["valueInteger"] == 3 and number % 2:
        resource["valueInteger"] = 2


def levels_of_others(waiting: deque[int]) -> Fault:
    """Each patient is given the level of one who came ten patients before: all levels as often as ever."""

    def fault(resource: dict[str, Any], number: int) -> None:
        if code_of(resource) == ESI:
            waiting.append(resource["valueInteger"])
            if len(waiting) > 10:
                resource["valueInteger"] = waiting.popleft()

    return fault


def cut_at_half(path: Path) -> None:
    """The transfer ended at the end of a line, so that no line is broken."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()  # the file is one with that of the other homes
    path.write_bytes(b"".join(lines[: len(lines) // 2]))


def no_disposition(resource: dict[str, Any], number: int) -> None:
    resource["hospitalization"].pop("dischargeDisposition", None)


COMMON = "59621000"


def changes(settings: Settings) -> dict[str, set[str]]:
    """Look, and return by subject the kinds of change that were put before a reviewer."""
    watch_meaning(settings, SITE)
    documents = [show_review(settings, one["review"]) for one in list_reviews(settings)]
    return {one["about"]: {change["kind"] for change in one["changes"]} for one in documents}


def test_a_hospital_that_goes_on_as_before_opens_no_review(hospital) -> None:
    settings = hospital()
    watched = watch_meaning(settings, SITE)
    assert {one.feed for one in watched if one.windows is not None} == {"ehr_fhir", "census", "rosters"}
    assert list_reviews(settings) == []


def test_a_unit_swapped_without_its_name_is_found_and_the_conversion_named(hospital) -> None:
    settings = hospital("Observation", glucose_in_mmol)
    assert changes(settings) == {f"fhir_observation.{GLUCOSE}": {"values_moved"}}
    [review] = list_reviews(settings)
    [change] = show_review(settings, review["review"])["changes"]
    assert "mg/dL to mmol/L (glucose" in change["sentence"]


def test_a_unit_swapped_with_its_name_is_found_as_a_unit(hospital) -> None:
    found = changes(hospital("Observation", temperature_in_fahrenheit))
    assert found == {f"fhir_observation.{TEMPERATURE}": {"unit_new", "unit_gone"}}


def test_another_code_system_is_found(hospital) -> None:
    found = changes(hospital("Condition", another_code_system))
    assert found == {"fhir_condition.code_system": {"system_new", "system_gone"}}


def test_a_split_code_is_found_with_its_heirs(hospital) -> None:
    settings = hospital("Condition", split_code)
    assert changes(settings) == {"fhir_condition.code": {"code_split", "code_new"}}
    [review] = list_reviews(settings)
    sentences = " ".join(one["sentence"] for one in show_review(settings, review["review"])["changes"])
    assert f"It seems split into {COMMON}1, {COMMON}2." in sentences


def test_new_unlisted_words_are_found_by_their_share(hospital) -> None:
    found = changes(hospital("Observation", abbreviated))
    assert "unlisted_moved" in found["fhir_observation.value_text"]
    assert set(found) == {"fhir_observation.value_text"}


def test_half_of_the_readings_is_missed_in_one_review_though_every_line_is_whole(hospital) -> None:
    settings = hospital("Observation", file_fault=cut_at_half)
    watch_meaning(settings, SITE)
    [review] = list_reviews(settings)
    document = show_review(settings, review["review"])
    lost = "fhir_observation.records volume_less"
    assert {f"{lost} for each visit of fhir_encounter", f"{lost} of laboratory"} <= set(document["subjects"])
    said = " ".join(one["sentence"] for one in document["changes"])
    assert f"since {DAYS[BASELINE]}" in said and "for as many visits of fhir_encounter" in said
    assert len(document["rows"]["before"]) == len(document["rows"]["after"]) == 6


def test_dispositions_that_a_source_stops_sending_are_found(hospital) -> None:
    found = changes(hospital("Encounter", no_disposition))
    column = "fhir_encounter.discharge_disposition_code"
    assert list(found.values()) == [{"field_gone", "outcome_gone"}]
    assert set(found) <= {f"{column} field_gone", f"{column} outcome_gone of disposition"}


def test_a_level_that_means_less_is_found(hospital) -> None:
    found = changes(hospital("Observation", level_means_less))
    assert found == {f"fhir_observation.{ESI}": {"values_moved"}}


def test_a_level_that_no_longer_means_workload_is_found_and_by_nothing_else(hospital) -> None:
    settings = hospital("Observation", levels_of_others(deque()))
    subject = "fhir_observation.value_number against triage_level_and_emergency_stay"
    assert changes(settings) == {subject: {"label_rank"}}
    [review] = list_reviews(settings)
    document = show_review(settings, review["review"])
    assert "stands for more work than before" in " ".join(one["sentence"] for one in document["changes"])
    rows = [row for side in document["rows"].values() for row in side]
    assert len(rows) == 12
    assert all(set(row) == {"value_number", "workload", "file", "line", "contract"} for row in rows)


def test_what_is_shown_holds_no_pseudonym_no_date_and_no_time(reviewed: Settings) -> None:
    [review] = list_reviews(reviewed)
    rows = show_review(reviewed, review["review"])["rows"]
    assert len(rows["before"]) == len(rows["after"]) == 6
    shown = [row for side in rows.values() for row in side]
    assert all(row["code"] == GLUCOSE for row in shown)
    assert not [column for row in shown for column in row if column.endswith(("_key", "_at", "_date"))]
    assert {"file", "line", "contract", "value_number", "value_unit"} <= set(shown[0])


@pytest.fixture(scope="module")
def reviewed_once(four_weeks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital with one review open, and its reviewer registered."""
    settings = five_weeks(four_weeks, tmp_path_factory.mktemp("reviewed") / "home", "Observation", glucose_in_mmol)
    watch_meaning(settings, SITE)
    new_person(settings, "ines.informatics", ["clinical_informatics_lead"], settings.home / "ines.pem")
    new_person(settings, "olga.operator", ["operator"], settings.home / "olga.pem")
    open_records.cache_clear()
    return settings.home


@pytest.fixture
def reviewed(reviewed_once: Path, tmp_path: Path) -> Iterator[Settings]:
    """A copy of that hospital."""
    shutil.copytree(reviewed_once, tmp_path / "home")
    yield settings_of(tmp_path / "home")
    open_records.cache_clear()


def answer(settings: Settings, person: str, verdict: str) -> dict[str, Any]:
    [review] = list_reviews(settings)
    actor = actor_of(person, settings.home / f"{person.split('.')[0]}.pem")
    return answer_review(settings, review["review"], verdict, "The analyser was replaced.", actor)


def test_a_change_that_waits_for_its_answer_is_not_put_to_anybody_twice(reviewed: Settings) -> None:
    before = list_reviews(reviewed)
    assert {one.opened for one in watch_meaning(reviewed, SITE)} == {()}
    assert list_reviews(reviewed) == before


def test_an_accepted_change_is_the_new_baseline_and_its_answer_signed_on_the_ledger(reviewed: Settings) -> None:
    entry = answer(reviewed, "ines.informatics", "accept")
    assert (entry["kind"], entry["proof"]) == ("meaning_review_answered", "signature")
    assert {one.opened for one in watch_meaning(reviewed, SITE)} == {()}
    [review] = list_reviews(reviewed)
    assert (review["is_open"], review["verdict"], review["answered_by"]) == (False, "accept", "ines.informatics")
    assert verify_ledger(reviewed).document["ok"]


def test_a_fault_of_the_source_is_given_time_before_it_is_asked_about_again(reviewed: Settings) -> None:
    answer(reviewed, "ines.informatics", "source_fault")
    assert {one.opened for one in watch_meaning(reviewed, SITE)} == {()}


@pytest.mark.parametrize("person", ["olga.operator", "nobody.known"])
def test_only_the_named_reviewer_answers(reviewed: Settings, person: str) -> None:
    (reviewed.home / "nobody.pem").write_bytes((reviewed.home / "olga.pem").read_bytes())
    (reviewed.home / "nobody.pem").chmod(0o600)
    with pytest.raises(NotTheReviewer, match="is not registered as clinical_informatics_lead"):
        answer(reviewed, person, "accept")
    assert list_reviews(reviewed)[0]["is_open"]


def test_a_review_is_answered_once(reviewed: Settings) -> None:
    answer(reviewed, "ines.informatics", "mapping_fix")
    with pytest.raises(LedgerError, match="no review of that name waits for an answer"):
        answer(reviewed, "ines.informatics", "accept")


def test_a_document_that_was_changed_is_neither_shown_nor_answered(reviewed: Settings) -> None:
    [path] = (reviewed.home / "reviews").glob("*.json")
    path.write_bytes(path.read_bytes().replace(b"mg/dL", b"mg/dl"))
    with pytest.raises(ReviewChanged):
        answer(reviewed, "ines.informatics", "accept")
    path.unlink()
    with pytest.raises(UnknownReview, match="restore it"):
        show_review(reviewed, list_reviews(reviewed)[0]["review"])


def test_the_ledger_holds_what_changed_and_no_row(reviewed: Settings) -> None:
    [review] = list_reviews(reviewed)
    document = show_review(reviewed, review["review"])
    [entry] = open_records(reviewed).entries(kinds=("meaning_review_opened",))
    assert entry.payload["document"] == document["digest"]
    assert entry.payload["about"] == "fhir_observation.value_number"
    assert "112" not in str({**entry.payload, "document": "", "pattern": "", "policy": ""})


def test_an_unknown_review_is_refused_with_those_that_wait(reviewed: Settings) -> None:
    with pytest.raises(UnknownReview, match="waiting for an answer: meaning-2026"):
        show_review(reviewed, "meaning-1")
