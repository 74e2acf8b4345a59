"""Drift of what is served at a site: features, scores and labels of every segment at once, one incident for one cause.

What does not belong here: what counts as a shift and what is one cause (evaluation/drift), what the evidence says
(`drift_evidence`), and opening incidents.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.drift.causes import causes_of
from evaluation.drift.jumps import Jump, columns_judged, find_jumps, why_none_judged
from evaluation.drift.segments import Look, judge_look
from evaluation.drift.tallies import (
    FORM,
    Counts,
    Reference,
    Tally,
    Watched,
    read_reference,
    reference_bytes,
    tally_current,
    tally_reference,
)
from evaluation.drift.verdict import DriftInputError
from evaluation.drift.watch_policy import WatchPolicy, load_watch_policy
from evaluation.evidence import Evidence
from ml.training.split import settled
from ml.usecases import Declaration, UseCase, load_declaration
from orchestration.settings import Settings
from orchestration.sites import load_site
from orchestration.steps.files import write_atomically
from orchestration.steps.kinds import Windows, kind_of
from orchestration.steps.learning.before_labels import in_canonical_names
from orchestration.steps.learning.judging import SCORE
from orchestration.steps.learning.shadow import NothingServed, served_visits
from orchestration.steps.learning.stores import CandidateRecord, predictions_file, read_candidate, save_evidence
from orchestration.steps.record.incidents import opening
from orchestration.steps.releases.proposal import current_pointer, released, served_sites
from orchestration.steps.watching.drift_evidence import Jumped, evidence_of
from orchestration.steps.watching.drift_telling import Told, tell, told_causes

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_COLUMNS = ("arrived_at", "date")
Compared = tuple[Reference, Mapping[str, Tally]]


@dataclass(frozen=True)
class Watching:
    """What one look at a use case found, its evidence, and the incidents that were opened for it."""

    look: Look
    jumps: tuple[Jump, ...]
    causes: tuple[Told, ...]
    evidence: Evidence
    opened: tuple[dict[str, Any], ...]


def watch_drift(settings: Settings, use_case: str, site: str) -> Watching | None:
    """Look at what is served: write evidence of kind segment_drift, open one incident for each new cause and tell it.

    None where nothing is served, or where neither a segment has rows enough to be compared nor the site days enough to
    see a jump.
    """
    release = released(settings, current_pointer(settings, use_case, site))
    if release is None:
        return None
    record, policy = read_candidate(settings, use_case, site, release.manifest.model.digest), load_watch_policy()
    declared, windows = load_declaration(use_case), kind_of(use_case).windows(settings, record)
    look = judge_look(list(_compared(settings, declared, record, windows, policy)), policy)
    jumped = _jumps(windows, _watched(declared, site, windows), policy)
    if not look.shifts and not jumped.columns:
        return None
    causes = told_causes(declared, causes_of(look.alarms), jumped.jumps, policy)
    evidence = evidence_of(record, look, jumped, causes, policy)
    with opening(settings):  # whoever acts upon the evidence finds its incidents
        save_evidence(settings, evidence)
        opened = tuple(tell(settings, record, release.digest, causes, policy))
    return Watching(look, jumped.jumps, causes, evidence, opened)


def watch_all(settings: Settings, site: str, use_cases: "Sequence[str]") -> tuple[list[Watching], dict[str, Exception]]:
    """Look at each use case; returns what was found, and by use case what kept it from being looked at.

    One that cannot be compared leaves no other unwatched.
    """
    found: list[Watching] = []
    failed: dict[str, Exception] = {}
    for use_case in use_cases:
        try:
            watching = watch_drift(settings, use_case, site)
        except Exception as error:  # noqa: BLE001 - given to the caller, which fails when all were looked at
            failed[use_case] = error
        else:
            found += [] if watching is None else [watching]
    return found, failed


def watched_use_cases(settings: Settings, site: str, use_cases: "Sequence[str]") -> list[str]:
    """Those of the use cases that serve the site."""
    return [use_case for use_case in use_cases if site in served_sites(settings, use_case)]


# -- windows


def _compared(
    settings: Settings, declared: Declaration, record: CandidateRecord, windows: Windows, policy: WatchPolicy
) -> Iterator[Compared]:
    groups = declared.subgroups if isinstance(declared, UseCase) else ("unit", "shift")
    by = tuple(name for name in groups if name in windows.reference.column_names)
    yield from _features(settings, declared, record, windows, by, policy)
    if isinstance(declared, UseCase):
        yield from _labels(declared, record, windows, by, policy)
        yield from _scores(settings, declared, record, by, policy)


def _features(
    settings: Settings,
    declared: Declaration,
    record: CandidateRecord,
    windows: Windows,
    by: tuple[str, ...],
    policy: WatchPolicy,
) -> Iterator[Compared]:
    watched = _watched(declared, record.site, windows)
    current = _last_days(windows.current, policy)
    if not watched or not windows.reference.num_rows or not current.num_rows:
        return
    reference = _kept(settings, record, windows.reference, watched, by, is_standing=_is_standing(declared))
    yield reference, tally_current(reference, current, _days(current))


def _is_standing(declared: Declaration) -> bool:
    """Whether rows are units at the beginning of their shifts, with whoever lies there, and not visits."""
    return not isinstance(declared, UseCase)


def _watched(declared: Declaration, site: str, windows: Windows) -> list[Watched]:
    feeds = _feeds_of(declared, site)
    return [Watched(one.name, one.kind, "feature", feeds.get(one.name, "")) for one in windows.features]


def _jumps(windows: Windows, watched: list[Watched], policy: WatchPolicy) -> Jumped:
    """What jumped among the last days; nothing where there is no row."""
    current = _last_days(windows.current, policy)
    if not current.num_rows:
        return Jumped((), 0, "No input was looked at for a jump: no row came.")
    days = _days(current)
    judged = columns_judged(days, watched, policy.jumps)
    why_not = "" if judged else why_none_judged(days, policy.jumps, policy.windows.current_days)
    return Jumped(find_jumps(current, days, watched, policy.jumps), judged, why_not)


def _feeds_of(declared: Declaration, site: str) -> dict[str, str]:
    """Of each feature the feed of the site that it comes with."""
    listed = load_site(site).feeds
    features = declared.features if isinstance(declared, UseCase) else ()
    return {one.name: next((feed for feed in listed if feed in one.sources), "") for one in features}


def _labels(
    declared: UseCase, record: CandidateRecord, windows: Windows, by: tuple[str, ...], policy: WatchPolicy
) -> Iterator[Compared]:
    """Each outcome among the visits whose label has matured; those that cannot be known yet are no row at all."""
    for outcome in declared.outcomes:
        known_by = datetime.fromisoformat(record.as_of)
        newest = _latest(windows.current, "known_at", known_by)
        old, new = (
            side.filter(pa.array(settled(side, outcome, newest))) for side in (windows.reference, windows.current)
        )
        new = _last_days(new, policy)
        if old.num_rows and new.num_rows:
            watched = [Watched(outcome.label_column, "boolean", "label")]
            reference = tally_reference(old, _days(old), watched, by)
            yield reference, tally_current(reference, new, _days(new))


def _scores(
    settings: Settings, declared: UseCase, record: CandidateRecord, by: tuple[str, ...], policy: WatchPolicy
) -> Iterator[Compared]:
    """Scores that were served, against those of the visits on which the model was judged."""
    import pyarrow.parquet as pq

    try:
        served = in_canonical_names(served_visits(settings, record.use_case, record.site).rows, declared)
    except NothingServed:
        return
    judged = pq.read_table(predictions_file(settings, record))
    parsed = [json.loads(text) for text in served["scores"].to_pylist()]
    for outcome in declared.outcomes:
        name = f"{outcome.name}{SCORE}"
        scored = pa.array([one.get(outcome.name) for one in parsed], pa.float64())
        new = _last_days(served.append_column(name, scored), policy)
        shared = tuple(column for column in by if column in judged.column_names and column in new.column_names)
        if not _day_column(judged) or not new.num_rows:
            continue
        reference = tally_reference(judged, _days(judged), [Watched(name, "numeric", "score")], shared)
        yield reference, tally_current(reference, new, _days(new))


def _latest(table: pa.Table, column: str, otherwise: datetime) -> datetime:
    value = pc.call_function("max", [table[column]]).as_py() if table.num_rows else None
    return value or otherwise


def _day_column(table: pa.Table) -> str | None:
    return next((name for name in DAY_COLUMNS if name in table.column_names), None)


def _days(table: pa.Table) -> Counts:
    """Each row's day as an ordinal. Raises `DriftInputError` where no column says it."""
    name = _day_column(table)
    if name is None:
        raise DriftInputError(f"no column says on which day a row was; expected one of {', '.join(DAY_COLUMNS)}.")
    return np.asarray(table[name].cast(pa.timestamp("us", "UTC")).cast(pa.int64())) // 86_400_000_000


def _last_days(table: pa.Table, policy: WatchPolicy) -> pa.Table:
    if not table.num_rows:
        return table
    days = _days(table)
    return table.filter(pa.array(days > days.max() - policy.windows.current_days))


def _kept(
    settings: Settings,
    record: CandidateRecord,
    rows: pa.Table,
    watched: list[Watched],
    by: tuple[str, ...],
    *,
    is_standing: bool,
) -> Reference:
    """The training window, counted when it is first asked for: what a model learned from does not change."""
    asked = json.dumps([[asdict(one) for one in watched], by, is_standing])
    name = hashlib.sha256(f"{FORM} {record.model} {record.data} {asked}".encode()).hexdigest()
    path: Path = settings.home / "drift" / f"{name}.npz"
    if path.exists():
        try:
            return read_reference(path.read_bytes())
        except DriftInputError:
            path.unlink()
    reference = tally_reference(rows, _days(rows), watched, by, is_standing=is_standing)
    write_atomically(path, reference_bytes(reference))
    return reference
