"""A use case that forecasts what a unit will need: steps/forecasting and forecast_*, as a kind."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from evaluation.drift import DriftFeature
from evaluation.evidence import Evidence
from evaluation.policies import Policy
from evaluation.reports import CardFacts
from ml.forecasting.mart import read_staffing, told_rows
from ml.usecases import Declaration, ForecastUseCase, load_forecast
from orchestration.settings import Settings
from orchestration.steps.forecasts.forecast_history import forecast_inputs, trainable_forecast_sites, why_not_forecast
from orchestration.steps.forecasts.forecast_judging import judge_forecast
from orchestration.steps.forecasts.forecast_plan import draft_forecast, published_of
from orchestration.steps.forecasts.forecast_serving import judge_plans
from orchestration.steps.forecasts.forecasting import train_forecast
from orchestration.steps.kinds import InTimeFigure, Windows, windows_at
from orchestration.steps.kinds.planned import Asked, Draft
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.planning.board import board_layout


class Forecast:
    """Forecasts units and shifts; speaks through plans on the huddle board."""

    judged: Mapping[str, str] = {
        "performance": "How near the forecasts come on days after training, and how much nearer than simple baselines.",
        "calibration": "How often the intervals hold what happened, and how wide they are.",
        "subgroups": "The same unit by unit, with the unit that fares worst.",
    }
    served: Mapping[str, str] = {
        "shadow": "Published plans held against what happened, and how often people set another figure.",
        "slo": "How many plans were there before the assignment meeting that they were for.",
    }
    tools = frozenset({"mlflow", "lightgbm"})
    counted = "days"
    is_cross_site = False
    in_time = InTimeFigure("slo.share_in_time", "plans before the meeting")

    def trainable_sites(self, settings: Settings, use_case: str, only: str | None) -> list[str]:
        return trainable_forecast_sites(settings, use_case, only)

    def why_not_trainable(self, settings: Settings, use_case: str, site: str) -> str:
        return why_not_forecast(settings, use_case, site)

    def inputs(self, settings: Settings, use_case: str, site: str) -> str:
        return forecast_inputs(settings, use_case, site)

    def windows(self, settings: Settings, record: CandidateRecord) -> Windows:
        declared = load_forecast(record.use_case)
        rows = told_rows(read_staffing(settings.snapshots, f"{record.use_case}_mart").mart, declared, record.site)
        told = [one.column for one in declared.targets if one.column and rows[one.column].null_count < rows.num_rows]
        features = tuple(DriftFeature(column, "numeric") for column in told)
        return windows_at(rows, date.fromisoformat(record.train_until), features)

    def train(self, settings: Settings, use_case: str, site: str) -> CandidateRecord:
        return train_forecast(settings, use_case, site)

    def judge(self, settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
        return judge_forecast(settings, use_case, site)

    def judge_serving(self, settings: Settings, use_case: str, site: str) -> list[Evidence]:
        return judge_plans(settings, use_case, site)

    def draft(self, settings: Settings, asked: Asked) -> Draft:
        return draft_forecast(settings, asked, _forecast(asked.declared))

    def layout(self, use_case: Declaration, policy: Policy) -> dict[str, Any]:
        declared = _forecast(use_case)
        return board_layout(use_case.use_case, declared.board, policy, published_of(declared))

    def outcomes(self, use_case: Declaration) -> tuple[tuple[str, str], ...]:
        declared = _forecast(use_case)
        days = {horizon: f"{horizon} day{'' if horizon == 1 else 's'} ahead" for horizon in declared.horizons_days}
        return tuple(
            (f"{one.name}_{horizon}d", f"{one.label}, {said}")
            for one in declared.targets
            for horizon, said in days.items()
        )

    def facts(self, use_case: Declaration) -> CardFacts:
        declared = _forecast(use_case)
        return CardFacts(
            model_developer=declared.author.name,
            summary=declared.intended_use,
            primary_intended_users="Nurse managers and charge nurses at the assignment meeting",
            cautioned_out_of_scope_settings=" ".join(declared.contraindications),
            known_risks_and_limitations=declared.board.ignore_when,
            outcomes_and_outputs=" ".join(one.definition for one in declared.targets),
            model_type="Ridge regression and boosted trees (LightGBM), blended per target, with conformal intervals",
        )


def _forecast(use_case: Declaration) -> ForecastUseCase:
    assert isinstance(use_case, ForecastUseCase)
    return use_case
