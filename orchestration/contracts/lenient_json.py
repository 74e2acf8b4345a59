"""JSON as DuckDB takes it, for Python: beside the standard also `nan`, `inf` and a comma after the last member.

What DuckDB kept as a document must be readable here too, or one line would stop a whole landing. Numbers are read as 0:
who asks here asks for form, and a number of thousands of digits is none that Python would read.
"""

import json
import re
from collections.abc import Callable
from typing import Any

_STRING_OR_ODD = re.compile(
    r'"(?:[^"\\]|\\.)*"|(-?\b(?:nan|inf(?:inity)?)\b)|(,)(?=\s*[}\]])', re.IGNORECASE | re.DOTALL
)


def loads(document: str, of_members: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return a document (JSON text) with every number as 0. Raises `ValueError` and `RecursionError`."""
    try:
        return _loads(document, of_members)
    except ValueError:
        return _loads(_STRING_OR_ODD.sub(_standard, document), of_members)


def _loads(document: str, of_members: Callable[[list[tuple[str, Any]]], Any] | None) -> Any:
    return json.loads(document, object_pairs_hook=of_members, parse_int=_zero, parse_float=_zero, parse_constant=_zero)


def _zero(_: str) -> int:
    return 0


def _standard(found: re.Match[str]) -> str:
    if found[1] is not None:
        return "0"
    return "" if found[2] is not None else found[0]
