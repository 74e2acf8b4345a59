"""A seeded hospital group: three sites that differ, writing what real systems send, and the truth beside it.

Here belong the simulated world and the formats it is sent in (FHIR R4 bulk NDJSON, CSV, CDS Hooks requests). What does
not belong here: reading any of it. The simulator shares no code with the feed readers or the contracts, so that one
bug cannot hide in both, and nothing may read the truth but a comparison with the best possible model.

Decisions about the form of the records, each with its module: one Encounter per hospital visit (`visit_records.py`),
arrival mode as LOINC 11459-5 (`codes.py`), damage and repair (`damage.py`), later readings (`measurements.py`).
"""

from orchestration.simulator.group import (
    SimulationSummary,
    SiteSummary,
    drop_arrives_at,
    simulate_group,
    simulated_sites,
)
from orchestration.simulator.live import LiveRequest, live_requests
from orchestration.simulator.scenario import Scenario

__all__ = [
    "LiveRequest",
    "Scenario",
    "SimulationSummary",
    "SiteSummary",
    "drop_arrives_at",
    "live_requests",
    "simulate_group",
    "simulated_sites",
]
