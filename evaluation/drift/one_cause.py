"""One review for one cause: which changes of a feed belong together, in one look and from look to look.

Records that do not come, fields that are no longer filled and outcomes that vanish have one cause where they began on
the same day, or concern the same table in the same direction while it goes on; shares of what is left of a table that
lost records move with it. A code is one matter with its code system, and a unit that comes into a column is one for all
codes of it. What does not belong here: opening reviews, and causes of drift (``causes``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from evaluation.drift.changes import Finding
from evaluation.drift.semantic_policy import WatchedFeed

SAME_DAY = 1
"""Days by which the onset of two changes may differ: the first of them may be told from only half a day."""
MORE, UNIT = "_more", "unit_"
SHARES = ("code_", "system_", "word_", "unlisted_", "unit_")
BECOME_FEWER = ("_gone", "_moved", "_split")
CODES = ("code_", "system_")


@dataclass(frozen=True, slots=True)
class Kinship:
    """What the policy says of a feed: the columns that hold one field, a code and its system, by table and column."""

    fields: dict[tuple[str, str], str]

    @staticmethod
    def of(watched: WatchedFeed) -> "Kinship":
        fields: dict[tuple[str, str], str] = {}
        for table, one in watched.tables.items():
            for code in one.codes:
                inside = f"{code.list}." if code.list else ""
                for column in (code.code, code.system):
                    if column:
                        fields[table, f"{inside}{column}"] = f"{inside}{code.code}"
        return Kinship(fields)

    def is_akin(self, one: Finding, other: Finding) -> bool:
        """Whether two changes that are there at the same time have one cause."""
        if one.subject == other.subject or is_of_one_day(one, other):
            return True
        if one.table != other.table:
            return False
        return (
            _is_same_way(one, other) or _follows(one, other) or _follows(other, one) or self._is_one_field(one, other)
        )

    def _is_one_field(self, one: Finding, other: Finding) -> bool:
        if one.kind.startswith(CODES) and other.kind.startswith(CODES):
            return self._field(one) == self._field(other)
        return _is_one_unit(one, other)

    def _field(self, one: Finding) -> str:
        return self.fields.get((one.table, one.column), one.column)


def is_of_one_day(one: Finding, other: Finding) -> bool:
    """Whether records, fields or outcomes, of whatever table, changed from the same day on."""
    if not (one.since and other.since):
        return False
    return abs((date.fromisoformat(one.since) - date.fromisoformat(other.since)).days) <= SAME_DAY


def _is_same_way(one: Finding, other: Finding) -> bool:
    """Whether of one table both became fewer, or both more."""
    return one.is_of_flow and other.is_of_flow and one.kind.endswith(MORE) == other.kind.endswith(MORE)


def _follows(loss: Finding, share: Finding) -> bool:
    """Whether a share of what is left may have moved because records, or what they held, did not come."""
    is_loss = loss.is_of_flow and not loss.kind.endswith(MORE)
    return is_loss and share.kind.startswith(SHARES) and share.kind.endswith(BECOME_FEWER)


def _is_one_unit(one: Finding, other: Finding) -> bool:
    """Whether one unit came into, or left, one column, whatever was measured."""
    is_so = (one.column, one.kind, one.category) == (other.column, other.kind, other.category)
    return is_so and one.kind.startswith(UNIT)


def by_cause(found: Sequence[Finding], is_akin: Callable[[Finding, Finding], bool]) -> list[list[Finding]]:
    """Put changes together that have one cause, also over a third; each as they came, the first cause first."""
    causes: list[list[Finding]] = []
    for one in found:
        mine = [cause for cause in causes if any(is_akin(one, other) for other in cause)]
        merged = [finding for cause in mine for finding in cause] + [one]
        causes = [*(cause for cause in causes if all(cause is not own for own in mine)), merged]
    places = {id(one): n for n, one in enumerate(found)}
    ordered = [sorted(cause, key=lambda one: places[id(one)]) for cause in causes]
    return sorted(ordered, key=lambda cause: places[id(cause[0])])
