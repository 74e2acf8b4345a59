"""What goes wrong on the way: a record cut short, its subject lost, a record sent twice. About one in five hundred.

The sender repairs what it damaged: the intact record comes with the next day's drop. Wrong values that somebody typed
are not damage; they are in the record (`observation_records.py`). What does not belong here: named faults for the
safety case, and how to break a record of a given format (its own writer knows).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import orjson

NO_SUBJECT_SHARE, TRUNCATED_SHARE, DUPLICATE_SHARE = 0.0006, 0.0005, 0.0008
DAMAGED_TYPES = ("Observation", "Condition")

Record = TypeVar("Record")
Breaking = tuple[float, Callable[[Record, float], Record]]
"""How often, and how: given the record and a number in 0.2..0.9 that may say where."""


@dataclass(frozen=True, slots=True)
class Sent(Generic[Record]):
    """Records as they leave, and those that must be sent again."""

    lines: list[Record]
    again: list[Record]


def damage(resource_type: str, lines: list[bytes], rng: np.random.Generator) -> Sent[bytes]:
    """Damage a few lines of one file. Types other than observations and conditions are only ever repeated."""
    breakings = ((NO_SUBJECT_SHARE, _without_subject), (TRUNCATED_SHARE, cut))
    return damage_records(lines, breakings if resource_type in DAMAGED_TYPES else (), DUPLICATE_SHARE, rng)


def damage_records(
    records: Sequence[Record], breakings: Sequence[Breaking[Record]], repeated: float, rng: np.random.Generator
) -> Sent[Record]:
    """Damage a few records, each in one way; of the others a share is repeated."""
    kinds, places = rng.random(len(records)), rng.uniform(0.2, 0.9, len(records))
    ways = np.searchsorted(np.cumsum([share for share, _ in breakings]), kinds, side="right").tolist()
    sent, again = list[Record](), list[Record]()
    for record, way, kind, place in zip(records, ways, kinds, places, strict=True):
        if way < len(breakings):
            sent.append(breakings[way][1](record, float(place)))
            again.append(record)
        else:
            sent += [record] * (2 if kind > 1 - repeated else 1)
    return Sent(sent, again)


def _without_subject(line: bytes, _place: float) -> bytes:
    resource = orjson.loads(line)
    del resource["subject"]
    return orjson.dumps(resource)


def cut(line: bytes, share: float) -> bytes:
    """Cut a line, never inside a character, so that the file stays UTF-8."""
    return line[: int(len(line) * share)].decode("utf-8", "ignore").encode()
