"""The board pack: every section on one page that loads nothing, and a copy of each document that it cites.

Here belongs the order of the sections, printing and writing. What a section claims belongs in its own module.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evaluation.evidence import Json
from evaluation.reports.board import challenger, changes, figures, items, notes, operation, other_sites, standing, value
from evaluation.reports.board.claims import Section
from evaluation.reports.board.facts import BoardFacts, Source
from evaluation.reports.model_card import card_json, card_xml
from evaluation.reports.pages import render, write_page

PAGE, PRINTED = "board-pack.html", "board-pack.pdf"
NOTHING: Mapping[str, str] = MappingProxyType({})
CARD, CARD_XML = "model-card.json", "model-card.xml"
SECTIONS = (
    standing.stands,
    standing.intended,
    figures.performance,
    other_sites.sites,
    figures.false_alerts,
    figures.drift,
    figures.overrides,
    figures.feedback,
    operation.incidents,
    operation.levels,
    standing.approvals,
    challenger.challenger,
    changes.changes,
    figures.rehearsal,
    operation.risks,
    figures.others,
    notes.release_notes,
    value.value,
    items.readiness,
    items.checklists,
)


@dataclass(frozen=True, slots=True)
class BoardPack:
    """A pack ready to print: its sections, every document that they cite, and the papers beside it, by file name."""

    facts: BoardFacts
    sections: tuple[Section, ...]
    papers: Mapping[str, str]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Every document that is cited, each once, by name."""
        cited = {one.stem: one for section in self.sections for one in section.sources}
        return tuple(cited[stem] for stem in sorted(cited))

    @property
    def absent(self) -> tuple[Section, ...]:
        """The sections in which something is not evidenced."""
        return tuple(one for one in self.sections if one.is_absent)


def board_pack(facts: BoardFacts) -> BoardPack:
    """Everything that the pack says, from facts alone."""
    made = (section(facts) for section in SECTIONS)
    return BoardPack(facts, tuple(one for one in made if one.tables or one.charts or one.absent), _papers(facts))


def render_pack(pack: BoardPack, *, printed: bool = False, beside: Mapping[str, str] = NOTHING) -> str:
    """The pack as one self-contained page. ``printed``: for paper, where a link to a file beside it leads nowhere, it
    cites the list of documents at its end. ``beside``: what else lies there, path to name.
    """
    told = {"model": pack.facts, "facts": pack.facts, "pack": pack, "files": pack.papers}
    return render("board.html", **told, printed=printed, beside=beside)


def _papers(facts: BoardFacts) -> dict[str, str]:
    """What lies beside the pack, by file name: model card, release notes, readiness, checklists, value."""
    made: Mapping[str, Mapping[str, Any] | None] = {
        "release-notes.json": notes.notes_document(facts) if "release" in facts.sources else None,
        "readiness.json": items.answers_document("readiness", facts),
        "checklists.json": items.answers_document("checklists", facts),
        "value.json": value.value_document(facts),
    }
    cards = {CARD: card_json(facts.use_case, facts.site), CARD_XML: card_xml(facts.use_case, facts.site)}
    return {**cards, **{name: _json(one) for name, one in made.items() if one is not None}}


def write_pack(folder: Path, pack: BoardPack, beside: Mapping[str, str] = NOTHING) -> Sequence[Path]:
    """Write the pack, its papers and its evidence into ``folder``; returns the paths, the page first.

    Evidence is written before the page that links to it, so that no link is ever dead.
    """
    copies = [write_page(folder / one.path, _json(one.document)) for one in pack.sources]
    papers = [write_page(folder / name, text) for name, text in pack.papers.items()]
    page = write_page(folder / PAGE, render_pack(pack, beside=beside))
    _drop_old(folder / "evidence", {one.name for one in copies})
    return [page, *papers, *copies]


def _drop_old(folder: Path, kept: set[str]) -> None:
    """Take away copies that an earlier pack cited and this one does not."""
    for path in folder.glob("*.json"):
        if path.name not in kept:
            path.unlink()


def _json(document: Mapping[str, Json] | Mapping[str, Any]) -> str:
    return json.dumps(_plain(document), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
