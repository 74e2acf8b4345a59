"""A change as it is told, what it is about, and chance judged over everything of a family that was compared.

What does not belong here: comparing anything (``shares``, ``values``, ``labels``, ``workload``).
"""

from dataclasses import dataclass, field, replace

from evaluation.drift.comparison import adjusted

AGAINST_WORKLOAD = ("label_rank", "label_rate")
"""Kinds of a label that moved against a declared workload; the category is the name of the pair."""
ABOUT_ONE = ("unit_new", "unit_gone", "unit_moved", "values_moved")
OF_FLOW = ("volume_", "field_", "outcome_")
"""How kinds begin of which each direction, item and denominator is a matter of its own."""
LESS, GONE = "_less", "_gone"


@dataclass(frozen=True, slots=True)
class Finding:
    """One change: what it is, where, by how much, and how sure. ``subject`` is what it is known by."""

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
    since: str = ""
    """Of records, fields and outcomes the day on which it began, as an ISO date."""

    @property
    def is_of_flow(self) -> bool:
        """Whether it is about what comes, not about what it means."""
        return self.kind.startswith(OF_FLOW)

    @property
    def subject(self) -> str:
        """What the change is about: a code's values and units, a column's codes, a label and its workload, and of
        records, fields and outcomes whether there are fewer or more, of what, and for each visit of what."""
        if self.kind in AGAINST_WORKLOAD:
            return f"{self.table}.{self.column} against {self.category}"
        if self.is_of_flow:
            return self._of_flow(self.kind)
        about_one = self.kind in ABOUT_ONE and self.item
        return f"{self.table}.{self.item}" if about_one else f"{self.table}.{self.column}"

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subject, and after it the one that holds it: who knows that all is gone knows that there is less.

        The other way it does not hold: a field that is filled less often and then no more is told again.
        """
        if self.is_of_flow and self.kind.endswith(LESS):
            return self.subject, self._of_flow(self.kind.removesuffix(LESS) + GONE)
        return (self.subject,)

    @property
    def earlier_subject(self) -> str:
        """What it was known by in the first homes, which told no direction, item or denominator of a flow apart."""
        return f"{self.table}.{self.column}" if self.is_of_flow else self.subject

    def _of_flow(self, kind: str) -> str:
        of = f" of {self.item}" if self.item else ""
        per = f" {self.category}" if self.category else ""
        return f"{self.table}.{self.column} {kind}{of}{per}"


@dataclass(slots=True)
class Comparisons:
    """Everything of a family that was compared, so that chance can be judged over all of it."""

    p_values: list[float] = field(default_factory=list[float])
    found: list[Finding | None] = field(default_factory=list["Finding | None"])

    def add(self, p_value: float, finding: Finding | None) -> None:
        """Count a comparison; ``finding`` is what it says if chance does not explain it, null if it is too small."""
        self.p_values.append(p_value)
        self.found.append(finding)

    def beyond_chance(self, rate: float) -> list[Finding]:
        told = zip(self.found, adjusted(self.p_values), strict=True)
        return [replace(finding, p_value=p) for finding, p in told if finding is not None and p < rate]
