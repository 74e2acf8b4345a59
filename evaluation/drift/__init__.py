"""Drift between a reference window and a current one; the only room that knows evidently.

Here belong effect sizes, verdicts and the evidently page. Choosing windows, storing pages and raising alarms
do not.
"""

from evaluation.drift.report import DriftResult, drift_report
from evaluation.drift.verdict import DriftFeature, DriftInputError, FeatureDrift

__all__ = ["DriftFeature", "DriftInputError", "DriftResult", "FeatureDrift", "drift_report"]
