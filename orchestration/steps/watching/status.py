"""Where every release stands: stage, tier, model, service level, drift, incidents, next review.

What does not belong here: pages (reporting).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from evaluation.evidence import Evidence, Figure
from evaluation.ledger import Entry, Readable
from evaluation.policies import Policy, Stage, load_policy
from ml.registry import RegistryError
from ml.registry.pointer import Pointer
from ml.registry.signing import load_public_key
from ml.registry.store import load_release
from ml.usecases import use_case_names
from orchestration.settings import Settings
from orchestration.sites import list_sites, load_site
from orchestration.steps.answer import DONE, FAILED, Answer
from orchestration.steps.errors import said
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.stores import NoCandidate, read_all_evidence, read_candidate
from orchestration.steps.record.agreement import Agreement, agreements
from orchestration.steps.record.incidents import ALL_SITES, ALL_USE_CASES, KINDS
from orchestration.steps.record.lanes import Lane, lanes
from orchestration.steps.record.records import believed_records, broken, late, now, who
from orchestration.steps.releases.launching import narrowing
from orchestration.steps.releases.proposal import released, released_subject
from orchestration.steps.releases.standing import standing_beside, standing_of
from orchestration.steps.secret_files import leftovers

NOTHING_YET = (
    "Nothing is released here, and there is no candidate yet: `pilothouse run` says of each use case what it waits for."
)


def status_of(settings: Settings, site: str | None = None) -> Answer:
    """Return where every release stands, or those of one site, and every problem first. One bad release hides no other.

    Exit code 1 where the ledger does not verify: what is shown is then what lies there, and nobody vouches for it.
    Raises `UnknownSite`.
    """
    if site is not None:
        load_site(site)
    found = overview(settings)
    rows = [row for row in found.rows if site in (None, row["site"])]
    if site is not None and not rows:
        rows = [_blank(use_case, site) for use_case in use_case_names()]
    broken_glass = [row["break_glass"] for row in rows if "break_glass" in row]
    warnings = [*broken_glass, *(sentence for row in rows for sentence in _due(row))]
    document = {"releases": rows, "problems": list(found.problems), **({"warnings": warnings} if warnings else {})}
    text = None if rows or found.problems else NOTHING_YET
    return Answer(document, text=text, exit_code=DONE if found.is_believed else FAILED)


def _due(row: dict[str, Any]) -> list[str]:
    """What is due of a row, of what is served and of its challenger; and where the site's file silences it."""
    silent = [row["silent"]] if "silent" in row else []
    return [*(row["approvals_due"] or ()), *row.get("challenger", {}).get("approvals_due", ()), *silent]


@dataclass(frozen=True)
class Overview:
    """One row per use case and site that has a candidate or a release; `problems` are sentences for people.

    `is_believed` says that the ledger verifies.
    """

    rows: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    is_believed: bool


def release_status(settings: Settings) -> list[dict[str, Any]]:
    """Return one row per use case and site that has a candidate or a release."""
    return list(overview(settings).rows)


def overview(settings: Settings) -> Overview:
    """Hold pointers, releases and ledger against each other, place by place; never raises for a damaged one."""
    verdict, records = believed_records(settings)
    known = [(use_case, site) for use_case in use_case_names() for site in list_sites()]
    found = agreements(settings, records, also=known)
    rows = [row for one in found if (row := _row(settings, records if verdict.ok else None, one)) is not None]
    beside = lanes(settings, records)
    believed = records if verdict.ok else None
    rows = [row | challenger_of(settings, beside.get((row["use_case"], row["site"])), believed) for row in rows]
    unsound = [] if verdict.ok else [f"{broken(verdict)} Run: pilothouse ledger verify"]
    problems = [*unsound, *late(settings), *leftovers(settings), *[str(row["error"]) for row in rows if row["error"]]]
    problems += [one.problem for one in beside.values() if one.problem and (verdict.ok or one.fault)]
    return Overview(tuple(rows), tuple(problems), verdict.ok)


def _row(settings: Settings, records: Readable | None, place: Agreement) -> dict[str, Any] | None:
    """One row, or None where nothing was ever proposed; `records` is None where the ledger cannot be believed."""
    row, faults = _pointed(place, is_believed=records is not None), []
    if place.problem and (records is not None or place.present.fault):
        faults.append(place.problem)
    try:
        if not _is_known(settings, place):
            return None
        _fill(row, settings, records, place)
    except Exception as error:  # noqa: BLE001 - one bad release must not hide the others; its row says what is wrong
        faults.append(f"{place.use_case} at {place.site}: {said(error)}")
    return row | {"error": " ".join(faults) or None}


def _is_known(settings: Settings, place: Agreement) -> bool:
    lies = place.present.pointer is not None or bool(place.present.fault)
    return lies or place.ordered is not None or _has_candidate(settings, place.use_case, place.site)


def _fill(row: dict[str, Any], settings: Settings, records: Readable | None, place: Agreement) -> None:
    """Fill the row as far as things can be read: what can fail comes after what cannot."""
    use_case, site, pointer = place.use_case, place.site, place.present.pointer
    if records is not None:
        row["open_incidents"] = len(open_incidents(records, use_case, site))
    evidence = about_served(settings, pointer, read_all_evidence(settings, use_case, site).readable)
    row["slo"] = figure_value(evidence, "slo", kind_of(use_case).in_time.name)
    row["drift"] = drift_of(evidence)
    row["next_review"] = next_review(pointer, load_policy(use_case))
    silent = narrowing(settings, use_case, site)
    row |= {} if silent is None else {"silent": silent}
    release = released(settings, pointer)
    row["model_version"] = release.manifest.model.version if release else None
    standing = None if records is None else standing_of(records, pointer, release, now())
    row["approvals_due"] = (standing and standing.sentences) or None


def _pointed(place: Agreement, *, is_believed: bool) -> dict[str, Any]:
    """What pointer and ledger say of a place, as far as they can be believed."""
    pointer, ordered = place.present.pointer, place.ordered
    return _blank(place.use_case, place.site) | {
        "stage": pointer.stage.value if pointer else Stage.OFF.value,
        "tier": pointer.tier.value if pointer and pointer.release else None,
        "release": pointer.release if pointer else None,
        **_glass(pointer, place),
        "by": who(ordered.by, ordered.proof) if ordered and is_believed else None,
    }


def _glass(pointer: Pointer | None, place: Agreement) -> dict[str, str]:
    """What is told about a broken glass; nothing stands in the row of a release that was judged."""
    glass = pointer.glass if pointer else None
    return {} if glass is None else {"break_glass": f"{place.use_case} at {place.site}: {glass.sentence}"}


def _blank(use_case: str, site: str) -> dict[str, Any]:
    return {
        "use_case": use_case,
        "site": site,
        "stage": Stage.OFF.value,
        "tier": None,
        "release": None,
        "model_version": None,
        "slo": None,
        "drift": None,
        "open_incidents": None,
        "next_review": None,
        "approvals_due": None,
        "by": None,
        "error": None,
    }


def challenger_of(settings: Settings, lane: Lane | None, records: Readable | None = None) -> dict[str, Any]:
    """What scores beside a release: its digest, model version and drift, and what is due of its approvals where
    anything is; nothing stands in the row where nothing does."""
    if lane is None or lane.pointer is None or lane.pointer.release is None:
        return {}
    try:
        public_key = load_public_key(settings.keys / "release.pub.pem")
        release = load_release(settings.home, lane.pointer.release, public_key)
    except RegistryError:
        return {"challenger": {"release": lane.pointer.release, "model_version": None, "drift": None}}
    evidence = read_all_evidence(settings, lane.pointer.use_case, lane.pointer.site).readable
    own = [one for one in evidence if one.subject_model == release.manifest.subject.model]
    due = standing_beside(records, release, now()).sentences if records is not None and lane.release else []
    found = {"release": lane.pointer.release, "model_version": release.manifest.model.version, "drift": drift_of(own)}
    return {"challenger": {**found, **({"approvals_due": due} if due else {})}}


def _has_candidate(settings: Settings, use_case: str, site: str) -> bool:
    try:
        read_candidate(settings, use_case, site)
    except NoCandidate:
        return False
    return True


def about_served(settings: Settings, pointer: Pointer | None, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return what is about the model that is served: what a challenger or a newer candidate did is not told of it.

    All of it where nothing is served, and nothing where the release cannot be verified.
    """
    if pointer is None or pointer.release is None:
        return list(evidence)
    subject = released_subject(settings, pointer)
    return [] if subject is None else [one for one in evidence if one.subject_model == subject.model]


def newest(evidence: Sequence[Evidence], kind: str) -> Evidence | None:
    """Return the newest piece of a kind, or None."""
    return max((one for one in evidence if one.kind == kind), key=lambda one: one.created_at, default=None)


def figure_value(evidence: Sequence[Evidence], kind: str, name: str) -> float | None:
    """Return a figure of the newest evidence of a kind; None where it is not evidenced."""
    found = newest(evidence, kind)
    return found.figures.get(name, Figure(None)).value if found else None


def drift_of(evidence: Sequence[Evidence]) -> float | None:
    """The share of features that drifted, by the newest evidence of those given."""
    return figure_value(evidence, "drift", "drift.share")


def open_incidents(ledger: Readable, use_case: str, site: str) -> list[Entry]:
    """Return the entries of incidents that are open at a site, those of all sites and all use cases among them."""
    found: dict[str, Entry] = {}
    for entry in ledger.entries(kinds=KINDS):
        if entry.payload["use_case"] not in (use_case, ALL_USE_CASES):
            continue
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
