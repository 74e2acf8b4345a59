"""What serving did, held against what happened: shadow performance, time to score, and who asks for the rest.

Reads the published snapshot: the events that landed under their contract, and the mart. What does not belong here:
the event store, statistics, parity of features (parity).
"""

import json
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from evaluation.evidence import Evidence, Figure, Json
from evaluation.metrics import NotEstimableError
from evaluation.metrics.performance import auroc
from evaluation.metrics.shares import share
from evaluation.policies import load_policy
from ml.registry.signing import load_public_key
from ml.registry.store import VerifiedRelease, load_release
from ml.usecases import UseCase, load_use_case
from orchestration.settings import Settings
from orchestration.steps.errors import StepError
from orchestration.steps.learning.before_labels import estimated_evidence, shadow_gap_evidence
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.explanations import explanations_evidence
from orchestration.steps.learning.overrides import Shown, overrides_evidence, shown_cards
from orchestration.steps.learning.parity import compare, parity_evidence
from orchestration.steps.learning.setting_apart import records_of, set_apart
from orchestration.steps.learning.stores import CandidateRecord, read_candidate, save_evidence
from orchestration.steps.record.corrections import corrections_of
from orchestration.steps.releases.proposal import current_pointer, released
from orchestration.steps.warehouse.tables import Snapshot, current_snapshot

IN_TIME_SECONDS = 30.0
"""99.5 % of triage scores within 30 seconds of the vital signs (promise O1)."""

SERVED = """
    select events.visit_key, events.patient_key, events.at, events.latency_ms, events.status, events.features,
        events.scores, events.is_displayed,
        mart.{ready_at} as charted_at, mart.* exclude ({excluded})
    from ({events}) as events
    inner join '{mart}' as mart on events.site = mart.site and events.visit_key = mart.{key}
    where events.use_case = $use_case and events.site = $site and events.status = 'scored'
        and events.release_digest in (select unnest($releases))
    qualify row_number() over (partition by events.visit_key order by events.at, events.event_id) = 1
    order by events.at, events.visit_key
"""


CALLS = """
    select events.visit_key, events.hook_instance, events.at, events.scores
    from ({events}) as events
    semi join '{mart}' as mart on events.site = mart.site and events.visit_key = mart.{key}
    where events.use_case = $use_case and events.site = $site and events.status = 'scored'
        and events.release_digest in (select unnest($releases))
    order by events.at, events.event_id
"""


class NothingServed(StepError):
    """No event of the released model has come back yet; the message says what brings events back."""


CHALLENGED = "serving_challenger"
ANSWERED = "select * from '{events}'"
BESIDE = """
    select * from '{events}'
    union all by name
    select challenged.* replace (coalesce(answered.is_displayed, false) as is_displayed)
    from '{challenged}' as challenged
    left join '{events}' as answered
        on challenged.site = answered.site and challenged.use_case = answered.use_case
        and challenged.hook_instance = answered.hook_instance and answered.kind = 'call'
"""
"""A challenger's scores beside those that were answered; a card that was shown then was shown to the same person,
whoever scored it, and what came of the visit may be its doing."""


@dataclass(frozen=True)
class Served:
    """The visits that the released model scored, joined with the mart, one row per visit; and the cards it showed."""

    record: CandidateRecord
    rows: pa.Table
    shown: Shown


def judge_serving(settings: Settings, use_case: str, site: str) -> list[Evidence]:
    """Write and return the evidence of serving about the model released at a site: the kinds of `Kind.served`."""
    return keep_served(settings, served_visits(settings, use_case, site))


def keep_served(settings: Settings, served: Served) -> list[Evidence]:
    """Write and return the evidence of what a model scored live: the kinds of `Kind.served`."""
    declared, use_case = load_use_case(served.record.use_case), served.record.use_case
    corrections = corrections_of(settings, use_case, served.record.site)
    compared = compare(served.rows)
    records = records_of(settings, declared, served.record.site, corrections)
    apart = set_apart(served.rows, compared.differing, corrections, records)
    threshold, window = load_policy(use_case).shown_card.display_threshold, _window(served.rows)
    evidence = [
        _shadow(served, declared, threshold),
        parity_evidence(head_of(served.record, window), compared, apart, corrections),
        _slo(served),
        overrides_evidence(served.record, served.shown, window),
        estimated_evidence(served.record, served.rows, declared, window),
        shadow_gap_evidence(settings, served.record, served.rows, declared, window, apart.is_apart),
        explanations_evidence(settings, served.record, served.rows, declared, threshold, window),
    ]
    for piece in evidence:
        save_evidence(settings, piece)
    return evidence


def served_visits(settings: Settings, use_case: str, site: str) -> Served:
    """Return the first score of every visit that the released model scored, beside the mart's row of that visit."""
    release = released(settings, current_pointer(settings, use_case, site))
    if release is None:
        raise NothingServed(f"{use_case} serves no release at {site}; there are no events to judge.")
    return visits_of(settings, read_candidate(settings, use_case, site, release.manifest.model.digest))


def visits_of(settings: Settings, record: CandidateRecord) -> Served:
    """Return the first score of every visit that a model scored live, in service or as a challenger.

    Raises `NothingServed` where none has landed.
    """
    use_case, site = record.use_case, record.site
    digests = [one.digest for one in releases_of(settings, record)]
    snapshot, declared = current_snapshot(settings), load_use_case(use_case)
    rows = _join(snapshot, declared, site, digests)
    if rows.num_rows == 0:
        raise NothingServed(f"No event of {use_case} at {site} has landed yet; run: pilothouse run --site {site}")
    return Served(record, rows, shown_cards(snapshot, declared, site, digests))


def calls_of(settings: Settings, record: CandidateRecord) -> pa.Table:
    """Return every call that a model scored live, of the visits in the mart, in order: `visit_key`, `hook_instance`,
    `at` and `scores`."""
    digests = [one.digest for one in releases_of(settings, record)]
    return _join(current_snapshot(settings), load_use_case(record.use_case), record.site, digests, CALLS)


def _join(snapshot: Snapshot, use_case: UseCase, site: str, releases: list[str], asked: str = SERVED) -> pa.Table:
    mart, parts = snapshot.table(f"{use_case.use_case}_mart"), {"events": snapshot.table("serving_event")}
    is_beside = CHALLENGED in snapshot.rows
    scored = BESIDE.format(**parts, challenged=snapshot.table(CHALLENGED)) if is_beside else ANSWERED.format(**parts)
    key, ready_at = use_case.grain.key, use_case.grain.ready_at
    excluded = ", ".join(sorted({key, "charted_at"} if ready_at == "charted_at" else {key}))
    query = asked.format(events=scored, mart=mart, key=key, ready_at=ready_at, excluded=excluded)
    parameters = {"use_case": use_case.use_case, "site": site, "releases": releases}
    with duckdb.connect() as connection:
        return connection.sql(query, params=parameters).to_arrow_table()


def releases_of(settings: Settings, record: CandidateRecord) -> list[VerifiedRelease]:
    """Return every release of a model at any stage, verified."""
    public = load_public_key(settings.keys / "release.pub.pem")
    folders = sorted((settings.home / "releases").glob("[0-9a-f]*"))
    releases = [load_release(settings.home, folder.name, public) for folder in folders]
    return [one for one in releases if one.manifest.model.digest == record.model]


def _shadow(served: Served, use_case: UseCase, threshold: float) -> Evidence:
    """Ranking by outcome on visits whose outcome has settled; one that has settled for none has no figure, and the
    detail says so."""
    table = served.rows
    scores = [json.loads(text) for text in table["scores"].to_pylist()]
    figures: dict[str, Figure] = {}
    for outcome in use_case.outcomes:
        label = table[outcome.label_column]
        settled = label.is_valid().to_numpy().astype(bool)
        p = np.array([float(one[outcome.name]) for one in scores])[settled]
        figures[f"shadow.{outcome.name}.auroc"] = _estimated(label.drop_null().cast(pa.float64()).to_numpy(), p)
    shown = np.array([one[use_case.card.outcome] >= threshold for one in scores])
    figures["shadow.alerts_per_100"] = _per_100(share(shown))
    detail: dict[str, Json] = {"visits": table.num_rows}
    missing = [one.name for one in use_case.outcomes if figures[f"shadow.{one.name}.auroc"].n == 0]
    if missing:
        detail["not_settled"] = f"No visit that was scored has settled yet for: {', '.join(missing)}."
    return head_of(served.record, _window(table)).evidence("shadow", figures, detail)


def _estimated(y: np.ndarray, p: np.ndarray) -> Figure:
    if not y.size:
        return Figure(None, n=0)
    try:
        return auroc(y, p)
    except NotEstimableError:
        return Figure(None, n=int(y.size), n_events=int(y.sum()))


def _per_100(figure: Figure) -> Figure:
    scaled = [None if bound is None else 100 * bound for bound in (figure.value, figure.lower, figure.upper)]
    return Figure(*scaled, n=figure.n, n_events=figure.n_events)


def _slo(served: Served) -> Evidence:
    latency = served.rows["latency_ms"].cast(pa.float64()).to_numpy()
    waited = np.array([(at - seen).total_seconds() for at, seen in _times(served.rows)]) + latency / 1000
    figures = {
        "slo.share_within_30s": share(waited <= IN_TIME_SECONDS),
        "slo.latency_ms_p50": Figure(float(np.quantile(latency, 0.5)), n=latency.size),
        "slo.latency_ms_p99": Figure(float(np.quantile(latency, 0.99)), n=latency.size),
    }
    return head_of(served.record, _window(served.rows)).evidence("slo", figures, {})


def _times(rows: pa.Table) -> list[tuple[Any, Any]]:
    return list(zip(rows["at"].to_pylist(), rows["charted_at"].to_pylist(), strict=True))


def _window(rows: pa.Table) -> dict[str, str]:
    moments = rows["at"].to_pylist()
    return {"served_from": min(moments).isoformat(), "served_until": max(moments).isoformat()}
