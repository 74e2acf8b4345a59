"""Splitting by time, and which labels may count.

Here belongs every rule about what was known when. Rows are never split at random. Fitting does not belong
here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.features import ColumnMissing
from ml.usecases import Outcome

Mask = npt.NDArray[np.bool_]
Times = npt.NDArray[np.int64]
KEYS = ("site", "is_eligible", "arrived_at", "known_at", "visit_occurrence_id", "labels_known_at")


@dataclass(frozen=True)
class Period:
    """Arrivals from `start` (inclusive) until `end` (exclusive); None is open."""

    start: datetime | None = None
    end: datetime | None = None


def visits(mart: pa.Table, site: str, period: Period) -> pa.Table:
    """The eligible visits of one site that arrived in `period`, ordered by arrival and visit.

    The order does not depend on the order of `mart`, so that equal data give equal models. Raises
    `ColumnMissing`.
    """
    if missing := [name for name in KEYS if name not in mart.column_names]:
        raise ColumnMissing(f"The mart lacks {', '.join(missing)}; build it again.")
    of_site = np.asarray(pc.call_function("equal", [mart["site"], site]).fill_null(False))
    chosen = of_site & np.asarray(mart["is_eligible"].fill_null(False)) & _within(mart, period)
    table = mart.filter(pa.array(chosen))
    return table.sort_by([("arrived_at", "ascending"), ("visit_occurrence_id", "ascending")])


def settled(table: pa.Table, outcome: Outcome, known_by: datetime | None) -> Mask:
    """Which rows have a label that may count: (rows,) booleans.

    A label counts when it is not null. With `known_by` it must also have been known by then, with the record
    of the visit itself, and the visit must be old enough for everybody's label to be settled
    (`maturity_days`): otherwise the last days hold only those who stayed briefly.
    """
    if outcome.label_column not in table.column_names:
        raise ColumnMissing(f"The mart lacks the label {outcome.label_column}; build it again.")
    known = np.asarray(table[outcome.label_column].is_valid())
    if known_by is None:
        return known
    limit = microseconds(known_by)
    matured = times(table, "arrived_at") <= limit - round(outcome.maturity_days * 86_400e6)
    arrived_here = (times(table, "labels_known_at") <= limit) & (times(table, "known_at") <= limit)
    return known & matured & arrived_here


def labels(table: pa.Table, outcome: Outcome) -> npt.NDArray[np.float64]:
    """The labels as 0 and 1, NaN where unknown."""
    column = table[outcome.label_column].cast(pa.bool_()).cast(pa.int8()).cast(pa.float64())
    return np.asarray(column.fill_null(np.nan))


def label_cutoff(mart: pa.Table, site: str, train_until: datetime) -> datetime | None:
    """`train_until` where a live feed was already arriving then, None where everything was imported later.

    A survey that arrives as one file years after its visits has no "known by then"; there the dates of
    arrival in hospital alone decide, and whatever the file settled counts.
    """
    known = times(visits(mart, site, Period(end=train_until)), "known_at")
    is_live = bool(np.any(known <= microseconds(train_until)))
    return train_until if is_live else None


def forward_slices(arrived: Times, first: float = 0.5, count: int = 3) -> list[tuple[Mask, Mask]]:
    """Pairs (earlier, slice) for time-aware cross-fitting of `arrived`, which must be sorted.

    The first share of the rows is only learned from; the rest is cut into `count` slices, and each is scored
    by a model that saw nothing but strictly earlier arrivals. Equal times are never parted.
    """
    if len(arrived) == 0:
        return []
    shares = [first + (1 - first) * part / count for part in range(count)]
    starts = [arrived[min(int(len(arrived) * share), len(arrived) - 1)] for share in shares]
    edges = [*sorted(set(starts)), arrived[-1] + 1]
    pairs = [(arrived < low, (arrived >= low) & (arrived < high)) for low, high in pairwise(edges)]
    return [(earlier, later) for earlier, later in pairs if earlier.any() and later.any()]


def times(table: pa.Table, column: str) -> Times:
    """A timestamp column as microseconds since 1970 UTC; the largest integer where it is null.

    Raises `ColumnMissing` for a column without a time zone: its instant would be a guess.
    """
    kind = table.schema.field(column).type
    if pa.types.is_null(kind):
        return np.full(table.num_rows, np.iinfo(np.int64).max)
    if not pa.types.is_timestamp(kind) or kind.tz is None:
        raise ColumnMissing(f"The mart's {column} is of type {kind}; expected a timestamp with time zone.")
    instants = table[column].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return np.asarray(instants.fill_null(np.iinfo(np.int64).max))


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises `ValueError` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("A time without a zone names no instant; pass a timezone-aware one.")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _within(table: pa.Table, period: Period) -> Mask:
    arrived = times(table, "arrived_at")
    inside = arrived < np.iinfo(np.int64).max
    if period.start is not None:
        inside &= arrived >= microseconds(period.start)
    if period.end is not None:
        inside &= arrived < microseconds(period.end)
    return inside
