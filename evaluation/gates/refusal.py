"""One reason why not, in the four words of the command line: clause, figure, threshold, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

AT_MOST = 5
"""As many of a kind are listed: a reason is one line on the ledger, however many people signed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """``clause`` names the rule, ``figure`` what was found, ``threshold`` what was asked, ``to_meet`` the way
    on."""

    clause: str
    figure: str
    threshold: str
    to_meet: str

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


def some(words: Iterable[str], between: str) -> str:
    """The first few of these, each once, in their order, and how many more there are."""
    each = list(dict.fromkeys(words))
    more = [f"{len(each) - AT_MOST} more"] if len(each) > AT_MOST else []
    return between.join([*each[:AT_MOST], *more])
