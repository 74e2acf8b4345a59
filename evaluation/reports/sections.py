"""What a page shows of one use case at one site, in the order a reader asks for it.

Here belong rows and sections ready to print. Words are in ``words``, geometry in ``charts``, layout in the
templates. Every kind of evidence has its section whether there is evidence or not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from evaluation.evidence import KINDS, Evidence, Figure, Json
from evaluation.reports import words
from evaluation.reports.charts import Chart, calibration_chart, decision_chart, score_chart
from evaluation.reports.model import ClauseLine, SiteView, UseCaseView

ORDER = tuple(words.KIND_TITLES)
SHOWN_DRIFT_ROWS = 12

_FACTS = {"n_train": "visits trained on"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure with the clauses that ask something of it."""

    label: str
    value: str
    interval: str
    n: str
    n_events: str
    clauses: tuple[ClauseLine, ...]
    name: str = ""

    @property
    def is_evidenced(self) -> bool:
        return self.value != words.NOT_EVIDENCED


@dataclass(frozen=True, slots=True)
class OutcomeBlock:
    """The figures of one outcome (or of none in particular) in one kind of evidence."""

    title: str
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True, slots=True)
class ChartRow:
    """The charts of one outcome, side by side."""

    title: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class KindSection:
    """One kind of evidence. ``document`` is ``None`` where there is none: NOT EVIDENCED."""

    kind: str
    title: str
    document: Evidence | None
    window: str
    blocks: tuple[OutcomeBlock, ...]
    missing: tuple[ClauseLine, ...]

    @property
    def counted(self) -> str:
        """What the figures of this kind were counted on."""
        return "Rehearsals" if self.kind == "rehearsal" else "Visits"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One subgroup as printed; ``suppressed`` ones hold no number."""

    outcome: str
    attribute: str
    group: str
    n: str
    auroc: str
    calibration: str
    suppressed: bool
    auroc_value: float | None = None
    calibration_value: float | None = None


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One feature's drift as printed."""

    feature: str
    verdict: str
    effect: str
    distance: str
    missing: str
    evidently: str


def kind_sections(use_case: UseCaseView, site: SiteView) -> tuple[KindSection, ...]:
    """One section per kind of evidence, all kinds, always."""
    assert set(ORDER) == set(KINDS)
    clauses = site.decision.clauses if site.decision else ()
    return tuple(_section(kind, use_case, site.evidence_of(kind), clauses) for kind in ORDER)


def chart_rows(use_case: UseCaseView, site: SiteView) -> tuple[ChartRow, ...]:
    """One row of charts for each outcome that has any."""
    rows = (ChartRow(words.plain(label), _charts(site, outcome)) for outcome, label in use_case.outcomes)
    return tuple(row for row in rows if row.charts)


def group_rows(use_case: UseCaseView, site: SiteView) -> tuple[GroupRow, ...]:
    """The subgroup table, or nothing where there is no such evidence."""
    document = site.evidence_of("subgroups")
    tables = document.detail.get("groups") if document else None
    if not isinstance(tables, Mapping):
        return ()
    labels = dict(use_case.outcomes)
    return tuple(
        _group_row(labels.get(outcome, words.plain(outcome)), row)
        for outcome, rows in tables.items()
        for row in _records(rows)
    )


def drift_rows(document: Evidence | None) -> tuple[DriftRow, ...]:
    """Drifted features first, then those that moved most, at most ``SHOWN_DRIFT_ROWS`` of the rest."""
    rows = _records(document.detail.get("features")) if document else []
    ranked = sorted(rows, key=lambda row: -cast("float", row.get("effect") or 0.0))
    drifted = [row for row in ranked if row.get("verdict") == "drifted"]
    others = [row for row in ranked if row.get("verdict") != "drifted"]
    return tuple(_drift_row(row) for row in drifted + others[:SHOWN_DRIFT_ROWS])


def _section(kind: str, use_case: UseCaseView, document: Evidence | None, clauses: Sequence[ClauseLine]) -> KindSection:
    own = [clause for clause in clauses if clause.kind == kind]
    blocks = _blocks(use_case, document, own) if document else ()
    present = document.figures if document else {}
    missing = tuple(clause for clause in own if clause.figure not in present)
    return KindSection(kind, words.KIND_TITLES[kind], document, _window(document), blocks, missing)


def _blocks(use_case: UseCaseView, document: Evidence, clauses: Sequence[ClauseLine]) -> tuple[OutcomeBlock, ...]:
    labels = dict(use_case.outcomes)
    by_outcome: dict[str | None, list[FigureRow]] = {}
    for name, figure in document.figures.items():
        outcome = words.outcome_of(name, list(labels))
        by_outcome.setdefault(outcome, []).append(_figure_row(name, figure, outcome, clauses))
    ordered = [o for o in (*labels, None) if o in by_outcome]
    return tuple(
        OutcomeBlock(
            words.plain(labels[outcome]) if outcome else ("All visits" if len(ordered) > 1 else ""),
            tuple(by_outcome[outcome]),
        )
        for outcome in ordered
    )


def _figure_row(name: str, figure: Figure, outcome: str | None, clauses: Sequence[ClauseLine]) -> FigureRow:
    return FigureRow(
        words.figure_label(name, outcome),
        words.figure_text(name, figure),
        words.interval_text(name, figure),
        "" if figure.n is None else words.count(figure.n),
        "" if figure.n_events is None else words.count(figure.n_events),
        tuple(clause for clause in clauses if clause.figure == name),
        name,
    )


def _charts(site: SiteView, outcome: str) -> tuple[Chart, ...]:
    level, benefit = site.evidence_of("calibration"), site.evidence_of("net_benefit")
    made = (
        calibration_chart(level, outcome) if level else None,
        decision_chart(benefit, outcome) if benefit else None,
        score_chart(level, outcome) if level else None,
    )
    return tuple(chart for chart in made if chart is not None)


def _window(document: Evidence | None) -> str:
    """The plain facts about the rows judged, in one line."""
    window = document.detail.get("window") if document else None
    if not isinstance(window, Mapping):
        return ""
    facts = ", ".join(f"{_FACTS.get(key, words.plain(key).lower())} {_fact(value)}" for key, value in window.items())
    return f"{facts[:1].upper()}{facts[1:]}"


def _fact(value: Json) -> str:
    if isinstance(value, str) and len(value) == 64:
        return words.short(value)
    if isinstance(value, str) and _INSTANT.match(value):
        return words.instant(value)
    return words.count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _group_row(outcome: str, row: Mapping[str, Json]) -> GroupRow:
    suppressed = bool(row.get("suppressed"))
    n, events = cast("int | None", row.get("n")), cast("int | None", row.get("n_events"))
    counts = "hidden" if n is None else f"{words.count(n)} / {words.count(events)}"
    return GroupRow(
        words.plain(outcome),
        words.plain(str(row.get("attribute"))),
        str(row.get("group")),
        counts,
        _estimate("auroc", row.get("auroc")),
        _estimate("calibration_gap", row.get("calibration")),
        suppressed,
        _value(row.get("auroc")),
        _value(row.get("calibration")),
    )


def _value(figure: Json) -> float | None:
    return cast("float | None", figure.get("value")) if isinstance(figure, Mapping) else None


def _estimate(name: str, figure: Json) -> str:
    if not isinstance(figure, Mapping):
        return ""
    value, lower, upper = (cast("float | None", figure.get(key)) for key in ("value", "lower", "upper"))
    whole = Figure(value, lower, upper)
    interval = words.interval_text(name, whole)
    return f"{words.figure_text(name, whole)} ({interval})" if interval else words.figure_text(name, whole)


def _drift_row(row: Mapping[str, Json]) -> DriftRow:
    values, evidently = row.get("values"), row.get("evidently")
    old, new = (cast("float", row.get(f"{which}_missing") or 0.0) for which in ("reference", "current"))
    effect = cast("float | None", row.get("effect"))
    return DriftRow(
        words.plain(str(row.get("feature"))),
        str(row.get("verdict")),
        "" if effect is None else f"{effect:z.2f}",
        f"{cast('float', values['distance']):.2f}" if isinstance(values, Mapping) else "",
        f"{words.percent(old)} → {words.percent(new)}" if old or new else "none",
        _decision_of(evidently),
    )


def _decision_of(evidently: Json) -> str:
    if not isinstance(evidently, Mapping):
        return "not run"
    verdict = "drifted" if evidently.get("drifted") else "stable"
    return f"{verdict} ({evidently.get('method')}, {cast('float', evidently.get('score')):.3f})"


def _records(rows: Json) -> list[Mapping[str, Json]]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        return []
    return [row for row in rows if isinstance(row, Mapping)]
