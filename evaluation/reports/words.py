"""How numbers, names and times read on a page.

Here belong labels and formats for people. Which figures are shown, and where, belongs to ``sections``.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import cast

from evaluation.evidence import Figure

NOT_EVIDENCED = "NOT EVIDENCED"

_LABELS = {
    "prevalence": "Prevalence",
    "auroc": "AUROC",
    "auroc.current_practice": "AUROC of current practice",
    "auroc.on_rows_of_current_practice": "AUROC of the model on the same rows",
    "auprc": "Average precision",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope (ideal 1)",
    "calibration_intercept": "Calibration in the large (ideal 0)",
    "net_benefit": "Net benefit",
    "net_benefit_gain": "Gain over best alternative",
    "alerts_per_100": "Alerts per 100 visits",
    "sensitivity": "Sensitivity",
    "ppv": "Positive predictive value",
    "auroc_gap": "Largest AUROC gap by",
    "calibration_gap": "Largest calibration gap by",
    "auroc_difference": "AUROC, challenger minus release",
    "alerts_per_100_difference": "Cards per 100 visits, challenger minus release",
    "alerts_per_100.challenger": "Cards per 100 visits of the challenger",
    "alerts_per_100.release": "Cards per 100 visits of the release",
    "auroc.challenger": "AUROC of the challenger",
    "auroc.release": "AUROC of the release",
    "both_alert": "Both would show a card",
    "share_of_calls": "Calls of the release that the challenger scored, too",
    "drift.share": "Share of features drifted",
    "drift.max_effect": "Largest standardised difference",
    "segment_drift.causes": "Causes of drift by unit, shift and group",
    "segment_drift.alarms": "Columns that moved in a unit, shift or group",
    "segment_drift.jumps": "Columns that jumped from one day to the next",
    "segment_drift.largest_effect": "Largest effect of an alarm (SD)",
    "rehearsal.seconds_to_restore": "Seconds to restored service",
    "rehearsal.seconds_to_roll_back": "Seconds until what is wrong is served no more",
    "rehearsal.calls_dropped": "Calls without an answer during the drill",
    "parity.agreement": "Agreement of request and warehouse",
    "parity.set_apart": "Visits set apart for a fault that was corrected",
    "shadow_gap.set_apart": "Visits set apart for a fault that was corrected",
    "parity.without_own_record": "Visits of such a fault without a corrected record of their own",
    "parity.agreement_set_apart": "Agreement of the visits set apart",
    "slo.share_within_30s": "Scores within 30 seconds",
    "slo.share_in_time": "Plans before the meeting",
    "cross_site.sites": "Other sites with enough events of every outcome",
    "auroc.worst": "AUROC at the worst other site",
    "calibration_slope.lowest": "Calibration slope at the other site with the lowest",
    "calibration_slope.highest": "Calibration slope at the other site with the highest",
    "sites_to_recalibrate": "Other sites where it needs recalibration",
    "mae": "Mean absolute error",
    "pinball": "Mean quantile loss",
    "coverage": "Share of intervals that held",
    "width": "Mean width of the interval",
    "skill": "Gain over the better simple rule",
    "persistence.mae": "Mean absolute error of the last known day",
    "seasonal_naive.mae": "Mean absolute error of the same weekday",
    "persistence.skill": "Gain over the last known day",
    "seasonal_naive.skill": "Gain over the same weekday",
    "lowest_coverage": "Share of intervals that held, worst unit",
    "lowest_skill": "Gain over the better simple rule, worst unit",
    "adjusted_share": "Shifts for which a person set another figure",
    "days_planned": "Days with a plan",
    "overrides.accepted": "Cards accepted",
    "overrides.overridden": "Cards overridden",
    "overrides.ignored": "Cards that nobody answered",
    "overrides.disagreeing_groups": "Units and shifts that disagree with the model",
    "slo.latency_ms_p50": "Time to answer, median (ms)",
    "slo.latency_ms_p99": "Time to answer, 99th percentile (ms)",
}
_PERCENT = re.compile(
    r"(prevalence|sensitivity|ppv|both_alert|share_of_calls|drift\.share|parity\.(agreement.*|without_own_record)|(parity|shadow_gap)\.set_apart|overrides\.(accepted|overridden|ignored)|slo\.share.*|"
    r"(.*\.)?(lowest_)?(coverage|skill)(\..*)?|.*adjusted_share)(@.*)?$"
)
_LIVE = re.compile(r"^(shadow|side_by_side)\.")
"""Kinds that a figure's name begins with before its outcome."""
_COUNTS = ("_groups", ".causes", ".alarms", ".jumps", ".calls_dropped", "days_planned", ".sites", "_to_recalibrate")
_COUNTED = ("side_by_side.visits", *_COUNTS)
_SMALL = re.compile(r"(net_benefit|brier|calibration_gap)")

KIND_TITLES = {
    "performance": "Discrimination and accuracy",
    "calibration": "Calibration",
    "net_benefit": "Net benefit and alert burden",
    "subgroups": "Subgroups",
    "shadow": "Shadow results",
    "parity": "Parity of serving and warehouse",
    "rehearsal": "Rollback rehearsal",
    "slo": "Service levels",
    "overrides": "What people did with the cards",
    "explanations": "Whether the reasons on the cards hold",
    "cross_site": "The model on visits of other sites",
    "adaptation": "How the ways from a model of another site compare",
    "drift": "Drift",
    "segment_drift": "Drift by unit, shift and subgroup",
    "estimated": "Performance estimated before labels, and what it turned out to be",
    "workflow": "Alerts, answers and outcomes on the units",
    "side_by_side": "The challenger beside the release that is served",
    "shadow_gap": "Where the gap between serving and the test period comes from",
}
STAGE_TITLES = {
    "off": "Off",
    "shadow": "Shadow",
    "assistive": "Assistive",
    "decision_support": "Decision support",
}


def figure_label(name: str, outcome: str | None) -> str:
    """``critical_care.net_benefit@0.05`` of outcome ``critical_care`` reads "Net benefit at 5 %"."""
    own = _LIVE.sub("", name, count=1)
    own = own.removeprefix(f"{outcome}.") if outcome else own
    stem, _, threshold = own.partition("@")
    base, _, group = stem.partition("_gap.")
    group = group if f"{base}_gap" in _LABELS else ""
    measure, _, where = stem.partition(".")
    known = f"{_LABELS[measure]}, {plain(where).lower()}" if where and measure in _LABELS else plain(stem)
    label = _LABELS.get(stem.removesuffix(f".{group}") if group else stem, known)
    if group:
        return f"{label} {plain(group).lower()}"
    return f"{label} at {brief_percent(float(threshold))}" if _is_number(threshold) else label


def figure_text(name: str, figure: Figure) -> str:
    """The value, or NOT EVIDENCED."""
    return NOT_EVIDENCED if figure.value is None else number(name, figure.value)


def interval_text(name: str, figure: Figure) -> str:
    """The 95 % bounds, or nothing where there are none."""
    if figure.value is None or figure.lower is None or figure.upper is None:
        return ""
    return f"{number(name, figure.lower)} to {number(name, figure.upper)}"


def figure_name(name: str, outcomes: Sequence[tuple[str, str]]) -> str:
    """A figure's full name for people: "AUROC (critical care or death)"."""
    outcome = outcome_of(name, [outcome for outcome, _ in outcomes])
    about = (dict(outcomes).get(outcome or ""), "in shadow" if name.startswith("shadow.") else None)
    said = ", ".join(filter(None, about))
    return f"{figure_label(name, outcome)} ({said})" if said else figure_label(name, None)


def outcome_of(name: str, outcomes: Sequence[str]) -> str | None:
    """Which of the outcomes a figure is about, if any: ``shadow.admission.auroc`` is about admission."""
    return next((outcome for outcome in outcomes if _LIVE.sub("", name, count=1).startswith(f"{outcome}.")), None)


def sentence(reason: str) -> str:
    """A gate's reason as a sentence: "is not <= 0.2" reads "It is not ≤ 0.2."."""
    said = reason.replace("<=", "≤").replace(">=", "≥").strip()
    said = f"it {said}" if said.startswith(("is ", "rests ")) else said
    return said if not said else f"{said[:1].upper()}{said[1:].removesuffix('.')}."


def threshold_text(threshold: str, outcomes: Sequence[tuple[str, str]]) -> str:
    """What a clause asks, with signs and names for people: "> AUROC of current practice"."""
    sign, _, asked = threshold.partition(" ")
    figure, _, margin = asked.partition(" ")
    if "." in figure and not _is_number(figure.lstrip("-")):
        outcome = next((o for o, _ in outcomes if figure.startswith(f"{o}.")), None)
        asked = f"{figure_label(figure, outcome)} {margin}".strip()
    return f"{ {'>=': '≥', '<=': '≤'}.get(sign, sign) } {asked}".strip()


def number(name: str, value: float) -> str:
    """A number in the precision that its kind of figure deserves."""
    own = name.split(".", 1)[-1] if not name.startswith(("drift.", "overrides.", "parity.", "slo.")) else name
    if _PERCENT.fullmatch(own):
        return percent(value)
    if "seconds" in name and value < 1:
        return f"{value:.2g}"
    if name.endswith(_COUNTED):
        return _minus(f"{value:z.0f}")
    if any(word in name for word in ("alerts_per_100", "seconds", "_ms_")):
        return _minus(f"{value:z.1f}")
    return _minus(f"{value:z.4f}" if _SMALL.search(name) else f"{value:z.3f}")


def percent(value: float) -> str:
    """A share from 0 to 1 as percent with one decimal."""
    return _minus(f"{100 * value:z.1f}\u202f%")


def brief_percent(value: float) -> str:
    """A share as percent without a decimal that says nothing, for axes and thresholds."""
    return _minus(f"{100 * value:z.1f}".removesuffix(".0") + "\u202f%")


def count(value: int | None) -> str:
    """A count with thin spaces between thousands; "hidden" where it was suppressed."""
    return "hidden" if value is None else f"{value:,}".replace(",", "\u202f")


def moment(at: datetime | date | None) -> str:
    """A time to the minute in its own zone, or a date."""
    if at is None:
        return NOT_EVIDENCED
    return at.strftime("%Y-%m-%d %H:%M %Z") if isinstance(at, datetime) else at.isoformat()


LENGTHS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def length(seconds: float) -> str:
    """A length of time in the unit of which it holds at least two: ``19 hours``, ``222 days``."""
    for size, name in LENGTHS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"


def listed(value: object) -> str:
    """A list or a mapping as words with commas, and all else as it prints: no brackets and quotes of a language."""
    if isinstance(value, Mapping):
        told = cast("Mapping[str, object]", value)
        return ", ".join(f"{name}: {listed(one)}" for name, one in told.items())
    if isinstance(value, list | tuple):
        return ", ".join(listed(one) for one in cast("Sequence[object]", value))
    return str(value)


def instant(text: str) -> str:
    """A time in ISO 8601 as ``moment`` prints it; a midnight is a date; what is no time stays as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at.date().isoformat() if at.time() == time() else moment(at).strip()


def plain(name: str) -> str:
    """``critical_care`` reads "Critical care"."""
    words = name.replace("_", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:]


def spaced(name: str) -> str:
    """``IntendedUseAndWorkflow`` reads "Intended use and workflow"; runs of capitals stay whole."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*", name)
    return " ".join([parts[0], *(p if p.isupper() else p.lower() for p in parts[1:])]) if parts else name


def short(digest: str) -> str:
    """The first twelve digits, enough to tell two releases apart at a glance."""
    return digest[:12]


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"0?\.\d+|\d+(\.\d+)?", text))


def _minus(text: str) -> str:
    return text.replace("-", "\u2212", 1) if text.startswith("-") else text
