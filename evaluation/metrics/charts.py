"""Figures as picture files, for MLflow: ROC curve, calibration curve, decision curve.

Here belongs matplotlib, imported when a picture is drawn and without its global state (no pyplot, so no
display and no open figures). The charts of the web pages are drawn in ``reports``.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from evaluation.metrics.calibration import calibration_curve
from evaluation.metrics.net_benefit import decision_curve
from evaluation.metrics.performance import auroc, roc_curve
from evaluation.metrics.sample import LabelledScores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

PictureFormat = Literal["png", "svg"]
_INK, _MODEL, _RIVAL, _PRACTICE = "#3d4451", "#1f5f8b", "#9aa3ad", "#b4622d"
_METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""What matplotlib would write about time and version is left out, so that equal data give equal bytes."""


def roc_picture(sample: LabelledScores, form: PictureFormat = "png") -> bytes:
    """ROC curve with AUROC. Raises :class:`NotEstimableError` with one class only."""
    curve, area = roc_curve(sample.y, sample.p), auroc(sample.y, sample.p)
    picture, axes = _canvas(sample.outcome, "False positive rate", "True positive rate")
    axes.plot([0, 1], [0, 1], color=_RIVAL, linewidth=1, linestyle="--")
    label = f"Model, AUROC {area.value:.3f} ({area.lower:.3f} to {area.upper:.3f})"
    axes.plot(curve.false_positive_rate, curve.true_positive_rate, color=_MODEL, label=label)
    axes.legend(loc="lower right", frameon=False)
    return _bytes(picture, form)


def calibration_picture(sample: LabelledScores, form: PictureFormat = "png") -> bytes:
    """Observed share against mean prediction in ten groups, with Wilson's intervals."""
    bins = calibration_curve(sample.y, sample.p)
    predicted, observed = (np.array([getattr(b, name) for b in bins]) for name in ("predicted", "observed"))
    reach = np.array([[b.observed - b.lower for b in bins], [b.upper - b.observed for b in bins]])
    top = min(1.0, 1.1 * max(*(b.upper for b in bins), *predicted, 0.01))
    picture, axes = _canvas(sample.outcome, "Predicted risk", "Observed share")
    axes.plot([0, top], [0, top], color=_RIVAL, linewidth=1, linestyle="--", label="Ideal")
    axes.errorbar(predicted, observed, yerr=np.maximum(reach, 0), color=_MODEL, marker="o", label="Model")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend(loc="upper left", frameon=False)
    return _bytes(picture, form)


def decision_picture(sample: LabelledScores, form: PictureFormat = "png") -> bytes:
    """Net benefit against threshold: the model, everybody, nobody, the current practice."""
    points = decision_curve(sample.y, sample.p, sample.practice)
    at = [point.threshold for point in points]
    picture, axes = _canvas(sample.outcome, "Risk threshold", "Net benefit")
    axes.axhline(0, color=_RIVAL, linewidth=1, label="Flag nobody")
    axes.plot(at, [point.treat_all for point in points], color=_RIVAL, linestyle="--", label="Flag everybody")
    practice = [(p.threshold, p.current_practice) for p in points if p.current_practice is not None]
    if practice:
        axes.plot(*zip(*practice, strict=True), color=_PRACTICE, label="Current practice")
    axes.plot(at, [point.model for point in points], color=_MODEL, label="Model")
    ceiling = max(float(sample.y.mean()), 0.001)
    axes.set(ylim=(-0.3 * ceiling, 1.1 * ceiling))
    axes.legend(loc="upper right", frameon=False)
    return _bytes(picture, form)


def _canvas(title: str, x: str, y: str) -> "tuple[Picture, Axes]":
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(5, 4), layout="constrained")
    axes = picture.subplots()
    axes.set_title(title.replace("_", " ").capitalize(), loc="left", color=_INK)
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)
    return picture, axes


def _bytes(picture: "Picture", form: PictureFormat) -> bytes:
    import matplotlib as mpl

    sink = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "pilothouse"}):
        picture.savefig(sink, format=form, dpi=120, metadata=_METADATA[form])
    return sink.getvalue()
