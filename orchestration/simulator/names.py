"""Names of invented people and streets, read from `names.yaml`.

What does not belong here: who bears which name (`people_records.py`, `place_records.py`).
"""

from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

PACKAGE = "orchestration.simulator"


class Names(BaseModel):
    """The names there are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: tuple[str, ...]
    given_female: tuple[str, ...]
    given_male: tuple[str, ...]
    streets: tuple[str, ...]

    def family_of(self, number: int) -> str:
        """The family name of one person."""
        return self.family[(number * 13) % len(self.family)]


@lru_cache(maxsize=1)
def load_names() -> Names:
    """Read the names that ship with the simulator."""
    text = resources.files(PACKAGE).joinpath("names.yaml").read_text("utf-8")
    return Names.model_validate(yaml.load(text, yaml.CSafeLoader))
