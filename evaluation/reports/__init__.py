"""Static pages for people who decide: the index of all releases, and model cards.

Here belong values to print, and printing them. Filling the values from stores is the caller's, deciding
the gates'.
"""

from evaluation.reports.markdown import drift_markdown
from evaluation.reports.model import (
    ApprovalView,
    CardFacts,
    ChallengerView,
    ClauseLine,
    DecisionView,
    HistoryLine,
    IncidentView,
    LedgerView,
    LineageStep,
    Link,
    ReportError,
    ReportModel,
    SiteView,
    UseCaseView,
)
from evaluation.reports.pages import render_card, render_index, write_reports
from evaluation.reports.review import ReviewView, render_review, write_review

__all__ = [
    "ApprovalView",
    "CardFacts",
    "ChallengerView",
    "ClauseLine",
    "DecisionView",
    "HistoryLine",
    "IncidentView",
    "LedgerView",
    "LineageStep",
    "Link",
    "ReportError",
    "ReportModel",
    "ReviewView",
    "SiteView",
    "UseCaseView",
    "drift_markdown",
    "render_card",
    "render_index",
    "render_review",
    "write_reports",
    "write_review",
]
