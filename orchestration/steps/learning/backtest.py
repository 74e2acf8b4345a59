"""A backtest of any use case: which one is asked for is in its declaration's kind.

What does not belong here: how each kind is trained and judged (`candidate.py`, `forecasting.py`, `demand.py`).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from evaluation.metrics.adaptation import figures_of_ways
from ml.features.mart import read_snapshot
from ml.usecases import DemandUseCase, ForecastUseCase, UseCase, load_declaration, load_use_case
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.deidentification import require_dates
from orchestration.steps.learning.adapting import chosen, read_source
from orchestration.steps.learning.candidate import backtest_of, evaluate
from orchestration.steps.learning.judging import samples_of
from orchestration.steps.learning.stores import read_candidate

if TYPE_CHECKING:
    from ml.training.adapt import Source
    from ml.training.backtest import BacktestResult


class BacktestOverlaps(StepError):
    """A backtest would be tested on what it learned from."""


class CannotAdapt(StepError):
    """No model of another site can be brought to this one."""


def backtest_any(
    settings: Settings,
    use_case: str,
    site: str,
    train_until: datetime,
    test_from: datetime,
    seed: int,
    adapt_from: str | None = None,
) -> dict[str, Any]:
    """Train before `train_until` (exclusive) and test from `test_from` (inclusive), site-local dates; with each way to
    bring the model of the site `adapt_from` here, beside training from scratch.

    Raises `UseCaseError` for a use case that is not declared, or of a kind that has no backtest, `DatesAreShifted`, and
    `CannotAdapt`.
    """
    declared = load_declaration(use_case)
    require_dates(declared, site)
    if adapt_from is not None and not isinstance(declared, UseCase):
        raise CannotAdapt(
            f"--adapt-from is for models that score one visit or booking at a time; {use_case} is a plan."
        )
    if isinstance(declared, DemandUseCase):
        from orchestration.steps.forecasts.demand import backtest_demand

        return backtest_demand(settings, use_case, site, train_until.date(), test_from.date(), seed)
    if isinstance(declared, ForecastUseCase):
        from orchestration.steps.forecasts.forecast_judging import backtest_site

        return backtest_site(settings, use_case, site, train_until.date(), test_from.date(), seed)
    return backtest_classifier(settings, use_case, site, train_until, test_from, seed, adapt_from)


def backtest_classifier(
    settings: Settings,
    use_case: str,
    site: str,
    train_until: datetime,
    test_from: datetime,
    seed: int,
    adapt_from: str | None = None,
) -> dict[str, Any]:
    """Train on arrivals before `train_until` and test from `test_from`, with the model of `adapt_from` at hand."""
    declared, place = load_use_case(use_case), load_site(site)
    snapshot = read_snapshot(settings.snapshots, declared)
    until, start = (moment.replace(tzinfo=place.zone) for moment in (train_until, test_from))
    if start < until:
        raise BacktestOverlaps(
            f"--test-from {start:%Y-%m-%d} lies before --train-until {until:%Y-%m-%d}: the test would hold visits that "
            "were learned from. Choose a later --test-from."
        )
    source = None if adapt_from is None else _source(settings, use_case, site, adapt_from, start)
    result = backtest_of(declared, snapshot, site, until, start, seed, source)
    evaluation = evaluate(declared, site, snapshot, result, seed)
    return {
        "use_case": use_case,
        "site": site,
        "train_until": until.isoformat(),
        "test_from": start.isoformat(),
        "n_train": result.n_train,
        "n_test": result.n_test,
        "outcomes": dict(evaluation.outcomes),
        **_adaptation(result, declared),
    }


def _source(settings: Settings, use_case: str, site: str, from_site: str, start: datetime) -> "Source":
    """The current candidate of another site, which learned nothing from `start` on.

    Raises `CannotAdapt` for the site itself or a model that would look ahead, and `NoCandidate`.
    """
    if load_site(from_site).id == site:
        raise CannotAdapt(f"--adapt-from names {site} itself; name the site whose model is to be brought here.")
    source = read_source(settings, read_candidate(settings, use_case, from_site))
    if source.trained_until > start:
        raise CannotAdapt(
            f"The model of {from_site} learned until {source.trained_until:%Y-%m-%d}, after the test begins "
            f"({start:%Y-%m-%d}): it would look ahead. Choose a later --test-from."
        )
    return source


def _adaptation(result: "BacktestResult", use_case: UseCase) -> dict[str, Any]:
    """What came of each way, as plain figures; nothing where no other site's model was at hand."""
    candidate = result.candidate
    if candidate.source is None or candidate.choice is None:
        return {}
    ways = {way: samples_of(table, use_case) for way, table in result.ways.items()}
    figures = {name: figure.to_json() for name, figure in figures_of_ways(ways)[0].items()}
    return {"adaptation": {**chosen(candidate.source, candidate.choice), "figures": figures}}
