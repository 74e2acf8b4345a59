"""What may change in the simulated world from some day on, so that drift can be shown and detected: patients, meanings.

What does not belong here: faults in transport (`damage.py`) and how sites differ (`profiles.py`).
"""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class HalfMinute:
    """At one site, from `since` and before `until`, breaths are counted for half a minute and sent as for a whole one.

    Every record is as the contract asks and every value possible; only its meaning changed. On the day `until` the
    source counts rightly again and sends what it had sent wrong once more, corrected.
    """

    site: str
    since: date
    until: date

    def counts_at(self, day: date) -> bool:
        return self.since <= day < self.until


@dataclass(frozen=True)
class Scenario:
    """From `respiratory_from` on, a respiratory season: more and sicker patients who cough, breathe badly, run fevers.

    `respiratory_share` multiplies how often those complaints come, `respiratory_acuity` shifts their acuity (in
    standard deviations), `surge` multiplies all arrivals. `half_minute` is a fault at the source of one site. Defaults
    change nothing.
    """

    respiratory_from: date | None = None
    respiratory_share: float = 1.8
    respiratory_acuity: float = 0.5
    surge: float = 1.1
    half_minute: HalfMinute | None = None

    def is_on(self, day: date) -> bool:
        return self.respiratory_from is not None and day >= self.respiratory_from

    def half_minute_at(self, site: str) -> HalfMinute | None:
        """The fault at the source of a site; None where that site has none."""
        return self.half_minute if self.half_minute and self.half_minute.site == site else None


CALM = Scenario()
RESPIRATORY = ("dyspnoea", "wheeze", "fever", "cold_flu")
