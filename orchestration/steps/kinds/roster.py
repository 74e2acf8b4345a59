"""A use case that proposes who works when: steps/roster_candidate, roster_plan and roster_serving, as a kind."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from evaluation.drift import DriftFeature
from evaluation.evidence import Evidence
from evaluation.policies import Policy
from evaluation.reports import CardFacts
from ml.forecasting.mart import read_staffing, site_rows
from ml.usecases import Declaration, RosterUseCase
from orchestration.settings import Settings
from orchestration.steps.kinds import InTimeFigure, Windows, windows_at
from orchestration.steps.kinds.planned import Asked, Draft
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.planning.board import board_layout
from orchestration.steps.rosters.roster_candidate import (
    judge_rosters,
    make_candidate,
    roster_inputs_digest,
    roster_sites,
    why_not_roster,
)
from orchestration.steps.rosters.roster_plan import draft_roster, published_lines
from orchestration.steps.rosters.roster_serving import judge_roster_plans


class Rostering:
    """Rosters units by rules; speaks through plans on the huddle board."""

    judged: Mapping[str, str] = {
        "performance": "Past weeks rostered anew, beside what was worked: hard rules, need covered, gap, stability.",
        "subgroups": "How evenly nights and weekends fall on the people of each unit, beside what was worked.",
    }
    served: Mapping[str, str] = {
        "shadow": "How many days were planned, by which tier, and how often people set another figure.",
        "slo": "How many plans were there before the assignment meeting that they were for.",
    }
    tools = frozenset({"mlflow"})
    counted = "assignments"
    is_cross_site = False
    in_time = InTimeFigure("slo.share_in_time", "meetings")

    def trainable_sites(self, settings: Settings, use_case: str, only: str | None) -> list[str]:
        return roster_sites(settings, use_case, only)

    def why_not_trainable(self, settings: Settings, use_case: str, site: str) -> str:
        return why_not_roster(settings, use_case, site)

    def inputs(self, settings: Settings, use_case: str, site: str) -> str:
        return roster_inputs_digest(settings, use_case, site)

    def windows(self, settings: Settings, record: CandidateRecord) -> Windows:
        rows = site_rows(read_staffing(settings.snapshots, f"{record.use_case}_mart").mart, record.site)
        features = (
            DriftFeature("hours", "numeric"),
            DriftFeature("skill", "categorical"),
            DriftFeature("unit", "categorical"),
        )
        return windows_at(rows, date.fromisoformat(record.test_from), features)

    def train(self, settings: Settings, use_case: str, site: str) -> CandidateRecord:
        return make_candidate(settings, use_case, site)

    def judge(self, settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
        return judge_rosters(settings, use_case, site)

    def judge_serving(self, settings: Settings, use_case: str, site: str) -> list[Evidence]:
        return judge_roster_plans(settings, use_case, site)

    def draft(self, settings: Settings, asked: Asked) -> Draft:
        return draft_roster(settings, asked, _roster(asked.declared))

    def layout(self, use_case: Declaration, policy: Policy) -> dict[str, Any]:
        declared = _roster(use_case)
        return board_layout(use_case.use_case, declared.board, policy, published_lines(declared))

    def outcomes(self, use_case: Declaration) -> tuple[tuple[str, str], ...]:
        return tuple((one.name, one.label) for one in _roster(use_case).skills)

    def facts(self, use_case: Declaration) -> CardFacts:
        declared = _roster(use_case)
        return CardFacts(
            model_developer=declared.author.name,
            summary=declared.intended_use,
            primary_intended_users="Nurse managers and charge nurses at the assignment meeting",
            cautioned_out_of_scope_settings=" ".join(declared.contraindications),
            known_risks_and_limitations=declared.board.ignore_when,
            outcomes_and_outputs="; ".join(f"{one.label} rostered and missing by shift" for one in declared.skills),
            model_type="Rules as data, solved by constraint programming (OR-tools CP-SAT) with a proven bound",
        )


def _roster(use_case: Declaration) -> RosterUseCase:
    assert isinstance(use_case, RosterUseCase)
    return use_case
