"""Everything this package measures about a classifier's outcomes, as evidence and as the backtest's JSON.

Here belongs putting the figures together under their names. The figures themselves are computed in the
modules beside this one; a figure that has no value becomes ``None`` with its reason, and never a number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from evaluation.evidence import Evidence, EvidenceHead, Figure, Json
from evaluation.metrics import calibration, net_benefit, performance
from evaluation.metrics.sample import LabelledScores, NotEstimableError
from evaluation.metrics.subgroups import MIN_CELL, MIN_EVENTS_TO_JUDGE, Gap, SubgroupRow, subgroups


@dataclass(frozen=True, slots=True)
class ClassifierEvaluation:
    """Evidence of kinds performance, calibration, net_benefit and subgroups; and per outcome the plain dict
    that ``pilothouse backtest`` prints (``interfaces.md``), with intervals as further keys."""

    evidence: tuple[Evidence, ...]
    outcomes: Mapping[str, dict[str, Json]]


class _Sheet:
    """Figures being collected for one document, with the reasons of those that have no value."""

    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}
        self.not_estimable: dict[str, Json] = {}

    def put(self, name: str, measure: Callable[[], Figure], n: int) -> Figure:
        try:
            figure = measure()
        except NotEstimableError as reason:
            figure = Figure(None, n=n)
            self.not_estimable[name] = str(reason)
        self.figures[name] = figure
        return figure


def evaluate_classifier(
    samples: Sequence[LabelledScores],
    thresholds: Mapping[str, Sequence[float]],
    head: EvidenceHead,
    seed: int,
) -> ClassifierEvaluation:
    """Judge a classifier on settled labels.

    ``thresholds``: outcome to the risk thresholds at which net benefit and alert burden are wanted.
    """
    summaries: dict[str, dict[str, Json]] = {sample.outcome: {} for sample in samples}
    evidence = (
        _performance(samples, head, seed, summaries),
        _calibration(samples, head, summaries),
        _net_benefit(samples, thresholds, head, seed, summaries),
        _subgroups(samples, head),
    )
    return ClassifierEvaluation(evidence, summaries)


def _performance(
    samples: Sequence[LabelledScores], head: EvidenceHead, seed: int, summaries: dict[str, dict[str, Json]]
) -> Evidence:
    sheet = _Sheet()
    for sample in samples:
        o, n, y, p = sample.outcome, sample.y.size, sample.y, sample.p
        summary = summaries[o]
        summary["n"], summary["n_events"] = n, int(y.sum())
        summary |= _plain("prevalence", sheet.put(f"{o}.prevalence", lambda y=y: performance.prevalence(y), n))
        summary |= _plain("auroc", sheet.put(f"{o}.auroc", lambda y=y, p=p: performance.auroc(y, p), n))
        summary |= _plain("auprc", sheet.put(f"{o}.auprc", lambda y=y, p=p: performance.auprc(y, p, seed=seed), n))
        summary |= _plain("brier", sheet.put(f"{o}.brier", lambda y=y, p=p: performance.brier(y, p), n))
        summary["current_practice"] = _practice(sheet, sample)
    method: dict[str, Json] = {
        "auroc": "DeLong variance, logit interval",
        "auprc": f"average precision, stratified bootstrap, {performance.BOOTSTRAP_REPLICATES} replicates",
        "seed": seed,
    }
    return head.evidence("performance", sheet.figures, {"not_estimable": sheet.not_estimable, "method": method})


def _practice(sheet: _Sheet, sample: LabelledScores) -> dict[str, Json]:
    """The current practice's AUROC, and the model's on the same rows (the only fair comparison)."""
    practice = sample.practice
    if practice is None:
        return {"auroc": None}
    name, n, known = f"{sample.outcome}.auroc.current_practice", sample.y.size, practice.recorded
    figure = sheet.put(name, lambda: performance.auroc_of_practice(sample.y, practice), n)
    if figure.value is None:
        return {"auroc": None}
    same_rows = sheet.put(
        f"{sample.outcome}.auroc.on_rows_of_current_practice",
        lambda: performance.auroc(sample.y[known], sample.p[known]),
        n,
    )
    return {**_plain("auroc", figure), "n": figure.n, "model_auroc_on_same_rows": same_rows.value}


def _calibration(
    samples: Sequence[LabelledScores], head: EvidenceHead, summaries: dict[str, dict[str, Json]]
) -> Evidence:
    sheet, curves, shares = _Sheet(), dict[str, Json](), dict[str, Json]()
    for sample in samples:
        o, n, y, p = sample.outcome, sample.y.size, sample.y, sample.p
        for name, measure in (
            ("calibration_slope", calibration.calibration_slope),
            ("calibration_intercept", calibration.calibration_intercept),
        ):
            figure = sheet.put(f"{o}.{name}", lambda y=y, p=p, measure=measure: measure(y, p), n)
            summaries[o] |= _plain(name, figure)
        curves[o] = [asdict(point) for point in calibration.calibration_curve(y, p)]
        shares[o] = list(calibration.score_shares(p))
    method = "intercept: calibration-in-the-large with the slope held at 1; slope: logistic recalibration"
    detail: dict[str, Json] = {
        "not_estimable": sheet.not_estimable,
        "curve": curves,
        "score_shares": shares,
        "method": method,
    }
    return head.evidence("calibration", sheet.figures, detail)


def _net_benefit(
    samples: Sequence[LabelledScores],
    thresholds: Mapping[str, Sequence[float]],
    head: EvidenceHead,
    seed: int,
    summaries: dict[str, dict[str, Json]],
) -> Evidence:
    figures, rivals, curves = dict[str, Figure](), dict[str, Json](), dict[str, Json]()
    for sample in samples:
        o, y, p = sample.outcome, sample.y, sample.p
        plain: dict[str, dict[str, Json]] = {"net_benefit": {}, "net_benefit_gain": {}, "alerts_per_100": {}}
        for threshold in thresholds.get(o, ()):
            t = f"{threshold:g}"
            result = net_benefit.net_benefit_at(y, p, threshold, sample.practice, seed=seed)
            burden = net_benefit.operating_point(y, p, threshold)
            figures[f"{o}.net_benefit@{t}"] = result.model
            figures[f"{o}.net_benefit_gain@{t}"] = result.gain
            figures[f"{o}.alerts_per_100@{t}"] = burden.alerts_per_100
            figures[f"{o}.sensitivity@{t}"] = burden.sensitivity
            figures[f"{o}.ppv@{t}"] = burden.ppv
            plain["net_benefit"][t] = result.model.value
            plain["net_benefit_gain"][t] = _interval(result.gain)
            plain["alerts_per_100"][t] = burden.alerts_per_100.value
            rivals[f"{o}@{t}"] = {
                "strongest": result.rival,
                "treat_all": result.treat_all,
                "treat_none": 0.0,
                "current_practice": result.current_practice,
                "current_practice_n": result.practice_n,
            }
        summaries[o] |= plain
        curves[o] = [asdict(point) for point in net_benefit.decision_curve(y, p, sample.practice)]
    method = f"Vickers & Elkin 2006; paired bootstrap, {net_benefit.BOOTSTRAP_REPLICATES} replicates, seed {seed}"
    return head.evidence("net_benefit", figures, {"rivals": rivals, "curve": curves, "method": method})


def _subgroups(samples: Sequence[LabelledScores], head: EvidenceHead) -> Evidence:
    figures, tables, extremes = dict[str, Figure](), dict[str, Json](), dict[str, Json]()
    for sample in samples:
        report = subgroups(sample.y, sample.p, sample.attributes)
        tables[sample.outcome] = [_row(row) for row in report.rows]
        for kind, gaps in (("auroc", report.auroc_gaps), ("calibration", report.calibration_gaps)):
            for attribute, gap in gaps.items():
                figures[f"{sample.outcome}.{kind}_gap.{attribute}"] = gap.figure
                extremes[f"{sample.outcome}.{kind}_gap.{attribute}"] = _extremes(gap)
    suppression: dict[str, Json] = {"min_cell": MIN_CELL, "min_events_to_judge": MIN_EVENTS_TO_JUDGE}
    return head.evidence("subgroups", figures, {"groups": tables, "extremes": extremes, "suppression": suppression})


def _row(row: SubgroupRow) -> dict[str, Json]:
    return {
        "attribute": row.attribute,
        "group": row.group,
        "n": row.n,
        "n_events": row.n_events,
        "auroc": row.auroc and row.auroc.to_json(),
        "calibration": row.calibration and row.calibration.to_json(),
        "suppressed": row.suppressed,
    }


def _extremes(gap: Gap) -> Json:
    if gap.figure.value is None:
        return f"fewer than two groups have {MIN_EVENTS_TO_JUDGE} events and non-events"
    return {"lowest": gap.lowest, "highest": gap.highest}


def _plain(name: str, figure: Figure) -> dict[str, Json]:
    return {name: figure.value, f"{name}_lower": figure.lower, f"{name}_upper": figure.upper}


def _interval(figure: Figure) -> dict[str, Json]:
    return {"value": figure.value, "lower": figure.lower, "upper": figure.upper}
