"""Service levels with their budget, incidents, and risks that stay open.

Here belongs what is claimed of a served release's days; how figures of evidence are told is in ``figures``.
"""

from collections.abc import Mapping

from evaluation.evidence import Json
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, Tone, claim, number, table
from evaluation.reports.board.facts import BoardFacts, LedgerFact, mapping, records
from evaluation.reports.board.figures import of_kind

BUDGET_GONE = 1.0


def levels(facts: BoardFacts) -> Section:
    """What was promised and held, and how much of the error budget is spent."""
    on = facts.source("levels")
    rows = [
        claim(
            f"{one.objective.title} over {one.objective.window.days} days",
            number(words.percent(one.objective.target)),
            number(None if one.good.value is None else words.percent(one.good.value), _met(one.is_met)),
            _interval(one.good.lower, one.good.upper),
            number(words.count(one.good.n)),
            _spent(one.spent),
            one.worst or "nowhere",
            on=on,
        )
        for one in facts.site.levels
    ]
    heads = ("Promise", "Promised", "Held", "95 % interval", "Of", "Budget spent", "Most of it lost at")
    counted = [table(heads, rows, "Weighed by consequence.")] if rows else []
    tables = (*counted, *of_kind(facts, "slo"))
    return Section("levels", "Service levels", tables, absent="nothing is promised of it, or it is not served.")


def _met(is_met: bool | None) -> Tone:
    return "" if is_met is None else "good" if is_met else "bad"


def _interval(lower: float | None, upper: float | None) -> str:
    return "not given" if lower is None or upper is None else f"{words.percent(lower)} to {words.percent(upper)}"


def _spent(spent: float | None) -> Cell:
    if spent is None:
        return Cell(None)
    return number(f"{100 * spent:.0f}\u202f%", "bad" if spent >= BUDGET_GONE else "good")


def incidents(facts: BoardFacts) -> Section:
    """Every incident on the ledger: open ones first, each with its cause where it is closed."""
    closed = {one.text("incident"): one for one in facts.of_kind("incident_closed")}
    opened = sorted(facts.of_kind("incident_opened"), key=lambda one: (one.text("incident") in closed, -one.seq))
    rows = [_incident(one, closed.get(one.text("incident"))) for one in opened]
    heads = ("Incident", "Severity", "What", "Found by", "Opened", "Closed, cause and what was done")
    if rows:
        return Section("incidents", "Incidents", (table(heads, rows),))
    on = facts.source("ledger")
    none = [claim("Incidents", "None is on the ledger of this use case at this site.", on=on)]
    return Section("incidents", "Incidents", (table(("", ""), none),))


def _incident(opened: LedgerFact, closed: LedgerFact | None) -> Row:
    severity = opened.text("severity")
    ended = Cell("open", "bad")
    if closed is not None:
        ended = Cell(f"{words.moment(closed.at)}. {closed.text('cause')} Done: {closed.text('done')}", "good")
    return claim(
        opened.text("incident"),
        Cell(severity, "bad" if severity == "high" else "warn"),
        opened.text("what"),
        opened.text("found_by") or opened.who,
        words.moment(opened.at),
        ended,
        on=(opened.source,) if closed is None else (opened.source, closed.source),
    )


def risks(facts: BoardFacts) -> Section:
    """Hazards of the risk register whose residual risk is not nothing, the largest first."""
    register, on = facts.document("risks"), facts.source("risks")
    acceptable = int(str(register.get("acceptable_residual") or 0))
    ranked = sorted(records(register.get("hazards")), key=lambda one: -_residual(one))
    rows = [
        claim(
            str(one.get("hazard")),
            number(str(one.get("severity"))),
            number(str(mapping(one.get("probability")).get("residual"))),
            number(str(_residual(one)), "good" if _residual(one) <= acceptable else "bad"),
            words.plain(str(one.get("owner"))),
            " ".join(str(control.get("how")) for control in records(one.get("controls"))),
            on=on,
        )
        for one in ranked
    ]
    heads = ("Hazard", "Severity", "Probability", "Residual", "Owner", "Controls")
    said = (
        f"Severity times residual probability, both 1 to 5; up to {acceptable} is acceptable. Judged by their owners."
    )
    tables = (table(heads, rows, said),) if rows else ()
    return Section("risks", "Open risks", tables, absent="there is no risk register of this use case.")


def _residual(one: Mapping[str, Json]) -> int:
    return int(str(one.get("severity") or 0)) * int(str(mapping(one.get("probability")).get("residual") or 0))
