"""Figures of forecasts: skill at every horizon, what intervals hold, seconds, calibration; misses shown as they are.

What does not belong here: measuring (`bench_forecasts.py`). Standard library only, as `__main__.py`.
"""

from collections.abc import Iterator
from math import nan
from typing import Any

from tests.benchmarks.measuring import Cost
from tests.benchmarks.report import Figure

AIMED_SKILL_PERCENT, AIMED_FROM_DAYS = 10, 2
"""Better than a baseline by a tenth or more, from two days ahead on; misses are shown as they are."""
LONGEST_SECONDS, NINE_TENTHS = 60, 0.9
"""All wards of a hospital of 1,000 beds, forecast in less than a minute."""


def forecast_figures(shown: Cost, large: Cost, beds: Cost) -> Iterator[Figure]:
    """Of the backtests, of a large hospital, and of bed demand."""
    for site, outcomes in shown.result.items():
        for name, found in outcomes.items():
            yield from _skills(site, name, found)
    found = large.result
    seconds = {"value": found["seconds"], "unit": "s", "yardstick": "fitting", "beside": found["fit_seconds"]}
    yield Figure(found["name"], "forecast with totals", **seconds, target=LONGEST_SECONDS, is_at_most=True)
    yield Figure(found["name"], "largest gap of units to total", found["gap"], "", target=1e-6, is_at_most=True)
    for tier, windows in beds.result.items():
        for hours, one in windows.items():
            yield from _calibration(f"bed demand, {tier}", hours, one)


def _calibration(subject: str, hours: str, one: dict[str, Any]) -> Iterator[Figure]:
    said = f"{hours} h: PIT's distance from uniform, n {one['n']}"
    bound = {"target": 1.0, "is_at_most": True, "is_of_ratio": True}
    yield Figure(subject, said, one["gap"], "", "99 % of chance", one["allowed"], **bound)
    yield Figure(subject, f"{hours} h: mean miss", one["miss"], "beds", "width of 90 %", one["width"])


def _skills(site: str, name: str, found: dict[str, Any]) -> Iterator[Figure]:
    for baseline, skill in found["skill"].items():
        if skill["value"] is None:
            continue
        said = f"{name}: skill against {baseline}, 95 % {_percent(skill['lower'])}..{_percent(skill['upper'])}"
        mae, aim = found["baselines"][baseline]["mae"], AIMED_SKILL_PERCENT if _is_far(name) else None
        yield Figure(site, said, 100 * skill["value"], "%", f"MAE {baseline}", mae, target=aim, beside_unit=_unit(name))
    low, high = found["coverage_90_interval"]
    said = f"{name}: 90 % interval holds, 95 % {_percent(low)}..{_percent(high)}, pinball {found['pinball']:.3g}"
    yield Figure(site, said, 100 * found["coverage_90"], "%", "width", found["width_90"], beside_unit=_unit(name))
    said = f"{name}: 90 % lies within the bootstrap's bounds of coverage"
    yield Figure(site, said, None if low is None else float(low <= NINE_TENTHS <= high), "", target=1)


def _unit(name: str) -> str:
    """What an outcome counts, and so what its misses and widths are in: hours of nurses, or patients."""
    return "h" if "_hours_" in name else "patients"


def _is_far(name: str) -> bool:
    """Tell whether an outcome is named for two days or more (`census_2d`), or for months."""
    horizon = name.rpartition("_")[2]
    return horizon.endswith("m") or (horizon.endswith("d") and int(horizon[:-1]) >= AIMED_FROM_DAYS)


def _percent(value: float | None) -> str:
    return f"{100 * (nan if value is None else value):.0f}"
