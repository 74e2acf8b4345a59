"""Triage notes: one to three short sentences per visit, as a nurse types them, in a table.

A note says what can be seen at triage and what was known before, never what came of the visit. A few hold a name or a
telephone number, because people type those. What does not belong here: the words (`note_phrases.yaml`).
"""

from collections.abc import Iterable, Sequence

import numpy as np

from orchestration.simulator.chance import stream_of
from orchestration.simulator.charts import Chart
from orchestration.simulator.emission import File, Outbox
from orchestration.simulator.interfaces import INTERFACES, TableFormat
from orchestration.simulator.names import load_names
from orchestration.simulator.note_phrases import load_phrases
from orchestration.simulator.observation_records import is_complaint
from orchestration.simulator.persons import visit_number
from orchestration.simulator.place_records import physician_of
from orchestration.simulator.table_files import Row, as_table, cut_row, with_value
from orchestration.simulator.world import Day, World

HEADER: Row = ("note_id", "encounter_id", "visit_number", "mrn", "written_at", "text")
WRITTEN_SHARE = 0.94
TYPED_IDENTIFIER_SHARE = 0.03
IMPRESSION_NOISE, LOOKS_UNWELL = 1.3, 1.4  # in standard deviations of acuity
NO_VISIT_SHARE, CUT_SHARE, TIME_SHARE, REPEATED_SHARE = 0.0008, 0.0008, 0.0006, 0.001


class NotesEmitter:
    """Sends one site's table of triage notes. Times are local, with the offset."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.form: TableFormat = INTERFACES[world.site.id].tables
        self.waiting: list[tuple[int, Chart]] = []
        breakings = (
            (NO_VISIT_SHARE, with_value(HEADER.index("visit_number"), "")),
            (CUT_SHARE, cut_row),
            (TIME_SHARE, with_value(HEADER.index("written_at"), "00:00")),
        )
        self.outbox = Outbox(world, "triage_notes", breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the table of the notes written on the day."""
        for chart in day.charts:
            rng = self._rng("note written", chart)
            if rng.random() < WRITTEN_SHARE:
                self.waiting.append((chart.triaged + int(rng.integers(30, 600)), chart))
        due = sorted((w for w in self.waiting if w[0] < day.ends), key=lambda w: (w[0], w[1].visit.number))
        self.waiting = [w for w in self.waiting if w[0] >= day.ends]
        rows = [self._row(at, chart) for at, chart in due]
        return as_table("triage_notes", HEADER, self.outbox.send(day, rows), self.form)

    def _row(self, at: int, chart: Chart) -> Row:
        visit = chart.visit
        mrn = self.world.people_writer.person(visit.person).mrn
        number = visit_number(visit.number)
        return (f"N{number[1:]}", visit.id, number, mrn, self.world.clock.instant(at), self.text(chart))

    def text(self, chart: Chart) -> str:
        """Return the note of a visit; the same whenever it is asked."""
        rng = self._rng("note", chart)
        sentences = [self._opening(chart, rng), *self._more(chart, rng)]
        if rng.random() < TYPED_IDENTIFIER_SHARE:
            sentences = [*sentences[:2], self._typed(chart, rng)]
        text = " ".join(f"{sentence}." for sentence in sentences)
        return text.upper() if rng.random() < self.world.profile.upper_case_share else text

    def _rng(self, purpose: str, chart: Chart) -> np.random.Generator:
        return stream_of(self.world.seed, self.world.site.id, purpose, chart.visit.number)

    def _opening(self, chart: Chart, rng: np.random.Generator) -> str:
        person = self.world.people_writer.person(chart.visit.person)
        years = int(self.world.people.ages(np.array([person.number]), self.world.clock.date_of(chart.visit.arrived))[0])
        said = [str(due.resource["valueString"]) for due in chart.triage if is_complaint(due.resource)]
        complaint = self.world.catalogue.complaints[self.world.catalogue.complaint_names[chart.complaint]]
        about = said[0] if said else complaint.plain[0].format(side="left", dur="").strip()
        sex = "F" if person.is_female else "M"
        form = "{years}{sex} c/o {about}" if rng.random() < 0.6 else "{about}, {years}yo {sex}"
        return form.format(years=years, sex=sex, about=about)

    def _more(self, chart: Chart, rng: np.random.Generator) -> list[str]:
        """Up to two of: what the problem list says, how the patient looks, how they came and what was done."""
        phrases = load_phrases()
        looks = chart.acuity + rng.normal(0, IMPRESSION_NOISE) > LOOKS_UNWELL
        options = [
            self._history(chart, rng),
            _pick(phrases.unwell if looks else phrases.well, rng),
            f"{_pick(phrases.arrival, rng)}, {_pick(phrases.actions, rng)}",
        ]
        count = int(rng.choice(3, p=[0.2, 0.45, 0.35]))
        return [options[n] for n in sorted(rng.choice(3, count, replace=False).tolist())]

    def _history(self, chart: Chart, rng: np.random.Generator) -> str:
        """What is on the problem list, that is, was known before."""
        phrases, names = load_phrases(), self.world.catalogue.chronic_names
        known = self.world.records.known[chart.visit.person]
        problems = [k.problem for k in known if k.problem is not None and k.recorded <= chart.triaged]
        found = [phrases.history[names[n]] for n in problems[:4]]
        return f"PMH {', '.join(found)}" if found else _pick(phrases.no_history, rng)

    def _typed(self, chart: Chart, rng: np.random.Generator) -> str:
        names, profile = load_names(), self.world.profile
        return _pick(load_phrases().typed, rng).format(
            given=_pick((*names.given_female, *names.given_male), rng),
            family=self.world.people_writer.person(chart.visit.person).family,
            phone=profile.phone.format(int(rng.integers(0, 10_000))),
            doctor=physician_of(int(rng.integers(0, 24))).family,
        )


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(0, len(options)))]
