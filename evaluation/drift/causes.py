"""One alert for one cause: the alarms of many columns and segments, put together by what they have in common.

Features that came with one feed move together when the feed or its patients changed, in every segment that has them:
one cause. A score that moved with features is their consequence, and stands with every feed of which features moved
among the same rows; where none did, it is a cause of its own, as is a label. What does not belong here: opening
incidents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from evaluation.drift.segments import Shift
from evaluation.drift.tallies import WHOLE, Segment

NAMED = 4


@dataclass(frozen=True, slots=True)
class Cause:
    """What moved for one reason: ``key`` names it from look to look."""

    key: str
    shifts: tuple[Shift, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """By the size of the largest effect, the largest first."""
        ordered = sorted(self.shifts, key=lambda one: -size_of(one))
        return tuple(dict.fromkeys(one.watched.name for one in ordered))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(dict.fromkeys(one.segment for one in self.shifts))

    @property
    def sentence(self) -> str:
        """What moved, where, by how much, and how sure."""
        worst = max(self.shifts, key=size_of)
        return (
            f"{_listed(self.columns)} moved {_where(self.segments)}. Most: {worst.watched.name} "
            f"({_place(worst.segment)}): {_moved(worst)}missing {100 * worst.missing_before:.0f} % before and "
            f"{100 * worst.missing_after:.0f} % now, {worst.current_n:,} rows against {worst.reference_n:,}, "
            f"q {min(worst.q_value, worst.missing_q_value):.2g}."
        )


def causes_of(alarms: Sequence[Shift]) -> tuple[Cause, ...]:
    """Put alarms together, those of features first."""
    scores = [one for one in alarms if one.watched.role == "score"]
    causes = _grouped([one for one in alarms if one.watched.role != "score"])
    feeds = [one for one in causes if one.shifts[0].watched.role == "feature"]
    explained = {cause.key: tuple(one for one in scores if _may_explain(cause, one)) for cause in feeds}
    followers = [one for found in explained.values() for one in found]
    alone = _grouped([one for one in scores if one not in followers])
    return (*(replace(one, shifts=(*one.shifts, *explained.get(one.key, ()))) for one in causes), *alone)


def _grouped(alarms: Sequence[Shift]) -> list[Cause]:
    ordered = sorted(alarms, key=_key)
    return [Cause(key, tuple(group)) for key, group in groupby(ordered, key=_key)]


def _may_explain(cause: Cause, score: Shift) -> bool:
    """Whether some feature moved among rows of the score's segment: not, if it moved among other values only."""
    by, value = score.segment
    return any(WHOLE in (one, score.segment) or one[0] != by or one[1] == value for one in cause.segments)


def _key(one: Shift) -> str:
    if one.watched.role == "feature":
        return f"feed-{one.watched.feed or 'unknown'}"
    return f"{one.watched.role}-{one.watched.name}"


def size_of(one: Shift) -> float:
    """The largest effect on one scale: a distance of 0.1, or one row in ten missing, counts as a mean moved by 0.2."""
    return max(abs(one.mean_moved or 0.0), 2 * (one.shape_moved or 0.0), 2 * abs(one.missing_moved))


def _moved(one: Shift) -> str:
    mean = "" if one.mean_moved is None else f"mean moved by {one.mean_moved:+.2f} standard deviations, "
    return mean + ("" if one.shape_moved is None else f"Jensen-Shannon distance {one.shape_moved:.2f}, ")


def _where(segments: Sequence[Segment]) -> str:
    if WHOLE in segments:
        others = len(segments) - 1
        return "at the whole site" + (f" and in {others} of its parts" if others else "")
    return f"in {_listed([_place(one) for one in segments])}"


def _place(segment: Segment) -> str:
    return "whole site" if segment == WHOLE else f"{segment[0].replace('_', ' ')} {segment[1]}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
