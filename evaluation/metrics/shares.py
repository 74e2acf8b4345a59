"""The share of true values among all that were looked at, as a figure.

What does not belong here: the interval itself (intervals).
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.evidence import Figure
from evaluation.metrics.intervals import wilson


def share(hits: NDArray[np.bool_]) -> Figure:
    """Return the share of true values with its Wilson interval; without a value where nothing was looked at."""
    n, events = int(hits.size), int(hits.sum())
    return Figure(events / n, *wilson(events, n), n=n, n_events=events) if n else Figure(None, n=0, n_events=0)
