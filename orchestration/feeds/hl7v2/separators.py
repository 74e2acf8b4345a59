"""The characters that part a message, as its MSH segment declares them.

What does not belong here: cutting text at them (splitting.py).
"""

from dataclasses import dataclass
from functools import lru_cache

from orchestration.feeds.hl7v2.problems import SEPARATORS
from orchestration.feeds.problems import Problem


@dataclass(frozen=True)
class Separators:
    """The five characters of MSH-1 and MSH-2; the empty string for one that the sender does not have."""

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    @property
    def encoding(self) -> str:
        return self.component + self.repetition + self.escape + self.subcomponent


@lru_cache(maxsize=64)
def separators_of(named: str) -> Separators | Problem:
    """Return the separators that MSH-1 and the first four characters of MSH-2 name; all differ, and none is text."""
    is_distinct = len(set(named)) == len(named) > 1
    if not is_distinct or any(c.isalnum() or c.isspace() or not c.isascii() for c in named):
        return SEPARATORS
    return Separators(*named, *[""] * (5 - len(named)))
