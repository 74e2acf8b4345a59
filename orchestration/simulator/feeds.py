"""Which feeds the simulator can send, and which of them a site sends: those its site file lists.

A site file lists more (what our own service sends back, for one); those are none of the simulator's. What does not
belong here: how a feed is written.
"""

from collections.abc import Collection

from orchestration.sites import load_site

FHIR, ROSTERS, CENSUS = "ehr_fhir", "rosters", "census"
HL7V2, DICOM, X12 = "hl7v2", "dicom", "x12_837"
APPOINTMENTS, NOTES, STAFFING = "appointments", "triage_notes", "staffing"
WORKFORCE, LEAVE, WISHES = "workforce", "leave", "wishes"
PERSONNEL = (WORKFORCE, LEAVE, WISHES)
EMITTED = (FHIR, ROSTERS, CENSUS, HL7V2, DICOM, X12, APPOINTMENTS, NOTES, STAFFING, *PERSONNEL)


class UnknownFeed(ValueError):
    """The simulator cannot send a feed that was asked for; the message names those it can."""


def chosen_feeds(site: str, feeds: Collection[str] | None) -> frozenset[str]:
    """Return the feeds to send: those asked for, or the ones in the site's file that can be simulated.

    Raises `UnknownFeed`.
    """
    if feeds is None:
        return frozenset(load_site(site).feeds) & frozenset(EMITTED)
    unknown = sorted(set(feeds) - set(EMITTED))
    if unknown:
        raise UnknownFeed(f"The simulator cannot send {', '.join(unknown)}; it can send {', '.join(EMITTED)}.")
    return frozenset(feeds)
