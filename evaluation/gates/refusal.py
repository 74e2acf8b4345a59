"""One reason why not, in the four words of the command line: clause, figure, threshold, what to do."""

from dataclasses import dataclass


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
