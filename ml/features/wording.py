"""What a complaint's text states: the terms of a vocabulary, unless a cue before one takes it back.

Here belongs NegEx's rule (Chapman et al. 2001, doi:10.1006/jbin.2001.1029) with the cues as data of the vocabulary;
its twin is the mart's SQL (`int_triage_complaint_phrase`, `int_triage_complaint_text`). Coded complaints do not belong
here.

A cue takes back the terms that begin after it in the same clause, within its reach, and before a phrase that ends it. A
clause ends at a sign such as a comma or a full stop. A cue inside a term ("not breathing") or inside a phrase that
looks like one ("no relief") is none.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

TERM, NEGATION, MENTION, PSEUDO, END = "term", "negation", "mention", "pseudo", "end"
REACH: Final[Mapping[str, int]] = MappingProxyType({NEGATION: 5, MENTION: 1})
"""How many steps from a cue a term may begin. Five is NegEx's. What is only mentioned (a history, something to be ruled
out) directly follows its cue: in "hx of chf sob" the breathlessness is the complaint."""

MAX_TEXT_LENGTH = 200
"""A chief complaint is cut to this length where it is landed, so it is cut here too."""

_CLAUSE_END = re.compile(r"[.,;:!?()\[\]{}|+\n\r–—]+| -+ ")
_NOT_IN_A_WORD = re.compile(r"[^a-z0-9_/]+", flags=re.ASCII)
_DIGIT = re.compile(r"[0-9]", flags=re.ASCII)


@dataclass(frozen=True)
class Phrase:
    """Words that the rule knows: a term of a group, or a cue (`group` is empty)."""

    kind: str
    text: str
    group: str = ""


@dataclass(frozen=True)
class _Word:
    """A word of a text. `step` counts known words, and what stands between two of them as one."""

    text: str
    clause: int
    step: int


@dataclass(frozen=True)
class _Found:
    """Where a phrase occurs: the places of its first and last word."""

    phrase: Phrase
    first: int
    last: int

    def covers(self, other: "_Found") -> bool:
        return self.first <= other.first and other.last <= self.last


def normalised(text: str) -> str:
    """Lower case, every run of characters that are no letter, digit, `_` or `/` one space (macro normalised_text)."""
    return " ".join(_words(_lowered(text)))


class Wording:
    """The phrases of one vocabulary, arranged for reading one text at a time."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._by_first_word: dict[str, list[tuple[tuple[str, ...], Phrase]]] = {}
        known: set[str] = set()
        for phrase in phrases:
            words = tuple(phrase.text.split(" "))
            self._by_first_word.setdefault(words[0], []).append((words, phrase))
            known.update(words)
        # A number is not counted: landing takes some out of the text, as it does names.
        self._known = frozenset(word for word in known if not _DIGIT.search(word))

    def groups(self, text: str) -> set[str]:
        """The groups that `text` states."""
        words = self._read(text)
        found = self._find([word.text for word in words])
        cues = [one for one in found if one.phrase.kind in REACH and not _is_covered(one, found)]
        terms = (one for one in found if one.phrase.kind == TERM)
        return {one.phrase.group for one in terms if not any(_takes_back(cue, one, words, found) for cue in cues)}

    def _read(self, text: str) -> list[_Word]:
        words: list[_Word] = []
        step, was_known = 0, True
        for clause, part in enumerate(_CLAUSE_END.split(_lowered(text))):
            for word in _words(part):
                is_known = word in self._known
                step += is_known or was_known
                words.append(_Word(word, clause, step))
                was_known = is_known
        return words

    def _find(self, words: list[str]) -> list[_Found]:
        return [
            _Found(phrase, place, place + len(sought) - 1)
            for place, word in enumerate(words)
            for sought, phrase in self._by_first_word.get(word, ())
            if tuple(words[place : place + len(sought)]) == sought
        ]


def _is_covered(cue: _Found, found: list[_Found]) -> bool:
    return any(one.phrase.kind in (TERM, PSEUDO) and one.covers(cue) for one in found)


def _takes_back(cue: _Found, term: _Found, words: list[_Word], found: list[_Found]) -> bool:
    if not cue.last < term.first or words[cue.last].clause != words[term.first].clause:
        return False
    if words[term.first].step - words[cue.last].step > REACH[cue.phrase.kind]:
        return False
    return not any(one.phrase.kind == END and cue.last < one.first <= term.first for one in found)


def _lowered(text: str) -> str:
    cut = text[:MAX_TEXT_LENGTH]
    return cut.lower() if cut.isascii() else "".join(letter.lower()[:1] for letter in cut)


def _words(text: str) -> list[str]:
    if text.isascii():
        return _NOT_IN_A_WORD.sub(" ", text).split()
    return "".join(letter if _is_in_a_word(letter) else " " for letter in text).split()


def _is_in_a_word(letter: str) -> bool:
    return letter in "_/" or unicodedata.category(letter)[0] in "LMN"
