"""Names, places and words that nothing knows, found in a sentence by its words and by the model's named entities.

What does not belong here: identifiers that have a form (patterns.py), and the lists (vocabulary.py). A sentence is in
mixed case, or its case says nothing (a telegram in capitals, a line without any); there a name is a word that is no
English, or that is more often a name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestration.feeds.notes.vocabulary import NOUN, Vocabulary

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
MIXED = re.compile(r"(?<![\w./-])(?=[A-Za-z_-]*\d)(?=[\d_.-]*[A-Za-z])[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*(?![\w-])")
DOSE = re.compile(
    r"[x<>~]?\d+(?:[.,]\d+)?(?:[a-zA-Zµ]{1,5}|min|hours?|units?|times)|[A-Za-z]{1,3}\d{1,2}(?:-?[A-Za-z]{0,3}\d{0,2})?"
)
SHORT = 4  # letters up to which capitals are an abbreviation rather than a surname
MOST_AFTER_A_TITLE = 3
NAME, PLACE, UNLISTED, ID = "NAME", "PLACE", "UNLISTED", "ID"
WHERE = ("GPE", "LOC", "FAC")
WHO = "PERSON"
OF_PEOPLE = frozenset(
    {"son", "daughter", "dtr", "wife", "husband", "spouse", "partner", "brother", "sister", "friend", "neighbor", "nok"}
    | {"neighbour", "aunt", "uncle", "cousin", "niece", "nephew", "grandson", "granddaughter", "grandmother"}
    | {"grandfather", "mother", "father", "caregiver", "carer", "guardian"}
)
NAMED = frozenset({"name", "named", "called", "aka", "alias", "signed", "dictated"})
PREPOSITIONS = frozenset({"in", "from", "near", "outside", "of", "to", "at"})
OF_PLACES = frozenset(
    {
        "live",
        "lives",
        "lived",
        "living",
        "resides",
        "residing",
        "resident",
        "native",
        "moved",
        "transferred",
        "born",
        "raised",
    }
    | {"grew", "travel", "traveled", "travelled", "trip", "flew", "visiting", "vacation", "returned", "immigrated"}
)
STREETS = frozenset(
    {"street", "avenue", "road", "lane", "boulevard", "terrace", "parkway", "highway", "quay", "row", "st", "ave", "rd"}
)
PLAIN = frozenset({"case", "fair", "page", "pace", "place", "key", "dial", "main", "bill", "call"})
BETWEEN = frozenset({"is", "was", "as", "by"})


@dataclass(frozen=True)
class Entity:
    """A span that the model named, by its characters."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Found:
    """A span that leaves the note."""

    start: int
    end: int
    kind: str


@dataclass
class Sentence:
    """The words of one sentence while it is judged."""

    text: str
    entities: Sequence[Entity]
    known: Vocabulary
    words: list[re.Match[str]] = field(init=False)
    kinds: dict[int, str] = field(default_factory=dict[int, str])

    def __post_init__(self) -> None:
        self.words = list(WORD.finditer(self.text))

    def found(self) -> Iterator[Found]:
        """Yield what leaves the sentence."""
        self._by_context()
        self._by_entity()
        for n in range(len(self.words)):
            if n not in self.kinds:
                self._by_itself(n)
        self._beside_names()
        yield from (
            Found(word.start(), word.end(), self.kinds[n]) for n, word in enumerate(self.words) if n in self.kinds
        )
        yield from (Found(m.start(), m.end(), ID) for m in MIXED.finditer(self.text) if _is_code(m[0]))

    # -- one word

    def _low(self, n: int) -> str:
        return _bare(self.words[n][0]).lower()

    def _is_capitalised(self, n: int) -> bool:
        """Whether a word's case says that it is a name: a capital where the sentence has small letters too."""
        return self.says_case and self.words[n][0][0].isupper()

    @property
    def says_case(self) -> bool:
        """Whether capitals say something: not in a telegram in capitals, nor in small letters."""
        letters = [word[0] for word in self.words if len(word[0]) > 1]
        is_small = all(word.islower() for word in letters)
        return not is_small and sum(not word.isupper() for word in letters) * 3 >= len(letters)

    def _is_first(self, n: int) -> bool:
        before = self.text[: self.words[n].start()].rstrip(" \"'(-*•\t")
        return not before or before[-1] in ".!?:;\n>"

    def _by_itself(self, n: int) -> None:
        word, low = _bare(self.words[n][0]), self._low(n)
        if self._is_eponym(n):
            return
        is_capital = self._is_capitalised(n)
        if len(word) == 1 or (len(word) <= SHORT and self._is_beside_a_digit(n)):
            return
        if not self.known.is_known(low):
            if not (self._is_abbreviated(n) and low not in self.known.words.names):
                self.kinds[n] = NAME if is_capital else UNLISTED
        elif self.known.is_name(low, is_marked=self._is_marked(n)):
            self.kinds[n] = PLACE if low in self.known.words.places else NAME

    def _is_abbreviated(self, n: int) -> bool:
        """Whether a word is a few capitals that stand alone: joined to another they are a part of some number."""
        start, end = self.words[n].span()
        is_joined = self.text[end : end + 1] in ("-", "_") or self.text[max(start - 1, 0) : start] in ("-", "_")
        word = _bare(self.words[n][0])
        return word.isupper() and len(word) <= SHORT and not is_joined

    def _is_marked(self, n: int) -> bool:
        """Whether case or place says that a word is a name: a capital within a sentence, or where case says nothing its
        beginning."""
        if self.says_case:
            return self._is_capitalised(n) and not self._is_first(n) and not self.words[n][0].isupper()
        return self._is_first(n) and self._low(n) not in PLAIN

    def _is_beside_a_digit(self, n: int) -> bool:
        """Whether a word is a part of something like SpO2 or q12h."""
        start, end = self.words[n].span()
        return self.text[end : end + 1].isdigit() or self.text[max(start - 1, 0) : start].isdigit()

    def _is_eponym(self, n: int) -> bool:
        """Whether a surname stands for a sign or a disease: beside a word that says so, or before another eponym."""
        words = self.known.words
        if self._low(n) not in words.eponyms:
            return False
        near = [self._low(m) for m in (n - 1, n + 1, n + 2) if 0 <= m < len(self.words)]
        return any(other in words.eponym_neighbours or other in words.eponyms for other in near)

    # -- what stands around

    def _by_context(self) -> None:
        """After a title comes a name, after a relative or "name is" one with a capital; after "lives in" a place."""
        for n in range(len(self.words)):
            low = self._low(n)
            if self._is_after_a_place(n) and self._may_be_a_name(n) and not self._is_eponym(n):
                self.kinds[n] = PLACE
            if low in self.known.words.titles and self._follows(n, n + 1):
                self._take_names(n + 1, is_sure=low not in ("nurse", "sister", "captain", "officer", "doctor"))
            elif low in OF_PEOPLE or low in NAMED:
                start = n + 2 if n + 1 < len(self.words) and self._low(n + 1) in BETWEEN else n + 1
                self._take_names(start, is_sure=False)

    def _is_after_a_place(self, n: int) -> bool:
        """Whether what stands before a word says that it is a place: a capital makes a plain "in" or "from" enough."""
        before = [self._low(m) for m in range(max(n - 3, 0), n)]
        if not before:
            return False
        if before[-1] in STREETS:
            return self.text[self.words[n - 1].end() : self.words[n].start()].strip() == ","
        is_sure = before[-1] in PREPOSITIONS and any(word in OF_PLACES for word in before[:-1])
        return is_sure or (before[-1] in PREPOSITIONS and self._is_capitalised(n))

    def _follows(self, n: int, m: int) -> bool:
        return (
            m < len(self.words)
            and re.fullmatch(r"[.,:]?[ \t]{0,2}", self.text[self.words[n].end() : self.words[m].start()]) is not None
        )

    def _take_names(self, start: int, *, is_sure: bool) -> None:
        for n in range(start, min(start + MOST_AFTER_A_TITLE, len(self.words))):
            if n > start and re.search(r"[^ .'’-]", self.text[self.words[n - 1].end() : self.words[n].start()]):
                return
            low = self._low(n)
            is_plain = low in self.known.english.others and not self._is_capitalised(n)
            is_role = low in self.known.words.roles or is_plain
            is_first_sure = is_sure and n == start and not is_role
            by_case = self._is_capitalised(n) and not self._is_abbreviation(n)
            by_word = self._may_be_a_name(n) and not self.says_case
            if not (is_first_sure or (not is_role and (by_case or by_word))):
                return
            self.kinds[n] = NAME

    def _may_be_a_name(self, n: int) -> bool:
        """Whether a word is none, or a noun and nothing else that no list calls clinical."""
        low = self._low(n)
        is_medical = any(low.endswith(ending) for ending in self.known.words.endings)
        if self.known.is_clinical(low) or is_medical:
            return False
        return low in self.known.words.names or self.known.english.parts_of_speech(low) <= {NOUN}

    def _is_abbreviation(self, n: int) -> bool:
        return (
            self.words[n][0].isupper() and 1 < len(self.words[n][0]) <= SHORT and self.known.is_clinical(self._low(n))
        )

    def _by_entity(self) -> None:
        for entity in self.entities:
            inside = [n for n, w in enumerate(self.words) if entity.start <= w.start() and w.end() <= entity.end]
            doubtful = [n for n in inside if self._is_doubtful(n)]
            telling = [
                n for n in doubtful if not self.known.is_known(self._low(n)) or self._low(n) in self.known.words.names
            ]
            if entity.label not in WHERE and not telling:
                continue
            for n in doubtful:
                self.kinds[n] = PLACE if entity.label in WHERE else NAME

    def _is_doubtful(self, n: int) -> bool:
        word = _bare(self.words[n][0])
        is_short = word.isupper() and len(word) <= SHORT and word.lower() not in self.known.words.names
        is_named = self._is_capitalised(n) or not self.known.is_known(word)
        return is_named and not is_short and not self.known.is_clinical(word) and not self._is_eponym(n)

    def _beside_names(self) -> None:
        """Take initials beside a name, and words that may be names and touch one."""
        for n in range(len(self.words)):
            is_small = self.says_case and not self.words[n][0][0].isupper()
            if n in self.kinds or is_small or self.known.is_clinical(self._low(n)):
                continue
            near = (NAME,) if self.says_case else (NAME, UNLISTED)
            touching = [m for m in (n - 1, n + 1) if self.kinds.get(m) in near and self._touch(min(n, m), max(n, m))]
            is_initial = len(self.words[n][0]) == 1 and self.says_case
            if touching and (is_initial or self._low(n) in self.known.words.names):
                self.kinds[n] = NAME

    def _touch(self, n: int, m: int) -> bool:
        return re.fullmatch(r"[., '’-]{1,3}", self.text[self.words[n].end() : self.words[m].start()]) is not None


def _bare(word: str) -> str:
    """Return a word without a possessive ending."""
    return re.sub(r"['’]s$", "", word, flags=re.IGNORECASE)


def _is_code(token: str) -> bool:
    digits = sum(c.isdigit() for c in token)
    return len(token) >= 6 and digits >= 3 and not DOSE.fullmatch(token)
