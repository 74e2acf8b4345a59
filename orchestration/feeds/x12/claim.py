"""One claim of an 837 (loops 2300 to 2430) with those it concerns, as one JSON object.

What does not belong here: what may leave the landing zone (the contract says that). Notes, names and addresses are not
even read.
"""

from dataclasses import dataclass, field

from orchestration.feeds.x12.codes import read_codes
from orchestration.feeds.x12.envelope import TransactionSet
from orchestration.feeds.x12.lines import adjustments, decisions, read_line
from orchestration.feeds.x12.loops import BILLING, SUBSCRIBER, ClaimLoop, Level, party
from orchestration.feeds.x12.segments import Segment, element, part
from orchestration.feeds.x12.values import Record, filled, number, period

KINDS = {"X222": "P", "X223": "I", "X224": "D"}  # implementation guide: professional, institutional, dental
PROVIDERS = {
    "82": "renderingProvider",
    "71": "attendingProvider",
    "72": "operatingProvider",
    "DN": "referringProvider",
    "DQ": "supervisingProvider",
    "77": "serviceFacility",
}
ID_SEPARATOR = "\x1f"


@dataclass
class _Sections:
    """The segments of a claim: its own, those of each other payer (from SBR on), those of each line (from LX on)."""

    own: list[Segment] = field(default_factory=list[Segment])
    payers: list[list[Segment]] = field(default_factory=list[list[Segment]])
    lines: list[list[Segment]] = field(default_factory=list[list[Segment]])

    @staticmethod
    def of(segments: list[Segment]) -> "_Sections":
        made = _Sections()
        for segment in segments:
            if segment[0] == "LX":
                made.lines.append([segment])
            elif made.lines:
                made.lines[-1].append(segment)
            elif segment[0] == "SBR":
                made.payers.append([segment])
            else:
                (made.payers[-1] if made.payers else made.own).append(segment)
        return made


def read_claim(found: TransactionSet, loop: ClaimLoop) -> Record:
    """Return a claim; a member that was not sent is not there."""
    sections = _Sections.of(loop.segments)
    claim = _envelope(found) | _people(loop.level) | _own(sections.own, found.interchange.separators.component)
    claim |= _lines_and_payers(sections, found.interchange.separators.component)
    claim |= _service_period(claim)
    return {"resourceType": "Claim", "id": _identity(claim), **claim}


def _envelope(found: TransactionSet) -> Record:
    version = element(found.header, 3) or element(found.group, 8)
    following = found.interchange.read(found.segments[1])  # a set that is trusted has at least its SE segment here
    opening = following if following[0] == "BHT" else ()
    counts = found.counts
    return filled(
        version=version,
        kind=next((kind for guide, kind in KINDS.items() if guide in version), None),
        sender=element(found.interchange.header, 6),
        medicalRecordAuthority=element(found.interchange.header, 6),  # REF EA names none
        usage=element(found.interchange.header, 15),
        purpose=element(opening, 2),
        transactionType=element(opening, 6),
        submittedAt=element(opening, 4) + element(opening, 5)[:6],
        counts=filled(segments=counts.segments, sets=counts.sets, groups=counts.groups),
    )


def _people(level: Level) -> Record:
    billing, insured = level.above(BILLING) or Level(""), level.above(SUBSCRIBER) or Level("")
    subscriber, payer = insured.parties.get("subscriber", {}), insured.parties.get("payer", {})
    dependent = level.parties.get("patient") if level is not insured else None
    patient = subscriber if dependent is None else dependent
    relationship = (insured if dependent is None else level).facts.get("relationship")
    member = subscriber.get("id")
    known = [member, patient.get("birthDate"), patient.get("gender"), patient.get("given")]
    identity = member if dependent is None else ID_SEPARATOR.join(str(v or "") for v in known) if member else None
    return filled(
        billingProvider=billing.parties.get("provider", {}) | filled(taxonomy=billing.facts.get("taxonomy")),
        payer=payer,
        subscriber=filled(
            id=member, responsibility=insured.facts.get("responsibility"), filing=insured.facts.get("filing")
        ),
        patient=filled(
            id=identity,
            isSubscriber=dependent is None,
            relationship=relationship,
            birthDate=patient.get("birthDate"),
            gender=patient.get("gender"),
            state=patient.get("state"),
            zipDigits=patient.get("zipDigits"),
            country=patient.get("country"),
            deathDate=level.facts.get("deathDate"),
        ),
    )


def _own(segments: list[Segment], component: str) -> Record:
    """Read loop 2300 and its providers (2310); a reference after an NM1 segment is the provider's."""
    opening = segments[0]
    place, causes = element(opening, 5).split(component), element(opening, 11).split(component)
    codes = read_codes([s for s in segments if s[0] == "HI"], component)
    named = [n for n, s in enumerate(segments) if s[0] == "NM1"]
    plain = segments[: named[0]] if named else segments
    stay = next((s for s in plain if s[0] == "CL1"), ())
    return filled(
        number=element(opening, 1),
        charge=number(element(opening, 2)) if element(opening, 2) else None,
        facilityCode=part(place, 1),
        facilityQualifier=part(place, 2),
        frequency=part(place, 3),
        relatedCause=part(causes, 1),
        admissionType=element(stay, 1),
        admissionSource=element(stay, 2),
        dischargeStatus=element(stay, 3),
        dates=[_dated(s) for s in plain if s[0] == "DTP"],
        references=[{"qualifier": element(s, 1), "value": element(s, 2)} for s in plain if s[0] == "REF"],
        amounts=[_amount(s) for s in plain if s[0] == "AMT"],
        diagnoses=codes.diagnoses,
        procedures=codes.procedures,
        committeeCodes=codes.committee,
        drg=codes.drg,
        unreadCodes=codes.unread,
        **_providers(segments),
    )


def _dated(segment: Segment) -> Record:
    return {"qualifier": element(segment, 1), **period(element(segment, 2), element(segment, 3))}


def _amount(segment: Segment) -> Record:
    return {"qualifier": element(segment, 1), "amount": number(element(segment, 2))}


def _providers(segments: list[Segment]) -> Record:
    found: Record = {}
    for segment in segments:
        if segment[0] == "NM1" and (role := PROVIDERS.get(element(segment, 1))):
            found.setdefault(role, party(segment))
    return found


def _lines_and_payers(sections: _Sections, component: str) -> Record:
    payers = [_other_payer(s) for s in sections.payers]
    responsible = {ident: str(payer.get("responsibility", "")) for payer, ident in payers if ident}
    decided = [decisions(s, responsible) for s in sections.lines]
    of_claims = [
        entry
        for (payer, _), segments in zip(payers, sections.payers, strict=True)
        for s in segments
        if s[0] == "CAS"
        for entry in adjustments(s, responsibility=payer.get("responsibility"))
    ]
    return filled(
        lines=[read_line(s, component) for s in sections.lines],
        otherPayers=[payer for payer, _ in payers],
        payments=[entry for paid, _ in decided for entry in paid],
        adjustments=[*of_claims, *(entry for _, adjusted in decided for entry in adjusted)],
    )


def _other_payer(segments: list[Segment]) -> tuple[Record, str]:
    """Read loop 2320: another payer of the claim, and the id that its decisions on lines name it by."""
    amounts = {element(s, 1): number(element(s, 2)) for s in segments if s[0] == "AMT"}
    ident = next((element(s, 9) for s in segments if s[0] == "NM1" and element(s, 1) == "PR"), "")
    sbr = segments[0]
    payer = filled(
        responsibility=element(sbr, 1),
        relationship=element(sbr, 2),
        filing=element(sbr, 9),
        paid=amounts.get("D"),
        notCovered=amounts.get("A8"),
        patientLiability=amounts.get("EAF"),
    )
    return payer, ident


def _service_period(claim: Record) -> Record:
    """Return the first and the last day of service: of the statement (434), of the claim (472), or of its lines."""
    dates = [d for d in _records(claim.get("dates")) if "start" in d]
    found = next(([d] for q in ("434", "472") for d in dates if d["qualifier"] == q), _records(claim.get("lines")))
    days = sorted(str(d[name]) for d in found for name in ("start", "end") if name in d)
    return filled(serviceFrom=days[0], serviceTo=days[-1]) if days else {}


def _records(value: object) -> list[Record]:
    return value if isinstance(value, list) else []


def _identity(claim: Record) -> str | None:
    """Return what a claim is known by: the same claim sent again, corrected or voided, is the same claim.

    A claim number alone is not enough: interim bills of one stay share it, and so do the bills to a second payer.
    """
    if not claim.get("number"):
        return None
    people = [claim.get(role, {}) for role in ("billingProvider", "subscriber", "payer")]
    ids = [person.get("id") if isinstance(person, dict) else None for person in people]
    subscriber = claim.get("subscriber")
    turn = subscriber.get("responsibility") if isinstance(subscriber, dict) else None
    parts = [claim.get("sender"), claim.get("kind"), claim["number"], *ids, turn, claim.get("serviceFrom")]
    return ID_SEPARATOR.join(str(p or "") for p in parts)
