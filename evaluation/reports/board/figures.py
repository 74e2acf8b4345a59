"""Performance, drift, false alerts, overrides, feedback and rehearsals: figures of evidence with their intervals.

Here belongs which figures stand where. A kind of evidence that no section names is shown under "Other evidence", so
that a new kind is never left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from evaluation.evidence import Evidence, Figure, Json
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, ChartLine, Row, Section, Table, Tone, claim, number, table
from evaluation.reports.board.facts import BoardFacts, Source, mapping, records
from evaluation.reports.model import ClauseLine
from evaluation.reports.sections import (
    FigureRow,
    GroupRow,
    KindSection,
    chart_rows,
    drift_rows,
    group_rows,
    kind_sections,
)

ASKED = "Asked by the policy"
HEADS = ("Figure", "Value", "95 % interval", "Counted on", "Events", ASKED)
VERDICTS: Mapping[str, Tone] = MappingProxyType({"drifted": "bad", "stable": "good"})
"""A verdict that is neither (too few rows) is no good news."""
PERFORMANCE = ("performance", "calibration", "net_benefit", "shadow")
SHOWN_SHIFTS = 8
SHOWN_WHOLE = 12
"""Figures of one document that are all shown; of more, those that the policy asks for and the headlines."""
HEADLINES = ("auroc", "prevalence", "brier", "worst", "lowest", "highest", "sites", "sites_to_recalibrate")
ALERTS = ("alerts_per_100", "ppv", "sensitivity")
NAMED = frozenset({*PERFORMANCE, "subgroups", "drift", "segment_drift", "overrides", "rehearsal", "slo", "cross_site"})


def performance(facts: BoardFacts) -> Section:
    """Every figure about how good the advice is, with its interval, and by group."""
    shown = [one for one in kind_sections(facts.use_case, facts.site) if one.kind in PERFORMANCE]
    charts = tuple(
        ChartLine(row.title, row.charts, facts.source(*(f"evidence:{kind}" for kind in PERFORMANCE)))
        for row in chart_rows(facts.use_case, facts.site)
    )
    return Section(
        "performance",
        "Performance",
        (*(one for kind in shown for one in _tables(facts, kind)), *_groups(facts)),
        charts=charts,
        lead="Thresholds apply to the bound that the policy names; what could not be estimated counts as missing.",
    )


def _tables(facts: BoardFacts, section: KindSection) -> list[Table]:
    """The tables of one kind of evidence, and what the policy asks that no figure of it tells: NOT EVIDENCED."""
    on = facts.evidence(section.kind)
    lost = [_not_told(facts, one, on) for one in section.missing]
    if section.document is None:
        return [
            table(
                (section.title, "", ASKED), lost or [claim(section.title, None, Cell("nothing", is_asked=True), on=())]
            )
        ]
    rows = [(block.title, row) for block in section.blocks for row in block.rows]
    is_long = len(rows) > SHOWN_WHOLE
    kept = [one for one in rows if not is_long or one[1].clauses or _is_headline(one[1])]
    rest = [one for one in rows if one not in kept]
    said = " · ".join(filter(None, (section.title, section.window)))
    told = [table(HEADS, [_figure(facts, *one, on) for one in kept], said)] if kept else []
    if rest:
        heads = [_figure(facts, *one, on) for one in rest]
        told.append(table(HEADS, heads, f"{section.title}: {len(rest)} further figures", is_folded=True))
    return [*told, *([table((section.title, "", ASKED), lost, "Asked, and not in the document.")] if lost else [])]


def _figure(facts: BoardFacts, outcome: str, row: FigureRow, on: Sequence[Source]) -> Row:
    return claim(
        ": ".join(filter(None, (outcome, row.label))),
        number(row.value if row.is_evidenced else None),
        row.interval or "not given",
        number(row.n or "not given"),
        number(row.n_events or "not given"),
        _asked(facts, row.clauses),
        on=on,
    )


def _is_headline(row: FigureRow) -> bool:
    """Whether a reader wants to see it although no policy asks for it, or it was not evidenced."""
    return not row.is_evidenced or row.name.rpartition(".")[2] in HEADLINES


def _not_told(facts: BoardFacts, asked: ClauseLine, on: Sequence[Source]) -> Row:
    outcomes = facts.use_case.outcomes
    threshold = Cell(words.threshold_text(asked.threshold, outcomes), "bad", is_asked=True)
    return claim(words.figure_name(asked.figure, outcomes), None, threshold, on=on)


def _asked(facts: BoardFacts, asked: Sequence[ClauseLine]) -> Cell:
    if not asked:
        return Cell("nothing")
    said = "; ".join(
        f"{words.threshold_text(one.threshold, facts.use_case.outcomes)} {'met' if one.met else 'not met'}"
        for one in asked
    )
    return Cell(said, "good" if all(one.met for one in asked) else "bad")


def _groups(facts: BoardFacts) -> list[Table]:
    rows = [
        claim(
            f"{one.attribute}: {one.group}",
            one.outcome,
            number("suppressed" if one.suppressed else one.n),
            "suppressed" if one.suppressed else one.auroc,
            "suppressed" if one.suppressed else one.calibration,
            on=facts.evidence("subgroups"),
        )
        for one in group_rows(facts.use_case, facts.site)
    ]
    heads = ("Group", "Outcome", "Visits / events", "AUROC", "Calibration")
    if not rows:
        return [table(("Subgroups", ""), [claim("Subgroups", None, on=())])]
    hidden = "Groups with fewer than 11 events or non-events are suppressed."
    every = table(heads, rows, f"Every one of {len(rows)} groups. {hidden}", is_folded=True)
    ends = ("By", "Outcome", "Groups judged", "Lowest AUROC", "Largest calibration gap")
    return [table(ends, _extremes(facts), f"The worst group of each division. {hidden}"), every]


def _extremes(facts: BoardFacts) -> list[Row]:
    """Of each division and outcome the group with the lowest AUROC, and the one whose risks are furthest off."""
    parted: dict[tuple[str, str], list[GroupRow]] = {}
    for one in group_rows(facts.use_case, facts.site):
        parted.setdefault((one.attribute, one.outcome), []).append(one)
    rows: list[Row] = []
    for (attribute, outcome), found in parted.items():
        ranked = [one for one in found if not one.suppressed and one.auroc_value is not None]
        gaps = [one for one in found if not one.suppressed and one.calibration_value is not None]
        lowest = min(ranked, key=lambda one: one.auroc_value or 0.0, default=None)
        furthest = max(gaps, key=lambda one: abs(one.calibration_value or 0.0), default=None)
        judged = f"{sum(not one.suppressed for one in found)} of {len(found)}"
        worst = "none judged" if lowest is None else f"{lowest.group}: {lowest.auroc}"
        off = "none judged" if furthest is None else f"{furthest.group}: {furthest.calibration}"
        rows.append(claim(attribute, outcome, number(judged), worst, off, on=facts.evidence("subgroups")))
    return rows


def false_alerts(facts: BoardFacts) -> Section:
    """How many alerts there are, how many are false, how many of the sick they find."""
    found = [
        (document, name, figure)
        for kind in ("net_benefit", "shadow")
        if (document := facts.site.evidence_of(kind)) is not None
        for name, figure in document.figures.items()
        if name.partition("@")[0].rpartition(".")[2] in ALERTS and _is_shown(facts, name)
    ]
    rows = [row for document, name, figure in found for row in _alert_rows(facts, document, name, figure)]
    heads = ("Figure", "Value", "95 % interval", "Counted on", "Where")
    tables = (table(heads, rows),) if rows else ()
    return Section("alerts", "False alerts", tables, absent="no document counts alerts of this use case.")


def _is_shown(facts: BoardFacts, name: str) -> bool:
    """Whether a figure is about what cards show: at a threshold of the card, of its outcome; all are where there is no
    card yet."""
    layout = facts.document("layout")
    stem, _, threshold = name.partition("@")
    asked = [layout.get(one) for one in ("display_threshold", "warning_threshold")]
    if not threshold or asked[0] is None:
        return True
    return stem.startswith(f"{layout.get('outcome')}.") and float(threshold) in asked


def _alert_rows(facts: BoardFacts, document: Evidence, name: str, figure: Figure) -> list[Row]:
    where = "on live visits in shadow" if document.kind == "shadow" else "on visits after training"
    on = facts.evidence(document.kind)
    counted = number(words.count(figure.n) if figure.n is not None else None)
    rows = [
        claim(
            words.figure_name(name, facts.use_case.outcomes),
            number(words.figure_text(name, figure)),
            words.interval_text(name, figure) or "not given",
            counted,
            where,
            on=on,
        )
    ]
    if ".ppv" in name and figure.value is not None:
        false = Figure(1 - figure.value, _rest(figure.upper), _rest(figure.lower), figure.n)
        label = words.figure_name(name, facts.use_case.outcomes).replace("Positive predictive value", "False alerts")
        interval = words.interval_text(name, false) or "not given"
        rows.insert(0, claim(label, number(words.figure_text(name, false)), interval, counted, where, on=on))
    return rows


def _rest(bound: float | None) -> float | None:
    return None if bound is None else 1 - bound


def drift(facts: BoardFacts) -> Section:
    """Whether live data are still like those of training, feature by feature."""
    document, on = facts.site.evidence_of("drift"), facts.evidence("drift")
    rows = [
        claim(
            one.feature,
            Cell(one.verdict, VERDICTS.get(one.verdict, "warn")),
            number(one.effect or "not given"),
            number(one.distance or "not given"),
            one.missing,
            on=on,
        )
        for one in drift_rows(document)
    ]
    heads = ("Feature", "Verdict", "Difference (SD)", "Distance", "Missing before → now")
    tables = [*of_kind(facts, "drift"), *([table(heads, rows, "Those that moved most.")] if rows else [])]
    return Section("drift", "Drift", (*tables, *of_kind(facts, "segment_drift"), *_shifts(facts)))


def _shifts(facts: BoardFacts) -> list[Table]:
    """Every alarm of a unit, shift or group, told as the incident tells it, and the largest of the other shifts."""
    document, on = facts.site.evidence_of("segment_drift"), facts.evidence("segment_drift")
    if document is None:
        return []
    causes = [
        claim(str(one.get("key")), str(one.get("sentence")), on=on) for one in records(document.detail.get("causes"))
    ]
    rows = [_shift(one, on) for one in records(document.detail.get("largest"))[:SHOWN_SHIFTS]]
    heads = ("Column", "Where", "Mean moved (SD)", "Distance", "Missing before → now", "Alarm")
    found = [table(("Cause", "What moved"), causes)] if causes else []
    return [*found, *([table(heads, rows, "By unit, shift and group: alarms first.")] if rows else [])]


def _shift(one: Mapping[str, Json], on: Sequence[Source]) -> Row:
    where = "whole site" if one.get("by") == "site" else f"{words.plain(str(one.get('by')))}: {one.get('value')}"
    mean, shape = (one.get(name) for name in ("mean_moved", "shape_moved"))
    missing = " → ".join(_share(one.get(f"missing_{when}")) for when in ("before", "after"))
    return claim(
        words.plain(str(one.get("column"))),
        where,
        number(f"{mean:+z.2f}" if isinstance(mean, float) else "not given"),
        number(f"{shape:z.2f}" if isinstance(shape, float) else "not given"),
        missing,
        Cell("yes", "bad") if one.get("is_alarm") else Cell("no", "good"),
        on=on,
    )


def overrides(facts: BoardFacts) -> Section:
    """What people did with the advice, where they disagree, and the reasons that they gave."""
    document, on = facts.site.evidence_of("overrides"), facts.evidence("overrides")
    detail = document.detail if document else {}
    groups = [
        claim(
            f"{one.get('by')} {one.get('value')}",
            number(words.count(int(str(one.get("cards") or 0)))),
            number(_share(one.get("rate"))),
            number(_share(one.get("elsewhere"))),
            Cell(str(one.get("verdict")), _tone(str(one.get("verdict")))),
            on=on,
        )
        for one in records(detail.get("groups"))
    ]
    tables = of_kind(facts, "overrides")
    if groups:
        tables.append(table(("Where", "Cards", "Overridden", "Elsewhere", "What it means"), groups))
    return Section("overrides", "Overrides", tuple(tables))


def _share(value: object) -> str:
    return words.percent(float(value)) if isinstance(value, float | int) else "not known"


def _tone(verdict: str) -> Tone:
    if verdict.startswith("disagreement"):
        return "bad"
    return "good" if verdict.startswith(("justified", "as elsewhere")) else "warn"


def feedback(facts: BoardFacts) -> Section:
    """Coded reasons of clinicians and figures that they put in place of the plan's."""
    document = facts.site.evidence_of("overrides")
    reasons = [
        claim(
            words.plain(str(one.get("reason")).replace("-", " ")),
            number(words.count(int(str(one.get("cards") or 0)))),
            f"outcome came in {one.get('came')} of {one.get('known')} known",
            on=facts.evidence("overrides"),
        )
        for one in (records(document.detail.get("reasons")) if document else [])
    ]
    changed: dict[str, list[int]] = {}
    for position, one in enumerate(facts.of_kind("adjustment")):
        changed.setdefault(one.text("reason"), []).append(position)
    entries = facts.of_kind("adjustment")
    adjusted = [
        claim(
            words.plain(reason.replace("-", " ")),
            number(words.count(len(at))),
            ", ".join(sorted({entries[one].text("unit") for one in at})),
            on=[entries[one].source for one in at],
        )
        for reason, at in sorted(changed.items(), key=lambda item: -len(item[1]))
    ]
    tables = [table(("Reason of an override", "Cards", "Who was right"), reasons)] if reasons else []
    tables += [table(("Reason of another figure", "Shifts", "Units"), adjusted)] if adjusted else []
    return Section("feedback", "Feedback", tuple(tables), absent="no coded feedback of clinicians is on record here.")


def rehearsal(facts: BoardFacts) -> Section:
    """The timed rehearsal of the way back, and every one on the ledger."""
    rows = [
        claim(
            words.moment(one.at),
            number(f"{float(one.text('seconds_to_restore') or 0):.2f} s"),
            "; ".join(f"{mapping(step).get('step')}" for step in records(one.payload.get("steps"))),
            on=(one.source,),
        )
        for one in reversed(facts.of_kind("rehearsal"))
    ]
    tables = of_kind(facts, "rehearsal")
    tables += (
        [table(("Rehearsed", "To restored service", "Steps"), rows, "On the ledger, newest first.")] if rows else []
    )
    lead = "Rehearsed in a sandbox that runs the same service over the same model; nobody's advice was touched."
    return Section("rehearsal", "Rollback rehearsal", tuple(tables), lead=lead)


def others(facts: BoardFacts) -> Section:
    """Every other kind of evidence: none is left out for being new."""
    found = [one for one in kind_sections(facts.use_case, facts.site) if one.kind not in NAMED]
    tables = [one for section in found if section.document or section.missing for one in _tables(facts, section)]
    absent = [claim(one.title, None, on=()) for one in found if not (one.document or one.missing)]
    tables += [table(("Kinds of evidence that nobody gave", ""), absent)] if absent else []
    return Section("others", "Other evidence", tuple(tables))


def of_kind(facts: BoardFacts, kind: str) -> list[Table]:
    """The tables of one kind of evidence."""
    found: Iterable[KindSection] = (one for one in kind_sections(facts.use_case, facts.site) if one.kind == kind)
    return [one for section in found for one in _tables(facts, section)]
