"""Nurse hours that a census needs, by ratio: for units whose hours nobody reports.

Ratios are the use case's (`ratios`, with owner and rationale); a unit's own, under its id in lower case, go before
those of its kind. What is worked and what is needed are two things: a unit gets one or the other, never a mixture, and
which is said with every forecast.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.forecasting import BadHistory
from ml.forecasting.drivers import LEVELS
from ml.forecasting.history import Floats, History
from ml.usecases.forecast import AcuityLevel, ForecastUseCase

HOURS_A_DAY = 24.0


@dataclass(frozen=True)
class Places:
    """What a site's YAML says of it: the kind of every unit, and the usual hours of every shift."""

    kinds: Mapping[str, str]
    shift_hours: Mapping[str, float]


def by_ratio(
    history: History, declared: ForecastUseCase, places: Places, levels: Mapping[str, Floats]
) -> tuple[dict[str, Floats], frozenset[tuple[str, str]]]:
    """Hours by target for the units and shifts that never reported any, and which of them (unit, shift) these are.

    `levels`: census by triage level, as the mart has it. Patients without one count as the ratios' `unknown`. Raises
    `BadHistory` for a skill of the ratios that is no target of hours.
    """
    skills = {skill: _target_of(declared, skill) for skill in declared.skills}
    told = [target.name for target in declared.targets if target.column and target.name in skills.values()]
    silent = ~np.any([np.isfinite(history.values[name]).any(axis=1) for name in told], axis=0)
    counted = np.isfinite(history.values["census"]).any(axis=1)
    found = {name: history.values[name].copy() for name in told}
    given: set[tuple[str, str]] = set()
    for row in np.flatnonzero(silent & counted):
        unit, shift = history.series[int(row)]
        ratios = declared.ratios.units.get(unit.lower()) or declared.ratios.units.get(places.kinds.get(unit, ""))
        if ratios is None or shift not in places.shift_hours:
            continue
        share = places.shift_hours[shift] / HOURS_A_DAY
        patients = _by_level(ratios, declared.ratios.unknown, history.values["census"][row], row, levels)
        for skill, name in skills.items():
            hours = [one.hours_per_patient_day.get(skill, 0.0) * patients[one.level] for one in ratios]
            found[name][row] = share * np.sum(hours, axis=0)
        given.add((unit, shift))
    return found, frozenset(given)


def _target_of(declared: ForecastUseCase, skill: str) -> str:
    name = f"{skill}_hours"
    if name not in {target.name for target in declared.targets}:
        raise BadHistory(
            f"The ratios name the skill {skill!r}, but {name} is no target of {declared.use_case}; add it."
        )
    return name


def _by_level(
    ratios: tuple[AcuityLevel, ...], unknown: str, census: Floats, row: np.intp, levels: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Patients per level of the ratios and day; who has no triage level is of the level `unknown`."""
    found = {one.level: np.zeros_like(census) for one in ratios}
    rest = census.copy()
    for number, name in enumerate(LEVELS, 1):
        if name in levels:
            here = np.nan_to_num(levels[name][row])
            found[next(one.level for one in sorted(ratios, key=lambda one: one.up_to) if number <= one.up_to)] += here
            rest = rest - here
    found[unknown] = found[unknown] + np.maximum(rest, 0.0)
    return found
