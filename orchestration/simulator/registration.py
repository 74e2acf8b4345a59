"""What the registration desk does at a visit: full or quick, a second record by mistake, wrong clicks taken back.

Nothing here changes what happens to the patient: only the messages about it tell more than the final record does. What
does not belong here: messages.
"""

from dataclasses import dataclass

from orchestration.simulator.chance import stream_of
from orchestration.simulator.clock import HOUR, LocalClock
from orchestration.simulator.hospital import Visit
from orchestration.simulator.persons import duplicate_record_number

QUICK_SHARE = 0.3  # of visits: name first, address and payer when there is time
DUPLICATE_SHARE = 0.008
WRONG_ADMISSION_SHARE = 0.006
EARLY_DISCHARGE_SHARE = 0.02
DELAYS = 32
LONGEST_DELAY = 6 * HOUR


@dataclass(frozen=True, slots=True)
class Registration:
    """The desk's part in one visit, in seconds.

    `completed`: when a quick registration is; `merged`: when the second record (`duplicate`, a record number) was
    found and merged; `mistaken`: from when until when the visit was wrongly admitted; `early`: how long before the end
    a discharge was entered too early, 0 for never. `delays` say how late each event is charted.
    """

    completed: int | None
    duplicate: str | None
    merged: int
    mistaken: tuple[int, int] | None
    early: int
    delays: tuple[int, ...]

    def mrn_at(self, mrn: str, second: int) -> str:
        """The record number that systems knew the patient by."""
        return self.duplicate if self.duplicate and second < self.merged else mrn


def register(seed: int, site: str, visit: Visit, charting_minutes: float) -> Registration:
    """Return the desk's part in a visit; the same whenever it is asked."""
    rng = stream_of(seed, site, "registration", visit.number)
    chance, when = rng.random(4), rng.random(6)
    delays = rng.exponential(charting_minutes * 60, DELAYS).clip(5, LONGEST_DELAY).astype(int)
    wrong_from = visit.arrived + int(HOUR * (0.5 + when[2]))
    return Registration(
        completed=visit.arrived + int(60 * (8 + 40 * when[0])) if chance[0] < QUICK_SHARE else None,
        duplicate=duplicate_record_number(site, visit.number) if chance[1] < DUPLICATE_SHARE else None,
        merged=visit.arrived + int(HOUR * 0.3 * 60 ** when[1]),  # a quarter of an hour to most of a day
        mistaken=(wrong_from, wrong_from + int(60 * (3 + 25 * when[3]))) if chance[2] < WRONG_ADMISSION_SHARE else None,
        early=int(60 * (30 + 120 * when[4])) if chance[3] < EARLY_DISCHARGE_SHARE else 0,
        delays=tuple(delays.tolist()),
    )


def were_wrongly_admitted(visit: Visit, desk: Registration, clock: LocalClock, now: int) -> bool:
    """Whether the wrong admission came about: before anything else was decided, and taken back on the same day."""
    if desk.mistaken is None:
        return False
    first, last = desk.mistaken
    decided = min(second for second in (visit.admitted, visit.ended, now) if second is not None)
    return last < decided and clock.date_of(first) == clock.date_of(last)


def was_discharged_early(visit: Visit, desk: Registration, clock: LocalClock) -> bool:
    """Whether the discharge was entered too early: in the last unit, and on the day of the real one."""
    if not desk.early or visit.ended is None or visit.disposition != "home":
        return False
    first = visit.ended - desk.early
    return first > visit.stays[-1].entered and clock.date_of(first) == clock.date_of(visit.ended)
