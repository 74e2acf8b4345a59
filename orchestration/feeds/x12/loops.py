"""The hierarchy of an 837: for each claim who bills it, who is insured, who pays and who was treated (loops 2000-2010).

What does not belong here: the claim itself (claim.py), and names, addresses and telephone numbers, which no contract
asks for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestration.feeds.x12.segments import Segment, element
from orchestration.feeds.x12.values import Record, authority, day, filled, zip_digits

BILLING, SUBSCRIBER, PATIENT = "20", "22", "23"
LAST_OF_HEADER = "HL"
PARTIES = {"85": "provider", "IL": "subscriber", "PR": "payer", "QC": "patient"}
INSURED = ("subscriber", "patient")


@dataclass
class Level:
    """One HL loop: its parties by role, and what SBR, PAT and PRV say of it."""

    kind: str
    parent: "Level | None" = None
    parties: dict[str, Record] = field(default_factory=dict[str, Record])
    facts: Record = field(default_factory=Record)

    def above(self, kind: str) -> "Level | None":
        """Return this level or the one above it that is of a kind."""
        level: Level | None = self
        while level and level.kind != kind:
            level = level.parent
        return level


@dataclass(frozen=True)
class ClaimLoop:
    """A claim's own segments, from CLM on, and the level that it stands in."""

    level: Level
    segments: list[Segment]


def party(segment: Segment) -> Record:
    """Return what an NM1 segment says beside names: person or organization, and the identifier with its authority."""
    qualifier, ident = element(segment, 8), element(segment, 9)
    return filled(kind=element(segment, 2), authority=authority(qualifier) if ident else "", id=ident)


def claim_loops(segments: Iterable[Segment]) -> Iterator[ClaimLoop]:
    """Return the claims of a transaction set in order."""
    hierarchy = _Hierarchy()
    claim: ClaimLoop | None = None
    for segment in segments:
        if segment[0] in ("CLM", "HL", "SE") and claim:
            yield claim
            claim = None
        if segment[0] == "CLM":
            claim = ClaimLoop(hierarchy.level, [segment])
        elif claim:
            claim.segments.append(segment)
        else:
            hierarchy.take(segment)
    if claim:
        yield claim


class _Hierarchy:
    """The levels so far. A level hangs below the one that HL02 names, else below the last that can hold it."""

    def __init__(self) -> None:
        self.level = Level("")
        self._numbered: dict[str, Level] = {}
        self._party: Record = {}

    def take(self, segment: Segment) -> None:
        match segment[0]:
            case "HL":
                self._open(element(segment, 1), element(segment, 2), element(segment, 3))
            case "NM1":
                self._party = party(segment)
                if role := PARTIES.get(element(segment, 1)):
                    self.level.parties.setdefault(role, self._party)
                if role == "patient":  # has no number: the given name tells dependents of one birth date apart
                    self._party.update(filled(given=element(segment, 4)))
            case "N4":
                self._party.update(filled(state=element(segment, 2)))
                if any(self._party is self.level.parties.get(role) for role in INSURED):
                    self._party.update(filled(zipDigits=zip_digits(element(segment, 3)), country=element(segment, 4)))
            case "DMG":
                self._party.update(filled(birthDate=day(element(segment, 2)), gender=element(segment, 3)))
            case "REF" if element(segment, 1) in ("EI", "SY"):
                self._party.update(filled(taxAuthority=authority(element(segment, 1)), taxId=element(segment, 2)))
            case _:
                self._describe(segment)

    def _describe(self, segment: Segment) -> None:
        facts = self.level.facts
        match segment[0]:
            case "SBR":
                facts.update(
                    filled(
                        responsibility=element(segment, 1), relationship=element(segment, 2), filing=element(segment, 9)
                    )
                )
            case "PAT":
                facts.update(filled(relationship=element(segment, 1), deathDate=day(element(segment, 6))))
            case "PRV" if element(segment, 2) == "PXC":
                facts.update(filled(taxonomy=element(segment, 3)))
            case _:
                pass

    def _open(self, number: str, parent: str, kind: str) -> None:
        above = {SUBSCRIBER: BILLING, PATIENT: SUBSCRIBER}.get(kind)
        named = self._numbered.get(parent)
        holder = named if named and named.kind == above else self.level.above(above) if above else None
        self.level = Level(kind, holder)
        self._numbered[number] = self.level
        self._party = {}
