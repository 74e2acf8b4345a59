"""Lines of text, without copying them: where each begins and ends, and whether it may be looked at.

What does not belong here: JSON. A line is judged on its own, so that a bad one never stops a good one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.feeds.limits import Limits
from orchestration.feeds.problems import LINE_NESTING, LINE_NOT_UTF8, LINE_TOO_LONG, Problem

NEWLINE = 10
SPACE = 32
OPENERS = np.frombuffer(b"[{", dtype=np.uint8)
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
CASELESS, OPENER = (
    np.uint8(0xDF),
    np.uint8(ord("[")),
)  # "[" and "{" differ in one bit, which letters have for their case
BLOCK = 1 << 19
BRACKET = re.compile(rb"[\[\]{}]+")


@dataclass(frozen=True)
class Lines:
    """Lines of one file: `number` (1-based, blank lines counted), `text` (UTF-8), and the bad ones beside them."""

    number: np.ndarray
    text: pa.LargeStringArray
    bad: tuple[tuple[int, Problem], ...]

    @property
    def count(self) -> int:
        return len(self.number) + len(self.bad)


def lines_of(content: bytes, limits: Limits) -> Lines:
    """Split bytes at line feeds; blank lines are no records."""
    data = np.frombuffer(content, dtype=np.uint8)
    ends = _places(data, lambda block: block == NEWLINE) + 1
    unended = [len(data)] if len(data) and not (len(ends) and ends[-1] == len(data)) else []
    bounds = np.concatenate([np.zeros(1, dtype=np.int64), ends, np.array(unended, dtype=np.int64)])
    blank = _blank(data, bounds)
    bad = {n: p for n, p in _suspects(content, bounds, limits) if not blank[n]}
    good = ~blank
    good[list(bad)] = False
    whole = _strings(content, bounds)
    kept = whole if good.all() else whole.take(pa.array(np.flatnonzero(good)))
    bad_lines = tuple((n + 1, p) for n, p in sorted(bad.items()))
    return Lines(np.flatnonzero(good) + 1, kept, bad_lines)


def one_document(content: bytes, limits: Limits) -> Lines:
    """Treat all the bytes as one line."""
    problem = _problem(content, limits, limits.document)
    if problem:
        return Lines(np.empty(0, dtype=np.int64), pa.array([], pa.large_string()), ((1, problem),))
    return Lines(np.ones(1, dtype=np.int64), pa.array([content.decode("utf-8")], pa.large_string()), ())


def _strings(content: bytes, bounds: np.ndarray) -> pa.LargeStringArray:
    buffers = [None, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(content)]
    return pa.LargeStringArray.from_buffers(len(bounds) - 1, buffers[1], buffers[2])


def _blank(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    blank = np.zeros(len(bounds) - 1, dtype=bool)
    for n in np.flatnonzero(data[bounds[:-1]] <= SPACE):
        blank[n] = not data[bounds[n] : bounds[n + 1]].tobytes().strip()
    return blank


def _suspects(content: bytes, bounds: np.ndarray, limits: Limits) -> list[tuple[int, Problem]]:
    """Judge exactly those lines that a cheap upper bound does not clear."""
    suspicious = np.diff(bounds) > limits.line
    suspicious |= _openers(np.frombuffer(content, dtype=np.uint8), bounds) > limits.nesting
    if not _is_utf8(content):
        suspicious[:] = True
    judged = (
        (int(n), _problem(content[bounds[n] : bounds[n + 1]], limits, limits.line)) for n in np.flatnonzero(suspicious)
    )
    return [(n, p) for n, p in judged if p]


def _openers(data: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Count opening brackets per line; brackets inside strings count too, so this is an upper bound of nesting."""
    return np.diff(np.searchsorted(_places(data, lambda block: block & CASELESS == OPENER), bounds))


def _places(data: np.ndarray, wanted: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return where bytes are that are wanted, looked for in pieces that fit into the processor's cache.

    NumPy lets other threads of Python run meanwhile, as methods of `bytes` do not.
    """
    found = [np.flatnonzero(wanted(data[start : start + BLOCK])) + start for start in range(0, len(data), BLOCK)]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])


def _is_utf8(content: bytes) -> bool:
    if content.isascii():  # most are, and nothing has to be decoded to see it
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _problem(line: bytes, limits: Limits, longest: int) -> Problem | None:
    if len(line) > longest:
        return LINE_TOO_LONG
    if not _is_utf8(line):
        return LINE_NOT_UTF8
    return LINE_NESTING if nesting(line) > limits.nesting else None


def nesting(document: bytes) -> int:
    """Return how deep brackets nest outside strings; a lower bound where brackets do not match."""
    brackets = np.frombuffer(b"".join(BRACKET.findall(STRING.sub(b"", document))), dtype=np.uint8)
    if not len(brackets):
        return 0
    steps = np.where(np.isin(brackets, OPENERS), 1, -1)
    return int(max(0, steps.cumsum().max()))


def is_cut_off(document: bytes) -> bool:
    """Whether a JSON document ends before its brackets or its last string are closed."""
    stripped = STRING.sub(b"", document.strip())
    opened = sum(stripped.count(c) for c in (b"[", b"{"))
    return document.lstrip()[:1] in (b"{", b"[") and opened > sum(stripped.count(c) for c in (b"]", b"}"))
