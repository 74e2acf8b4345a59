"""All that one feed of a site held in two windows, gathered for comparison: shares, values, labels, workloads,
records and filled fields.

What does not belong here: reading each of them (meaning, workloads, flows), and what counts as a change
(evaluation/drift).
"""

from dataclasses import dataclass

from evaluation.drift.semantic_policy import SemanticPolicy
from evaluation.drift.semantics import (
    FillingSample,
    Finding,
    LabelSample,
    ShareCount,
    ValueSample,
    VolumeSample,
    find_changes,
)
from orchestration.settings import Settings
from orchestration.steps.meanings.flows import WholeDays, fillings_of, volumes_of
from orchestration.steps.meanings.meaning import Windows, labels_of, shares_of, values_of, watching
from orchestration.steps.meanings.workloads import Compared, pair_of


@dataclass(frozen=True)
class Gathered:
    """What is compared."""

    shares: list[ShareCount]
    values: list[ValueSample]
    labels: list[LabelSample]
    pairs: list[Compared]
    volumes: list[VolumeSample]
    fillings: list[FillingSample]

    def changes(self, policy: SemanticPolicy) -> list[Finding]:
        """Return what changed, the largest first."""
        return find_changes(self.shares, self.values, self.labels, policy, self.pairs, self.volumes, self.fillings)


def gather(settings: Settings, site: str, feed: str, windows: Windows, policy: SemanticPolicy) -> Gathered:
    """Read both windows of a feed; labels lie some days earlier, where what became of patients is settled."""
    shares: list[ShareCount] = []
    values: list[ValueSample] = []
    fillings: list[FillingSample] = []
    watched = policy.feeds[feed]
    days = WholeDays.of(settings, site, watched, windows)
    for table, one in watched.tables.items():
        with watching(settings, site, table, windows) as db:
            shares += shares_of(db, table, one)
            values += values_of(db, table, one)
        fillings += fillings_of(settings, site, table, one, days)
    settled = windows.earlier(policy.labels.settled_after_days)
    labels = labels_of(settings, site, watched.labels, settled) if watched.labels else []
    pairs = [pair_of(settings, site, pair, windows) for pair in policy.pairs.of(feed)]
    volumes = volumes_of(settings, site, watched, days)
    return Gathered(shares, values, labels, pairs, volumes, fillings)
