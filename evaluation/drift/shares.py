"""Shares of visits by category, before and after: new, gone, moved, split.

What does not belong here: counting visits (the lake's reader), and values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.semantic_policy import Kind, ShareRule


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


def compare_share(count: ShareCount, rule: ShareRule, compared: Comparisons) -> None:
    if min(count.before_total, count.after_total) < rule.fewest or count.before + count.after == 0:
        return
    before, after = count.shares
    compared.add(two_proportions(count), share_finding(count, rule, before, after))


def share_finding(count: ShareCount, rule: ShareRule, before: float, after: float) -> Finding | None:
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
        effect=arcsine(before, after),
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


FEWEST_EXPECTED = 10
"""Visits to be expected in every cell from which on the normal approximation holds far out in its tails, where
thousands of words are judged: of four visits with a new word it said one in 250,000, and exactly it is one in 5,000."""


def two_proportions(count: ShareCount) -> float:
    """Two-sided p of equal shares: the pooled normal approximation with Yates' correction, and exact of few visits."""
    pooled = (count.before + count.after) / (count.before_total + count.after_total)
    if min(pooled, 1 - pooled) * min(count.before_total, count.after_total) < FEWEST_EXPECTED:
        return exact(count)
    error = math.sqrt(pooled * (1 - pooled) * (1 / count.before_total + 1 / count.after_total))
    if error == 0:
        return 1.0
    before, after = count.shares
    correction = (1 / count.before_total + 1 / count.after_total) / 2
    z = max(0.0, abs(after - before) - correction) / error
    return math.erfc(z / math.sqrt(2))


def exact(count: ShareCount) -> float:
    """Two-sided p of equal shares by the hypergeometric distribution (Fisher, 1934), twice the smaller tail."""
    total, drawn, marked = count.before_total + count.after_total, count.after_total, count.before + count.after

    def chance(x: int) -> float:
        ways = _log_choose(drawn, x) + _log_choose(count.before_total, marked - x) - _log_choose(total, marked)
        return math.exp(ways)

    first, last = max(0, marked - count.before_total), min(drawn, marked)
    lower = math.fsum(chance(x) for x in range(first, count.after + 1))
    upper = math.fsum(chance(x) for x in range(count.after, last + 1))
    return min(1.0, 2 * min(lower, upper))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def arcsine(before: float, after: float) -> float:
    """Cohen's h: the difference of two shares on a scale where 0.2 is small and 0.8 large (1988, chapter 6)."""
    return abs(2 * math.asin(math.sqrt(after)) - 2 * math.asin(math.sqrt(before)))


def with_splits(found: Sequence[Finding]) -> list[Finding]:
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
