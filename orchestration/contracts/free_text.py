"""Free text at the door to the lake: what is not a listed clinical word, a duration or an age becomes a mark.

What does not belong here: which fields are free text (the contracts say so in their `transformLogic`). The rule is one
function, `clinical_text(t)`, over the words of `clinical_words.yaml`, that DuckDB calls with columns of text. It is in
Python because DuckDB planned the same rule as an expression anew for every field of every batch, which took it seconds.
The mark is a word of its own, so that two words that a name stood between do not become neighbours.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from unicodedata import category

import duckdb
import pyarrow as pa
import yaml
from duckdb.func import ARROW

WORDS_FILE = Path(__file__).parent / "clinical_words.yaml"
NAME = "clinical_text"
MARK = "xxx"
PIECES = re.compile("[A-Za-z0-9_/]+|[^A-Za-z0-9_/]+")  # of ASCII: words and what stands between them, in turn
WORD_KINDS = "LMN"  # letters, marks and numbers, by the first letter of their Unicode category
REMEMBERED = 1 << 16  # texts: few are new
SHORT_NUMBER = "[1-8]?[0-9]"  # below ninety: Safe Harbor counts higher ages as identifying
AGE = "(?:yo|y|yf|ym|f|m)"


@dataclass(frozen=True)
class ClinicalWords:
    """What may stay: words, units after a number, words before a number. All in lower case."""

    words: frozenset[str]
    duration_units: frozenset[str]
    before_a_number: frozenset[str]


@cache
def clinical_words(path: Path = WORDS_FILE) -> ClinicalWords:
    """Read the list."""
    listed = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return ClinicalWords(
        words=frozenset(listed["words"].split()),
        duration_units=frozenset(listed["duration_units"]),
        before_a_number=frozenset(listed["before_a_number"]),
    )


def install(connection: duckdb.DuckDBPyConnection, listed: ClinicalWords) -> None:
    """Make `clinical_text(t)` known to a connection, if it was before in the place of what it was: null stays null,
    separators and the case of words stay."""
    scrubbed = scrubber(listed)

    def clinical_text(texts: pa.ChunkedArray) -> pa.Array:
        return pa.array([None if text is None else scrubbed(text) for text in texts.to_pylist()], pa.string())

    with suppress(duckdb.InvalidInputException):  # most connections do not know it yet
        connection.remove_function(NAME)
    connection.create_function(NAME, clinical_text, ["VARCHAR"], "VARCHAR", type=ARROW)


@cache
def scrubber(listed: ClinicalWords) -> Callable[[str], str]:
    """Return the rule: it leaves listed words, short numbers beside a unit or a listed word, and what is no word."""
    words = listed.words | listed.duration_units
    units = _any_of(listed.duration_units)
    short = re.compile(SHORT_NUMBER)
    glued = re.compile(f"(?:x?{SHORT_NUMBER}(?:{units}|{AGE})?|x{SHORT_NUMBER})(?:/(?:{units}))?")

    def stays(pieces: Sequence[str], n: int) -> bool:
        """Whether a piece may be read; a number stands or falls with the words beside it, two pieces away."""
        piece = pieces[n].lower()
        if short.fullmatch(piece):
            is_duration = n + 2 < len(pieces) and pieces[n + 2].lower() in listed.duration_units
            return is_duration or (n > 1 and pieces[n - 2].lower() in listed.before_a_number)
        return piece in words or bool(glued.fullmatch(piece)) or not any(map(_is_of_a_word, piece))

    @lru_cache(REMEMBERED)
    def scrubbed(text: str) -> str:
        pieces = PIECES.findall(text) if text.isascii() else ["".join(run) for _, run in groupby(text, _is_of_a_piece)]
        return "".join(piece if stays(pieces, n) else MARK for n, piece in enumerate(pieces))

    return scrubbed


def _is_of_a_word(character: str) -> bool:
    return character == "_" or category(character)[0] in WORD_KINDS


def _is_of_a_piece(character: str) -> bool:
    return character == "/" or _is_of_a_word(character)


def _any_of(words: Iterable[str]) -> str:
    """Return an alternation; the words hold letters, digits, '/' and '&', which mean themselves."""
    return "|".join(sorted(words))
