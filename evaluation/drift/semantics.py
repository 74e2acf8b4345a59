"""Whether the same field still means the same: units, code systems, codes, values, words and labels, before and after.

Pure functions over plain tables: counts of visits by category, values by code and unit, visits with label and outcome.
A change is told only when it is too large for chance (Benjamini & Hochberg over everything that was compared) and large
enough to matter (the policy's effects). What does not belong here: reading the lake, choosing windows, opening reviews.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from evaluation.drift.comparison import FloatArray, adjusted
from evaluation.drift.conversions import likely_conversion
from evaluation.drift.semantic_policy import Kind, SemanticPolicy, SeriesRule, ShareRule, ValueRule

LEVELS = "levels"


@dataclass(frozen=True, slots=True)
class ShareCount:
    """In how many visits a category came, of how many; ``item`` is the code that it is counted under, if any."""

    kind: Kind
    table: str
    column: str
    item: str
    category: str
    before: int
    after: int
    before_total: int
    after_total: int

    @property
    def shares(self) -> tuple[float, float]:
        return self.before / max(self.before_total, 1), self.after / max(self.after_total, 1)


@dataclass(frozen=True, slots=True)
class ValueSample:
    """Values of one code in one unit, one for each visit; of a series one for each day."""

    table: str
    column: str
    item: str
    unit: str
    before: FloatArray
    after: FloatArray
    is_series: bool = False


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One change: what it is, where, by how much, and how sure. ``subject`` groups what is reviewed together."""

    kind: str
    table: str
    column: str
    item: str
    category: str
    before: str
    after: str
    effect: float
    p_value: float
    before_n: int
    after_n: int
    sentence: str

    @property
    def subject(self) -> str:
        """What the change is about: a code's values and units together, or a column's codes together."""
        about_one = self.kind in ("unit_new", "unit_gone", "unit_moved", "values_moved") and self.item
        return f"{self.table}.{self.item}" if about_one else f"{self.table}.{self.column}"


@dataclass(slots=True)
class Comparisons:
    """Everything that was compared, so that chance can be judged over all of it."""

    p_values: list[float] = field(default_factory=list[float])
    found: list[Finding | None] = field(default_factory=list["Finding | None"])

    def add(self, p_value: float, finding: Finding | None) -> None:
        """Count a comparison; ``finding`` is what it says if chance does not explain it, null if it is too small."""
        self.p_values.append(p_value)
        self.found.append(finding)

    def beyond_chance(self, rate: float) -> list[Finding]:
        told = zip(self.found, adjusted(self.p_values), strict=True)
        return [replace(finding, p_value=p) for finding, p in told if finding is not None and p < rate]


def find_changes(
    counts: Iterable[ShareCount],
    samples: Iterable[ValueSample],
    labels: Iterable[LabelSample],
    policy: SemanticPolicy,
) -> list[Finding]:
    """Compare two windows of one feed at one site; return the changes of meaning, the largest first."""
    compared = Comparisons()
    for count in counts:
        _compare_share(count, policy.shares.of(count.kind), compared)
    for sample in samples:
        if sample.is_series:
            _compare_series(sample, policy.series, compared)
        else:
            _compare_values(sample, policy.values, compared)
    for label in labels:
        _compare_label(label, policy, compared)
    found = compared.beyond_chance(policy.false_discovery_rate)
    return sorted(_with_splits(found), key=lambda one: (-one.effect, one.subject, one.category))


# -- shares


def _compare_share(count: ShareCount, rule: ShareRule, compared: Comparisons) -> None:
    if min(count.before_total, count.after_total) < rule.fewest or count.before + count.after == 0:
        return
    before, after = count.shares
    compared.add(_two_proportions(count), _share_finding(count, rule, before, after))


def _share_finding(count: ShareCount, rule: ShareRule, before: float, after: float) -> Finding | None:
    smaller, larger = sorted((before, after))
    is_multiple = smaller == 0 or larger / smaller >= rule.ratio
    if count.before == 0 and after >= rule.new_share:
        how = "new"
    elif count.after == 0 and before >= rule.new_share:
        how = "gone"
    elif abs(after - before) >= rule.moved and is_multiple:
        how = "moved"
    else:
        return None
    return Finding(
        kind=f"{count.kind}_{how}",
        table=count.table,
        column=count.column,
        item=count.item,
        category=count.category,
        before=f"{before:.1%}",
        after=f"{after:.1%}",
        effect=_arcsine(before, after),
        p_value=1.0,
        before_n=count.before_total,
        after_n=count.after_total,
        sentence=_share_sentence(count, how, before, after),
    )


WHAT = {
    "unit": "the unit {0}",
    "system": "the code system {0}",
    "code": "the code {0}",
    "word": "the words “{0}”",
    "unlisted": "a word outside the list",
    "level": "the level {0}",
}


def _share_sentence(count: ShareCount, how: str, before: float, after: float) -> str:
    what = WHAT[count.kind].format(count.category or "(none)")
    under = f" of {count.item}" if count.item else ""
    where = f"{count.table}.{count.column}{under}"
    if how == "new":
        return f"{where}: {what} is new, in {after:.1%} of {count.after_total:,} visits."
    if how == "gone":
        return f"{where}: {what} vanished; it was in {before:.1%} of {count.before_total:,} visits."
    return f"{where}: {what} went from {before:.1%} to {after:.1%} of visits."


def _two_proportions(count: ShareCount) -> float:
    """Two-sided p of equal shares (pooled normal approximation with Yates' correction)."""
    pooled = (count.before + count.after) / (count.before_total + count.after_total)
    error = math.sqrt(pooled * (1 - pooled) * (1 / count.before_total + 1 / count.after_total))
    if error == 0:
        return 1.0
    before, after = count.shares
    correction = (1 / count.before_total + 1 / count.after_total) / 2
    z = max(0.0, abs(after - before) - correction) / error
    return math.erfc(z / math.sqrt(2))


def _arcsine(before: float, after: float) -> float:
    """Cohen's h: the difference of two shares on a scale where 0.2 is small and 0.8 large (1988, chapter 6)."""
    return abs(2 * math.asin(math.sqrt(after)) - 2 * math.asin(math.sqrt(before)))


def _with_splits(found: Sequence[Finding]) -> list[Finding]:
    """Name what replaced a code: new ones of the same column that together took about the share that it lost."""
    return [_split(one, found) or one if one.kind in ("code_gone", "code_moved") else one for one in found]


SPLIT_TOLERANCE = 0.35
"""How far the shares of the heirs may differ from what was lost: visits can carry several codes."""


def _split(loser: Finding, found: Sequence[Finding]) -> Finding | None:
    place = (loser.table, loser.column, loser.item)
    heirs = [one for one in found if one.kind == "code_new" and (one.table, one.column, one.item) == place]
    lost = _percent(loser.before) - _percent(loser.after)
    gained = sum(_percent(heir.after) for heir in heirs)
    if lost <= 0 or not heirs or abs(gained - lost) > SPLIT_TOLERANCE * lost:
        return None
    names = ", ".join(sorted(heir.category for heir in heirs))
    verb = "is now" if len(heirs) == 1 and loser.kind == "code_gone" else "seems split into"
    return replace(loser, kind="code_split", sentence=f"{loser.sentence} It {verb} {names}.")


def _percent(share: str) -> float:
    return float(share.rstrip("%"))


# -- values


def _compare_values(sample: ValueSample, rule: ValueRule, compared: Comparisons) -> None:
    if min(sample.before.size, sample.after.size) < rule.fewest:
        return
    from scipy.stats import ks_2samp

    statistic, p_value = cast("tuple[float, float]", tuple(ks_2samp(sample.before, sample.after, method="asymp")))
    compared.add(float(p_value), _value_finding(sample, rule, float(statistic)))


def _value_finding(sample: ValueSample, rule: ValueRule, distance: float) -> Finding | None:
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    spreads = abs(new - old) / _spread(sample)
    ratio = max(new / old, old / new) if old > 0 and new > 0 else 1.0
    moved = spreads >= rule.moved_spreads or (ratio >= rule.moved_ratio and distance >= rule.moved_distance / 2)
    if not moved and distance < rule.moved_distance:
        return None
    return _moved(sample, distance)


def _moved(sample: ValueSample, distance: float) -> Finding:
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    conversion = likely_conversion(sample.before, sample.after)
    as_if = f" It looks like {conversion}." if conversion else ""
    unit = f" {sample.unit}" if sample.unit else ""
    where = f"{sample.table}.{sample.column}" + (f" of {sample.item}" if sample.item else "")
    return Finding(
        kind="values_moved",
        table=sample.table,
        column=sample.column,
        item=sample.item,
        category=sample.unit,
        before=f"{old:.4g}{unit}",
        after=f"{new:.4g}{unit}",
        effect=abs(new - old) / _spread(sample),
        p_value=1.0,
        before_n=int(sample.before.size),
        after_n=int(sample.after.size),
        sentence=f"{where}: the median went from {old:.4g} to {new:.4g}{unit}, {distance:.0%} of values moved.{as_if}",
    )


SEPARATED = 0.9
"""Distance of two distributions of days that hardly overlap."""


def _compare_series(sample: ValueSample, rule: SeriesRule, compared: Comparisons) -> None:
    if min(sample.before.size, sample.after.size) < rule.fewest_days:
        return
    from scipy.stats import ks_2samp

    statistic, p_value = cast("tuple[float, float]", tuple(ks_2samp(sample.before, sample.after, method="exact")))
    old, new = float(np.median(sample.before)), float(np.median(sample.after))
    smaller, larger = sorted((max(old, rule.at_least), max(new, rule.at_least)))
    is_moved = statistic >= SEPARATED and larger / max(smaller, 1e-9) >= rule.moved_ratio
    compared.add(p_value, _moved(sample, statistic) if is_moved else None)


def _spread(sample: ValueSample) -> float:
    """The usual spread of both windows: their interquartile ranges as standard deviations, never nothing."""
    ranges = [float(np.subtract(*np.percentile(part, [75, 25]))) / 1.349 for part in (sample.before, sample.after)]
    pooled = math.sqrt((ranges[0] ** 2 + ranges[1] ** 2) / 2)
    return pooled or max(float(np.std(np.concatenate([sample.before, sample.after]))), 1e-9)


# -- labels


def _compare_label(label: LabelSample, policy: SemanticPolicy, compared: Comparisons) -> None:
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
            found = _share_finding(count, shares, *count.shares)
            steadily = f" Admissions stayed at {rates[1]:.0%}, so the patients are not others: the label is."
            told = replace(found, kind="label_moved", sentence=f"{found.sentence}{steadily}") if found else None
            compared.add(_two_proportions(count), told if is_steady else None)
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
            effect=_arcsine(old, new),
            p_value=1.0,
            before_n=before[0],
            after_n=after[0],
            sentence=(
                f"{label.table}.{label.column}: of level {level}, {new:.0%} were admitted and {old:.0%} before; "
                "the level means something else."
            ),
        )
    compared.add(_two_proportions(count), finding)


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
