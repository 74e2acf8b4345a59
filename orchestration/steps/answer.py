"""What a command or an asset gets back: a JSON-able document, how to say it to people, an exit code.

What does not belong here: printing (`orchestration/answers.py`).
"""

from dataclasses import dataclass, replace
from typing import Any

DONE, FAILED, WRONG_USAGE, FEED_STOPPED = 0, 1, 2, 3


@dataclass(frozen=True)
class Answer:
    """`text` is how people read it (the document itself when None); `exit_code` as in the interfaces."""

    document: Any
    text: str | None = None
    exit_code: int = DONE

    def warned(self, warning: str | None) -> "Answer":
        """Return the answer with one more warning in its document, if there is one."""
        if warning is None:
            return self
        said = [*self.document.get("warnings", []), warning]
        return replace(self, document={**self.document, "warnings": said})
