"""How a model of one site does on the visits of others: each by itself, and the worst of those with enough events.

Here belongs the evidence of kind cross_site. Which visits count, and which sites have none, is decided by whoever
scores them. A site where the figure of an outcome has no value is the worst there can be: the worst has none either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics import calibration, performance
from evaluation.metrics.sample import FloatArray, LabelledScores, NotEstimableError

MIN_EVENTS = 100
"""Events, and non-events, of an outcome that a site needs to count (Vergouwe 2005; Collins 2016, for validation)."""

MEASURES: Mapping[str, Callable[[FloatArray, FloatArray], Figure]] = {
    "auroc": performance.auroc,
    "calibration_slope": calibration.calibration_slope,
    "calibration_intercept": calibration.calibration_intercept,
}
IDEALS = {"calibration_slope": 1.0, "calibration_intercept": 0.0}
NEEDS = {
    "calibration_slope": "its risks are spread too wide or too narrow",
    "calibration_intercept": "its risks are too high or too low on the whole",
}


@dataclass(frozen=True, slots=True)
class _At:
    """One outcome at one site: every measure, and whether there are events enough for them to count."""

    site: str
    figures: Mapping[str, Figure]
    counts: bool


def cross_site_evidence(
    head: EvidenceHead,
    sites: Mapping[str, Sequence[LabelledScores]],
    left_out: Mapping[str, str],
    with_card: Mapping[str, int] = MappingProxyType({}),
) -> Evidence:
    """Judge the scores of every other site; `left_out` says of the rest why they could not be judged, and `with_card`
    how many visits of a site were not, since a card was shown there.

    Figures: `cross_site.sites`, the sites with enough events of every outcome; `<outcome>.<measure>.<site>`;
    `<outcome>.auroc.worst`, `.calibration_slope.lowest` and `.highest`, and `.sites_to_recalibrate`, all of sites that
    count. `detail.recalibration` says where and why.
    """
    reasons: dict[str, Json] = {}
    found: dict[str, list[_At]] = {}
    for site, samples in sorted(sites.items()):
        for sample in samples:
            found.setdefault(sample.outcome, []).append(_judged(site, sample, reasons))
    figures = {"cross_site.sites": Figure(float(len(_counting(sites, found))), n=len(sites) + len(left_out))}
    needs: list[Json] = []
    for outcome, judged in found.items():
        for at in judged:
            figures |= {f"{outcome}.{measure}.{at.site}": figure for measure, figure in at.figures.items()}
        counting = [at for at in judged if at.counts]
        figures |= {f"{outcome}.{name}": figure for name, figure in _extremes(counting).items()}
        told = [one for at in counting if (one := _need(outcome, at)) is not None]
        figures[f"{outcome}.sites_to_recalibrate"] = Figure(float(len(told)) if counting else None, n=len(counting))
        needs += told
    detail: dict[str, Json] = {
        "left_out": dict(left_out),
        "with_card": dict(with_card),
        "too_few": [f"{at.site}: {outcome}" for outcome, judged in found.items() for at in judged if not at.counts],
        "min_events": MIN_EVENTS,
        "recalibration": needs,
        "not_estimable": reasons,
    }
    return head.evidence("cross_site", figures, detail)


def _judged(site: str, sample: LabelledScores, reasons: dict[str, Json]) -> _At:
    figures: dict[str, Figure] = {}
    events = int(sample.y.sum())
    for measure, judge in MEASURES.items():
        try:
            figures[measure] = judge(sample.y, sample.p)
        except NotEstimableError as reason:
            figures[measure] = Figure(None, n=sample.y.size, n_events=events)
            reasons[f"{sample.outcome}.{measure}.{site}"] = str(reason)
    return _At(site, figures, min(events, sample.y.size - events) >= MIN_EVENTS)


def _counting(sites: Mapping[str, Sequence[LabelledScores]], found: Mapping[str, list[_At]]) -> list[str]:
    lacking = {at.site for judged in found.values() for at in judged if not at.counts}
    return [site for site in sites if site not in lacking]


def _extremes(counting: Sequence[_At]) -> dict[str, Figure]:
    """The figures that a policy holds a threshold against; without value where one site has none, or none counts."""
    found = {"auroc.worst": ("auroc", _low), "calibration_slope.lowest": ("calibration_slope", _low)}
    found["calibration_slope.highest"] = ("calibration_slope", _high)
    return {name: _worst([at.figures[measure] for at in counting], by) for name, (measure, by) in found.items()}


def _worst(figures: Sequence[Figure], by: Callable[[Figure], float]) -> Figure:
    unknown = next((one for one in figures if None in (one.value, one.lower, one.upper)), None)
    return unknown or min(figures, key=by, default=Figure(None, n=0))


def _low(figure: Figure) -> float:
    return float(figure.lower or 0.0)


def _high(figure: Figure) -> float:
    return -float(figure.upper or 0.0)


def _need(outcome: str, at: _At) -> Json:
    """Why an outcome's scores need recalibration at a site: bounds that leave the ideal out, or cannot be told."""
    off: list[Json] = [NEEDS[measure] for measure, ideal in IDEALS.items() if not _holds(at.figures[measure], ideal)]
    return {"site": at.site, "outcome": outcome, "why": off} if off else None


def _holds(figure: Figure, ideal: float) -> bool:
    return figure.lower is not None and figure.upper is not None and figure.lower <= ideal <= figure.upper
