"""A change of meaning as it is told, and chance judged over everything that was compared.

What does not belong here: comparing anything (``shares``, ``values``, ``labels``, ``workload``).
"""

from dataclasses import dataclass, field, replace

from evaluation.drift.comparison import adjusted

AGAINST_WORKLOAD = ("label_rank", "label_rate")
"""Kinds of a label that moved against a declared workload; the category is the name of the pair."""


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
        """What the change is about: a code's values and units, a column's codes, a label and its workload."""
        if self.kind in AGAINST_WORKLOAD:
            return f"{self.table}.{self.column} against {self.category}"
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
