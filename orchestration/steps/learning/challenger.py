"""What a challenger did beside the release that is served: its own evidence, and both on the same visits.

Its figures of serving are made as those of any model in shadow, of its own scores. What does not belong here: the
statistics (evaluation/metrics/side_by_side), and whether it may take the other's place (releases/replacing).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import pyarrow as pa

from evaluation.evidence import Evidence, Figure, Json
from evaluation.metrics import NotEstimableError
from evaluation.metrics.performance import auroc
from evaluation.metrics.sample import FloatArray
from evaluation.metrics.shares import share
from evaluation.metrics.side_by_side import alerts_difference_per_100, alerts_per_100, auroc_difference, both_alert
from evaluation.policies import load_policy
from ml.registry.signing import load_public_key
from ml.registry.store import load_release
from ml.usecases import UseCase, load_use_case
from orchestration.settings import Settings
from orchestration.steps.learning.evidence import head_of
from orchestration.steps.learning.shadow import NothingServed, Served, calls_of, keep_served, served_visits, visits_of
from orchestration.steps.learning.stores import CandidateRecord, read_candidate, save_evidence
from orchestration.steps.record.lanes import lane_at
from orchestration.steps.record.records import open_records

KIND, SHARE = "side_by_side", "share_of_calls"
CHALLENGER, RELEASE = "challenger", "release"
"""Whose figure it is, behind its name."""


@dataclass(frozen=True)
class Side:
    """One of both: the visits that it scored, and every call about them that it scored (`shadow.calls_of`)."""

    served: Served
    calls: pa.Table

    def scores(self) -> dict[tuple[str, str], tuple[datetime, str]]:
        """When it scored what, by visit and call; in order."""
        names = ("visit_key", "hook_instance", "at", "scores")
        rows = zip(*(self.calls[name].to_pylist() for name in names), strict=True)
        found = dict[tuple[str, str], tuple[datetime, str]]()
        for visit, call, at, scores in rows:
            found.setdefault((visit, call), (at, scores))
        return found


@dataclass(frozen=True)
class Pairs:
    """The visits of which both scored one call, one row each: the mart's columns and `at`, the first such call; the
    challenger's scores of that call, and the other's."""

    rows: pa.Table
    old_scores: list[dict[str, float]]
    new_scores: list[dict[str, float]]


def challenger_of(settings: Settings, use_case: str, site: str) -> CandidateRecord | None:
    """The model that scores beside the release of a site, where pointer and ledger agree upon it; None where none."""
    lane = lane_at(settings, open_records(settings), use_case, site)
    if lane.release is None:
        return None
    release = load_release(settings.home, lane.release, load_public_key(settings.keys / "release.pub.pem"))
    return read_candidate(settings, use_case, site, release.manifest.model.digest)


def judge_challenger(settings: Settings, use_case: str, site: str) -> list[Evidence]:
    """Write and return the evidence of the challenger's serving, and of both side by side; nothing where there is no
    challenger, or no score of it has landed yet."""
    record = challenger_of(settings, use_case, site)
    came = lane_at(settings, open_records(settings), use_case, site).ordered
    if record is None or came is None:
        return []
    try:
        new = visits_of(settings, record)
    except NothingServed:
        return []
    made = keep_served(settings, new)
    try:
        old = served_visits(settings, use_case, site)
    except NothingServed:  # what was challenged is off
        return made
    sides = [Side(one, calls_of(settings, one.record)) for one in (new, old)]
    beside = side_by_side(sides[0], sides[1], load_use_case(use_case), came.since)
    save_evidence(settings, beside)
    return [*made, beside]


def side_by_side(new: Side, old: Side, use_case: UseCase, since: datetime) -> Evidence:
    """Evidence of kind side_by_side, about the challenger: AUROC of each outcome and cards per 100, of both and the
    difference, and how often both would show one, on the visits of which both scored one call; and which share of the
    other's scored calls `since` the challenger came it scored, too."""
    pairs, policy = pairs_of(new, old), load_policy(use_case.use_case)
    threshold, outcome = policy.shown_card.display_threshold, use_case.card.outcome
    figures = {f"{KIND}.visits": Figure(float(pairs.rows.num_rows), n=pairs.rows.num_rows)}
    figures[f"{KIND}.{SHARE}"] = share_of_calls(new, old, since)
    for name, figure in _differences(pairs, use_case).items():
        figures[f"{KIND}.{name}"] = figure
    first, second = (np.array([one[outcome] for one in each]) for each in (pairs.new_scores, pairs.old_scores))
    none = Figure(None, n=0)
    has_rows = bool(first.size)
    figures[f"{KIND}.alerts_per_100_difference"] = (
        alerts_difference_per_100(first, second, threshold) if has_rows else none
    )
    for side, scores in ((CHALLENGER, first), (RELEASE, second)):
        figures[f"{KIND}.alerts_per_100.{side}"] = alerts_per_100(scores, threshold) if has_rows else none
    figures[f"{KIND}.both_alert"] = both_alert(first, second, threshold) if has_rows else none
    detail: dict[str, Json] = {
        "beside_model": old.served.record.model,
        "beside_version": old.served.record.version,
        "threshold": threshold,
        "only_the_challenger_scored": new.served.rows.num_rows - pairs.rows.num_rows,
        "only_the_other_scored": old.served.rows.num_rows - pairs.rows.num_rows,
        "since": since.isoformat(),
        "rule": "the challenger minus the release that is served, of each visit by the first call that both scored",
    }
    return head_of(new.served.record, _window(pairs.rows, new.served.rows)).evidence(KIND, figures, detail)


def pairs_of(new: Side, old: Side) -> Pairs:
    """The first call of each visit that both scored, in the order of the challenger's visits."""
    theirs, first = old.scores(), dict[str, tuple[datetime, str, str]]()
    for (visit, call), (at, scores) in new.scores().items():
        if (visit, call) in theirs:
            first.setdefault(visit, (at, scores, theirs[visit, call][1]))
    table = new.served.rows
    rows = table.filter(pa.array([key in first for key in table["visit_key"].to_pylist()], pa.bool_()))
    found = [first[key] for key in rows["visit_key"].to_pylist()]
    moments = pa.array([at for at, _, _ in found], rows.schema.field("at").type)
    rows = rows.set_column(rows.schema.get_field_index("at"), "at", moments)
    return Pairs(rows, [json.loads(theirs) for _, _, theirs in found], [json.loads(mine) for _, mine, _ in found])


def share_of_calls(new: Side, old: Side, since: datetime) -> Figure:
    """The share of the calls that the other scored `since` then which the challenger scored, too."""
    mine = new.scores()
    return share(np.array([key in mine for key, (at, _) in old.scores().items() if at >= since], np.bool_))


def _differences(pairs: Pairs, use_case: UseCase) -> dict[str, Figure]:
    """AUROC of both and the difference, by outcome and figure, of the visits whose outcome is known by now."""
    found, scores = dict[str, Figure](), (pairs.new_scores, pairs.old_scores)
    for outcome in use_case.outcomes:
        label = pairs.rows[outcome.label_column]
        known = label.is_valid().to_numpy().astype(bool)
        y = label.filter(label.is_valid()).cast(pa.float64()).to_numpy()
        new, old = (np.array([one[outcome.name] for one in each], float)[known] for each in scores)
        figures = [
            ("auroc_difference", partial(auroc_difference, y, new, old)),
            (f"auroc.{CHALLENGER}", partial(auroc, y, new)),
            (f"auroc.{RELEASE}", partial(auroc, y, old)),
        ]
        found |= {f"{outcome.name}.{name}": _estimated(figure, y) for name, figure in figures}
    return found


def _estimated(figure: Callable[[], Figure], y: FloatArray) -> Figure:
    """A figure, or how many visits there were where it cannot be estimated of them."""
    try:
        return figure() if y.size else Figure(None, n=0)
    except NotEstimableError:
        return Figure(None, n=int(y.size), n_events=int(y.sum()))


def _window(pairs: pa.Table, scored: pa.Table) -> dict[str, str]:
    moments = (pairs if pairs.num_rows else scored)["at"].to_pylist()
    return {"served_from": min(moments).isoformat(), "served_until": max(moments).isoformat()}
