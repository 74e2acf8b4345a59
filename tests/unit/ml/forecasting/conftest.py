import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ml.forecasting.history import history_of
from ml.usecases import load_forecast

FIRST = dt.date(2024, 1, 1)  # a Monday
COLUMNS = ("census", "rn_hours", "lpn_hours", "aide_hours")
SUMS = {"nurse_hours": ("rn_hours", "lpn_hours", "aide_hours")}


def small_table(days=200, units=("MED", "SUR"), shifts=("day", "night"), seed=3, first=FIRST):
    """A seeded hospital: weekday patterns, a census that wanders, hours that follow it."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, unit in enumerate(units):
        for shift in shifts:
            census = 30.0 + 10 * number
            for day in range(days):
                census = max(5.0, 0.9 * census + 0.1 * (30 + 10 * number) + rng.normal(0, 2))
                weekend = 0.85 if (first + dt.timedelta(days=day)).weekday() > 4 else 1.0
                here = round(census * weekend)
                hours = here * 1.6 + rng.normal(0, 2)
                rows.append((unit, first + dt.timedelta(days=day), shift, here, hours, hours / 4, hours / 2))
    columns = list(zip(*rows, strict=True))
    return pa.table(dict(zip(("unit", "date", "shift", *COLUMNS), columns, strict=True)))


def history(table):
    return history_of(table, COLUMNS, SUMS)


@pytest.fixture(scope="session")
def declared():
    """The shipped declaration, with fewer trees: these tests are about shape, not about skill."""
    shipped = load_forecast("staffing")
    return shipped.model_copy(update={"recipe": shipped.recipe.model_copy(update={"trees": 20, "validation_days": 28})})


@pytest.fixture(scope="session")
def table():
    return small_table()
