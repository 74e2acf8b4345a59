"""What people are told after a step down, carried by the signed pointer: on cards, on boards, and for how long.

Here belong its shape and when it is over. The words are the rollback plan's (another room), how they look is serving's.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]


class Notice(BaseModel):
    """Words for advice that went away (`withdrawn`) and for a lower tier that answers (`lowered`).

    `until` is when the first is over; without it nothing was taken away since the release was pointed to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=139)]
    withdrawn: Message
    lowered: Message
    shown_minutes: Annotated[int, Field(ge=1, le=10080)]
    until: AwareDatetime | None = None

    def begun(self, at: datetime) -> "Notice":
        """The notice as it is told from a step down on."""
        return self.model_copy(update={"until": at + timedelta(minutes=self.shown_minutes)})

    def is_told(self, at: datetime) -> bool:
        """Whether advice that went away is still told."""
        return self.until is not None and at < self.until


def after_step_down(before: Notice | None, words: Notice | None, at: datetime, *, was_shown: bool) -> Notice | None:
    """The notice of a lower pointer: told from now on where people saw advice until now, else as it was before."""
    notice = words or before
    if notice is None or was_shown:
        return notice and notice.begun(at)
    return notice.model_copy(update={"until": before.until if before else None})
