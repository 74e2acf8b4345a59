"""Reading a ledger: entries filtered, people, approvals, what ran at a time.

Here belong the questions, whatever holds the entries: a store (``ledger.py``), or what could still be believed of
a damaged one (:class:`Believed`). What an answer means is in ``people.py``, ``approval.py`` and ``history.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from evaluation.evidence import Json
from evaluation.ledger.approval import RecordedApproval, recorded
from evaluation.ledger.entry import Entry
from evaluation.ledger.history import Running, running_at
from evaluation.ledger.orders import InForce, in_force
from evaluation.ledger.people import PEOPLE_KINDS, People


class Readable(ABC):
    """Entries in order, each whole by itself, and what they say together."""

    @abstractmethod
    def everything(self) -> Iterator[Entry]:
        """Every entry in order. Raises :class:`LedgerError` at one that is not as it was written."""

    def entries(
        self,
        *,
        kinds: Collection[str] | None = None,
        use_case: str | None = None,
        site: str | None = None,
        until: datetime | None = None,
    ) -> list[Entry]:
        """The entries in order, each checked by itself; filtered by what they are about and when recorded.

        Raises :class:`LedgerError` at an entry that is not as it was written.
        """
        return [
            entry
            for entry in self.everything()
            if (until is None or entry.at <= until)
            and (kinds is None or entry.kind in kinds)
            and _is_about(entry, use_case, site)
        ]

    def people(self) -> People:
        """Everybody registered, with their keys and roles over time."""
        people = People()
        for entry in self.entries(kinds=PEOPLE_KINDS):
            people.take_in(entry)
        return people

    def approvals(self, use_case: str, site: str) -> list[RecordedApproval]:
        """Every approval and refusal of a use case at a site, in order; what they are worth is the gate's to
        say."""
        kinds = ("approval", "refusal")
        return [recorded(entry) for entry in self.entries(kinds=kinds, use_case=use_case, site=site)]

    def at(self, site: str, time: datetime) -> list[Running]:
        """What ran at ``site`` at ``time``, one per use case: who approved it, and on which evidence."""
        return running_at(self.entries(site=site), time)

    def in_force(self) -> dict[tuple[str, str], InForce]:
        """What people ordered last, by use case and site: what the release pointers must say now."""
        return in_force(self.everything())


@dataclass(frozen=True, slots=True)
class Believed(Readable):
    """Entries that were found good: all of a sound ledger, those before the first bad one of another."""

    found: Sequence[Entry] = ()

    def everything(self) -> Iterator[Entry]:
        return iter(self.found)


def _is_about(entry: Entry, use_case: str | None, site: str | None) -> bool:
    about = cast("Mapping[str, Json]", entry.payload.get("statement") or entry.payload)
    is_use_case = use_case is None or about.get("use_case") == use_case
    return is_use_case and (site is None or about.get("site") == site)
