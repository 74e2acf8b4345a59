"""Appointments as SIU messages (HL7 v2.5.1 chapter 10): booked (S12), cancelled (S15), not kept (S26).

What does not belong here: who is booked when (`appointments.py`).
"""

from collections.abc import Iterable

from orchestration.simulator.appointments import Appointment, AppointmentBook, Change
from orchestration.simulator.clinics import load_clinics
from orchestration.simulator.emission import File, Outbox, as_file
from orchestration.simulator.hl7v2.segments import Writer
from orchestration.simulator.hl7v2.syntax import BREAK, cut_short, in_file, parts, segment, without_identifiers
from orchestration.simulator.world import Day, World

FAMILY = "hl7v2_siu"
TRIGGER = {"booked": "S12", "cancelled": "S15", "no_show": "S26"}
FILLER_STATUS = {"booked": "Booked", "cancelled": "Cancelled", "no_show": "Noshow"}
REASON = {
    "": ("FOLLOWUP", "Follow-up visit"),
    "patient": ("PATIENT", "Cancelled by the patient"),
    "clinic": ("CLINIC", "Cancelled by the clinic"),
    "deceased": ("DECEASED", "Patient deceased"),
    "inpatient": ("INPATIENT", "Patient is in the hospital"),
}
CUT_SHARE, LOST_SHARE, REPEATED_SHARE = 0.0008, 0.0008, 0.001


class SchedulingEmitter:
    """Sends one site's SIU messages; that a patient came is not among them."""

    def __init__(self, world: World, writer: Writer, book: AppointmentBook) -> None:
        self.world, self.writer, self.book = world, writer, book
        breakings = ((LOST_SHARE, without_identifiers), (CUT_SHARE, cut_short))
        self.outbox = Outbox(world, FAMILY, breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the file of what was sent on the day."""
        changes = [change for change in self.book.changes(day) if change.status in TRIGGER]
        messages = [self._message(day, number, change) for number, change in enumerate(changes, start=1)]
        made = self.writer.times.exact(day.ends - 1)
        return as_file(
            f"{FAMILY}.hl7",
            self.outbox.send(day, messages),
            lambda sent: in_file(sent, self.writer.interfaces, made, f"SIU{day.day:%Y%m%d}"),
        )

    def _message(self, day: Day, number: int, change: Change) -> str:
        one, trigger = change.appointment, TRIGGER[change.status]
        person = self.world.people_writer.person(one.person)
        service = load_clinics().clinics[one.clinic]
        begins = self.writer.times.clinical(one.start)
        segments = [
            self.writer.header("SIU", trigger, "SIU_S12", change.at, f"S{day.day:%Y%m%d}{number:06d}"),
            self._appointment(change),
            self.writer.patient(person, person.mrn, is_full=True),
            segment("RGS", {1: "1", 2: "A"}),
            segment("AIS", {1: "1", 2: "A", 3: parts(one.clinic, service.name, "L"), 4: begins, 7: f"{one.minutes}"}),
            segment("AIL", {1: "1", 2: "A", 3: parts(one.clinic, "", "", self.writer.interfaces.facility)}),
        ]
        return BREAK.join(segments)

    def _appointment(self, change: Change) -> str:
        one = change.appointment
        reason = REASON[one.reason if change.status == "cancelled" else ""]
        fields = {
            1: one.id,
            2: one.id,
            6: parts(*reason, "L"),
            7: parts("FOLLOWUP", "Follow-up", "HL70276"),
            8: parts("NORMAL", "Routine schedule request type", "HL70277"),
            9: f"{one.minutes}",
            10: parts("min", "minute", "UCUM"),
            11: self._timing(one),
            16: parts(f"CLERK{one.number % 7 + 1}"),
            20: parts(f"CLERK{one.number % 7 + 1}"),
            25: parts(FILLER_STATUS[change.status], FILLER_STATUS[change.status], "HL70278"),
        }
        return segment("SCH", fields)

    def _timing(self, one: Appointment) -> str:
        """A field of type TQ: duration, start and end."""
        times = self.writer.times
        return parts("", "", f"M{one.minutes}", times.clinical(one.start), times.clinical(one.start + one.minutes * 60))
