"""What may change in the simulated world from some day on, so that drift can be shown and detected.

What does not belong here: faults in transport (`damage.py`) and how sites differ (`profiles.py`).
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Scenario:
    """From `respiratory_from` on, a respiratory season: more and sicker patients who cough, breathe badly, run fevers.

    `respiratory_share` multiplies how often those complaints come, `respiratory_acuity` shifts their acuity (in
    standard deviations), `surge` multiplies all arrivals. Defaults change nothing.
    """

    respiratory_from: date | None = None
    respiratory_share: float = 1.8
    respiratory_acuity: float = 0.5
    surge: float = 1.1

    def is_on(self, day: date) -> bool:
        return self.respiratory_from is not None and day >= self.respiratory_from


CALM = Scenario()
RESPIRATORY = ("dyspnoea", "wheeze", "fever", "cold_flu")
