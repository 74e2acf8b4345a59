"""Interchanges to transaction sets (X12.5, X12.6): what belongs together, and what its envelope says against it.

A set whose own envelope is whole is trusted even where the interchange was cut off after it; one whose group or
interchange ends with another number than it began with is not. Counts are only compared here: the contract decides
what a wrong one means.

What does not belong here: claims.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestration.feeds.problems import Problem
from orchestration.feeds.x12.problems import (
    GROUP_CONTROL,
    GROUP_TRUNCATED,
    INTERCHANGE_CONTROL,
    INTERCHANGE_EMPTY,
    INTERCHANGE_TRUNCATED,
    OUTSIDE,
    SET_CONTROL,
    SET_TRUNCATED,
)
from orchestration.feeds.x12.segments import Interchange, Segment, element

TRAILERS = {"SE": ("ST", 2), "GE": ("GS", 6), "IEA": ("ISA", 13)}  # whose control number they repeat, and where
ACKNOWLEDGEMENT = "TA1"  # may stand between an interchange's header and its groups


@dataclass(frozen=True)
class Counts:
    """Whether what a trailer counts is what came; null where there is no trailer."""

    segments: bool | None = None
    sets: bool | None = None
    groups: bool | None = None


@dataclass(frozen=True)
class TransactionSet:
    """The segments from ST to SE, both included, with their envelope; `problem` says why they are not trusted.

    A set without segments stands for what was lost.
    """

    interchange: Interchange
    group: Segment
    segments: tuple[str, ...]
    counts: Counts
    problem: Problem | None

    @property
    def header(self) -> Segment:
        """The ST segment."""
        return self.interchange.read(self.segments[0])

    def read(self) -> Iterator[Segment]:
        """Return the elements of each segment."""
        return map(self.interchange.read, self.segments)


@dataclass
class _Set:
    header: Segment
    segments: list[str]
    trailer: Segment = ()

    @property
    def has_header(self) -> bool:
        return self.header[0] == "ST"

    @property
    def problem(self) -> Problem | None:
        if not self.has_header:
            return OUTSIDE
        if not self.trailer:
            return SET_TRUNCATED
        return None if _same(element(self.header, 2), element(self.trailer, 2)) else SET_CONTROL


@dataclass
class _Group:
    header: Segment = ()
    trailer: Segment = ()
    sets: list[_Set] = field(default_factory=list[_Set])

    @property
    def problem(self) -> Problem | None:
        if not self.header:
            return OUTSIDE
        is_same = not self.trailer or _same(element(self.header, 6), element(self.trailer, 2))
        return None if is_same else GROUP_CONTROL

    @property
    def is_cut_within_a_set(self) -> bool:
        return bool(self.sets) and self.sets[-1].problem is SET_TRUNCATED

    @property
    def is_cut_between_sets(self) -> bool:
        return bool(self.header) and not self.trailer and not self.is_cut_within_a_set


class _Tree:
    """The groups and sets of an interchange."""

    def __init__(self, interchange: Interchange) -> None:
        self.groups: list[_Group] = []
        self.trailer: Segment = ()
        self._read = interchange.read
        self._group: _Group | None = None
        self._open: list[str] = []
        for segment in _without_cut_trailer(interchange):
            self._take(interchange.name(segment), segment)
        self._end_set()

    def _take(self, name: str, segment: str) -> None:
        if name in ("ST", "GS", "GE") or (name == "IEA" and not self.trailer):
            self._end_set()
        if name == "SE":
            self._end_set(segment)
        elif name == "GS":
            self._group = _Group(self._read(segment))
            self.groups.append(self._group)
        elif name == "GE":
            self._into_group().trailer = self._read(segment)
            self._group = None
        elif name == "IEA" and not self.trailer:
            self.trailer, self._group = self._read(segment), None
        elif name != ACKNOWLEDGEMENT or self._open:
            self._open.append(segment)

    def _end_set(self, trailer: str = "") -> None:
        segments = [*self._open, trailer] if trailer else self._open
        if segments:
            made = _Set(self._read(segments[0]), segments, self._read(trailer) if trailer else ())
            self._into_group().sets.append(made)
        self._open = []

    def _into_group(self) -> _Group:
        if self._group is None:
            self._group = _Group()
            self.groups.append(self._group)
        return self._group


def transaction_sets(interchange: Interchange) -> Iterator[TransactionSet]:
    """Return the sets of an interchange in order, and one without segments for each loss that no set shows."""
    tree = _Tree(interchange)
    is_same = not tree.trailer or _same(element(interchange.header, 13), element(tree.trailer, 2))
    problem = None if is_same else INTERCHANGE_CONTROL
    groups = sum(bool(g.header) for g in tree.groups)
    is_counted = _same(element(tree.trailer, 1), str(groups)) if tree.trailer else None
    for n, group in enumerate(tree.groups, start=1):
        yield from _of_group(interchange, group, is_counted, problem)
        if group.is_cut_between_sets and (tree.trailer or n < len(tree.groups)):
            yield _lost(interchange, GROUP_TRUNCATED)
    if not tree.trailer and not (tree.groups and tree.groups[-1].is_cut_within_a_set):
        yield _lost(interchange, INTERCHANGE_TRUNCATED)
    elif not any(group.sets for group in tree.groups):
        yield _lost(interchange, INTERCHANGE_EMPTY)


def _of_group(
    interchange: Interchange, group: _Group, groups_are_counted: bool | None, problem: Problem | None
) -> Iterator[TransactionSet]:
    came = sum(s.has_header for s in group.sets)
    sets_are_counted = _same(element(group.trailer, 1), str(came)) if group.trailer else None
    for found in group.sets:
        segments_are_counted = _same(element(found.trailer, 1), str(len(found.segments))) if found.trailer else None
        counts = Counts(segments_are_counted, sets_are_counted, groups_are_counted)
        reason = found.problem or group.problem or problem
        yield TransactionSet(interchange, group.header, tuple(found.segments), counts, reason)


def _without_cut_trailer(interchange: Interchange) -> tuple[str, ...]:
    """Return the segments without a last one that is a trailer and was cut off: it says nothing any more."""
    segments = interchange.segments
    trailer = interchange.read(segments[-1]) if interchange.is_cut else ()
    if not trailer or trailer[0] not in TRAILERS:
        return segments
    name, at = TRAILERS[trailer[0]]
    headers = (interchange.read(s) for s in reversed(segments) if interchange.name(s) == name)
    header = interchange.header if name == "ISA" else next(headers, ())
    return segments if _same(element(header, at), element(trailer, 2)) else segments[:-1]


def _lost(interchange: Interchange, problem: Problem) -> TransactionSet:
    return TransactionSet(interchange, (), (), Counts(), problem)


def _same(one: str, other: str) -> bool:
    """Whether two control numbers or counts are the same; leading zeros do not matter."""
    return one == other or (one.isdecimal() and other.isdecimal() and one.lstrip("0") == other.lstrip("0"))
