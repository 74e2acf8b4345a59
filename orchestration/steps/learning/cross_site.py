"""A model judged on other sites' visits: those that came after its training, and after that of any model it began as.

Visits where a card was shown are left out: the advice may have changed what came (decision 0053). Only the model's own
figures cross between sites, never a row. What does not belong here: the statistics
(evaluation/metrics/cross_site) and deciding by them (the policy of decision support).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.evidence import Evidence
from evaluation.metrics import LabelledScores
from evaluation.metrics.cross_site import cross_site_evidence
from ml.features.mart import Snapshot, design_matrix, read_snapshot
from ml.training.split import Period, visits
from ml.usecases import UseCase, load_use_case
from ml.usecases.classifier import Feature
from orchestration.settings import Settings
from orchestration.steps.intake.deidentification import shifted_sites
from orchestration.steps.learning.evidence import head_of, keep_evidence, watched_models
from orchestration.steps.learning.judging import samples_of
from orchestration.steps.learning.overrides import visits_with_card
from orchestration.steps.learning.stores import CandidateRecord, NoCandidate, bundle_folder, read_candidate
from orchestration.steps.warehouse.tables import current_snapshot

LINEAGE_UNKNOWN = "the model that it began as is not on record, so nobody can say where it learned"
NO_TRUE_DATES = "dates are shifted at {sites}, so what came there after the training, and with a card, cannot be told"


@dataclass(frozen=True)
class _Marts:
    """Every site's visits as they stand now, and the keys of those where a card was shown, by site."""

    declared: UseCase
    snapshot: Snapshot
    with_card: Mapping[str, pa.Array]

    def others(self, site: str) -> list[str]:
        return [one for one in sorted(self.snapshot.mart["site"].unique().to_pylist()) if one != site]

    def without_card(self, site: str) -> pa.Table:
        """The mart without the visits of `site` where a card was shown."""
        shown = pc.call_function("is_in", [self.snapshot.mart["visit_key"]], pc.SetLookupOptions(self.with_card[site]))
        return self.snapshot.mart.filter(pc.call_function("invert", [shown]))


def validate_across_sites(settings: Settings, use_case: str, site: str) -> Evidence:
    """Judge the candidate, and the released model, on every other site's visits; write evidence about each of them.

    Returns what is about the released model, if there is one. Raises `NoCandidate`.
    """
    marts = _marts(settings, load_use_case(use_case))
    found: list[Evidence] = []
    for record in watched_models(settings, use_case, site):
        found.append(_validated(settings, record, marts))
        keep_evidence(settings, record, found[-1:])
    return found[-1]


def _marts(settings: Settings, declared: UseCase) -> _Marts:
    snapshot, exported = read_snapshot(settings.snapshots, declared), current_snapshot(settings)
    sites = snapshot.mart["site"].unique().to_pylist()
    return _Marts(declared, snapshot, {site: visits_with_card(exported, declared, site) for site in sites})


def _validated(settings: Settings, record: CandidateRecord, marts: _Marts) -> Evidence:
    learned = _learned_until(settings, record)
    sites: dict[str, Sequence[LabelledScores]] = {}
    left_out: dict[str, str] = {}
    for other in marts.others(record.site):
        samples = _samples(settings, record, marts, other, learned)
        if isinstance(samples, str):
            left_out[other] = samples
        else:
            sites[other] = samples
    head = head_of(record, {"arrived_from": record.test_from, "as_of": marts.snapshot.as_of})
    return cross_site_evidence(head, sites, left_out, {site: len(marts.with_card[site]) for site in sites})


def _learned_until(settings: Settings, record: CandidateRecord) -> dict[str, datetime] | None:
    """Until when a model and those that it began as learned, by site; None where one of them is not on record."""
    found = {record.site: datetime.fromisoformat(record.train_until)}
    while record.adapted_from is not None and record.adapted_from["way"] != "from_scratch":
        source = record.adapted_from
        try:
            record = read_candidate(settings, record.use_case, source["site"], source["model"])
        except NoCandidate:
            return None
        until = datetime.fromisoformat(record.train_until)
        found[record.site] = max(until, found.get(record.site, until))
    return found


def _samples(
    settings: Settings, record: CandidateRecord, marts: _Marts, other: str, learned: Mapping[str, datetime] | None
) -> list[LabelledScores] | str:
    """What the model says of another site's later visits beside what came; or why nothing can be said."""
    from ml.training.backtest import predict_period
    from ml.training.bundle import load_bundle  # learners: half of what a command that only reads would wait for

    declared = marts.declared
    if learned is None:
        return LINEAGE_UNKNOWN
    if shifted := sorted({other, *learned} & {*shifted_sites()}):
        return NO_TRUE_DATES.format(sites=" and ".join(shifted))
    model, since = load_bundle(bundle_folder(settings, record), record.model), datetime.fromisoformat(record.test_from)
    after, mart = Period(max(since, learned.get(other, since))), marts.without_card(other)
    there = visits(mart, other, after)
    if there.num_rows == 0:
        return f"no eligible {declared.grain.noun} without a card came there after the model's training ended"
    if lacking := _lacking(model.features, visits(mart, record.site, Period()), there):
        return f"it does not record {', '.join(lacking)}, which the model looks at"
    predictions = predict_period(model, declared, mart, after, datetime.fromisoformat(marts.snapshot.as_of), other)
    if not all(predictions[f"{one.name}_label"].drop_null().length() for one in declared.outcomes):
        return f"no {declared.grain.noun} there has a settled outcome of every kind yet"
    return samples_of(predictions, declared)


def _lacking(features: tuple[Feature, ...], here: pa.Table, there: pa.Table) -> list[str]:
    """Features that are recorded of some visit here and of none there."""
    pairs = zip(features, _is_recorded(here, features), _is_recorded(there, features), strict=True)
    return [feature.name for feature, at_home, elsewhere in pairs if at_home and not elsewhere]


def _is_recorded(table: pa.Table, features: tuple[Feature, ...]) -> list[bool]:
    known = np.logical_not(np.isnan(design_matrix(table, features)))
    return [bool(known[:, column].any()) for column in range(len(features))]
