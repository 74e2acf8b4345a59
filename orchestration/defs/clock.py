"""The time at which an asset or a check judges, as a run may be told it.

What does not belong here: whose present it is where a run is told nothing (steps).
"""

from datetime import datetime

from dagster import Config


class Clock(Config):
    """ISO 8601 with a zone; each site's present where it is left out."""

    clock: str | None = None

    @property
    def moment(self) -> datetime | None:
        """The time that was told. Raises `ValueError` for what is no time."""
        return datetime.fromisoformat(self.clock) if self.clock else None
