"""The page of operations as HTML: server-rendered, plots in SVG, readable by a screen reader, on a phone, at night.

Here belong its words and its drawing. What is on it (`document.py`) and for whom (`readers.py`) do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ml.serving.ops.document import Operations, SiteState, UseCaseState, Value
from ml.serving.ops.readers import ROLES, SECTIONS, Role

WIDTH, HEIGHT, MARGIN = 120.0, 14.0, 4.0
SECTION_WORDS = {
    "model": ("Model", "How the model does: observed on labels that came, and estimated before they do."),
    "workflow": ("Workflow", "What advice asks of people, and what they do with it. Last four weeks."),
    "outcomes": ("Outcomes", "What patients and staff feel. Last four weeks."),
    "drift": ("Drift", "What moved, in which unit, shift or group, since the model learned."),
    "levels": ("Service levels", "What was promised, and what was held."),
    "reads": (
        "Who read what of patients",
        "Cards that went out to a known user, and looks at pages with rows of patients.",
    ),
}
ROLE_WORDS: dict[Role, str] = {
    "clinician": "Clinician",
    "engineer": "Engineer",
    "governance": "Governance",
    "executive": "Executive",
}
STAGE_WORDS = {"off": "off", "shadow": "shadow", "assistive": "assistive", "decision_support": "decision support"}


@dataclass(frozen=True, slots=True)
class Metric:
    """How one figure is called, explained and written."""

    name: str
    title: str
    meaning: str
    unit: str = ""
    is_share: bool = False


WORKFLOW = (
    Metric(
        "alerts_per_100_patient_days",
        "Alerts per 100 patient-days",
        "visits with a card, by the days patients lay there",
    ),
    Metric("ppv", "Right alerts", "cards after which the outcome came (PPV at the operating point)", is_share=True),
    Metric("lead_hours", "Lead time", "card to critical care, median", "h"),
    Metric("action_minutes", "Time to action", "card to accepted advice, median", "min"),
    Metric("acknowledge_minutes", "Acknowledgement", "card to any answer, median", "min"),
    Metric("seen_rate", "Seen", "cards shown that went out to a user who was told", is_share=True),
    Metric("answered_rate", "Answered", "cards shown that anybody answered in time", is_share=True),
    Metric("override_rate", "Overrides", "cards that were not followed", is_share=True),
    Metric("ignored_rate", "Ignored", "cards that nobody answered in time", is_share=True),
)
OUTCOMES = (
    Metric("wait_minutes", "Waiting time", "arrival to triage, median", "min"),
    Metric("stay_hours", "Length of stay", "time on the unit, median", "h"),
    Metric("visits_per_day", "Throughput", "visits a day"),
    Metric("overtime_hours_per_100_patient_days", "Overtime", "over the roster, per 100 patient-days", "h"),
)
AUROC_BESIDE = Metric("auroc_difference", "AUROC", "challenger minus release")
BESIDE = (
    Metric("alerts_per_100_difference", "Cards per 100", "challenger minus release"),
    Metric("both_alert", "Both would show a card", "of the visits that both scored", is_share=True),
)
MODEL_ORDER = ("auroc", "ppv", "sensitivity", "alerts_per_100", "prevalence", "observed_over_expected")
MODEL = {
    "auroc": Metric("auroc", "AUROC", "how well the score ranks"),
    "ppv": Metric("ppv", "PPV", "at the operating point", is_share=True),
    "sensitivity": Metric("sensitivity", "Sensitivity", "at the operating point", is_share=True),
    "alerts_per_100": Metric("alerts_per_100", "Alerts per 100", "at the operating point"),
    "prevalence": Metric("prevalence", "Outcome", "how often it comes", is_share=True),
    "observed_over_expected": Metric("observed_over_expected", "Came / foreseen", "1 is calibrated"),
}


def operations_page(
    document: Operations,
    role: Role,
    sites: Sequence[str] | None,
    *,
    note: str = "",
    is_chooser: bool = False,
    is_static: bool = False,
) -> str:
    """Draw the page for a role, of some sites or all. `is_chooser`: a role may be chosen; `is_static`: it is a file."""
    shown = [one for one in document.sites if sites is None or one.site in sites]
    return (
        _pages()
        .get_template("ops.html")
        .render(
            document=document,
            sites=shown,
            role=role,
            role_word=ROLE_WORDS[role],
            roles=[(one, ROLE_WORDS[one]) for one in ROLES] if is_chooser else [],
            sections=SECTIONS[role],
            words=SECTION_WORDS,
            workflow=WORKFLOW,
            outcomes=OUTCOMES,
            note=note,
            is_static=is_static,
            stage_words=STAGE_WORDS,
        )
    )


def number(metric: Metric, value: float | None) -> str:
    """A figure as people write it."""
    if value is None:
        return "–"
    if metric.is_share:
        return f"{100 * value:z.0f} %"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:z.2f}"
    return f"{text} {metric.unit}".strip()


def interval(metric: Metric, one: Value | None) -> str:
    """The bounds in words; nothing where there are none."""
    if one is None or one.lower is None or one.upper is None or one.value is None:
        return ""
    plain = replace(metric, unit="")
    return f"{number(plain, one.lower).removesuffix(' %')} to {number(plain, one.upper)}"


def plot(values: Sequence[Value | None], one: Value | None) -> Markup:
    """A dot with its interval, on the scale of all the rows of a figure, as SVG; nothing where there is no value."""
    if one is None or one.value is None:
        return Markup("")
    bounds = [bound for each in values if each for bound in (each.value, each.lower, each.upper) if bound is not None]
    low, high = min(0.0, *bounds), max(*bounds, 1e-9)

    def place(value: float) -> float:
        return round(MARGIN + (WIDTH - 2 * MARGIN) * (value - low) / ((high - low) or 1), 1)

    middle = HEIGHT / 2
    line = f'<line class="axis" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{middle}" y2="{middle}"/>'
    if one.lower is not None and one.upper is not None:
        line += f'<line class="range" x1="{place(one.lower)}" x2="{place(one.upper)}" y1="{middle}" y2="{middle}"/>'
    dot = f'<circle class="dot" cx="{place(one.value)}" cy="{middle}" r="4"/>'
    head = f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" aria-hidden="true" focusable="false">'
    return Markup(head + line + dot + "</svg>")  # noqa: S704 - numbers only


def trend(state: UseCaseState, name: str) -> Markup:
    """Months in turn: the estimate's band, and a dot for what came, as SVG."""
    points = [(one.estimated.get(name), one.realised.get(name)) for one in state.periods]
    known = [(guess, came) for guess, came in points if guess and guess.lower is not None and guess.upper is not None]
    if len(known) < 2:
        return Markup("")
    bounds = [
        x for guess, came in known for x in (guess.lower, guess.upper, came.value if came else None) if x is not None
    ]
    low, high = min(bounds), max(bounds)

    def y(value: float) -> float:
        return round(46 - 40 * (value - low) / ((high - low) or 1), 1)

    step = 230 / max(len(known) - 1, 1)
    xs = [round(5 + n * step, 1) for n in range(len(known))]
    upper = [f"{x},{y(g.upper or 0)}" for x, (g, _) in zip(xs, known, strict=True)]
    lower = [f"{x},{y(g.lower or 0)}" for x, (g, _) in zip(xs, known, strict=True)]
    band = f'<polygon class="band" points="{" ".join([*upper, *reversed(lower)])}"/>'
    dots = "".join(
        f'<circle class="dot" cx="{x}" cy="{y(came.value)}" r="3.5"/>'
        for x, (_, came) in zip(xs, known, strict=True)
        if came and came.value is not None
    )
    return Markup(f'<svg viewBox="0 0 240 52" aria-hidden="true" focusable="false">{band}{dots}</svg>')  # noqa: S704 - numbers only


def beside_rows(state: UseCaseState) -> list[tuple[Metric, Value]]:
    """Figures of a challenger and the release on the same visits, in a fixed order; empty where there are none."""
    found = state.challenger.figures if state.challenger else {}
    ranked = [(name.split(".")[1], one) for name, one in sorted(found.items()) if name.endswith(".auroc_difference")]
    rows = [(replace(AUROC_BESIDE, title=f"AUROC, {outcome.replace('_', ' ')}"), one) for outcome, one in ranked]
    named = [(metric, found.get(f"side_by_side.{metric.name}")) for metric in BESIDE]
    return [*rows, *((metric, one) for metric, one in named if one is not None)]


def group_rows(site: SiteState, metric: Metric) -> list[tuple[str, str, Value | None]]:
    """The rows of a figure: where, in words, and the value; the whole site first. Empty where nobody has a value."""
    rows = [(one.by, _place(one.by, one.value), one.figures.get(metric.name)) for one in site.groups]
    return rows if any(value and value.value is not None for _, _, value in rows) else []


def model_rows(state: UseCaseState) -> list[tuple[str, Metric, Value, Value | None]]:
    """Outcome, figure, estimate and what came, in a fixed order; what neither has is left out."""
    outcomes = sorted({name.split(".")[1] for name in state.figures if name.startswith("estimated.")})
    found: list[tuple[str, Metric, Value, Value | None]] = []
    for outcome in outcomes:
        for name in MODEL_ORDER:
            guess = state.figures.get(f"estimated.{outcome}.{name}", Value())
            came = state.figures.get(f"estimated.{outcome}.realised_{name}")
            if name == "observed_over_expected":  # a figure of what came, of which there is no estimate
                guess, came = Value(), guess
            if guess.value is not None or (came and came.value is not None):
                found.append((outcome.replace("_", " "), MODEL[name], guess, came))
    return found


def _place(by: str, value: str) -> str:
    return "Whole site" if by == "site" else f"{value} {by}" if by == "shift" else value


@cache
def _pages() -> Environment:
    pages = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True)
    filters: dict[str, Any] = {
        "group_rows": group_rows,
        "model_rows": model_rows,
        "trend": trend,
        "beside_rows": beside_rows,
    }
    filters |= {"number": number, "interval": interval, "plot": plot}
    pages.filters.update(filters)
    return pages
