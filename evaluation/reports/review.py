"""The page of a review of meaning: what changed, by how much, and rows of before and after side by side.

Here belongs printing one review document. What a change is belongs in ``drift``, asking and answering to the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.reports.pages import render, write_page

KINDS = {
    "unit_new": "new unit",
    "unit_gone": "unit vanished",
    "unit_moved": "unit changed",
    "system_new": "new code system",
    "system_gone": "code system vanished",
    "system_moved": "code system changed",
    "code_new": "new code",
    "code_gone": "code vanished",
    "code_moved": "code more or less often",
    "code_split": "code split or replaced",
    "word_new": "new words",
    "word_gone": "words vanished",
    "word_moved": "words more or less often",
    "unlisted_new": "unlisted words",
    "unlisted_gone": "unlisted words",
    "unlisted_moved": "unlisted words",
    "values_moved": "values moved",
    "label_moved": "label against admissions",
    "label_outcome": "label against outcome",
    "label_workload": "label against workload",
    "label_rank": "label against workload of visits",
    "label_rate": "label against workload of days",
    "volume_less": "fewer records",
    "volume_more": "more records",
    "field_gone": "field no longer filled",
    "field_less": "field filled less often",
    "outcome_gone": "outcome vanished",
    "outcome_less": "outcome less often",
}
WIDEST = 6
"""Columns of sample rows that are shown beside the place; those that changed come first."""
PLACE = ("contract", "file", "line")


@dataclass(frozen=True, slots=True)
class ReviewView:
    """One review to print: its document, its answer if there is one, and when and by what the page was made."""

    document: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    generated_at: datetime
    version: str

    @property
    def kinds(self) -> list[str]:
        """What kinds of change there are, in words, each once."""
        return list(dict.fromkeys(KINDS.get(str(one["kind"]), "change") for one in self.document["changes"]))

    @property
    def columns(self) -> list[str]:
        """The columns of the sample rows: what changed, the rest as far as there is room, then where a row lies."""
        rows = [*self.document["rows"]["before"], *self.document["rows"]["after"]]
        named = dict.fromkeys(str(column) for row in rows for column in row)
        changed = {str(one["column"]).rsplit(".", 1)[-1] for one in self.document["changes"]} | {"code"}
        inner = sorted((one for one in named if one not in PLACE), key=lambda column: column not in changed)
        return [*inner[:WIDEST], *(one for one in PLACE if one in named)]


def render_review(view: ReviewView) -> str:
    """The page as one self-contained HTML document."""
    return render("review.html", model=view, review=view.document, words=KINDS)


def write_review(folder: Path, view: ReviewView) -> Path:
    """Write the page as ``review-<name>.html`` into ``folder``; returns its path."""
    return write_page(folder / f"{view.document['review']}.html", render_review(view))
