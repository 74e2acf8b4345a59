"""Appointments as a table: the latest state of each that changed on the day, as a clinic system exports it.

What does not belong here: who is booked when (`appointments.py`).
"""

from collections.abc import Iterable

from orchestration.simulator.appointments import AppointmentBook, Change, latest
from orchestration.simulator.emission import File, Outbox
from orchestration.simulator.interfaces import INTERFACES, TableFormat
from orchestration.simulator.table_files import Row, as_table, cut_row, with_value
from orchestration.simulator.world import Day, World

HEADER: Row = ("appointment_id", "patient_mrn", "clinic", "start", "booked_at", "status", "updated_at")
NO_PATIENT_SHARE, CUT_SHARE, STATUS_SHARE, REPEATED_SHARE = 0.0008, 0.0006, 0.0006, 0.001


class AppointmentFileEmitter:
    """Sends one site's table of appointments. Times are local, with the offset."""

    def __init__(self, world: World, book: AppointmentBook) -> None:
        self.world, self.book = world, book
        self.form: TableFormat = INTERFACES[world.site.id].tables
        breakings = (
            (NO_PATIENT_SHARE, with_value(HEADER.index("patient_mrn"), "")),
            (CUT_SHARE, cut_row),
            (STATUS_SHARE, with_value(HEADER.index("status"), "??")),
        )
        self.outbox = Outbox(world, "appointments", breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the table of the day."""
        rows = [self._row(change) for change in latest(self.book.changes(day))]
        return as_table("appointments", HEADER, self.outbox.send(day, rows), self.form)

    def _row(self, change: Change) -> Row:
        one, instant = change.appointment, self.world.clock.instant
        mrn = self.world.people_writer.person(one.person).mrn
        return (one.id, mrn, one.clinic, instant(one.start), instant(one.booked), change.status, instant(change.at))
