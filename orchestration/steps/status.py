"""Where every release stands: stage, tier, model, service level, drift, incidents, next review.

What does not belong here: pages (reporting).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from evaluation.evidence import Evidence, Figure
from evaluation.ledger import Entry, Ledger
from evaluation.policies import Policy, load_policy
from ml.registry.pointer import Pointer
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites
from orchestration.steps.incidents import ALL_SITES, KINDS
from orchestration.steps.proposal import current_pointer, released
from orchestration.steps.records import open_records
from orchestration.steps.stores import NoCandidate, read_all_evidence, read_candidate


def release_status(settings: Settings) -> list[dict[str, Any]]:
    """Return one row per use case and site that has a candidate or a release."""
    ledger = open_records(settings)
    rows = [_row(settings, ledger, use_case, site) for use_case in use_case_names() for site in list_sites()]
    return [row for row in rows if row is not None]


def _row(settings: Settings, ledger: Ledger, use_case: str, site: str) -> dict[str, Any] | None:
    pointer = current_pointer(settings, use_case, site)
    if pointer is None and not _has_candidate(settings, use_case, site):
        return None
    release = released(settings, pointer)
    evidence = read_all_evidence(settings, use_case, site).readable
    return {
        "use_case": use_case,
        "site": site,
        "stage": pointer.stage.value if pointer else "off",
        "tier": pointer.tier.value if pointer and pointer.release else None,
        "release": pointer.release if pointer else None,
        "model_version": release.manifest.model.version if release else None,
        "slo": figure_value(evidence, "slo", "slo.share_within_30s"),
        "drift": figure_value(evidence, "drift", "drift.share"),
        "open_incidents": len(open_incidents(ledger, use_case, site)),
        "next_review": next_review(pointer, load_policy(use_case)),
    }


def _has_candidate(settings: Settings, use_case: str, site: str) -> bool:
    try:
        read_candidate(settings, use_case, site)
    except NoCandidate:
        return False
    return True


def newest(evidence: Sequence[Evidence], kind: str) -> Evidence | None:
    """Return the newest piece of a kind, or None."""
    return max((one for one in evidence if one.kind == kind), key=lambda one: one.created_at, default=None)


def figure_value(evidence: Sequence[Evidence], kind: str, name: str) -> float | None:
    """Return a figure of the newest evidence of a kind; None where it is not evidenced."""
    found = newest(evidence, kind)
    return found.figures.get(name, Figure(None)).value if found else None


def open_incidents(ledger: Ledger, use_case: str, site: str) -> list[Entry]:
    """Return the entries of incidents that are open at a site, those of all sites among them."""
    found: dict[str, Entry] = {}
    for entry in ledger.entries(kinds=KINDS, use_case=use_case):
        name = str(entry.payload["incident"])
        if entry.kind == "incident_closed":
            found.pop(name, None)
        elif entry.payload["site"] in (site, ALL_SITES):
            found[name] = entry
    return list(found.values())


def next_review(pointer: Pointer | None, policy: Policy) -> date | None:
    """Return the day by which the release is to be reviewed again, by the policy's cadence."""
    if pointer is None or pointer.release is None:
        return None
    return (pointer.issued_at + timedelta(days=policy.review_every_days)).date()
