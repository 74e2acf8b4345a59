"""What is written in the place of an identifier where there is none (placeholders.yaml), for SQL and for Python.

What does not belong here: which identifiers are asked (contracts say what a property `identifies`).
"""

import re
from functools import cache
from pathlib import Path

import yaml


@cache
def _listed() -> tuple[tuple[str, ...], tuple[str, ...]]:
    held = yaml.load((Path(__file__).parent / "placeholders.yaml").read_bytes(), yaml.CSafeLoader)
    return tuple(held["words"]), tuple(held["forms"])


def macro() -> str:
    """Return the macro that takes a placeholder as nothing: any other text is an identifier that somebody issued."""
    words, forms = _listed()
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    form = "|".join(forms).replace("'", "''")
    return f"issued(t) as case when lower(t) in ({listed}) or regexp_full_match(t, '{form}') then null else t end"


def is_placeholder(text: str) -> bool:
    """Whether a text stands for no identifier, as the macro judges."""
    words, _ = _listed()
    return text.lower() in words or _form().fullmatch(text) is not None


@cache
def _form() -> re.Pattern[str]:
    """The forms for Python, which has another name for what is neither letter nor digit."""
    return re.compile("|".join(form.replace(r"[^\p{L}\p{N}]", r"[\W_]") for form in _listed()[1]))
