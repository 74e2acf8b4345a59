"""The deterministic rule that answers when the model may not: the nurse's own level, vital signs in danger, NEWS2.

Sources: Emergency Severity Index, version 4 implementation handbook (AHRQ 12-0014, 2011), decision points A, B
and D: levels 1 and 2 are high risk; in adults a heart rate over 100, a respiratory rate over 20 or an oxygen
saturation under 92 % is the danger zone in which level 2 is to be considered. The ENA's 5th edition (2023)
keeps the three bounds. NEWS2 is `news2.py`: a score of 5 or more, or 3 in one parameter, asks for an urgent review.
"""

from collections.abc import Mapping
from typing import Final

from ml.features.observed import READINGS, FeatureValue
from ml.serving.news2 import URGENT, News2, Observations, news2

HIGH_RISK_LEVEL = 2
DANGER_HEART_RATE = 100.0
DANGER_RESPIRATORY_RATE = 20.0
DANGER_OXYGEN_SATURATION = 92.0
PLAUSIBLE: Final[Mapping[str, tuple[float, float]]] = {
    "respiratory_rate": (4, 90),
    "oxygen_saturation": (40, 100),
    "systolic_bp": (40, 300),
    "heart_rate": (20, 300),
    "temperature_c": (25, 45),
}
"""Of a living person, as the use case declares it (a test holds both equal): 98.6 °C is another unit."""


def triage_reasons(values: Mapping[str, FeatureValue]) -> list[str]:
    """Say why a visit is at high risk by either rule; empty when it is not, or when nothing was measured."""
    score = news2_of(values)
    is_urgent = score.total >= URGENT or bool(score.red)
    return [*high_risk_reasons(values), *([_said(score)] if is_urgent else [])]


def high_risk_reasons(values: Mapping[str, FeatureValue]) -> list[str]:
    """Say why a visit is at high risk by the index; empty when it is not, or when nothing was measured."""
    level = _number(values, "triage_level")
    reasons = [f"triage level {level:.0f}"] if level is not None and level <= HIGH_RISK_LEVEL else []
    heart_rate = _number(values, "heart_rate")
    if heart_rate is not None and heart_rate > DANGER_HEART_RATE:
        reasons.append(f"heart rate {heart_rate:.0f}/min (over {DANGER_HEART_RATE:.0f})")
    breathing = _number(values, "respiratory_rate")
    if breathing is not None and breathing > DANGER_RESPIRATORY_RATE:
        reasons.append(f"respiratory rate {breathing:.0f}/min (over {DANGER_RESPIRATORY_RATE:.0f})")
    oxygen = _number(values, "oxygen_saturation")
    if oxygen is not None and oxygen < DANGER_OXYGEN_SATURATION:
        reasons.append(f"oxygen saturation {oxygen:.0f} % (under {DANGER_OXYGEN_SATURATION:.0f})")
    return reasons


def news2_of(values: Mapping[str, FeatureValue]) -> News2:
    """NEWS2 of what a triage request tells: supplemental oxygen and consciousness are not among its features."""
    known = {name: _number(values, name, bounds) for name, bounds in PLAUSIBLE.items()}
    return news2(
        Observations(
            respiration_rate=known["respiratory_rate"],
            oxygen_saturation=known["oxygen_saturation"],
            systolic_bp=known["systolic_bp"],
            pulse=known["heart_rate"],
            temperature_c=known["temperature_c"],
        )
    )


def missed_before(values: Mapping[str, FeatureValue]) -> list[str]:
    """Say why a booking is worth a reminder by what people go by today: the last appointment was missed."""
    return ["the last appointment was missed"] if values.get("missed_last") is True else []


def _said(score: News2) -> str:
    """The score as a card says it: never less certain than it is, and never more complete."""
    least = "at least " if score.missing else ""
    alone = f", 3 for {' and '.join(score.red)}" if score.red else ""
    return f"NEWS2 {least}{score.total}{alone} ({score.risk} risk)"


def _number(values: Mapping[str, FeatureValue], name: str, bounds: tuple[float, float] | None = None) -> float | None:
    """A value that is possible in its feature's own unit: a rate per minute that was sent as per second is not."""
    value, (lowest, highest) = values.get(name), bounds or READINGS[name].possible
    if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest:
        return None
    return float(value)
