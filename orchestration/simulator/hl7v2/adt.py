"""ADT messages of a site, day by day (HL7 v2.5.1 chapter 3).

Registration (A04), admission (A01), transfer (A02), discharge (A03), update (A08), what was entered wrongly and taken
back (A11, A13), and the merge of a second record (A40). What does not belong here: when things happen
(`adt_events.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestration.simulator.charts import Chart
from orchestration.simulator.emission import File, Outbox, as_file
from orchestration.simulator.hl7v2.adt_events import Event, timeline
from orchestration.simulator.hl7v2.segments import Writer
from orchestration.simulator.hl7v2.syntax import (
    BREAK,
    cut_short,
    identifier,
    in_file,
    parts,
    segment,
    without_identifiers,
)
from orchestration.simulator.payers import DISCHARGE_STATUS
from orchestration.simulator.persons import cover_of
from orchestration.simulator.registration import Registration, register
from orchestration.simulator.world import Day, World

FAMILY = "hl7v2_adt"
STRUCTURE = {"A02": "ADT_A02", "A03": "ADT_A03", "A11": "ADT_A09", "A40": "ADT_A39"}
CUT_SHARE, LOST_SHARE, REPEATED_SHARE = 0.0006, 0.0005, 0.001


@dataclass(frozen=True, slots=True)
class _Open:
    chart: Chart
    desk: Registration


class AdtEmitter:
    """Sends one site's ADT messages."""

    def __init__(self, world: World, writer: Writer) -> None:
        self.world, self.writer = world, writer
        self.open: list[_Open] = []
        breakings = ((LOST_SHARE, without_identifiers), (CUT_SHARE, cut_short))
        self.outbox = Outbox(world, FAMILY, breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the file of what was sent on the day."""
        site, minutes = self.world.site.id, self.writer.interfaces.charting_minutes
        self.open += [_Open(c, register(self.world.seed, site, c.visit, minutes)) for c in day.charts]
        due: list[tuple[int, int, Event, _Open]] = []
        still: list[_Open] = []
        for one in self.open:
            events = timeline(one.chart.visit, one.desk, self.world.clock, day.ends)
            due += [(e.sent, one.chart.visit.number, e, one) for e in events if day.starts <= e.sent < day.ends]
            if not _is_done(one, events, day.ends):
                still.append(one)
        self.open = still
        due.sort(key=lambda item: item[:2])
        messages = [self._message(day, n, event, one) for n, (_, _, event, one) in enumerate(due, start=1)]
        made = self.writer.times.exact(day.ends - 1)
        return as_file(
            f"{FAMILY}.hl7",
            self.outbox.send(day, messages),
            lambda sent: in_file(sent, self.writer.interfaces, made, f"ADT{day.day:%Y%m%d}"),
        )

    def _message(self, day: Day, number: int, event: Event, one: _Open) -> str:
        trigger, at = event.happened.trigger, event.happened.occurred
        structure, control = STRUCTURE.get(trigger, "ADT_A01"), f"A{day.day:%Y%m%d}{number:06d}"
        opening = [
            self.writer.header("ADT", trigger, structure, event.sent, control),
            self._event(event),
        ]
        body = self._merge(one) if trigger == "A40" else self._visit(event, one, at)
        return BREAK.join([*opening, *body])

    def _event(self, event: Event) -> str:
        times = self.writer.times
        occurred = times.clinical(event.happened.occurred)
        return segment("EVN", {1: event.happened.trigger, 2: times.exact(event.recorded), 6: occurred})

    def _merge(self, one: _Open) -> list[str]:
        person = self.world.people_writer.person(one.chart.visit.person)
        authority, prior = self.writer.interfaces.mrn_authority, str(one.desk.duplicate)
        retired = {1: identifier(prior, authority, "MR"), 7: parts(person.family, person.given)}
        return [self.writer.patient(person, person.mrn, is_full=True), segment("MRG", retired)]

    def _visit(self, event: Event, one: _Open, at: int) -> list[str]:
        visit, trigger = one.chart.visit, event.happened.trigger
        person = self.world.people_writer.person(visit.person)
        is_full = one.desk.completed is None or event.recorded >= one.desk.completed
        has_left = visit.ended is not None and visit.ended <= at
        died = visit.ended if has_left and visit.disposition == "exp" else None
        found = [
            self.writer.patient(person, one.desk.mrn_at(person.mrn, event.recorded), is_full=is_full, died=died),
            self._stay(event, one, at),
        ]
        reason = self.writer.reason(one.chart, event.recorded)
        found += [reason] if reason else []
        found += self._diagnoses(one) if trigger == "A03" and event.happened.is_real else []
        return found + ([self._insurance(one)] if is_full and trigger in ("A01", "A04", "A08") else [])

    def _stay(self, event: Event, one: _Open, at: int) -> str:
        visit, happened = one.chart.visit, event.happened
        if happened.trigger == "A01" and happened.is_real:
            return self.writer.admission(visit, at)
        is_mistaken = not happened.is_real and happened.trigger in ("A01", "A11")
        is_inpatient = is_mistaken or (visit.admitted is not None and visit.admitted <= at)
        if happened.trigger == "A03" and not happened.is_real:
            return self.writer.visit(visit, at, is_inpatient=is_inpatient, ended=at, how=DISCHARGE_STATUS["home"])
        if visit.ended is not None and visit.ended <= at and visit.disposition:
            how = DISCHARGE_STATUS[visit.disposition]
            return self.writer.visit(visit, at, is_inpatient=is_inpatient, ended=visit.ended, how=how)
        return self.writer.visit(visit, at, is_inpatient=is_inpatient)

    def _diagnoses(self, one: _Open) -> list[str]:
        ended = one.chart.visit.ended or 0
        catalogue = self.world.catalogue.diagnoses
        named = dict.fromkeys(one.chart.diagnoses)
        return [self.writer.diagnosis(rank, ended, catalogue[name]) for rank, name in enumerate(named, start=1)]

    def _insurance(self, one: _Open) -> str:
        world, person = self.world, one.chart.visit.person
        registered = world.clock.date_of(world.records.registered[person])
        return self.writer.insurance(cover_of(world.profile, world.people, person, registered))


def _is_done(one: _Open, events: list[Event], now: int) -> bool:
    """Whether nothing more will be sent of the visit."""
    last = max(one.chart.visit.arrived, one.desk.completed or 0, one.desk.merged if one.desk.duplicate else 0)
    return one.chart.visit.ended is not None and last < now and events[-1].sent < now
