"""A use case that scores one visit at a time: steps/candidate, evidence, shadow and card, as a kind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evaluation.drift import DriftFeature
from evaluation.evidence import Evidence
from evaluation.policies import Policy
from evaluation.reports import CardFacts
from ml.features.mart import features_of, read_snapshot
from ml.training.split import Period, visits
from ml.usecases import Declaration, UseCase, load_use_case
from orchestration.settings import Settings
from orchestration.steps.kinds import InTimeFigure, Windows
from orchestration.steps.learning.candidate import inputs_digest, train_candidate, trainable_sites, why_not_trainable
from orchestration.steps.learning.evidence import judge_candidate
from orchestration.steps.learning.shadow import judge_serving
from orchestration.steps.learning.stores import CandidateRecord
from orchestration.steps.releases.card import card_layout


class Classifier:
    """Scores one visit, or whatever else its mart has a row of, at a time; served through CDS Hooks."""

    judged: Mapping[str, str] = {
        "performance": "How well the candidate's scores tell visits apart, on visits after its training window.",
        "calibration": "Whether predicted risks are the observed ones: slope, intercept, curve.",
        "net_benefit": "Whether acting on the scores helps more than treating all, none, or as people do today.",
        "subgroups": "The same by age, sex and other groups; small cells are suppressed.",
    }
    served: Mapping[str, str] = {
        "shadow": "The released model's figures on live visits, once their outcomes are known.",
        "parity": "Whether serving computed the same features as the warehouse, visit by visit.",
        "slo": "How many visits had their score in time, from the request to the answer.",
        "overrides": "What people did with the cards they saw, and who was right where they disagreed.",
        "estimated": "What the scores promise before labels come, and what came of it; blind to concept drift.",
        "shadow_gap": "Why serving differs from the test period: other features served, or other patients.",
        "explanations": "Whether the risk falls when the finding that a card names is put back to what is usual.",
    }
    tools = frozenset({"mlflow", "lightgbm"})
    counted = "visits"
    is_cross_site = True
    in_time = InTimeFigure("slo.share_within_30s", "scores within 30 s")

    def trainable_sites(self, settings: Settings, use_case: str, only: str | None) -> list[str]:
        return trainable_sites(settings, use_case, only)

    def why_not_trainable(self, settings: Settings, use_case: str, site: str) -> str:
        return why_not_trainable(settings, use_case, site)

    def inputs(self, settings: Settings, use_case: str, site: str) -> str:
        return inputs_digest(settings, load_use_case(use_case), site)

    def windows(self, settings: Settings, record: CandidateRecord) -> Windows:
        declared = load_use_case(record.use_case)
        snapshot = read_snapshot(settings.snapshots, declared)
        split = datetime.fromisoformat(record.train_until)
        return Windows(
            visits(snapshot.mart, record.site, Period(end=split)),
            visits(snapshot.mart, record.site, Period(start=split)),
            tuple(DriftFeature(feature.name, feature.kind) for feature in features_of(declared, snapshot.vocabulary)),
        )

    def train(self, settings: Settings, use_case: str, site: str) -> CandidateRecord:
        return train_candidate(settings, use_case, site)

    def judge(self, settings: Settings, use_case: str, site: str) -> tuple[Evidence, ...]:
        return judge_candidate(settings, use_case, site)

    def judge_serving(self, settings: Settings, use_case: str, site: str) -> list[Evidence]:
        return judge_serving(settings, use_case, site)

    def layout(self, use_case: Declaration, policy: Policy) -> dict[str, Any]:
        return card_layout(_classifier(use_case), policy)

    def outcomes(self, use_case: Declaration) -> tuple[tuple[str, str], ...]:
        return tuple((outcome.name, outcome.label) for outcome in _classifier(use_case).outcomes)

    def facts(self, use_case: Declaration) -> CardFacts:
        declared = _classifier(use_case)
        return CardFacts(
            model_developer=declared.author.name,
            summary=declared.intended_use,
            primary_intended_users=declared.users,
            cautioned_out_of_scope_settings=" ".join(declared.contraindications),
            known_risks_and_limitations=declared.card.ignore_when,
            input_data_source=", ".join(sorted({feed for one in declared.features for feed in one.sources})),
            output_and_input_data_types=(
                f"Out: a calibrated risk for each of {len(declared.outcomes)} outcomes. "
                f"In: {'; '.join(f'{one.label} ({one.kind})' for one in declared.features)}"
            ),
            bias_mitigation_approaches=" ".join(
                one.reason for one in declared.left_out if "fairness" in one.reason.lower()
            ),
            outcomes_and_outputs=" ".join(outcome.definition for outcome in declared.outcomes),
            model_type="Gradient boosted decision trees (LightGBM), one per outcome, calibrated",
        )


def _classifier(use_case: Declaration) -> UseCase:
    assert isinstance(use_case, UseCase)
    return use_case
