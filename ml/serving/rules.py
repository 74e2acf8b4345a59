"""The deterministic rule that answers when the model may not: the nurse's own level, and vital signs in
danger.

Source: Emergency Severity Index, version 4 implementation handbook (AHRQ 12-0014, 2011), decision points A, B
and D: levels 1 and 2 are high risk; in adults a heart rate over 100, a respiratory rate over 20 or an oxygen
saturation under 92 % is the danger zone in which level 2 is to be considered. The ENA's 5th edition (2023)
keeps the three bounds.
"""

from collections.abc import Mapping

from ml.features.observed import READINGS, FeatureValue

HIGH_RISK_LEVEL = 2
DANGER_HEART_RATE = 100.0
DANGER_RESPIRATORY_RATE = 20.0
DANGER_OXYGEN_SATURATION = 92.0


def high_risk_reasons(values: Mapping[str, FeatureValue]) -> list[str]:
    """Say why a visit is at high risk by the rule; empty when it is not, or when nothing was measured."""
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


def missed_before(values: Mapping[str, FeatureValue]) -> list[str]:
    """Say why a booking is worth a reminder by what people go by today: the last appointment was missed."""
    return ["the last appointment was missed"] if values.get("missed_last") is True else []


def _number(values: Mapping[str, FeatureValue], name: str) -> float | None:
    """A value that is possible in its feature's own unit: a rate per minute that was sent as per second is not."""
    value, (lowest, highest) = values.get(name), READINGS[name].possible
    if not isinstance(value, int | float) or isinstance(value, bool) or not lowest <= value <= highest:
        return None
    return float(value)
