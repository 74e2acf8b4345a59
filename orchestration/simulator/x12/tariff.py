"""Prices and billing codes, read from `tariff.yaml`.

What does not belong here: which services a visit had (`claims.py`).
"""

from functools import lru_cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Procedure(_Frozen):
    """A service by its CPT code; `revenue` is empty where the tariff gives one for all."""

    cpt: str
    charge: int
    revenue: str = ""


class Room(_Frozen):
    """A day in a bed."""

    revenue: str
    charge: int


class Tariff(_Frozen):
    """All prices: emergency visits by urgency, laboratory by panel, rooms by kind of unit."""

    emergency: dict[str, Procedure]
    emergency_unknown: str
    emergency_revenue: str
    laboratory: dict[str, Procedure]
    rooms: dict[str, Room]


@lru_cache(maxsize=1)
def load_tariff() -> Tariff:
    """Read the tariff that ships with the simulator."""
    text = resources.files("orchestration.simulator").joinpath("tariff.yaml").read_text("utf-8")
    return Tariff.model_validate(yaml.load(text, yaml.CSafeLoader))
