"""A broken glass, carried by the signed pointer: a release that serves without its evidence, for a time that ends.

Here belong its shape and when it is over. Who may break the glass, and why, is judged in another room.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ml.registry.manifest import Digest
from ml.registry.stages import Stage, Tier


class Before(BaseModel):
    """What stood at the place before: nothing above it comes back. `release` is null where it was off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: Digest | None
    stage: Stage
    tier: Tier


class Glass(BaseModel):
    """Who broke it, why, and until when the release serves: from then on it serves nothing, whoever acts or not.

    `before` is null in a glass of an earlier version only: nobody can say what stood there, and off comes back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Annotated[str, Field(min_length=2, max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    until: AwareDatetime
    before: Before | None = None

    def is_over(self, at: datetime) -> bool:
        """Whether the time has come."""
        return at >= self.until

    @property
    def sentence(self) -> str:
        """What is told on every page, for people."""
        return (
            f"BREAK-GLASS: {self.person} released this without its evidence until "
            f"{self.until:%Y-%m-%d %H:%M} UTC. Reason: {self.reason}"
        )
