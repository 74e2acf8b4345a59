"""Which days the demo plays: a history to learn from, shadow, cards, a fault at the source, the day it ends.

What does not belong here: what is done on these days (tour).
"""

from dataclasses import dataclass
from datetime import date, timedelta

from orchestration.simulator import HalfMinute, Scenario

USE_CASE, PILOT = "triage", "city"
GROUP = ("city", "district", "rural")
BESIDE = "district"
"""Has a roster in shadow beside the pilot: 90 days of its visits hold too few events for the gate to allow triage."""
FIRST_DAY = date(2026, 1, 5)
SHADOW_DAYS, ASSISTIVE_DAYS, FAULTY_DAYS, MENDED_DAYS = 14, 1, 2, 1
"""In shadow; with cards, of which the last days have a fault at the source; and the day on which it is over."""


@dataclass(frozen=True)
class Course:
    """The simulated world's seed, and its days as offsets from `FIRST_DAY`; `history` days come before any release."""

    seed: int
    history: int

    @property
    def shown_from(self) -> int:
        """The first day with cards."""
        return self.history + SHADOW_DAYS

    @property
    def faulty_from(self) -> int:
        """The first day with the fault."""
        return self.shown_from + ASSISTIVE_DAYS

    @property
    def mended_from(self) -> int:
        """The day on which the source is right again."""
        return self.faulty_from + FAULTY_DAYS

    @property
    def all_days(self) -> int:
        """How many days are simulated."""
        return self.mended_from + MENDED_DAYS

    @property
    def scenario(self) -> Scenario:
        """A fault at the pilot's source, some days after cards were first shown."""
        return Scenario(half_minute=HalfMinute(PILOT, self.day(self.faulty_from), self.day(self.mended_from)))

    def day(self, offset: int) -> date:
        """The date of an offset."""
        return FIRST_DAY + timedelta(days=offset)
