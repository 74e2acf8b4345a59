"""JSON as DuckDB takes it, for Python: beside the standard also `nan`, `inf` and a comma after the last member.

What DuckDB kept as a document must be readable here too, or one line would stop a whole landing. Numbers are read as 0
unless somebody wants them: most who ask here ask for form, and Python reads none of thousands of digits.
"""

import json
import re
from collections.abc import Callable
from typing import Any

_STRING_OR_ODD = re.compile(
    r'"(?:[^"\\]|\\.)*"|(-?\b(?:nan|inf(?:inity)?)\b)|(,)(?=\s*[}\]])', re.IGNORECASE | re.DOTALL
)


def _zero(_: str) -> Any:
    return 0


def loads(
    document: str,
    of_members: Callable[[list[tuple[str, Any]]], Any] | None = None,
    of_number: Callable[[str], Any] = _zero,
) -> Any:
    """Return a document (JSON text). Raises `ValueError` and `RecursionError`."""

    def read(text: str) -> Any:
        return json.loads(
            text, object_pairs_hook=of_members, parse_int=of_number, parse_float=of_number, parse_constant=of_number
        )

    try:
        return read(document)
    except ValueError:
        return read(_STRING_OR_ODD.sub(_standard, document))


def _standard(found: re.Match[str]) -> str:
    if found[1] is not None:  # as Python knows it
        sign, word = ("-" if found[1].startswith("-") else ""), found[1].lstrip("-").lower()
        return "NaN" if word == "nan" else f"{sign}Infinity"
    return "" if found[2] is not None else found[0]
