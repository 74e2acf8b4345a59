"""A seeded hospital group: three sites that differ, writing what real systems send, and the truth beside it.

Here belong the simulated world and the formats it is sent in (FHIR R4 bulk NDJSON, HL7 v2.5.1, DICOM, X12 837, CSV,
CDS Hooks requests). What does not belong here: reading any of it. The simulator shares no code with the feed readers or
the contracts, so that one bug cannot hide in both, and nothing may read the truth but a comparison with the best
possible model.

Which feeds a site sends is said by its site file, or by the caller (`feeds.py`). All tell of the same people and
visits: one medical record number (`persons.py`; a second one, opened by mistake, until an A40 merges it:
`registration.py`), one visit number (FHIR's Encounter.identifier, PV1-19, AdmissionID, CLM01). Each feed draws from
streams of its own, so that one more changes none of the others.

Decisions about the form of the records, each with its module: one Encounter per hospital visit (`visit_records.py`),
arrival mode as LOINC 11459-5 (`codes.py`), damage and repair (`damage.py`), later readings (`measurements.py`), names
and authorities of each site's systems (`interfaces.py`), what follows from a visit: appointments (`appointments.py`),
images (`imaging.py`), claims (`x12/claims.py`), notes (`triage_notes.py`).
"""

from orchestration.simulator.feeds import EMITTED, UnknownFeed
from orchestration.simulator.group import (
    SimulationSummary,
    SiteSummary,
    drop_arrives_at,
    simulate_group,
    simulated_sites,
)
from orchestration.simulator.live import LiveRequest, live_requests
from orchestration.simulator.scenario import HalfMinute, Scenario

__all__ = [
    "EMITTED",
    "HalfMinute",
    "LiveRequest",
    "Scenario",
    "SimulationSummary",
    "SiteSummary",
    "UnknownFeed",
    "drop_arrives_at",
    "live_requests",
    "simulate_group",
    "simulated_sites",
]
