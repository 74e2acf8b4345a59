"""What is written in the place of an identifier where there is none (placeholders.yaml), for SQL and for Python.

One expression of all words and forms: DuckDB would join with a list of words, for every record, to look one up.
What does not belong here: which identifiers are asked (contracts say what a property `identifies`).
"""

import re
from functools import cache
from pathlib import Path

import yaml

SPECIAL = re.compile(r"([.^$*+?{}\[\]\\|()])")


def macro() -> str:
    """Return the macro that takes a placeholder as nothing: any other text is an identifier that somebody issued."""
    form = _form().replace("'", "''")
    return f"issued(t) as case when regexp_full_match(lower(t), '{form}') then null else t end"


def is_placeholder(text: str) -> bool:
    """Whether a text stands for no identifier, as the macro judges."""
    return _of_python().fullmatch(text.lower()) is not None


@cache
def _of_python() -> re.Pattern[str]:
    return re.compile(_form())


@cache
def _form() -> str:
    held = yaml.load((Path(__file__).parent / "placeholders.yaml").read_bytes(), yaml.CSafeLoader)
    return "|".join([*(SPECIAL.sub(r"\\\1", word) for word in held["words"]), *held["forms"]])
