"""What goes wrong on the way: a line cut short, a subject lost, a line sent twice. About one line in five hundred.

The sender repairs what it damaged: the intact line comes with the next day's drop. Wrong values that somebody typed
are not damage; they are in the record (`observation_records.py`). What does not belong here: named faults for the
safety case.
"""

from dataclasses import dataclass

import numpy as np
import orjson

NO_SUBJECT_SHARE, TRUNCATED_SHARE, DUPLICATE_SHARE = 0.0006, 0.0005, 0.0008
DAMAGED_TYPES = ("Observation", "Condition")


@dataclass(frozen=True, slots=True)
class Sent:
    """Lines as they leave, and those that must be sent again."""

    lines: list[bytes]
    again: list[bytes]


def damage(resource_type: str, lines: list[bytes], rng: np.random.Generator) -> Sent:
    """Damage a few lines of one file. Types other than observations and conditions are only ever repeated."""
    kinds, cuts = rng.random(len(lines)), rng.uniform(0.2, 0.9, len(lines))
    sent, again = list[bytes](), list[bytes]()
    can_break = resource_type in DAMAGED_TYPES
    for line, kind, cut in zip(lines, kinds, cuts, strict=True):
        if can_break and kind < NO_SUBJECT_SHARE:
            sent.append(_without_subject(line))
            again.append(line)
        elif can_break and kind < NO_SUBJECT_SHARE + TRUNCATED_SHARE:
            sent.append(_cut(line, float(cut)))
            again.append(line)
        else:
            sent.append(line)
            if kind > 1 - DUPLICATE_SHARE:
                sent.append(line)
    return Sent(sent, again)


def _without_subject(line: bytes) -> bytes:
    resource = orjson.loads(line)
    del resource["subject"]
    return orjson.dumps(resource)


def _cut(line: bytes, share: float) -> bytes:
    """Cut a line, never inside a character, so that the file stays UTF-8."""
    return line[: int(len(line) * share)].decode("utf-8", "ignore").encode()
