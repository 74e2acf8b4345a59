"""What moves a unit's demand beside its own past: how sick its patients are, and who is booked to come.

Each driver is an array of series × days in which column t holds what was known at the end of day t; an unknown day
stays unknown. A site that sends none of it has no driver, and its model no column for one. How a driver enters a model
is `features.py`, what is said of it `reasons.py`.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa

from ml.forecasting.history import Floats

LEVELS = tuple(f"census_level_{level}" for level in range(1, 6))
SICKEST = LEVELS[:2]
"""Triage levels 1 and 2: those whose ratios in `staffing.yaml` are the high ones."""
LEADS = tuple(range(1, 10))
ACUITY, BOOKED = "acuity", "booked_ahead_{}"
MODEL_COLUMNS: Mapping[str, str] = {"acuity_above_month": ACUITY, "booked_above_usual": BOOKED}
"""Column of a model -> the driver (with `{}` for the step) that it is made of."""


def driver_columns(rows: pa.Table) -> list[str]:
    """The mart's columns of drivers that hold anything at this site."""
    wanted = (*LEVELS, *(_booked(lead) for lead in LEADS))
    return [name for name in wanted if name in rows.column_names and rows[name].null_count < rows.num_rows]


def drivers_of(grids: Mapping[str, Floats]) -> dict[str, Floats]:
    """Drivers from the grids of the mart's columns (series × days, which may reach into the future)."""
    found: dict[str, Floats] = {}
    if levels := [grids[name] for name in LEVELS if name in grids]:
        known = np.nansum(levels, axis=0)
        sickest = np.nansum([grids[name] for name in SICKEST if name in grids] or [np.zeros_like(known)], axis=0)
        found[ACUITY] = np.where(known > 0, sickest / np.maximum(known, 1), np.nan)
    for lead in LEADS:
        if (name := _booked(lead)) in grids:
            found[BOOKED.format(lead)] = _from_origin(grids[name], lead)
    return found


def missing_drivers(columns: Collection[str], steps: Collection[int], known: Collection[str]) -> set[str]:
    """The drivers that a model's columns are made of, at its steps, and that a history does not hold."""
    wanted = {MODEL_COLUMNS[name].format(step) for name in columns if name in MODEL_COLUMNS for step in steps}
    return wanted - set(known)


def _booked(lead: int) -> str:
    return f"booked_{lead}d"


def _from_origin(values: Floats, lead: int) -> Floats:
    """Column t holds what was booked, at the end of day t, for the day `lead` days later."""
    shifted = np.full_like(values, np.nan)
    if lead < values.shape[1]:
        shifted[:, : values.shape[1] - lead] = values[:, lead:]
    return shifted
