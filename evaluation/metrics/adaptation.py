"""How the ways to bring another site's model to a site compare, each on the same visits after the training window.

Here belongs the evidence of kind adaptation. Which way is taken is decided before, inside the training window: these
figures are what came of it, training from scratch beside the others.
"""

from collections.abc import Mapping, Sequence

from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics import calibration, performance
from evaluation.metrics.sample import LabelledScores, NotEstimableError

MEASURES = {
    "auroc": performance.auroc,
    "brier": performance.brier,
    "calibration_slope": calibration.calibration_slope,
    "calibration_intercept": calibration.calibration_intercept,
}


def adaptation_evidence(
    head: EvidenceHead, ways: Mapping[str, Sequence[LabelledScores]], choice: Mapping[str, Json]
) -> Evidence:
    """Judge every way on its `samples`: figures `<outcome>.<measure>.<way>`; `choice` says which was taken, and why."""
    figures, reasons = figures_of_ways(ways)
    return head.evidence("adaptation", figures, {**choice, "not_estimable": reasons})


def figures_of_ways(ways: Mapping[str, Sequence[LabelledScores]]) -> tuple[dict[str, Figure], dict[str, Json]]:
    """The figures of every way, and why some have no value."""
    figures: dict[str, Figure] = {}
    reasons: dict[str, Json] = {}
    for way, samples in ways.items():
        for sample in samples:
            for measure in MEASURES:
                name = f"{sample.outcome}.{measure}.{way}"
                figures[name] = _figure(name, measure, sample, reasons)
    return figures, reasons


def _figure(name: str, measure: str, sample: LabelledScores, reasons: dict[str, Json]) -> Figure:
    try:
        return MEASURES[measure](sample.y, sample.p)
    except NotEstimableError as reason:
        reasons[name] = str(reason)
        return Figure(None, n=sample.y.size)
