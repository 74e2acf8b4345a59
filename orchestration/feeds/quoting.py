"""Which lines of a text table are one record: where its quotes may stand (RFC 4180, section 2, rules 5 to 7).

A quote opens only at a cell's start, closes only at its end, and stands doubled inside. Counting quotes, as lenient
readers do, takes two rows with an inch mark each, and all between them, for one. What does not belong here: cells and
their meaning (tabular.py).
"""

import re
from dataclasses import dataclass
from functools import cache

QUOTED_LINES = 50  # how many lines one quoted cell may span before its quote counts as never closed


@dataclass(frozen=True)
class Quoting:
    """How lines with quotes go together, for one delimiter; patterns never go back, so that each is linear.

    `whole` fits a line that ends outside of quotes, `opening` one that ends in a cell whose quote is open.
    """

    whole: re.Pattern[bytes]
    opening: re.Pattern[bytes]

    @staticmethod
    @cache
    def of(delimiter: str) -> "Quoting":
        """Return the patterns for a delimiter."""
        parting = re.escape(delimiter.encode())
        plain, opened = b'[^"' + parting + b"]*+", b'"[^"]*+(?:""[^"]*+)*+'
        cell = b"(?:" + opened + b'"|' + plain + b")"
        before = b"(?:" + cell + parting + b")*+"
        return Quoting(re.compile(before + cell + rb"\r*"), re.compile(before + opened))

    def record_length(self, lines: list[bytes], start: int) -> int:
        """Return how many lines the record takes that starts in one; 0 where a quote stands where none may, or opens
        a cell that nothing closes: then that line is a record by itself, and not to be read."""
        line = lines[start]
        for taken in range(1, QUOTED_LINES + 1):
            if self.whole.fullmatch(line):
                return taken
            if start + taken >= len(lines) or not self.opening.fullmatch(line):
                return 0
            line = b'"' + lines[start + taken]  # goes on inside of the quote
        return 0
