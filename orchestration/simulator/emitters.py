"""The writers of a site's feeds beside the record system's own export.

What does not belong here: what they write, and the record system's export, rosters and census (`drops.py`).
"""

from collections.abc import Collection

from orchestration.simulator import feeds
from orchestration.simulator.appointment_file import AppointmentFileEmitter
from orchestration.simulator.appointments import AppointmentBook
from orchestration.simulator.dicom_files import DicomEmitter
from orchestration.simulator.emission import Emitter
from orchestration.simulator.hl7v2.adt import AdtEmitter
from orchestration.simulator.hl7v2.results import ResultEmitter
from orchestration.simulator.hl7v2.scheduling import SchedulingEmitter
from orchestration.simulator.hl7v2.segments import Writer
from orchestration.simulator.hl7v2.syntax import Times
from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.personnel_file import PersonnelEmitter
from orchestration.simulator.staffing_file import StaffingEmitter
from orchestration.simulator.triage_notes import NotesEmitter
from orchestration.simulator.world import World
from orchestration.simulator.x12.billing import BillingEmitter


def make_emitters(world: World, chosen: Collection[str]) -> list[Emitter]:
    """Return the writers of the chosen feeds; one appointment book serves messages and tables alike."""
    book, found = AppointmentBook(world), list[Emitter]()
    if feeds.HL7V2 in chosen:
        interfaces = INTERFACES[world.site.id]
        writer = Writer(world.site, world.profile, interfaces, Times(world.clock, interfaces))
        found += [AdtEmitter(world, writer), ResultEmitter(world, writer), SchedulingEmitter(world, writer, book)]
    if feeds.DICOM in chosen:
        found.append(DicomEmitter(world))
    if feeds.X12 in chosen:
        found.append(BillingEmitter(world))
    if feeds.APPOINTMENTS in chosen:
        found.append(AppointmentFileEmitter(world, book))
    if feeds.NOTES in chosen:
        found.append(NotesEmitter(world))
    if feeds.STAFFING in chosen:
        found.append(StaffingEmitter(world))
    found += [PersonnelEmitter(world, feed) for feed in feeds.PERSONNEL if feed in chosen]
    return found
