"""Metrics of a classifier on settled labels: numpy arrays in, figures of evidence out.

Here belong performance, calibration, net benefit, subgroups and their pictures. Which rows are judged is
the caller's decision, which are good enough a policy's. ``y`` is 0/1, ``p`` a probability, equal length.
"""

from evaluation.metrics.classifier import ClassifierEvaluation, evaluate_classifier
from evaluation.metrics.sample import CurrentPractice, LabelledScores, MetricInputError, NotEstimableError

__all__ = [
    "ClassifierEvaluation",
    "CurrentPractice",
    "LabelledScores",
    "MetricInputError",
    "NotEstimableError",
    "evaluate_classifier",
]
