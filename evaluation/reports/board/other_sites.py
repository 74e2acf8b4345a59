"""The model on visits of other sites: which sites were judged, which need recalibration, and why another was not.

Here belongs what is claimed of the evidence's own words; its figures are told as those of any kind (``figures``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from evaluation.evidence import Json
from evaluation.reports import words
from evaluation.reports.board.claims import Cell, Row, Section, Table, claim, table
from evaluation.reports.board.facts import BoardFacts, Source, mapping, records
from evaluation.reports.board.figures import of_kind

KIND = "cross_site"
LEAD = (
    "The model on the later visits of other sites on which no card was shown; small sites are told and decide nothing."
)


def sites(facts: BoardFacts) -> Section:
    """The worst figures at other sites, those of each, and what is said of each."""
    told = Section("sites", "Other sites", (*of_kind(facts, KIND), *other_sites(facts)), lead=LEAD)
    return replace(told, tables=told.tables[-1:] + told.tables[:-1]) if facts.site.evidence_of(KIND) else told


def other_sites(facts: BoardFacts) -> list[Table]:
    """One row for each other site and outcome of which something is to be said; none without such evidence."""
    document, on = facts.site.evidence_of(KIND), facts.evidence(KIND)
    if document is None:
        return []
    detail, labels = document.detail, dict(facts.use_case.outcomes)
    shown = mapping(detail.get("with_card"))
    rows = [_left_out(site, str(why), on) for site, why in sorted(mapping(detail.get("left_out")).items())]
    needs = records(detail.get("recalibration"))
    rows += [_row(str(one.get("site")), labels, str(one.get("outcome")), _needed(one.get("why")), on) for one in needs]
    for name in _texts(detail.get("too_few")):
        site, _, outcome = name.partition(": ")
        few = Cell(f"told, and decides nothing: fewer than {detail.get('min_events')} events or non-events", "warn")
        rows.append(_row(site, labels, outcome, few, on))
    rows += [
        claim(site, "all outcomes", f"{words.count(int(str(n)))} visits with a card not counted", on=on)
        for site, n in sorted(shown.items())
        if n
    ]
    if not rows:
        rows = [claim("Every other site", "all outcomes", Cell("judged, and needs no recalibration", "good"), on=on)]
    return [table(("Other site", "Outcome", "What is said of it"), rows)]


def _left_out(site: str, why: str, on: Sequence[Source]) -> Row:
    return claim(site, "all outcomes", Cell(f"not judged: {why}", "warn"), on=on)


def _row(site: str, labels: dict[str, str], outcome: str, said: Cell, on: Sequence[Source]) -> Row:
    return claim(site, labels.get(outcome, words.plain(outcome)), said, on=on)


def _needed(why: Json) -> Cell:
    return Cell(f"needs recalibration: {'; '.join(_texts(why))}", "bad")


def _texts(value: Json) -> Iterable[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []
