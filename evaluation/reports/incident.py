"""The page of one incident: what, when, who was affected, how it was found, what was done, and what is told.

Here belongs printing one report, as text and as a page. Gathering it belongs to the caller.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.reports import words
from evaluation.reports.pages import render, write_page


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One report, and when and by what it was made. For clinicians it holds no ids and nothing of the machinery."""

    report: Mapping[str, Any]
    generated_at: datetime
    version: str

    @property
    def is_for_clinicians(self) -> bool:
        return self.report["audience"] == "clinicians"

    @property
    def state(self) -> str:
        return "open" if self.report["is_open"] else "closed"

    @property
    def who_was_affected(self) -> str:
        """The counts in a sentence."""
        found = self.report["affected"]
        if not found["calls"]:
            return "Nobody that the service knows of: it answered no call of this release in the time of the incident."
        return (
            f"{found['patients']} patients in {found['visits']} visits; {found['cards']} cards were shown in "
            f"{found['calls']} calls, from {words.instant(found['from'])} to {words.instant(found['until'])}."
        )

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is told, in order, with what nobody has said yet named as such."""
        report, found = self.report, self.report["detected"]
        after = "" if found["seconds"] is None else f", {words.length(found['seconds'])} after it began"
        facts = [
            ("What", report["what"]),
            ("Where", f"{report['use_case']} at {report['site']}"),
            ("When", f"opened {words.instant(report['opened_at'])}" + (_since(report["occurred_at"]))),
            ("Severity", report["severity"]),
            ("Who was affected", self.who_was_affected),
            ("How it was found", f"by {found['by']} ({found['how']}){after}"),
            ("Consequence", report["consequence"] or "not said yet"),
            ("What was done", report["done"] or "the incident is open"),
            ("Finding", _finding(report)),
        ]
        return facts if self.is_for_clinicians else [*facts, *self._machinery]

    @property
    def _machinery(self) -> list[tuple[str, str]]:
        report = self.report
        release = report["release"]
        said = report["detail"].get("sentence")
        left_out = {"told", "step", *(["sentence"] if said and said in report["what"] else [])}
        detail = {name: value for name, value in report["detail"].items() if name not in left_out}
        measured = [f"{name.replace('_', ' ')} {words.listed(value)}" for name, value in sorted(detail.items())]
        return [
            ("Release", words.short(release) if release else "none"),
            ("Feed", report["feed"] or "none"),
            ("Measured", "; ".join(measured) or "nothing"),
            *([("Corrected", _corrected(report["corrected"]))] if report.get("corrected") else []),
        ]

    @property
    def text(self) -> str:
        """The report for a terminal."""
        report = self.report
        defect = [report["process_defect"]] if report["process_defect"] else []
        lines = [f"{report['incident']} ({self.state})", *defect]
        lines += [f"  {name:<17} {said}" for name, said in self.facts]
        if self.is_for_clinicians and report["told"]:
            lines += ["  On cards and boards:", f"    {report['told']['withdrawn']}"]
        if plan := report["plan"]:
            lines.append(f"  What the plan asks (deciding: {', '.join(plan['decides'])}):")
            lines += [f"    by {words.instant(one['due_at'])}  {one['by']}: {one['do']}" for one in plan["steps"]]
        lines += ["  Timeline:"]
        lines += [f"    {one['at'][:19]}  {one['what']}  by {one['by']}  {one['reason']}" for one in report["timeline"]]
        return "\n".join(lines)


def _since(began: str | None) -> str:
    return f"; began {words.instant(began)}" if began else ""


def _finding(report: Mapping[str, Any]) -> str:
    if report["cause"] is None:
        return "none yet; closing takes one"
    return f"{report['finding']}: {report['cause']}" if report["finding"] else str(report["cause"])


def _corrected(stated: Mapping[str, Any]) -> str:
    files = ", ".join(words.short(one) for one in stated["files"])
    return (
        f"{', '.join(stated['columns'])} of {stated['feed']}, wrong from {words.instant(stated['wrong_from'])} to "
        f"{words.instant(stated['wrong_until'])} and sent again in {files}; visits of that time stand apart where "
        "serving is held against the warehouse."
    )


def page_name(incident: str, audience: str) -> str:
    """The file of an incident's page."""
    return f"{incident}-for-{audience}.html"


def write_incident(folder: Path, page: IncidentPage) -> Path:
    """Write the page as ``<incident>-for-<audience>.html`` into ``folder``; returns its path.

    Beside it, and first, lies ``<page>.site``: of which site it is, and of how many patients it tells. The name of an
    incident need hold no site; readers of one site read only pages that are known to be of it (``report_shelves.py``).
    """
    name = page_name(page.report["incident"], page.report["audience"])
    beside = {"site": page.report["site"], "patients": page.report["affected"]["patients"]}
    write_page(folder / f"{name}.site", json.dumps(beside))
    return write_page(folder / name, render("incident.html", model=page, report=page.report))
