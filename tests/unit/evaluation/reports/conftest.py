"""A report of three sites: one released on simulated data, one refused on real data, one with nothing at all."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from evaluation.evidence import EvidenceHead, Figure
from evaluation.metrics import CurrentPractice, LabelledScores, evaluate_classifier
from evaluation.metrics.overrides import Verdict
from evaluation.reports import (
    ApprovalView,
    CardFacts,
    ClauseLine,
    DecisionView,
    HistoryLine,
    IncidentView,
    LedgerView,
    LineageStep,
    Link,
    ReportModel,
    SiteView,
    UseCaseView,
)
from evaluation.slo import Happened, by_group, load_objectives, microseconds, standing

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RELEASE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def evidence_of(site):
    rng = np.random.default_rng(1)
    x = rng.normal(-2.5, 1.2, 2000)
    y = (rng.random(2000) < 1 / (1 + np.exp(-x))).astype(float)
    race = rng.choice(["White", "Black", "Other"], 2000, p=[0.7, 0.295, 0.005]).tolist()
    level = np.clip(np.round(3 - 0.5 * (x + 2.5)), 1, 5)
    sample = LabelledScores(
        "critical_care", y, 1 / (1 + np.exp(-x)), CurrentPractice.from_triage_level(level), {"race": race}
    )
    head = EvidenceHead("triage", site, "a" * 64, "b" * 64, NOW, {"from": "2020-01-01", "rows": 2000})
    made = evaluate_classifier([sample], {"critical_care": [0.05]}, head, seed=1).evidence
    feature = {
        "feature": "heart_rate",
        "kind": "numeric",
        "verdict": "drifted",
        "effect": 0.41,
        "reference_missing": 0.1,
        "current_missing": 0.2,
        "values": {"effect": 0.41, "distance": 0.16, "p_value": 0.0, "adjusted_p": 0.0},
        "evidently": {"method": "Wasserstein", "score": 0.4, "threshold": 0.1, "drifted": True},
    }
    figures = {"drift.share": Figure(0.25, n=2000), "drift.max_effect": Figure(0.41, 0.35, 0.47, 2000)}
    return (*made, overrides_of(head), head.evidence("drift", figures, {"features": [feature]}))


def overrides_of(head):
    """Cards of two units, of which one overrides half and is wrong about it."""
    group = {"by": "unit", "value": "ED north", "cards": 1000, "rate": 0.5, "elsewhere": 0.1, "p_adjusted": 1e-9}
    north = group | {"came_overridden": 0.33, "came_accepted": 0.34, "verdict": Verdict.DISAGREEMENT.value}
    south = group | {"value": "ED south", "rate": 0.1, "elsewhere": 0.5, "came_overridden": None, "came_accepted": 0.3}
    reasons = [{"reason": "does-not-fit", "cards": 500, "known": 480, "came": 160}]
    detail = {"groups": [north, south | {"verdict": Verdict.AS_ELSEWHERE.value}], "reasons": reasons}
    figures = {
        "overrides.overridden": Figure(0.386, 0.361, 0.412, 1400),
        "overrides.disagreeing_groups": Figure(1.0, n=2),
    }
    return head.evidence("overrides", figures, detail)


def levels_of_triage():
    """Scores in time: 30 of 600 were late, all in one unit; and an objective about which nothing happened."""
    first, _, last = load_objectives("triage")
    minutes = np.arange(600)
    at = microseconds(NOW) - minutes * 60_000_000
    took = np.where((minutes > 60) & (minutes <= 90), np.inf, 5.0)
    units = np.where(took > 30, "ED north", np.where(minutes % 2, "ED north", "ED south"))
    happened = Happened(at, took, np.ones(600), {"unit": units})
    whole = standing(first, happened, NOW)
    nothing = Happened(at[:0], took[:0], took[:0], {})
    return replace(whole, groups=tuple(by_group(first, happened, NOW, "unit"))), standing(last, nothing, NOW)


@pytest.fixture(scope="session")
def model():
    clauses = (
        ClauseLine("auroc", "performance", "critical_care.auroc", 0.78, ">= 0.75", True),
        ClauseLine(
            "slope", "calibration", "critical_care.calibration_slope", 0.81, ">= 0.85", False, "Low.", "Recalibrate."
        ),
        ClauseLine(
            "shadow", "shadow", "shadow.critical_care.auroc", None, ">= 0.7", False, "No evidence.", "Run in shadow."
        ),
    )
    released = SiteView(
        site="city",
        label="City teaching hospital",
        is_simulated=True,
        stage="shadow",
        tier="model",
        release=RELEASE,
        model_version="3",
        since=NOW,
        scope="units ED; shifts day",
        slo="99.9 % in 30 s",
        next_review=date(2027, 5, 22),
        evidence=evidence_of("city"),
        decision=DecisionView("shadow", True, NOW, "c" * 64, clauses[:1]),
        approvals=(
            ApprovalView("model", "Amara Okafor", "clinical_safety_lead", "shadow", "approved", NOW, "d" * 64),
            ApprovalView("workflow", "Jan de Vries", "nursing_lead", "shadow", "approved", NOW, "e" * 64, is_void=True),
        ),
        incidents=(
            IncidentView("INC-1", "medium", "Feed late.", NOW - timedelta(days=2)),
            IncidentView("INC-0", "low", "Disk full.", NOW - timedelta(days=9), NOW - timedelta(days=8), "No quota."),
        ),
        lineage=(LineageStep("Release", (RELEASE,), "signed"), LineageStep("Files", ("312 files",))),
        history=(HistoryLine(NOW, "Promoted to shadow", "release desk", "first release"),),
        drift_page=Link("Evidently report", "drift/city.html"),
        levels=levels_of_triage(),
    )
    refused = SiteView(
        site="nhamcs",
        label="National survey",
        is_simulated=False,
        stage="off",
        evidence=evidence_of("nhamcs"),
        decision=DecisionView("assistive", False, NOW, "f" * 64, clauses),
    )
    use_case = UseCaseView(
        name="triage",
        title="Risk at triage",
        intended_use="Supports the triage nurse.",
        population="Adults at triage.",
        non_goals=("It does not lower a triage level.",),
        owner="Emergency medicine",
        accountable="Head of emergency medicine",
        outcomes=(("critical_care", "critical care or death"),),
        sites=(released, refused, SiteView("rural", "Rural hospital", is_simulated=True, stage="off")),
        facts=CardFacts(summary="Gradient-boosted trees.", keywords=("triage",)),
    )
    return ReportModel(NOW, "0.1.0", (use_case,), LedgerView(True, 1284), (Link("Board pack", "board.html"),))
