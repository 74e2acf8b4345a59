"""Which words of a note may stay: clinical words, English, medical endings; and which of them are names all the same.

What does not belong here: sentences (recognisers.py). English is WordNet's index of base forms, which comes with the
language model (83,000 words), with the model's own rules for inflected forms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.contracts.free_text import clinical_words

FOLDER = Path(__file__).parent
NOUN = "noun"
SHORTEST_ENDING = 3  # letters that stand before a medical ending


@dataclass(frozen=True)
class NoteWords:
    """The lists of `note_words.yaml` and `common_names.yaml`, in lower case."""

    clinical: frozenset[str]
    roles: frozenset[str]
    titles: frozenset[str]
    eponyms: frozenset[str]
    eponym_neighbours: frozenset[str]
    endings: tuple[str, ...]
    months: frozenset[str]
    weekdays: frozenset[str]
    names: frozenset[str]
    places: frozenset[str]


@lru_cache(maxsize=1)
def note_words() -> NoteWords:
    """Read the lists."""
    listed = yaml.load((FOLDER / "note_words.yaml").read_text("utf-8"), yaml.CSafeLoader)
    named = yaml.load((FOLDER / "common_names.yaml").read_text("utf-8"), yaml.CSafeLoader)
    days = frozenset(listed["months"]) | frozenset(listed["weekdays"])
    clinical = clinical_words()
    return NoteWords(
        clinical=(clinical.words | clinical.duration_units | frozenset(listed["terms"].split())) - days,
        roles=frozenset(listed["roles"]),
        titles=frozenset(listed["titles"]),
        eponyms=frozenset(listed["eponyms"]),
        eponym_neighbours=frozenset(listed["eponym_neighbours"]),
        endings=tuple(listed["endings"]),
        months=frozenset(listed["months"]),
        weekdays=frozenset(listed["weekdays"]) | frozenset(listed["days_of_the_year"]),
        names=frozenset(str(named["names"]).split()) - frozenset(listed["roles"]),
        places=frozenset(listed["places"]),
    )


@dataclass(frozen=True)
class English:
    """WordNet's base forms by part of speech, exceptions, and the rules (ending, replacement) that lead to them."""

    index: Mapping[str, frozenset[str]]
    exceptions: frozenset[str]
    rules: Mapping[str, tuple[tuple[str, str], ...]]
    others: frozenset[str]
    _known: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @staticmethod
    def of(nlp: Any) -> "English":
        """Take the tables out of a spaCy pipeline that still has its lemmatizer."""
        tables = nlp.get_pipe("lemmatizer").lookups
        index, rules = tables.get_table("lemma_index"), tables.get_table("lemma_rules")
        name = {nlp.vocab.strings[part]: part for part in ("noun", "verb", "adj", "adv")}
        found = {part: frozenset(index[key]) for key, part in name.items() if key in index}
        ways = {part: tuple((str(a), str(b)) for a, b in rules[key]) for key, part in name.items() if key in rules}
        exceptions = frozenset(word for forms in tables.get_table("lemma_exc").values() for word in forms)
        return English(found, exceptions, ways, frozenset(nlp.Defaults.stop_words))

    def parts_of_speech(self, word: str) -> frozenset[str]:
        """Return what a lower-case word may be; the empty set for one that is not English."""
        if word not in self._known:
            self._known[word] = frozenset(part for part in self.index if self._is(word, part)) | (
                frozenset({"other"}) if word in self.others or word in self.exceptions else frozenset[str]()
            )
        return self._known[word]

    def _is(self, word: str, part: str) -> bool:
        words: frozenset[str] = self.index[part]
        ways: Sequence[tuple[str, str]] = self.rules.get(part, ())
        return word in words or any(
            ending and word.endswith(ending) and word[: -len(ending)] + made in words for ending, made in ways
        )


@dataclass(frozen=True)
class Vocabulary:
    """What is known of a word."""

    words: NoteWords
    english: English

    def is_clinical(self, word: str) -> bool:
        """Whether a word may stay wherever it stands, unless it is the patient's own name."""
        low = word.lower()
        return low in self.words.clinical or low in self.words.roles

    def is_known(self, word: str) -> bool:
        """Whether a word is clinical, English, or has an ending that only medical words have."""
        low = word.lower()
        if self.is_clinical(low) or self.english.parts_of_speech(low):
            return True
        return any(low.endswith(e) and len(low) >= len(e) + SHORTEST_ENDING for e in self.words.endings)

    def is_name(self, word: str, *, is_marked: bool) -> bool:
        """Whether a known word is a name or a place here. `is_marked`: its case says that it is a name."""
        low = word.lower()
        if self.is_clinical(low):
            return False
        if low in self.words.places:
            return True
        return low in self.words.names and (is_marked or self.english.parts_of_speech(low) <= {NOUN})
