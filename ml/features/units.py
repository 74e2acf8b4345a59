"""Units of measurement at triage: UCUM codes converted to the unit that a feature is declared in.

Here belong the few conversions that vital signs need, exactly (UCUM 2.1, https://ucum.org/ucum). Reading FHIR
does not. A unit that is missing or not listed converts to nothing: it is never assumed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ANNOTATION = re.compile(r"\{[^{}]{0,60}\}")


@dataclass(frozen=True)
class Conversion:
    """`(value - subtract) * multiply / divide` gives the declared unit, in the order that the mart's SQL has it."""

    subtract: float = 0.0
    multiply: float = 1.0
    divide: float = 1.0


PER_MINUTE: Mapping[str, Conversion] = MappingProxyType(
    {
        "/min": Conversion(),
        "1/min": Conversion(),
        "/s": Conversion(multiply=60),
        "1/s": Conversion(multiply=60),
    }
)
PERCENT: Mapping[str, Conversion] = MappingProxyType({"%": Conversion(), "1": Conversion(multiply=100)})
MILLIMETRES_OF_MERCURY: Mapping[str, Conversion] = MappingProxyType(
    {"mm[Hg]": Conversion(), "kPa": Conversion(multiply=1000, divide=133.322)}  # UCUM: 1 m[Hg] = 133.322 kPa
)
CELSIUS: Mapping[str, Conversion] = MappingProxyType(
    {"Cel": Conversion(), "[degF]": Conversion(32, 5, 9), "K": Conversion(subtract=273.15)}
)
SCORE: Mapping[str, Conversion] = MappingProxyType({"": Conversion(), "1": Conversion()})
"""A score is a number without a unit; UCUM writes `1` or an annotation such as `{score}`."""


def convert(value: float, unit: str | None, table: Mapping[str, Conversion]) -> float | None:
    """Convert `value` in UCUM `unit` by `table`; None when the unit is missing or has no conversion there.

    UCUM annotations in braces carry no meaning (UCUM §12) and are dropped: `{beats}/min` is `/min`.
    """
    conversion = table.get(_ANNOTATION.sub("", unit or ""))
    return None if conversion is None else (value - conversion.subtract) * conversion.multiply / conversion.divide
