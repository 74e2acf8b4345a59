"""Which conversion of units turns one distribution into another: a hint for the reader, never a verdict.

What does not belong here: converting values for use (the seeds of dbt and ``ml/features`` do that).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluation.drift.comparison import FloatArray

TOLERANCE = 0.06
"""Relative distance of the quartiles within which a conversion explains a shift."""
QUARTILES = (25, 50, 75)


@dataclass(frozen=True, slots=True)
class Conversion:
    name: str
    convert: Callable[[FloatArray], FloatArray]


def _times(name: str, factor: float) -> list[Conversion]:
    there, _, back = name.partition(" to ")
    return [
        Conversion(f"{there} to {back}", lambda values: values * factor),
        Conversion(f"{back} to {there}", lambda values: values / factor),
    ]


CONVERSIONS: tuple[Conversion, ...] = (
    Conversion("°F to °C", lambda values: (values - 32) / 1.8),
    Conversion("°C to °F", lambda values: values * 1.8 + 32),
    Conversion("°C to K", lambda values: values + 273.15),
    *_times("mg/dL to mmol/L (glucose, 18.02)", 1 / 18.016),
    *_times("mg/dL to µmol/L (creatinine, 88.4)", 88.42),
    *_times("mg/dL to mmol/L (cholesterol, 38.67)", 1 / 38.67),
    *_times("mg/dL to mmol/L (urea nitrogen, 2.8)", 1 / 2.801),
    *_times("mg/dL to mmol/L (lactate, 9.01)", 1 / 9.008),
    *_times("g/dL to g/L, or another factor of 10", 10),
    *_times("a factor of 1000, such as mg to µg", 1000),
    *_times("mmHg to kPa", 1 / 7.50062),
    *_times("lb to kg", 0.453592),
    *_times("in to cm", 2.54),
)


def likely_conversion(before: FloatArray, after: FloatArray) -> str:
    """Return the name of the conversion that maps the quartiles of ``before`` onto those of ``after``, or nothing."""
    old, new = np.percentile(before, QUARTILES), np.percentile(after, QUARTILES)
    scale = np.maximum(np.abs(new), 1e-9)
    fits = [(float(np.max(np.abs(one.convert(old) - new) / scale)), one.name) for one in CONVERSIONS]
    best, name = min(fits)
    return name if best <= TOLERANCE else ""
