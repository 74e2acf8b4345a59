"""NEWS2, the National Early Warning Score 2, as the Royal College of Physicians publishes it.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2, December 2017: chart 1 (the scoring system)
and chart 2 (thresholds and triggers). Seven parameters score 0 to 3; air or oxygen scores 0 or 2. It is for people of
16 and older and not in pregnancy. Here belongs the score alone; which cards it makes is `rules.py`.

The chart is in whole numbers (temperature in tenths), so readings are rounded to those first, half up. SpO2 scale 2 is
for confirmed hypercapnic respiratory failure and is used only where a competent clinician prescribed it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Band = tuple[float, int]
"""The highest value that still scores so; the bands of a parameter rise and the last has no end."""
_NO_END = math.inf

RESPIRATION: Final[tuple[Band, ...]] = ((8, 3), (11, 1), (20, 0), (24, 2), (_NO_END, 3))
SATURATION_1: Final[tuple[Band, ...]] = ((91, 3), (93, 2), (95, 1), (_NO_END, 0))
SATURATION_2: Final[tuple[Band, ...]] = ((83, 3), (85, 2), (87, 1), (92, 0))
SATURATION_2_ON_OXYGEN: Final[tuple[Band, ...]] = (*SATURATION_2, (94, 1), (96, 2), (_NO_END, 3))
SATURATION_2_ON_AIR: Final[tuple[Band, ...]] = (*SATURATION_2, (_NO_END, 0))
SYSTOLIC: Final[tuple[Band, ...]] = ((90, 3), (100, 2), (110, 1), (219, 0), (_NO_END, 3))
PULSE: Final[tuple[Band, ...]] = ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (_NO_END, 3))
TEMPERATURE: Final[tuple[Band, ...]] = ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (_NO_END, 2))
ON_OXYGEN = 2
NOT_ALERT = 3
URGENT, EMERGENCY, RED = 5, 7, 3

Consciousness = Literal["alert", "confusion", "voice", "pain", "unresponsive"]
Risk = Literal["low", "low-medium", "medium", "high"]
PARAMETERS: Final = (
    "respiration rate",
    "oxygen saturation",
    "air or oxygen",
    "systolic blood pressure",
    "pulse",
    "consciousness",
    "temperature",
)


@dataclass(frozen=True)
class Observations:
    """What was observed; None is not known. Rates per minute, % saturation, mmHg, °C."""

    respiration_rate: float | None = None
    oxygen_saturation: float | None = None
    is_on_oxygen: bool | None = None
    systolic_bp: float | None = None
    pulse: float | None = None
    consciousness: Consciousness | None = None
    temperature_c: float | None = None
    is_scale_2: bool = False


@dataclass(frozen=True)
class News2:
    """The points by parameter; a score of fewer than all parameters is the least that it can be."""

    points: Mapping[str, int]

    @property
    def total(self) -> int:
        """The aggregate score, 0 to 20."""
        return sum(self.points.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """The parameters that were not known, in the order of the chart."""
        return tuple(name for name in PARAMETERS if name not in self.points)

    @property
    def red(self) -> tuple[str, ...]:
        """The parameters that alone score 3."""
        return tuple(name for name, points in self.points.items() if points == RED)

    @property
    def risk(self) -> Risk:
        """Clinical risk by the chart's thresholds: 7 is high, 5 is medium, a single 3 is low-medium."""
        if self.total >= EMERGENCY:
            return "high"
        if self.total >= URGENT:
            return "medium"
        return "low-medium" if self.red else "low"


def news2(seen: Observations) -> News2:
    """Score what is known."""
    saturation = _saturation(seen)
    scored: dict[str, int | None] = {
        "respiration rate": _points(RESPIRATION, seen.respiration_rate),
        "oxygen saturation": saturation,
        "air or oxygen": None if seen.is_on_oxygen is None else ON_OXYGEN * seen.is_on_oxygen,
        "systolic blood pressure": _points(SYSTOLIC, seen.systolic_bp),
        "pulse": _points(PULSE, seen.pulse),
        "consciousness": None if seen.consciousness is None else NOT_ALERT * (seen.consciousness != "alert"),
        "temperature": _points(TEMPERATURE, seen.temperature_c, digits=1),
    }
    return News2({name: points for name, points in scored.items() if points is not None})


def _saturation(seen: Observations) -> int | None:
    """By scale 2 a saturation over 92 % scores only on oxygen, so it cannot be scored where that is not known."""
    if not seen.is_scale_2:
        return _points(SATURATION_1, seen.oxygen_saturation)
    if seen.is_on_oxygen is None:
        low = seen.oxygen_saturation is not None and _rounded(seen.oxygen_saturation, 0) <= SATURATION_2[-1][0]
        return _points(SATURATION_2_ON_AIR, seen.oxygen_saturation) if low else None
    return _points(SATURATION_2_ON_OXYGEN if seen.is_on_oxygen else SATURATION_2_ON_AIR, seen.oxygen_saturation)


def _points(bands: tuple[Band, ...], value: float | None, digits: int = 0) -> int | None:
    if value is None:
        return None
    read = _rounded(value, digits)
    return next(points for highest, points in bands if read <= highest)


def _rounded(value: float, digits: int) -> float:
    """Half up, as people round; `round` would take a half to the even side."""
    scale = 10**digits
    return math.floor(round(value * scale, 6) + 0.5) / scale
