"""Free text at the door to the lake: what is not a listed clinical word, a duration or an age becomes a mark.

What does not belong here: which fields are free text (the contracts say so in their `transformLogic`). The rule is one
DuckDB macro, `clinical_text(t)`, over the words of `clinical_words.yaml`. The mark is a word of its own, so that two
words that a name stood between do not become neighbours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

WORDS_FILE = Path(__file__).parent / "clinical_words.yaml"
MARK = "xxx"
PIECE = r"[\pL\pM\pN_/]+|[^\pL\pM\pN_/]+"  # words and what stands between them, in turn
IS_WORD = r"[\pL\pM\pN_]"
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
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    return ClinicalWords(
        words=frozenset(listed["words"].split()),
        duration_units=frozenset(listed["duration_units"]),
        before_a_number=frozenset(listed["before_a_number"]),
    )


def macro(listed: ClinicalWords) -> str:
    """Return the definition of `clinical_text(t)`: null stays null, separators and the case of words stay.

    Null is asked for first, because DuckDB compiles the patterns anew for every 2,048 rows that need them.
    """
    units, before = _any_of(listed.duration_units), _any_of(listed.before_a_number)
    glued = f"x?{SHORT_NUMBER}(?:{units}|{AGE})?|x{SHORT_NUMBER}"
    whole = f"(?:{_any_of(listed.words)}|{units}|(?:{glued})(?:/(?:{units}))?)"
    return f"""clinical_text(t) as case when t is not null then array_to_string(list_transform(
        [regexp_extract_all(t, '{PIECE}')],
        lambda pieces: array_to_string(list_transform(pieces, lambda piece, i: case
            when not regexp_matches(piece, '{IS_WORD}') then piece
            when regexp_full_match(piece, '{SHORT_NUMBER}') then case
                when regexp_full_match(lower(pieces[i + 2]), '{units}') then piece
                when i > 2 and regexp_full_match(lower(pieces[i - 2]), '{before}') then piece
                else '{MARK}' end
            when regexp_full_match(lower(piece), '{whole}') then piece
            else '{MARK}' end), '')), '') end"""


def _any_of(words: Iterable[str]) -> str:
    """Return an RE2 alternation; the words hold letters, digits, '/' and '&', which mean themselves."""
    return "|".join(sorted(words))
