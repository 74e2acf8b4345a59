"""How many records came, against the same weekdays before and against the visits that they hang together with.

A day is expected to bring what its weekday brought before, for each visit of that day where records hang together with
visits. Square roots of counts are compared, whose spread does not depend on how many there are (Bartlett, JRSS Suppl. 3
(1936) 68; Anscombe, Biometrika 35 (1948) 246), in the spread that days had before, against Student's t by how many
these were; few clumps of records are judged exactly. What does not belong here: counting records, and fields that are
empty (``filling``).
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.changes import Comparisons, Finding
from evaluation.drift.comparison import FloatArray
from evaluation.drift.daily_counts import WEEK, Tried, compare_spans, dispersion, since, widened
from evaluation.drift.flow_policy import VolumeRule

RECORDS = "records"
FEWEST_FREE = 7
ANSCOMBE = 3 / 8


@dataclass(frozen=True, slots=True, eq=False)
class VolumeSample:
    """Records of a table by day, in order; ``item`` is what they are counted apart by, if anything.

    ``visits`` are those of the table ``per`` on each day, and 1 where records are counted alone.
    """

    table: str
    item: str
    per: str
    days: tuple[date, ...]
    is_after: NDArray[np.bool_]
    counts: FloatArray
    visits: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Usual:
    """What was before: records for each visit by weekday, how many told it, and how days spread around it."""

    rates: dict[int, float]
    records: dict[int, float]
    residuals: FloatArray
    freedom: int

    @property
    def dispersion(self) -> float:
        return dispersion(self.residuals, self.freedom)


def compare_volume(sample: VolumeSample, rule: VolumeRule, compared: Comparisons) -> None:
    usual = _usual(sample)
    if usual.freedom < FEWEST_FREE:
        return
    after = [n for n in np.flatnonzero(sample.is_after).tolist() if sample.visits[n] > 0]
    after = [n for n in after if sample.days[n].weekday() in usual.rates]
    tried = (_tried(sample, usual, after, span, rule) for span in rule.spans_days if span <= len(after))
    compare_spans(tried, compared)


def _usual(sample: VolumeSample) -> _Usual:
    before = ~sample.is_after & (sample.visits > 0)
    weekdays = np.array([day.weekday() for day in sample.days])
    rates, records = dict[int, float](), dict[int, float]()
    for weekday in range(WEEK):
        mine = before & (weekdays == weekday)
        if mine.any():
            records[weekday] = float(sample.counts[mine].sum())
            rates[weekday] = records[weekday] / float(sample.visits[mine].sum())
    expected = np.array([rates[int(w)] for w in weekdays[before]]) * sample.visits[before]
    away = sample.counts[before] - expected
    residuals = np.divide(away, np.sqrt(expected), out=np.zeros_like(away), where=expected > 0)
    return _Usual(rates, records, residuals, int(before.sum()) - len(rates))


def _tried(sample: VolumeSample, usual: _Usual, after: list[int], span: int, rule: VolumeRule) -> Tried | None:
    """Hold the last days of a span against what their weekdays brought before; null where it is too little to say."""
    from scipy.special import stdtr

    last = after[-span:]
    found = float(sample.counts[last].sum())
    by_weekday: dict[int, float] = {}
    for n in last:
        weekday = sample.days[n].weekday()
        by_weekday[weekday] = by_weekday.get(weekday, 0.0) + usual.rates[weekday] * float(sample.visits[n])
    expected = sum(by_weekday.values())
    if max(found, expected) < rule.at_least:
        return None
    unsure = sum(part**2 / usual.records[w] for w, part in by_weekday.items() if usual.records[w] > 0)
    wide = usual.dispersion * widened(usual.residuals, span)
    of_days = wide + usual.dispersion * unsure / max(expected, ANSCOMBE)
    away = 2 * (math.sqrt(found + ANSCOMBE) - math.sqrt(expected + ANSCOMBE))
    by_spread = float(2 * stdtr(usual.freedom, -abs(away) / math.sqrt(of_days)))
    p_value = max(by_spread, of_clumps(found, expected, sum(usual.records.values()), wide))
    ratio = max(found, ANSCOMBE) / max(expected, ANSCOMBE)
    if 1 / rule.moved_ratio < ratio < rule.moved_ratio:
        return Tried(p_value, None)
    effect = abs(away) / math.sqrt(span * usual.dispersion)
    return Tried(p_value, _finding(sample, usual, after, last, expected, effect, rule))


def of_clumps(found: float, expected: float, before: float, wide: float) -> float:
    """Return the two-sided p of a count that comes in clumps of ``wide`` records, by how many clumps there are.

    A patient who has blood taken brings a dozen results: of six patients a day none may come, and seventy results fewer
    are one rare day. Square roots of counts are as good as normal only for many clumps; of few, the exact binomial of
    clumps now and before is asked (Przyborowski & Wilenski, Biometrika 31 (1940) 313), continued between whole numbers.
    """
    from scipy.special import betainc

    share = expected / (expected + before) if before else 1 / 2  # of what never came, all that came is new
    now, then = found / wide, before / wide
    if found < expected:
        return min(1.0, 2 * float(betainc(then, now + 1, 1 - share)))
    return min(1.0, 2 * float(betainc(now, then + 1, share))) if now > 0 else 1.0


def _finding(
    sample: VolumeSample,
    usual: _Usual,
    after: list[int],
    last: list[int],
    expected: float,
    effect: float,
    rule: VolumeRule,
) -> Finding:
    found = float(sample.counts[last].sum())
    is_less = found < expected
    days = [sample.days[n] for n in after]
    first = since(days, [_is_beyond(sample, usual, n, rule.moved_ratio, is_less=is_less) for n in after])
    until = sample.days[last[-1]]
    of = f" of {sample.item}" if sample.item else ""
    by = f"their weekdays before, for as many visits of {sample.per}" if sample.per else "their weekdays before"
    ask = "Ask the source whether it sent all, and have what is missing sent again."
    more = "Ask the source what it added, or sent twice."
    over = f"on {until}" if len(last) == 1 else f"from {sample.days[last[0]]} to {until}"
    return Finding(
        kind="volume_less" if is_less else "volume_more",
        table=sample.table,
        column=RECORDS,
        item=sample.item,
        category=f"for each visit of {sample.per}" if sample.per else "",
        before=f"{expected:,.0f}",
        after=f"{found:,.0f}",
        effect=effect,
        p_value=1.0,
        before_n=int(sample.counts[~sample.is_after].sum()),
        after_n=int(found),
        sentence=(
            f"{sample.table}{of}: {found:,.0f} records came {over}, {found / max(expected, 1e-9):.0%} of the "
            f"{expected:,.0f} expected by {by}; since {first}. {ask if is_less else more}"
        ),
        since=str(first),
    )


def _is_beyond(sample: VolumeSample, usual: _Usual, n: int, moved_ratio: float, *, is_less: bool) -> bool:
    """Whether a day lies more than half the way (of logarithms) to where a change begins to matter."""
    expected = usual.rates[sample.days[n].weekday()] * float(sample.visits[n])
    bound = math.sqrt(moved_ratio)
    count = float(sample.counts[n])
    return count * bound < expected if is_less else count > expected * bound
