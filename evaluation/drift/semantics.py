"""Whether the same field still means the same, and as much still comes: units, code systems, codes, values, words,
labels, records and filled fields, before and after.

Pure functions over plain tables: counts of visits by category, values by code and unit, visits with label and outcome.
A change is told only when it is too large for chance (Benjamini & Hochberg over everything of its family that was
compared) and large enough to matter (the policy's effects). Two families, each at a rate of its own, so that a year of
looks at all feeds has so many false reviews as the policy allows: what fields mean, and how much comes. Of the second
most comparisons are of optional fields that are as they were, and would hide changes of the first. What does not
belong here: reading the lake, choosing windows, opening reviews.
"""

from collections.abc import Iterable

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.filling import FillingSample, compare_filling
from evaluation.drift.labels import LabelSample, compare_label
from evaluation.drift.pair_policy import Pair
from evaluation.drift.semantic_policy import SemanticPolicy
from evaluation.drift.shares import ShareCount, compare_share, with_splits
from evaluation.drift.values import ValueSample, compare_series, compare_values
from evaluation.drift.volume import VolumeSample, compare_volume
from evaluation.drift.workload import PairSample, compare_pair

__all__ = [
    "FillingSample",
    "Finding",
    "LabelSample",
    "PairSample",
    "ShareCount",
    "ValueSample",
    "VolumeSample",
    "find_changes",
]


def find_changes(
    counts: Iterable[ShareCount],
    samples: Iterable[ValueSample],
    labels: Iterable[LabelSample],
    policy: SemanticPolicy,
    pairs: Iterable[tuple[Pair, PairSample, PairSample]] = (),
    volumes: Iterable[VolumeSample] = (),
    fillings: Iterable[FillingSample] = (),
) -> list[Finding]:
    """Compare two windows of one feed at one site; return the changes of meaning, the largest first."""
    compared, flows = Comparisons(), Comparisons()
    for count in counts:
        compare_share(count, policy.shares.of(count.kind), compared)
    for sample in samples:
        if sample.is_series:
            compare_series(sample, policy.series, compared)
        else:
            compare_values(sample, policy.values, compared)
    for label in labels:
        compare_label(label, policy, compared)
    for pair, before, after in pairs:
        compare_pair(pair, before, after, policy.pairs.rule, compared)
    for volume in volumes:
        compare_volume(volume, policy.volume, flows)
    for filling in fillings:
        compare_filling(filling, policy.filling, flows)
    found = [*compared.beyond_chance(policy.meaning_rate), *flows.beyond_chance(policy.flow_rate)]
    return sorted(with_splits(found), key=lambda one: (-one.effect, one.subject, one.category))
