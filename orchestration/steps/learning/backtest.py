"""A backtest of any use case: which one is asked for is in its declaration's kind.

What does not belong here: how each kind is trained and judged (`candidate.py`, `forecasting.py`, `demand.py`).
"""

from datetime import datetime
from typing import Any

from ml.usecases import DemandUseCase, ForecastUseCase, load_declaration
from orchestration.settings import Settings
from orchestration.steps.intake.deidentification import require_dates


def backtest_any(
    settings: Settings, use_case: str, site: str, train_until: datetime, test_from: datetime, seed: int
) -> dict[str, Any]:
    """Train before `train_until` (exclusive) and test from `test_from` (inclusive), site-local dates.

    Raises `UseCaseError` for a use case that is not declared, or of a kind that has no backtest, and
    `DatesAreShifted`.
    """
    declared = load_declaration(use_case)
    require_dates(declared, site)
    if isinstance(declared, DemandUseCase):
        from orchestration.steps.forecasts.demand import backtest_demand

        return backtest_demand(settings, use_case, site, train_until.date(), test_from.date(), seed)
    if isinstance(declared, ForecastUseCase):
        from orchestration.steps.forecasts.forecast_judging import backtest_site

        return backtest_site(settings, use_case, site, train_until.date(), test_from.date(), seed)
    from orchestration.steps.learning.candidate import backtest_use_case

    return backtest_use_case(settings, use_case, site, train_until, test_from, seed)
