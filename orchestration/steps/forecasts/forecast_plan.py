"""The draft of a plan from a forecast: lines per unit, shift and target, in the local times of the site.

What answers is decided by the release, and then by the age and wholeness of each series (`ml/forecasting/tiers`). What
does not belong here: publishing (plans), and what the board shows of it (board).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evaluation.policies import Tier
from ml.features import FeatureError
from ml.forecasting import ForecastError, ModelRefused
from ml.forecasting import bundle as bundles
from ml.forecasting.history import History
from ml.forecasting.mart import read_staffing, site_history
from ml.forecasting.model import ForecastModel
from ml.forecasting.predict import Forecast, Line
from ml.forecasting.site_total import forecast_site
from ml.usecases import ForecastUseCase
from ml.usecases.forecast import HOURS, Target
from orchestration.settings import Settings
from orchestration.sites import Site, UnitKind
from orchestration.steps.forecasts.bed_demand import BedDemand, bed_demand_asked
from orchestration.steps.forecasts.forecast_history import places_of
from orchestration.steps.kinds.planned import Asked, Draft
from orchestration.steps.planning.board import Published
from orchestration.steps.rosters.shifts import Span, UnknownShift, span_of

NURSES = "nurses"
CENSUS = "census"
ANSWERS_AT_LEAST = timedelta(hours=24)
"""How long a plan without lines says so."""
NO_INTERVAL = "Too few past errors for an interval."


@dataclass(frozen=True)
class Placed:
    """A figure to come, with the instants of its shift."""

    line: Line
    span: Span


def published_of(declared: ForecastUseCase) -> dict[str, Published]:
    """Return every line that a plan of the use case may hold, by its name there."""
    figures = {one.name: Published(one.label, _measure(one)) for one in declared.targets}
    people = {one.people.target: Published(one.people.label, NURSES) for one in declared.targets if one.people}
    return figures | people


def _measure(target: Target) -> str:
    return target.unit.strip("{}")


def draft_forecast(settings: Settings, asked: Asked, declared: ForecastUseCase) -> Draft:
    """Make the draft. Unreadable input is a draft of tier manual that says what is wrong."""
    said = tuple(f"{one.said} {_without(declared, name)}".strip() for name, one in asked.upstream.items())
    notes = tuple(note for note, one in zip(said, asked.upstream.values(), strict=True) if not one.is_usable)
    try:
        snapshot = read_staffing(settings.snapshots, f"{declared.use_case}_mart")
        history = site_history(snapshot.mart, declared, asked.site.id, asked.at, places_of(asked.site))
        model, fault = _model(asked)
        ahead = (0, *declared.horizons_days)
        made, whole = forecast_site(model, declared, history, asked.at, ahead, asked.allowed.value, fault)
        beds = bed_demand_asked(settings, asked.site, asked.at, asked.upstream)
    except (ForecastError, FeatureError) as error:
        return Draft(Tier.MANUAL, str(error), asked.at, asked.at + ANSWERS_AT_LEAST, notes=notes)
    return _draft(declared, asked, made, history, (*_totals(declared, whole), *notes), beds)


def _totals(declared: ForecastUseCase, whole: Forecast) -> list[str]:
    """What all units together are expected to have tomorrow, per shift: the same figures, added up."""
    census = declared.target(CENSUS).label
    tomorrow = whole.as_of.date() + timedelta(days=1)
    parts = [
        f"{line.shift} {_at(line.quantiles, 0.5):.0f}"
        for line in whole.lines
        if line.target == CENSUS and line.date == tomorrow and line.quantiles
    ]
    return [f"All units together, {census} tomorrow: {', '.join(parts)}."] if parts else []


def _without(declared: ForecastUseCase, use_case: str) -> str:
    return next(one.without for one in declared.upstream if one.use_case == use_case)


def _model(asked: Asked) -> tuple[ForecastModel | None, str]:
    if asked.allowed is not Tier.MODEL:
        return None, ""
    try:
        return bundles.load(asked.release.model_folder, asked.release.manifest.model.digest), ""
    except ModelRefused as error:
        return None, str(error).rstrip(".")


def _draft(
    declared: ForecastUseCase,
    asked: Asked,
    made: Forecast,
    history: History,
    notes: tuple[str, ...],
    beds: BedDemand | None,
) -> Draft:
    told = [line for line in made.lines if history.tells(line.target, (line.unit, line.shift))]
    placed, strange = _placed(asked.site, told, asked.at)
    silent = [one for one in placed if one.line.quantiles is None]
    lines = [line for one in placed for line in _lines(declared, one, _driver(asked.site, one, beds))]
    lower, why = _by_upstream(asked, placed, beds)
    tiers = [Tier(one.line.tier) for one in placed if one.line.quantiles is not None]
    tier = max([*tiers, asked.allowed, lower], key=lambda one: one.rank) if lines else Tier.MANUAL
    ends = [one.span.ends_at for one in placed]
    return Draft(
        tier=tier,
        tier_reason=" ".join([*_reasons(placed), *why]) or None,
        as_of=asked.at,
        valid_until=max(ends, default=asked.at + ANSWERS_AT_LEAST),
        lines=tuple(lines),
        notes=(*([beds.sentence()] if beds else []), *notes, *strange, *_asks_for(silent)),
    )


def _by_upstream(asked: Asked, placed: Iterable[Placed], beds: BedDemand | None) -> tuple[Tier, list[str]]:
    """The highest tier that bed demand leaves, where it is part of a reason here, and why it is not the model's.

    It counts where its use case is released and was stepped down; on one that is off nobody counted: that is a note."""
    if beds is None or beds.tier == "model" or not any(_driver(asked.site, one, beds) for one in placed):
        return Tier.MODEL, []
    down = [one.said for one in asked.upstream.values() if one.release is not None and one.tier is not Tier.MODEL]
    return (Tier.HISTORY, [*down, "Bed demand is that of past days."]) if down else (Tier.MODEL, [])


def _placed(site: Site, lines: Iterable[Line], at: datetime) -> tuple[list[Placed], list[str]]:
    """Shifts that are not over, and a sentence for each shift that the site does not know."""
    placed: list[Placed] = []
    strange: dict[str, None] = {}
    for line in lines:
        try:
            span = span_of(site, line.date, line.shift)
        except UnknownShift as error:
            strange[f"{line.unit}: {error} Its figures are left out."] = None
            continue
        if span.hours > 0 and span.ends_at > at:
            placed.append(Placed(line, span))
    return placed, list(strange)


def _reasons(placed: Iterable[Placed]) -> list[str]:
    """Why lower tiers answer, each sentence once, with the units that it is about."""
    units: dict[str, dict[str, None]] = {}
    for one in placed:
        if one.line.why:
            units.setdefault(one.line.why, {})[one.line.unit] = None
    return [f"{', '.join(names)}: {why}" for why, names in units.items()]


def _asks_for(silent: Iterable[Placed]) -> list[str]:
    units = sorted({one.line.unit for one in silent})
    return [f"{', '.join(units)}: some figures are not given; enter your own."] if units else []


def _driver(site: Site, one: Placed, beds: BedDemand | None) -> str:
    """What bed demand adds to the reason of a census: on units with beds, in the shifts that its windows reach."""
    departments = {unit.id for unit in site.units_of(UnitKind.ED)}
    if beds is None or one.line.target != CENSUS or one.line.unit in departments:
        return ""
    return beds.driver(one.span.starts_at)


def _lines(declared: ForecastUseCase, one: Placed, driver: str) -> list[dict[str, Any]]:
    """The figure as it is, and as people where the use case says so. Hours follow the length of the shift that day."""
    if one.line.quantiles is None:
        return []
    target = declared.target(one.line.target)
    share = one.span.hours / one.span.usual_hours if target.unit == HOURS else 1.0
    said = f"{one.line.reason} {driver}".strip()
    found = [_line(declared, one, target.name, _measure(target), share, said)]
    if target.people:
        found.append(_line(declared, one, target.people.target, NURSES, 1 / one.span.usual_hours, one.line.reason))
    return found


def _line(
    declared: ForecastUseCase, one: Placed, target: str, measure: str, factor: float, reason: str
) -> dict[str, Any]:
    quantiles: Mapping[float, float] = one.line.quantiles or {}
    tail = (1 - declared.coverage) / 2
    low, middle, high = (_at(quantiles, level) * factor for level in (tail, 0.5, 1 - tail))
    said = reason if len(quantiles) > 1 else f"{reason} {NO_INTERVAL}"
    return {
        "unit": one.line.unit,
        "date": one.line.date.isoformat(),
        "shift": one.line.shift,
        "starts_at": one.span.starts_at.isoformat(),
        "ends_at": one.span.ends_at.isoformat(),
        "target": target,
        "measure": measure,
        "lower": low,
        "median": middle,
        "upper": high,
        "reason": said,
    }


def _at(quantiles: Mapping[float, float], level: float) -> float:
    """The quantile of a level, or the nearest: a tier may give the median alone."""
    return quantiles[min(quantiles, key=lambda one: abs(one - level))]
