"""Which laboratory tests are ordered together, and how the laboratory names them. Keyed by LOINC, as the records are.

What does not belong here: values (`measurements.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from orchestration.simulator import codes
from orchestration.simulator.measurements import Due


@dataclass(frozen=True, slots=True)
class Panel:
    """An orderable: the laboratory's own code, its name, and the LOINC code of the order."""

    code: str
    name: str
    loinc: str
    section: str


@dataclass(frozen=True, slots=True)
class Test:
    """The laboratory's own short name of a test, its panel and its reference range; ranges are of the usual unit."""

    short: str
    panel: str
    low: float
    high: float


PANELS: Mapping[str, Panel] = {
    "CHEM": Panel("CHEM", "Chemistry panel", "24320-4", "CH"),
    "CBC": Panel("CBC", "Complete blood count", "58410-2", "HM"),
    "GAS": Panel("GAS", "Blood gas and lactate", "24338-6", "BG"),
    "CARD": Panel("CARD", "Cardiac markers", "55277-8", "CH"),
}
TESTS: Mapping[str, Test] = {
    "2951-2": Test("NA", "CHEM", 135, 145),
    "2160-0": Test("CREA", "CHEM", 0.6, 1.3),
    "14682-9": Test("CREA", "CHEM", 53, 115),
    "2345-7": Test("GLU", "CHEM", 70, 140),
    "15074-8": Test("GLU", "CHEM", 3.9, 7.8),
    "1988-5": Test("CRP", "CHEM", 0, 5),
    "718-7": Test("HGB", "CBC", 12, 17.5),
    "6690-2": Test("WBC", "CBC", 4, 11),
    "32693-4": Test("LAC", "GAS", 0.5, 2),
    "89579-7": Test("TNI", "CARD", 0, 34),
}


def by_panel(observations: Iterable[Due]) -> Mapping[tuple[str, str], tuple[Due, ...]]:
    """Return the laboratory results among them by Encounter id and panel, in the order issued."""
    found: dict[tuple[str, str], tuple[Due, ...]] = {}
    results = (due for due in observations if due.resource["category"] is codes.LABORATORY)
    for due in sorted(results, key=lambda due: due.issued):
        resource = cast("dict[str, Any]", due.resource)
        visit = resource["encounter"]["reference"].removeprefix("Encounter/")
        key = visit, TESTS[resource["code"]["coding"][0]["code"]].panel
        found[key] = (*found.get(key, ()), due)
    return found
