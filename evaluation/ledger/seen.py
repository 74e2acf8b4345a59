"""What people saw last: the last release above shadow that a gate had judged, and until when it was shown.

Here belongs the derivation from entries. Whether something else may take its place is decided in ``gates`` and by the
policy's margins.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from evaluation.ledger.entry import Entry
from evaluation.ledger.history import Running, running_at
from evaluation.policies.stage import Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """A release that people saw; ``until`` is None where they still see it."""

    running: Running
    until: datetime | None = None

    @property
    def model(self) -> str | None:
        """The digest of its model; None where the ledger cannot tell, which is another model than any."""
        return self.running.subject and self.running.subject.model


def seen_last(entries: Iterable[Entry], since: datetime) -> Seen | None:
    """What people saw last, at ``since`` or after it, by these entries (of one use case at one site); None: nothing.

    What only a broken glass showed was judged by nobody and does not count: else a glass of an hour would make a model
    the one that people know.
    """
    everything, last = tuple(entries), None
    for time in sorted({since, *(each.effective_at for each in everything if each.effective_at > since)}):
        shown = [one for one in running_at(everything, time) if _is_seen(one)]
        if shown:
            last = Seen(shown[-1])
        elif last is not None and last.until is None:
            last = replace(last, until=time)
    return last


def _is_seen(one: Running) -> bool:
    is_past_the_gate = one.subject is not None and not one.approvals
    return one.stage.rank >= Stage.ASSISTIVE.rank and not is_past_the_gate
