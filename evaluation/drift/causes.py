"""One alert for one cause: the alarms of many columns and segments, put together by what they have in common.

Features that came with one feed move together when the feed or its patients changed, in every segment that has them:
one cause. A score that moved with features is their consequence, and stands with them; alone, it is a cause of its own,
as is a label. What does not belong here: opening incidents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        mean = "" if worst.mean_moved is None else f"mean moved by {worst.mean_moved:+.2f} standard deviations, "
        return (
            f"{_listed(self.columns)} moved {_where(self.segments)}. Most: {worst.watched.name} "
            f"({_place(worst.segment)}): {mean}Jensen-Shannon distance {worst.shape_moved:.2f}, missing "
            f"{100 * worst.missing_before:.0f} % before and {100 * worst.missing_after:.0f} % now, "
            f"{worst.current_n:,} rows against {worst.reference_n:,}, q {worst.q_value:.2g}."
        )


def causes_of(alarms: Sequence[Shift]) -> tuple[Cause, ...]:
    """Put alarms together, those of features first."""
    has_features = any(one.watched.role == "feature" for one in alarms)
    keyed = sorted(((_key(one), one) for one in alarms if not _follows(one, has_features)), key=lambda item: item[0])
    causes = [Cause(key, tuple(one for _, one in group)) for key, group in groupby(keyed, key=lambda item: item[0])]
    followers = tuple(one for one in alarms if _follows(one, has_features))
    return tuple(_with_followers(causes, followers))


def _with_followers(causes: list[Cause], followers: tuple[Shift, ...]) -> Iterator[Cause]:
    for cause in causes:
        is_first = cause is causes[0]  # features sort first
        yield Cause(cause.key, (*cause.shifts, *followers)) if is_first else cause


def _follows(one: Shift, has_features: bool) -> bool:
    return one.watched.role == "score" and has_features


def _key(one: Shift) -> str:
    if one.watched.role == "feature":
        return f"feed-{one.watched.feed or 'unknown'}"
    return f"{one.watched.role}-{one.watched.name}"


def size_of(one: Shift) -> float:
    """The larger effect on one scale: a distance of 0.1 counts as much as a mean that moved by 0.2."""
    return max(abs(one.mean_moved or 0.0), 2 * one.shape_moved)


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
