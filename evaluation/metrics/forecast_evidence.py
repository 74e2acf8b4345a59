"""The evidence about a forecast: how near it comes, whether its intervals hold, and the same unit by unit.

What does not belong here: the figures themselves (``forecast``), and which of them is good enough (a policy).
"""

from collections.abc import Mapping, Sequence

from evaluation.evidence import Evidence, EvidenceHead, Figure
from evaluation.metrics.forecast import ForecastSample, forecast_figures, method_of

OF_INTERVALS = ("coverage", "width")
UNITS = "units"


def forecast_evidence(
    samples: Sequence[ForecastSample],
    by_unit: Mapping[str, Sequence[ForecastSample]],
    head: EvidenceHead,
    *,
    coverage: float,
    seed: int,
) -> tuple[Evidence, Evidence, Evidence]:
    """Evidence of kinds performance, calibration and subgroups.

    Figures are ``<target>_<horizon>d.<figure>``; of units ``<target>_<horizon>d.<figure>.<unit>``, and the least of
    them ``<target>_<horizon>d.lowest_<figure>`` with the bounds of that unit.
    """
    every = {sample.name: forecast_figures(sample, coverage, seed) for sample in samples}
    flat = {f"{name}.{of}": figure for name, found in every.items() for of, figure in found.items()}
    intervals = {name: one for name, one in flat.items() if name.rpartition(".")[2] in OF_INTERVALS}
    method = {"method": method_of([*samples, *(one for unit in by_unit.values() for one in unit)], seed)}
    units = unit_figures(by_unit, coverage, seed)
    return (
        head.evidence("performance", {name: one for name, one in flat.items() if name not in intervals}, method),
        head.evidence("calibration", intervals, {**method, "nominal": coverage}),
        head.evidence("subgroups", units, {**method, UNITS: sorted(by_unit)}),
    )


def unit_figures(by_unit: Mapping[str, Sequence[ForecastSample]], coverage: float, seed: int) -> dict[str, Figure]:
    """Coverage and skill of every unit, and the lowest of each."""
    figures: dict[str, Figure] = {}
    lowest: dict[str, Figure] = {}
    for unit, samples in by_unit.items():
        for sample in samples:
            found = forecast_figures(sample, coverage, seed)
            for of in ("coverage", "skill"):
                figures[f"{sample.name}.{of}.{unit}"] = found[of]
                name = f"{sample.name}.lowest_{of}"
                lowest[name] = _lower(lowest.get(name), found[of])
    return figures | lowest


def _lower(one: Figure | None, other: Figure) -> Figure:
    """The lower of two; one that could not be estimated is the lowest of all, so that a gate refuses it."""
    if one is None:
        return other
    if one.value is None or other.value is None:
        return one if one.value is None else other
    return one if one.value <= other.value else other
