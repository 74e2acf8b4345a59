"""What a feed's writer gives for a day: files of records, damaged a little on the way and repaired the next day.

What does not belong here: any format.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from orchestration.simulator.chance import stream
from orchestration.simulator.damage import Breaking, damage_records
from orchestration.simulator.world import Day, World

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a drop; `name` may lie in a folder, `family` is what it counts as in the summary."""

    name: str
    content: bytes
    records: int
    family: str


class Emitter(Protocol):
    """Writes one feed, day after day."""

    def files(self, day: Day) -> Iterable[File]:
        """Return the day's files; called once for every day, in order."""
        ...


@dataclass
class Outbox(Generic[Record]):
    """Sends the records of one family of files, and again the next day what it damaged."""

    world: World
    family: str
    breakings: Sequence[Breaking[Record]]
    repeated: float
    _again: list[Record] = field(default_factory=list[Record])

    def send(self, day: Day, records: Sequence[Record]) -> list[Record]:
        """Return what leaves: yesterday's repairs first."""
        rng = stream(self.world.seed, self.world.site.id, f"damage {self.family}", day.day)
        sent = damage_records(records, self.breakings, self.repeated, rng)
        repaired, self._again = self._again, sent.again
        return repaired + sent.lines


Rendering = Callable[[list[Record]], bytes]


def as_file(name: str, records: list[Record], render: Rendering[Record], family: str | None = None) -> list[File]:
    """One file of these records, or none where there are no records."""
    return [File(name, render(records), len(records), family or name.split(".")[0])] if records else []
