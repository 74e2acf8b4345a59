"""The document of operations, put together from evidence, counts, levels and incidents, and published with its pages.

The service reads the document, as a board reads a plan, and never a table; the same pages lie among the reports, so
that they can be seen without a service. What does not belong here: counting (workflow), and drawing (ml/serving/ops).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.evidence import Evidence, Figure
from evaluation.ledger import Readable
from evaluation.metrics.subgroups import MIN_CELL
from evaluation.metrics.workflow import figures_of
from evaluation.reports import ChallengerView
from ml.serving.ops.document import FILE, SCHEMA, Operations
from ml.serving.ops.page import operations_page
from ml.serving.ops.readers import ROLES
from ml.usecases import load_declaration, use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.files import write_atomically, write_json
from orchestration.steps.learning.stores import read_all_evidence
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.records import believed_records, now
from orchestration.steps.releases.launching import narrowing
from orchestration.steps.slo import standings
from orchestration.steps.watching.beside import challenger_view
from orchestration.steps.watching.reads import reads_of
from orchestration.steps.watching.status import about_served, newest, open_incidents
from orchestration.steps.watching.workflow import Worked, work_of

SHOWN_SHIFTS = 8
SHOWN_READS = 30
OVERVIEW = "governance"


def publish_operations(settings: Settings) -> list[Path]:
    """Write the document that the service reads, and a page for each role among the reports; returns the pages."""
    document = Operations.model_validate(_document(settings, now()))
    write_json(settings.home / FILE, document.model_dump(mode="json", by_alias=True))
    pages = {role: settings.reports / f"operations-{role}.html" for role in ROLES}
    drawn = {role: operations_page(document, role, None, is_chooser=True, is_static=True) for role in ROLES}
    for role, path in pages.items():
        write_atomically(path, drawn[role].encode())
    write_atomically(settings.reports / "operations.html", drawn[OVERVIEW].encode())
    return [settings.reports / "operations.html", *pages.values()]


def _document(settings: Settings, at: datetime) -> dict[str, Any]:
    _, records = believed_records(settings)
    sites = [found for site in list_sites() if (found := _site(settings, records, site)) is not None]
    return {"schema": SCHEMA, "generated_at": at, "sites": sites}


def _site(settings: Settings, records: Readable, site: str) -> dict[str, Any] | None:
    """One site; None where nothing is in use and nothing happened."""
    place, worked = load_site(site), work_of(settings, site)
    names = [name for name in use_case_names() if _is_used(settings, name, site)]
    if not names and worked is None:
        return None
    incidents = {str(entry.payload["incident"]) for name in names for entry in open_incidents(records, name, site)}
    return {
        "site": site,
        "label": place.name,
        "is_simulated": place.simulated,
        "begin": worked.begin if worked else None,
        "until": worked.until if worked else None,
        "open_incidents": len(incidents),
        "use_cases": [_use_case(settings, records, name, site) for name in names],
        "groups": _groups(worked),
        "adjustments": worked.adjustments if worked else {},
        "levels": _levels(settings, names, site),
        **_reads(settings, site, worked),
    }


def _reads(settings: Settings, site: str, worked: Worked | None) -> dict[str, Any]:
    found = reads_of(settings, site, worked.begin) if worked else []
    shown = [vars(one) for one in found[:SHOWN_READS]]
    return {"reads": shown, "reads_left_out": len(found) - len(shown)}


def _is_used(settings: Settings, use_case: str, site: str) -> bool:
    pointer = read_present(settings, use_case, site).pointer
    return pointer is not None and pointer.release is not None


def _groups(worked: Worked | None) -> list[dict[str, Any]]:
    groups = worked.groups if worked else ()
    return [
        {
            "by": one.by,
            "value": one.value,
            "figures": {name: figure.to_json() for name, figure in figures.items()},
        }
        for one, figures in zip(groups, figures_of(groups), strict=True)
    ]


def _levels(settings: Settings, use_cases: Sequence[str], site: str) -> list[dict[str, Any]]:
    found = [one for name in use_cases for one in standings(settings, name, site)]
    return [
        {
            "title": one.objective.title,
            "target": one.objective.target,
            "share": one.good.value,
            "is_met": one.is_met,
        }
        for one in found
    ]


def _use_case(settings: Settings, records: Readable, use_case: str, site: str) -> dict[str, Any]:
    pointer = read_present(settings, use_case, site).pointer
    found = about_served(settings, pointer, read_all_evidence(settings, use_case, site).readable)
    estimated, drift = newest(found, "estimated"), newest(found, "segment_drift")
    return {
        "use_case": use_case,
        "title": load_declaration(use_case).title,
        "stage": pointer.stage.value if pointer else "off",
        "tier": pointer.tier.value if pointer else None,
        "silent": narrowing(settings, use_case, site),
        **_estimated(estimated),
        **_drift(drift),
        "challenger": _challenger(challenger_view(settings, records, use_case, site), use_case, site),
    }


def _challenger(view: ChallengerView | None, use_case: str, site: str) -> dict[str, Any] | None:
    """What is missing is counted and not told: its sentences hold counts that may be small."""
    if view is None:
        return None
    count = len(view.missing)
    told = f"{count} condition{'s' * (count > 1)} not met; see the reports, or run: pilothouse gate explain {use_case}"
    figures = {} if view.evidence is None else view.evidence.figures
    return {
        "version": view.model_version,
        "since": view.since,
        "figures": {name: _unless_small(figure).to_json() for name, figure in figures.items()},
        "missing": [f"{told} --site {site} --stage assistive --challenger"] if count else [],
    }


def _unless_small(figure: Figure) -> Figure:
    """A figure of few visits, or of few of one kind among them, is not shown."""
    counts = [one for one in (figure.n, figure.n_events) if one]
    return Figure(None) if any(one < MIN_CELL for one in counts) else figure


def _estimated(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    outcomes: Any = evidence.detail["outcomes"]
    first = next(iter(outcomes.values()), {})
    kept = ("period", "estimated", "realised", "surprises")
    return {
        "figures": {name: figure.to_json() for name, figure in evidence.figures.items()},
        "periods": [{name: _plain(one[name]) for name in kept} for one in first.get("undisplayed", ())],
        "blind_spot": str(evidence.detail["blind_spot"]),
    }


def _drift(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    detail: Any = evidence.detail
    kept = ("column", "by", "value", "mean_moved", "shape_moved", "missing_before", "missing_after", "is_alarm")
    return {
        "drift_causes": [str(one["sentence"]) for one in detail["causes"]],
        "drift_compared": int(detail["compared"]),
        "moved": [
            {name: one[name] for name in kept} | {"q_value": _surest(one)} for one in _foremost(detail["largest"])
        ],
    }


def _foremost(largest: Sequence[Any]) -> list[Any]:
    """Alarms first, then by effect, as evidence lists them; what was written before it did is put in order here."""
    return sorted(largest, key=lambda one: not one["is_alarm"])[:SHOWN_SHIFTS]


def _surest(shift: Any) -> float:
    return min(shift["q_value"], shift.get("missing_q_value", 1.0))


def _plain(value: Any) -> Any:
    """Evidence is read-only all through; a document for the service is plain data."""
    if hasattr(value, "items"):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
