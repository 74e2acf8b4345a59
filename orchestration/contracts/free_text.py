"""Free text at the door to the lake: what is not a listed clinical word, a duration or an age becomes a mark.

What does not belong here: which fields are free text (the contracts say so in their `transformLogic`). The rule is one
DuckDB macro, `clinical_text(t)`, over the words of `clinical_words.yaml`. A word is looked for among those of its own
hash only: a pattern of 3,000 words costs more to compile than the records around it to read. The mark is a word of its
own, so that two words that a name stood between do not become neighbours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import yaml

WORDS_FILE = Path(__file__).parent / "clinical_words.yaml"
MARK = "xxx"
PIECE = r"[\pL\pM\pN_/]+|[^\pL\pM\pN_/]+"  # words and what stands between them, in turn
IS_WORD = r"[\pL\pM\pN_]"
SHORT_NUMBER = "[1-8]?[0-9]"  # below ninety: Safe Harbor counts higher ages as identifying
BUCKETS = 256  # by hash; each holds a dozen words
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


def install(connection: duckdb.DuckDBPyConnection, listed: ClinicalWords) -> None:
    """Make `clinical_text(t)` known to a connection: null stays null, separators and the case of words stay.

    Null is asked for first, because DuckDB compiles the patterns anew for every 2,048 rows that need them.
    """
    units, before = _any_of(listed.duration_units), _any_of(listed.before_a_number)
    glued = f"(?:x?{SHORT_NUMBER}(?:{units}|{AGE})?|x{SHORT_NUMBER})(?:/(?:{units}))?"
    _install_words(connection, sorted(listed.words | listed.duration_units))
    connection.execute(f"""create or replace temp macro clinical_text(t) as
        case when t is not null then array_to_string(list_transform(
        [regexp_extract_all(t, '{PIECE}')],
        lambda pieces: array_to_string(list_transform(pieces, lambda piece, i: case
            when not regexp_matches(piece, '{IS_WORD}') then piece
            when regexp_full_match(piece, '{SHORT_NUMBER}') then case
                when regexp_full_match(lower(pieces[i + 2]), '{units}') then piece
                when i > 2 and regexp_full_match(lower(pieces[i - 2]), '{before}') then piece
                else '{MARK}' end
            when is_clinical_word(lower(piece)) then piece
            when regexp_full_match(lower(piece), '{glued}') then piece
            else '{MARK}' end), '')), '') end""")


def _install_words(connection: duckdb.DuckDBPyConnection, words: Sequence[str]) -> None:
    """Make `is_clinical_word(t)` known, for a text without spaces: whether it is one of the words."""
    connection.execute(
        f"""set variable clinical_words = (
            select list(coalesce(listed, '') order by range) from range({BUCKETS}) left join (
                select hash(word) % {BUCKETS} as n, ' ' || string_agg(word, ' ') || ' ' as listed
                from (select unnest(?::varchar[]) as word) group by all
            ) on n = range)""",
        [words],
    )
    of_its_hash = f"getvariable('clinical_words')[cast(hash(t) % {BUCKETS} as integer) + 1]"
    connection.execute(f"create or replace temp macro is_clinical_word(t) as contains({of_its_hash}, ' ' || t || ' ')")


def _any_of(words: Iterable[str]) -> str:
    """Return an RE2 alternation; the words hold letters, digits, '/' and '&', which mean themselves."""
    return "|".join(sorted(words))
