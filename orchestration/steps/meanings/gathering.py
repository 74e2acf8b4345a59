"""All that one feed of a site held in two windows, gathered for comparison: shares, values, labels, workloads.

What does not belong here: reading each of them (meaning, workloads), and what counts as a change (evaluation/drift).
"""

from dataclasses import dataclass

from evaluation.drift.semantic_policy import SemanticPolicy
from evaluation.drift.semantics import Finding, LabelSample, ShareCount, ValueSample, find_changes
from orchestration.settings import Settings
from orchestration.steps.meanings.meaning import Windows, labels_of, shares_of, values_of, watching
from orchestration.steps.meanings.workloads import Compared, pair_of


@dataclass(frozen=True)
class Gathered:
    """What is compared."""

    shares: list[ShareCount]
    values: list[ValueSample]
    labels: list[LabelSample]
    pairs: list[Compared]

    def changes(self, policy: SemanticPolicy) -> list[Finding]:
        """Return what changed, the largest first."""
        return find_changes(self.shares, self.values, self.labels, policy, self.pairs)


def gather(settings: Settings, site: str, feed: str, windows: Windows, policy: SemanticPolicy) -> Gathered:
    """Read both windows of a feed; labels lie some days earlier, where what became of patients is settled."""
    shares: list[ShareCount] = []
    values: list[ValueSample] = []
    watched = policy.feeds[feed]
    for table, one in watched.tables.items():
        with watching(settings, site, table, windows) as db:
            shares += shares_of(db, table, one)
            values += values_of(db, table, one)
    settled = windows.earlier(policy.labels.settled_after_days)
    labels = labels_of(settings, site, watched.labels, settled) if watched.labels else []
    pairs = [pair_of(settings, site, pair, windows) for pair in policy.pairs.of(feed)]
    return Gathered(shares, values, labels, pairs)
