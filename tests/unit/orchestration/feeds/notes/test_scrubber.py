"""The scrubber alone: what is known of a patient, what it keeps, what it withholds, and that it fails closed."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.feeds.notes.errors import ScrubberMissing
from orchestration.feeds.notes.scrubber import LONGEST_NOTE, Scrubber, without

OWN = ("April", "Stone", "MR-998877", "12 Elm Street")


def test_what_a_patients_record_says_goes_even_where_it_is_a_clinical_word(scrubber: Scrubber) -> None:
    text = "april passed a stone; mr-998877, lives at 12 ELM STREET. Aprilia stays? stones stay."
    [made] = scrubber.scrub([(text, OWN)])
    assert made.text is not None
    low = made.text.lower()
    assert "april passed" not in low and "a stone;" not in low and "998877" not in low and "elm" not in low
    assert "stones stay" in low


def test_a_sentence_that_came_before_is_not_analysed_again(scrubber: Scrubber) -> None:
    scrubber.scrub([("Denies dyspnea and dysuria since last evening.", ())])
    before = scrubber.analysed
    [made] = scrubber.scrub(
        [("Denies dyspnea and dysuria since last evening. Denies dyspnea and dysuria since last evening.", ())]
    )
    assert scrubber.analysed == before
    assert made.text == "Denies dyspnea and dysuria since last evening. Denies dyspnea and dysuria since last evening."


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, HR 88, SpO2 97%, GCS 15, pain 7/10, strength 5/5, murmur 2/6.",
        "Metoprolol 25 mg q12h, 500 mL bolus, HbA1c 7.2, T12-L1 tender.",
        "Parkinson's disease; Foley catheter; Glasgow coma scale.",
        "Born in 1953, smoker since 1970.",
        "\n\n  indented\n\n- a list\n- of findings\n",
        "",
    ],
)
def test_what_names_nobody_stays_as_it_was(text: str, scrubber: Scrubber) -> None:
    [made] = scrubber.scrub([(text, ())])
    assert (made.text, made.withheld) == (text, None)


def test_a_text_in_another_language_is_withheld(scrubber: Scrubber) -> None:
    german = (
        "Der Patient klagte ueber Brustschmerzen und Atemnot seit gestern abend, wurde vom Hausarzt eingewiesen. " * 3
    )
    [made] = scrubber.scrub([(german, ())])
    assert made.text is None and made.withheld is not None and "another language" in made.withheld


def test_a_text_longer_than_any_note_is_withheld(scrubber: Scrubber) -> None:
    [made] = scrubber.scrub([("a" * (LONGEST_NOTE + 1), ())])
    assert made.text is None and made.withheld == "longer than a note is taken in"


@given(st.text(max_size=300), st.lists(st.text(min_size=2, max_size=20), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_text_is_scrubbed_or_withheld(text: str, own: list[str]) -> None:
    [made] = loaded().scrub([(text, own)])
    assert (made.text is None) is (made.withheld is not None)


@given(st.lists(st.sampled_from(["anna", "Anna", "ANNA", "pain", "and", "anna,", "(anna)"]), max_size=12))
def test_what_is_known_never_stays_as_a_word(words: list[str]) -> None:
    assert "anna" not in without(" ".join(words), ("Anna",)).lower()


def test_without_its_libraries_nothing_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_anonymizer", None)
    with pytest.raises(ScrubberMissing, match=r"Notes are withheld.*Install the locked requirements"):
        Scrubber.load()


_loaded: list[Scrubber] = []


def loaded() -> Scrubber:
    """The one scrubber, for tests that hypothesis calls without fixtures."""
    if not _loaded:
        _loaded.append(Scrubber.load())
    return _loaded[0]
