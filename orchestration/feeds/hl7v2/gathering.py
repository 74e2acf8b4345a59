"""A message's segments, gathered into what they belong to: patients, visits, merges, orders and their observations.

What does not belong here: text (splitting.py) and the document that is made of them (document.py).
"""

from dataclasses import dataclass, field

from orchestration.feeds.hl7v2.identity import (
    Identifier,
    first_text,
    merge,
    of_patient,
    of_visit,
    record_number,
    repetitions,
)
from orchestration.feeds.hl7v2.splitting import Segment
from orchestration.feeds.hl7v2.values import read_values

ORDER_SEGMENTS = ("ORC", "OBR", "SPM")


@dataclass
class Person:
    """A patient that a message is about, and their visit."""

    identifiers: list[Identifier]
    pv1: Segment | None = None

    def document(self) -> Segment:
        """Return the member of `people` that stands for them."""
        visit = {"visit": of_visit(self.pv1), "PV1": self.pv1} if self.pv1 else {}
        return {"identifiers": self.identifiers, "patient": record_number(self.identifiers), **visit}


@dataclass
class Order:
    """One order of a message for one patient, and the observations made for it."""

    person: Person | None
    segments: dict[str, Segment] = field(default_factory=dict[str, Segment])
    observations: list[Segment] = field(default_factory=list[Segment])

    def takes(self, name: str) -> bool:
        """Whether a further order segment still belongs to this order: ORC, OBR and SPM stand in this order."""
        return not any(later in self.segments for later in ORDER_SEGMENTS[ORDER_SEGMENTS.index(name) :])


@dataclass
class Gathered:
    """The segments of a message: `plain` are all but OBX, by name and in order."""

    plain: dict[str, list[Segment]] = field(default_factory=dict[str, list[Segment]])
    people: list[Person] = field(default_factory=list[Person])
    merges: list[Segment] = field(default_factory=list[Segment])
    orders: list[Order] = field(default_factory=list[Order])
    _observed: int = 0

    @property
    def person(self) -> Person | None:
        """Whom the segments that come now are about."""
        return self.people[-1] if self.people else None

    def add(self, name: str, segment: Segment) -> None:
        """Take the next segment."""
        if name == "PID":
            self.people.append(Person(of_patient(segment)))
            self.orders.append(Order(self.person))
        elif name == "PV1" and self.person and self.person.pv1 is None:
            self.person.pv1 = segment
        elif name == "MRG":
            self.merges.append(merge(segment, self.person.identifiers if self.person else []))
        elif name in ORDER_SEGMENTS:
            self._add_to_order(name, segment)
        if name == "OBX":
            self._observe(segment)
        else:
            self.plain.setdefault(name, []).append(segment)

    def _add_to_order(self, name: str, segment: Segment) -> None:
        if not self.orders or not self.orders[-1].takes(name):
            self.orders.append(Order(self.person))
        self.orders[-1].segments[name] = segment

    def _observe(self, segment: Segment) -> None:
        self._observed += 1
        if not self.orders:
            self.orders.append(Order(self.person))
        came = repetitions(segment, 5)
        values = read_values(first_text(segment, 2).upper(), came, has_unit=bool(first_text(segment, 6)))
        for rep, value in enumerate(values, start=1):
            one: Segment = {"n": self._observed, "rep": rep, "value": value, "f5": [came[rep - 1]]}
            self.orders[-1].observations.append(segment | one)
        if not values:
            self.orders[-1].observations.append(segment | {"n": self._observed, "rep": 1, "value": {}})
