"""Escape sequences of a message's text, decoded (HL7 v2.8, 2.7).

What does not belong here: separators and what stands between them (splitting.py).
"""

import re
from collections.abc import Callable
from functools import lru_cache

from orchestration.feeds.hl7v2.separators import Separators

MOST_ROOM = 100  # blank lines or blanks that one formatting sequence may stand for
TRUNCATION = "#"
FORMATTING = re.compile(r"\.(br|sp|ce|fi|nf|in|ti|sk)([+-]?\d{1,4})?")


@lru_cache(maxsize=64)
def unescaper(separators: Separators, codec: str) -> Callable[[str], str]:
    """Return a function that decodes escape sequences; one that it does not know stays as it was sent."""
    escape = separators.escape
    if not escape:
        return lambda text: text
    pattern = re.compile(f"{re.escape(escape)}([^{re.escape(escape)}]*){re.escape(escape)}")
    plain = {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repetition,
        "E": escape,
        "P": TRUNCATION,
        "H": "",
        "N": "",
    }

    def decoded(found: re.Match[str]) -> str:
        sequence = found[1]
        made = plain.get(sequence)
        made = _formatted(sequence) if made is None else made
        made = _from_hex(sequence, codec) if made is None else made
        return found[0] if made is None else made

    return lambda text: pattern.sub(decoded, text) if escape in text else text


def _formatted(sequence: str) -> str | None:
    found = FORMATTING.fullmatch(sequence)
    if not found:
        return None
    times = min(abs(int(found[2] or 1)), MOST_ROOM)
    return {"br": "\n", "ce": "\n", "sp": "\n" * times, "sk": " " * times}.get(found[1], "")


def _from_hex(sequence: str, codec: str) -> str | None:
    if not sequence.startswith("X"):
        return None
    try:
        return bytes.fromhex(sequence[1:]).decode(codec)
    except ValueError:
        return None
