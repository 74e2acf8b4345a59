"""A window as counts: of every watched column, by segment, day and bin, in columns and never row by row.

Here belong bins (deciles of the reference, its categories), segments and counting. What two windows say together is in
``segments``. A reference is counted once and kept (``save_reference``): the training window of a model does not change.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, cast
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evaluation.drift.comparison import FloatArray
from evaluation.drift.verdict import DriftInputError, FeatureKind

BINS = 10
MOST_CATEGORIES = 50
ENOUGH_FOR_DECILES = 100_000
ROUNDING = 1e-12
"""Share of the squares that adding them up may leave of a constant, whose variance is none."""
WHOLE = ("site", "all")
Counts = NDArray[np.int64]
Role = Literal["feature", "score", "label"]
Segment = tuple[str, str]
"""What rows are parted by, and the value: ``("shift", "night")``."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A column to watch: how to read it, what it is to the model, and the feed that it came with."""

    name: str
    kind: FeatureKind
    role: Role = "feature"
    feed: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Where values fall: inner ``edges`` of numbers, or ``names``. Two more bins are for what is new, and missing."""

    edges: FloatArray
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        return max(self.edges.size + 1, len(self.names)) + 2


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """One column of a window. ``counts``: segments x days x bins; the others by segment, of values that are there.

    Where no value is there, mean and variance are NaN.
    """

    bins: Bins
    counts: Counts
    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A window that others are held against.

    ``is_standing``: its rows tell how full a place stands, at one time after another, and not who came.
    """

    watched: tuple[Watched, ...]
    segments: tuple[Segment, ...]
    tallies: Mapping[str, Tally]
    is_standing: bool = False


def tally_reference(
    table: pa.Table, days: Counts, watched: Sequence[Watched], by: Sequence[str], *, is_standing: bool = False
) -> Reference:
    """Count a reference: ``days`` is each row's day as an ordinal, ``by`` the columns that rows are parted by."""
    segments: tuple[Segment, ...] = (WHOLE, *(segment for column in by for segment in _values(table, column)))
    bins = {one.name: _bins_of(one, table) for one in watched}
    return Reference(tuple(watched), segments, _tallied(table, days, watched, segments, bins), is_standing)


def tally_current(reference: Reference, table: pa.Table, days: Counts) -> Mapping[str, Tally]:
    """Count another window in the bins and segments of a reference."""
    bins = {name: one.bins for name, one in reference.tallies.items()}
    return _tallied(table, days, reference.watched, reference.segments, bins)


def _values(table: pa.Table, column: str) -> list[Segment]:
    _require(table, column)
    found = pc.call_function("unique", [table[column].cast(pa.string()).drop_null()]).to_pylist()
    return [(column, value) for value in sorted(found)]


def _tallied(
    table: pa.Table,
    days: Counts,
    watched: Sequence[Watched],
    segments: Sequence[Segment],
    bins: Mapping[str, Bins],
) -> dict[str, Tally]:
    _, day = np.unique(days, return_inverse=True)
    size = int(day.max()) + 1 if day.size else 1
    groups = [(place, len(place), codes * size + day) for place, codes in _segment_codes(table, segments)]
    return {one.name: _tally(one, table, bins[one.name], groups, len(segments), size) for one in watched}


def _segment_codes(table: pa.Table, segments: Sequence[Segment]) -> list[tuple[list[int], Counts]]:
    """By what rows are parted by: the places of its segments, and each row's (the last but one for rows of none)."""
    found = [([0], np.zeros(table.num_rows, dtype=np.int64))]
    for column in dict.fromkeys(by for by, _ in segments[1:]):
        place = [n for n, (by, _) in enumerate(segments) if by == column]
        _require(table, column)
        known = pa.array([segments[n][1] for n in place], pa.string())
        codes = pc.call_function(
            "index_in", [table[column].cast(pa.string())], pc.SetLookupOptions(known, skip_nulls=True)
        )
        found.append((place, np.asarray(codes.fill_null(len(place))).astype(np.int64)))
    return found


def _tally(
    one: Watched,
    table: pa.Table,
    bins: Bins,
    groups: Sequence[tuple[list[int], int, Counts]],
    segments: int,
    days: int,
) -> Tally:
    values = None if one.kind == "categorical" else _numbers(one, table)
    codes = _codes(bins, table, one) if values is None else _binned(bins, values)
    counts = np.zeros((segments, days, bins.size), dtype=np.int64)
    sums = np.zeros((2, segments))
    centre = 0.0 if values is None else _somewhere_among(values)
    shifted = None if values is None else np.nan_to_num(values - centre, nan=0.0, posinf=0.0, neginf=0.0)
    for place, size, key in groups:
        cells = np.bincount(key * bins.size + codes, minlength=(size + 1) * days * bins.size)
        counts[place] = cells.reshape(size + 1, days, bins.size)[:size]
        if shifted is not None:
            segment = key // days
            sums[0, place] = np.bincount(segment, shifted, minlength=size + 1)[:size]
            sums[1, place] = np.bincount(segment, shifted * shifted, minlength=size + 1)[:size]
    there = counts[:, :, :-1].sum(axis=(1, 2))
    mean, square = np.divide(sums, there, out=np.full_like(sums, np.nan), where=there > 0)
    spread = square - mean**2
    variance = np.where(spread <= ROUNDING * square, 0.0, spread) * there / np.maximum(there - 1, 1)
    return Tally(bins, counts, mean + centre, variance)


def _somewhere_among(values: FloatArray) -> float:
    """A number near the values: sums of squares are taken from there, where they do not cancel."""
    there = values[:ENOUGH_FOR_DECILES]
    there = there[np.isfinite(there)]
    return float(there.mean()) if there.size else 0.0


def _bins_of(one: Watched, table: pa.Table) -> Bins:
    _require(table, one.name)
    if one.kind == "categorical":
        counted = pc.call_function("value_counts", [table[one.name].cast(pa.string()).drop_null()]).to_pylist()
        ordered = sorted((-int(item["counts"]), str(item["values"])) for item in counted)[:MOST_CATEGORIES]
        return Bins(np.empty(0), tuple(sorted(name for _, name in ordered)))
    if one.kind == "boolean":
        return Bins(np.array([0.5]), ())
    values = _numbers(one, table)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Bins(np.empty(0), ())
    lowest = finite.min()
    some = finite[
        :: max(1, finite.size // ENOUGH_FOR_DECILES)
    ]  # rows are in no order of size: every so many is a sample
    edges = np.unique(np.quantile(some, np.arange(1, BINS) / BINS))
    # A value that many rows share is a bin of its own: an edge just above the lowest keeps zeros apart from the rest.
    above = edges[edges > lowest]
    return Bins(above if above.size else np.array([np.nextafter(lowest, np.inf)]), ())


def _numbers(one: Watched, table: pa.Table) -> FloatArray:
    _require(table, one.name)
    column = table[one.name]
    try:
        plain = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        return np.asarray(plain.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DriftInputError(f"column {one.name} is {column.type}; expected numbers.") from error


def _binned(bins: Bins, values: FloatArray) -> Counts:
    codes = np.searchsorted(bins.edges, values, side="right")
    return np.where(np.isfinite(values), codes, bins.size - 1)


def _codes(bins: Bins, table: pa.Table, one: Watched) -> Counts:
    _require(table, one.name)
    column = table[one.name].cast(pa.string())
    known = pc.SetLookupOptions(pa.array(bins.names, pa.string()), skip_nulls=True)
    codes = np.asarray(pc.call_function("index_in", [column], known).fill_null(bins.size - 2)).astype(np.int64)
    return np.where(np.asarray(column.is_null()), bins.size - 1, codes)


def _require(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        raise DriftInputError(f"column {name} is not among the {table.num_columns} of the window.")


# -- keeping

FORM = 3
"""Of what is kept: another number where the same rows would be counted otherwise."""


def reference_bytes(reference: Reference) -> bytes:
    """A reference as bytes without any row: counts, bins and segments."""
    head = {
        "watched": [asdict(one) for one in reference.watched],
        "segments": reference.segments,
        "is_standing": reference.is_standing,
        "names": {name: one.bins.names for name, one in reference.tallies.items()},
    }
    arrays: dict[str, NDArray[np.generic]] = {"head": np.array(json.dumps(head))}
    for n, one in enumerate(reference.watched):
        tally = reference.tallies[one.name]
        arrays |= {f"{n}.edges": tally.bins.edges, f"{n}.counts": tally.counts}
        arrays |= {f"{n}.mean": tally.mean, f"{n}.variance": tally.variance}
    written = io.BytesIO()
    np.savez_compressed(written, allow_pickle=False, **arrays)
    return written.getvalue()


def read_reference(content: bytes) -> Reference:
    """Read back what :func:`reference_bytes` wrote. Raises :class:`DriftInputError`."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            head = json.loads(str(kept["head"]))
            watched = tuple(Watched(**one) for one in head["watched"])
            tallies = {
                one.name: Tally(
                    Bins(kept[f"{n}.edges"], tuple(head["names"][one.name])),
                    kept[f"{n}.counts"],
                    kept[f"{n}.mean"],
                    kept[f"{n}.variance"],
                )
                for n, one in enumerate(watched)
            }
            segments = tuple(cast("Segment", tuple(one)) for one in head["segments"])
            return Reference(watched, segments, tallies, bool(head["is_standing"]))
    except (ValueError, KeyError, TypeError, OSError, EOFError, BadZipFile) as error:
        raise DriftInputError(
            f"the kept reference cannot be read ({type(error).__name__}); it is counted anew."
        ) from error
