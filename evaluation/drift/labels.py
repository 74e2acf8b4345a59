"""A label against what became of its patients, and admissions against occupied beds, before and after.

What does not belong here: labels against workloads that are declared (``workload``).
"""

from dataclasses import dataclass, replace

import numpy as np

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.semantic_policy import SemanticPolicy
from evaluation.drift.shares import ShareCount, arcsine, share_finding, two_proportions

LEVELS = "levels"


@dataclass(frozen=True, slots=True)
class LabelSample:
    """A label against what it stands for: visits by level and outcome, and days by admissions and occupied beds.

    ``levels`` maps a level to [before, after], each (visits, admitted). ``days_before`` and ``days_after`` are
    admissions for each occupied bed, one figure for each day.
    """

    table: str
    column: str
    levels: dict[str, tuple[tuple[int, int], tuple[int, int]]]
    days_before: FloatArray
    days_after: FloatArray


def compare_label(label: LabelSample, policy: SemanticPolicy, compared: Comparisons) -> None:
    rule, shares = policy.labels, policy.shares.of("level")
    totals = [sum(sides[n][0] for sides in label.levels.values()) for n in (0, 1)]
    admitted = [sum(sides[n][1] for sides in label.levels.values()) for n in (0, 1)]
    if min(totals) < rule.fewest:
        return
    rates = [admitted[n] / totals[n] for n in (0, 1)]
    is_steady = abs(rates[1] - rates[0]) <= rule.steady_admissions
    for level, (before, after) in sorted(label.levels.items()):
        count = ShareCount("level", label.table, label.column, LEVELS, level, before[0], after[0], totals[0], totals[1])
        if min(totals) >= shares.fewest:
            found = share_finding(count, shares, *count.shares)
            steadily = f" Admissions stayed at {rates[1]:.0%}, so the patients are not others: the label is."
            told = replace(found, kind="label_moved", sentence=f"{found.sentence}{steadily}") if found else None
            compared.add(two_proportions(count), told if is_steady else None)
        _compare_outcome(label, level, before, after, policy, compared)
    _compare_days(label, policy, compared)


def _compare_outcome(
    label: LabelSample,
    level: str,
    before: tuple[int, int],
    after: tuple[int, int],
    policy: SemanticPolicy,
    compared: Comparisons,
) -> None:
    """Hold what became of a level's patients against what became of them before."""
    if min(before[0], after[0]) < policy.labels.fewest:
        return
    count = ShareCount("level", label.table, label.column, level, "", before[1], after[1], before[0], after[0])
    old, new = count.shares
    finding = None
    if abs(new - old) >= policy.labels.moved_outcome:
        finding = Finding(
            kind="label_outcome",
            table=label.table,
            column=label.column,
            item=level,
            category="admitted",
            before=f"{old:.1%}",
            after=f"{new:.1%}",
            effect=arcsine(old, new),
            p_value=1.0,
            before_n=before[0],
            after_n=after[0],
            sentence=(
                f"{label.table}.{label.column}: of level {level}, {new:.0%} were admitted and {old:.0%} before; "
                "the level means something else."
            ),
        )
    compared.add(two_proportions(count), finding)


FEWEST_DAYS = 5


def _compare_days(label: LabelSample, policy: SemanticPolicy, compared: Comparisons) -> None:
    """Hold admissions for each occupied bed against those of the days before."""
    if min(label.days_before.size, label.days_after.size) < FEWEST_DAYS:
        return
    from scipy.stats import mannwhitneyu

    p_value = float(mannwhitneyu(label.days_before, label.days_after, alternative="two-sided").pvalue)
    old, new = float(np.median(label.days_before)), float(np.median(label.days_after))
    spread = max(float(label.days_before.std(ddof=1)), 1e-9)
    finding = None
    if abs(new - old) / spread >= policy.labels.moved_days:
        finding = Finding(
            kind="label_workload",
            table=label.table,
            column="admission",
            item="",
            category="admissions for each occupied bed and day",
            before=f"{old:.3g}",
            after=f"{new:.3g}",
            effect=abs(new - old) / spread,
            p_value=1.0,
            before_n=int(label.days_before.size),
            after_n=int(label.days_after.size),
            sentence=(
                f"{label.table}.admission: {new:.2g} admissions for each occupied bed and day, {old:.2g} before; the "
                "label no longer stands for the workload that the bed board counts."
            ),
        )
    compared.add(p_value, finding)
