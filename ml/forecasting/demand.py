"""The demand mart as series of days or of months, and their rolling-origin forecasts.

Here belongs what is read of the mart, and that a site's daily and monthly counts each go their way; the ways are
`backtest.py` and `monthly.py`.
"""

import datetime as dt
from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from ml.forecasting import NotEnoughHistory
from ml.forecasting.history import History, Series, history_of
from ml.forecasting.monthly import Months, months_of
from ml.usecases.demand import DemandUseCase


def site_days(mart: pa.Table, declared: DemandUseCase, site: str) -> History | None:
    """A site's daily counts, or None where it reports none. Raises `BadHistory`."""
    found = _counts(mart, site, "day", declared.series.day)
    if not found:
        return None
    keys = list(found)
    table = pa.table(
        {
            "unit": [unit for (unit, _), _ in keys],
            "shift": [stream for (_, stream), _ in keys],
            "date": pa.array([day for _, day in keys], pa.date32()),
            declared.targets[0].name: pa.array(list(found.values()), pa.float64()),
        }
    )
    return history_of(table, [declared.targets[0].name])


def site_months(mart: pa.Table, declared: DemandUseCase, site: str) -> Months | None:
    """A site's monthly counts, or None where it reports none. Raises `BadHistory`."""
    found = _counts(mart, site, "month", declared.series.month)
    return months_of(found) if found else None


def require_any(days: History | None, months: Months | None, site: str) -> None:
    """Raise `NotEnoughHistory` where a site reports neither."""
    if days is None and months is None:
        raise NotEnoughHistory(f"{site} has no demand counts. Land its demand feed, then run.")


def _counts(mart: pa.Table, site: str, period: str, level: str) -> dict[tuple[Series, dt.date], float]:
    """Counts by series and date; where series are units, their streams are added up."""
    equal = [pc.call_function("equal", [mart[name], value]) for name, value in (("site", site), ("period", period))]
    rows = mart.filter(pc.call_function("and", equal))
    found: dict[tuple[Series, dt.date], float] = defaultdict(float)
    columns = (rows[name].to_pylist() for name in ("unit", "stream", "date", "arrivals"))
    for unit, stream, day, count in zip(*columns, strict=True):
        found[(unit, stream if level == "stream" else ""), day] += count
    return dict(found)
