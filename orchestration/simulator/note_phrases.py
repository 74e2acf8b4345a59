"""The words of triage notes, read from `note_phrases.yaml`.

What does not belong here: which of them a note has (`triage_notes.py`).
"""

from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict


class Phrases(BaseModel):
    """What nurses type; `history` by chronic condition of the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history: dict[str, str]
    no_history: tuple[str, ...]
    well: tuple[str, ...]
    unwell: tuple[str, ...]
    arrival: tuple[str, ...]
    actions: tuple[str, ...]
    typed: tuple[str, ...]


@lru_cache(maxsize=1)
def load_phrases() -> Phrases:
    """Read the phrases that ship with the simulator."""
    text = resources.files("orchestration.simulator").joinpath("note_phrases.yaml").read_text("utf-8")
    return Phrases.model_validate(yaml.load(text, yaml.CSafeLoader))
