"""The page of the safety case: every named fault, what became of it, and how often the system cried wolf without one.

Here belongs printing one scoreboard. Running the faults and judging their lines is the caller's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.reports.pages import render, write_page

NAME = "safety-case.html"
SHORTEST_SECONDS = 0.01
FAMILIES = {
    "feeds": "Feeds: what sources send, or fail to send",
    "learning": "Learning: what a model was allowed to see, and what is said of it",
    "governance": "Governance: who signs, and how fast",
    "record": "Record: what is done to the ledger and to what is released",
    "serving": "Serving: the running service and who calls it",
}
REACHED = {
    "lake": ("wrong row of the lake", "wrong rows of the lake"),
    "withheld": ("row missing from it", "rows missing from it"),
    "omop": ("wrong row of OMOP", "wrong rows of OMOP"),
    "model": ("release", "releases"),
    "cards": ("card", "cards"),
}


@dataclass(frozen=True, slots=True)
class SafetyCaseView:
    """One scoreboard to print: its document, and when and by what version the page was made."""

    document: Mapping[str, Any]
    generated_at: datetime
    version: str

    @property
    def families(self) -> list[tuple[str, list[Mapping[str, Any]]]]:
        """The lines of the scoreboard by family, with the family's heading."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for line in self.document["faults"]:
            found.setdefault(FAMILIES.get(str(line["family"]), str(line["family"]).capitalize()), []).append(line)
        return list(found.items())

    @property
    def blind(self) -> list[Mapping[str, Any]]:
        """Blind spots that nothing saw, as it was known."""
        return [one for one in self.document["faults"] if not one["promised"] and not one["detected"]]


def after(line: Mapping[str, Any]) -> str:
    """How long until it was detected: in seconds, and of feeds the simulated day on which they were looked at."""
    if line["seconds"] is None:
        return ""
    days = "" if line["days"] is None else f", day {line['days']:g} of the feed"
    if line["seconds"] < SHORTEST_SECONDS:
        return f"at once{days}"
    return f"{line['seconds']:.2f} s{days}" if line["seconds"] < 10 else f"{line['seconds']:.0f} s{days}"


def reached(line: Mapping[str, Any]) -> str:
    """How far it came, in words; what its course has no place for is left out."""
    counted = [(name, line["reached"].get(name)) for name in REACHED]
    told = [f"{count:,} {REACHED[name][count != 1]}" for name, count in counted if count]
    return ", ".join(told) or ("nothing" if any(count == 0 for _, count in counted) else "not counted")


def shown(line: Mapping[str, Any]) -> str:
    """Whether people were shown anything of it, where that was counted."""
    return {None: "", True: "shown to nobody", False: "SHOWN TO PEOPLE"}[line["contained"]]


def render_safety_case(view: SafetyCaseView) -> str:
    """The page as one self-contained HTML document."""
    return render("safety_case.html", model=view, case=view.document, after=after, reached=reached, shown=shown)


def write_safety_case(folder: Path, view: SafetyCaseView) -> Path:
    """Write the page as ``safety-case.html`` into ``folder``, which is made; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_page(folder / NAME, render_safety_case(view))
