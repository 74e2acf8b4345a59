"""What the demo says at its end: its document of figures.

Figures come from the evidence on record; the best that anybody could do comes from the simulator's own truth, which
no feature can read. What does not belong here: pages (evaluation/reports), and words (summary_words).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import duckdb

from evaluation.evidence import Evidence
from evaluation.metrics import NotEstimableError
from evaluation.metrics.performance import auroc
from evaluation.reports.board import PAGE, PRINTED
from orchestration.contracts import sql
from orchestration.demo.replay import Replayed
from orchestration.demo.staffing import ROSTER, STAFFING
from orchestration.demo.summary_words import CAVEAT, summary_text
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.answer import Answer
from orchestration.steps.learning.stores import predictions_file, read_all_evidence, read_candidate
from orchestration.steps.record.agreement import read_present
from orchestration.steps.record.records import open_records
from orchestration.steps.watching.board_packs import pack_folder
from orchestration.steps.watching.status import about_served, figure_value, newest, release_status

COMPARED = """
    select truth.critical_care_probability as best, predictions.critical_care_label as outcome
    from {truth} as truth
    inner join {predictions} as predictions on predictions.arrived_at = truth.arrived_at
    where predictions.critical_care_label is not null and truth.critical_care_probability is not null
    order by predictions.arrived_at, best, outcome
"""


def summarise(
    settings: Settings,
    sites: tuple[str, ...],
    use_case: str,
    pilot: str,
    seconds: Mapping[str, float],
    replayed: Mapping[str, Replayed],
    refused: Mapping[str, list[str]],
    fault: Mapping[str, Any] = MappingProxyType({}),
) -> Answer:
    """Return the demo's JSON document and the text for people."""
    releases = release_status(settings)
    document = {
        "use_cases": {
            use_case: {row["site"]: _site(settings, use_case, row) for row in releases if row["use_case"] == use_case},
            STAFFING: {row["site"]: _plans(settings, row) for row in releases if row["use_case"] == STAFFING},
            ROSTER: {row["site"]: _rosters(settings, row) for row in releases if row["use_case"] == ROSTER},
        },
        "sites": list(sites),
        "reports": str(settings.reports / "index.html"),
        "operations": str(settings.reports / "operations.html"),
        "board_pack": _board_pack(settings, use_case, pilot),
        "seconds": dict(seconds),
        "requests": {stage: _requests(done) for stage, done in replayed.items()},
        "ledger": {"entries": open_records(settings).verify().entries, "ok": open_records(settings).verify().ok},
        "fault": dict(fault),
        "refused": dict(refused),
        "note": CAVEAT,
    }
    return Answer(document, text=summary_text(document, use_case, pilot))


def _board_pack(settings: Settings, use_case: str, pilot: str) -> str | None:
    """Where the pilot's board pack lies; None where nothing was released."""
    folder = pack_folder(settings.reports, use_case, pilot)
    return next((str(folder / name) for name in (PRINTED, PAGE) if (folder / name).exists()), None)


def _requests(done: Replayed) -> dict[str, Any]:
    ordered = sorted(done.milliseconds) or [0.0]
    return {
        "requests": done.requests,
        "cards": done.cards,
        "feedback": done.feedback,
        "p50_ms": round(ordered[len(ordered) // 2], 2),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2),
    }


def _site(settings: Settings, use_case: str, row: dict[str, Any]) -> dict[str, Any]:
    site = row["site"]
    evidence = served_evidence(settings, use_case, site)
    performance, parity = newest(evidence, "performance"), newest(evidence, "parity")
    figures = performance.figures if performance else {}
    names = {
        "auroc": "critical_care.auroc",
        "nurse_level_auroc": "critical_care.auroc.current_practice",
        "admission_auroc": "admission.auroc",
    }
    return {
        "stage": row["stage"],
        "tier": row["tier"],
        "release": row["release"],
        "model_version": row["model_version"],
        **{name: figures[figure].value if figure in figures else None for name, figure in names.items()},
        "best_possible_auroc": _best_possible(
            settings, use_case, site, performance.subject_model if performance else None
        ),
        "parity": parity.figures["parity.agreement"].value if parity else None,
        "slo": row["slo"],
        "drift": row["drift"],
    }


def served_evidence(settings: Settings, use_case: str, site: str) -> list[Evidence]:
    """What is known of the model that is served there, or of the candidate where none is."""
    pointer = read_present(settings, use_case, site).pointer
    return about_served(settings, pointer, read_all_evidence(settings, use_case, site).readable)


def _plans(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    """How the staffing forecast stands: against the better of two simple rules, and as planned."""
    evidence = served_evidence(settings, STAFFING, row["site"])
    return {
        **{name: row[name] for name in ("stage", "tier", "release", "model_version", "drift")},
        "hours_skill_1d": figure_value(evidence, "performance", "nurse_hours_1d.skill"),
        "hours_coverage_1d": figure_value(evidence, "calibration", "nurse_hours_1d.coverage"),
        "plans_in_time": row["slo"],
    }


def _rosters(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    """How rosters of a past week stand beside the one that was worked."""
    evidence = served_evidence(settings, ROSTER, row["site"])
    figures = {
        "hard_rules_broken": "hard_rules_broken",
        "hard_rules_broken_as_worked": "worked.hard_rules_broken",
        "demand_covered": "demand_covered",
        "demand_covered_as_worked": "worked.demand_covered",
        "wishes_kept": "wishes_kept",
    }
    return {
        **{name: row[name] for name in ("stage", "tier", "release", "model_version", "drift")},
        **{name: figure_value(evidence, "performance", figure) for name, figure in figures.items()},
    }


def _best_possible(settings: Settings, use_case: str, site: str, model: str | None) -> float | None:
    """The AUROC of the simulator's true probability on the model's own test visits, matched by arrival."""
    if not load_site(site).simulated:
        return None
    predictions = predictions_file(settings, read_candidate(settings, use_case, site, model))
    files = {"truth": settings.home / "truth" / site / "*.parquet", "predictions": predictions}
    query = COMPARED.format(**{name: sql.text(str(path)) for name, path in files.items()})
    with duckdb.connect() as connection:
        rows = connection.sql(query).fetchnumpy()
    try:
        return auroc(rows["outcome"].astype(float), rows["best"].astype(float)).value
    except NotEstimableError:
        return None
