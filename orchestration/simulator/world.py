"""One site's world, one local day at a time: people arrive, beds fill, records come into being.

The same seed, site and start give the same days, however many are asked for. The hospital is warmed up for two weeks
before the first day; those visits fill beds and the census, and are never recorded, because their early records would
be missing. What does not belong here: files (`drops.py`) and live requests (`live.py`).
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from orchestration.simulator.arrivals import draw_arrivals
from orchestration.simulator.catalogue import load_catalogue
from orchestration.simulator.chance import opaque_id, stream
from orchestration.simulator.charts import Chart, Known, RecordSystem
from orchestration.simulator.clock import DAY, HOUR, LocalClock
from orchestration.simulator.hospital import Happening, Hospital, Visit
from orchestration.simulator.latent import Draws, draw_visits
from orchestration.simulator.measurements import Due, measure_visits, measure_wards
from orchestration.simulator.observation_records import ObservationWriter
from orchestration.simulator.people_records import PeopleWriter
from orchestration.simulator.place_records import physician_id
from orchestration.simulator.plans import make_plans
from orchestration.simulator.population import make_population, pick_arrivals
from orchestration.simulator.profiles import profile_of
from orchestration.simulator.rosters import draw_closures
from orchestration.simulator.scenario import CALM, Scenario
from orchestration.simulator.signs import Signs, draw_signs
from orchestration.simulator.visit_records import VisitWriter
from orchestration.sites import UnitKind, load_site

WARM_UP_DAYS = 14
MORNING_ROUND = 6 * HOUR
PRIORITY = {1: "EM", 2: "EM", 3: "UR", 4: "R", 5: "R"}


@dataclass
class Day:
    """What happened on one local day, [starts, ends). Lists are in the order of events."""

    day: date
    starts: int
    ends: int
    draws: Draws
    charts: list[Chart]
    registered: list[int] = field(default_factory=list[int])
    died: dict[int, int] = field(default_factory=dict[int, int])
    conditions: list[Known] = field(default_factory=list[Known])
    changed: list[Chart] = field(default_factory=list[Chart])
    observations: list[Due] = field(default_factory=list[Due])
    census: list[tuple[str, str, int, int, int]] = field(default_factory=list[tuple[str, str, int, int, int]])


class World:
    """The simulated hospital of one site. Call `advance` for day after day."""

    def __init__(self, site: str, start: date, seed: int, scenario: Scenario = CALM) -> None:
        self.site, self.profile = load_site(site), profile_of(site)
        self.start, self.seed, self.scenario = start, seed, scenario
        self.catalogue, self.clock = load_catalogue(), LocalClock(self.site.zone)
        self.people = make_population(self.profile, self.catalogue, start, seed)
        self.day = start - timedelta(days=WARM_UP_DAYS)
        self.hospital = Hospital(self.site, self.clock, self.clock.day_start(self.day))
        self.people_writer = PeopleWriter(self.profile, self.people, seed)
        self.visit_writer = VisitWriter(self.profile, self.catalogue, self.clock, self.people_writer)
        self.observation_writer = ObservationWriter(self.profile, self.clock, scenario.half_minute_at(site))
        self.records = RecordSystem(self.catalogue, self.people, self.visit_writer, self.clock)
        self.charts: dict[int, Chart] = {}
        self.visits = 0
        while self.day < start:
            self.advance(measure=False)

    def advance(self, *, measure: bool = True) -> Day:
        """Run the next day. Without `measure` no Observations are made; everything else is the same."""
        day, (starts, ends) = self.day, self.clock.day_span(self.day)
        draws, signs = self._draw(day, starts, ends)
        visits = self._admit(draws, signs, day)
        is_recorded = day >= self.start
        charts = self._open(visits, draws, signs) if is_recorded else []
        found = Day(day, starts, ends, draws, charts)
        if is_recorded and measure:
            self._measure(day, draws, signs, charts)
        found.census = self._run(starts, ends)
        self._journal(found)
        if is_recorded:
            self._collect(found, measure)
        self.day = day + timedelta(days=1)
        return found

    def _draw(self, day: date, starts: int, ends: int) -> tuple[Draws, Signs]:
        site, surge = self.site.id, self.scenario.surge if self.scenario.is_on(day) else 1.0
        arrived = draw_arrivals(self.profile, day, starts, ends, stream(self.seed, site, "arrivals", day), surge)
        chosen = pick_arrivals(self.people, len(arrived), starts, stream(self.seed, site, "people", day))
        latent = stream(self.seed, site, "latent", day)
        draws = draw_visits(self.profile, self.catalogue, self.people, chosen, arrived, day, latent, self.scenario)
        signs = draw_signs(self.profile, self.catalogue, self.people, draws, stream(self.seed, site, "signs", day))
        return draws, signs

    def _admit(self, draws: Draws, signs: Signs, day: date) -> list[Visit]:
        """Hand the day's visits and bed closures to the hospital."""
        rng = stream(self.seed, self.site.id, "plans", day)
        plans = make_plans(self.profile, self.catalogue, self.site, draws, signs, rng)
        visits: list[Visit] = []
        for i, plan in enumerate(plans):
            number = self.visits + i
            identity = opaque_id(self.seed, self.site.id, "visit", number)
            visits.append(Visit(number, identity, int(draws.people[i]), int(draws.arrived[i]), plan))
        self.visits += len(visits)
        self.people.is_here[draws.people] = True
        self.hospital.expect(visits)
        for unit, count in draw_closures(self.site, rng):
            self.hospital.close_beds(unit, count, DAY)
        return visits

    def _open(self, visits: list[Visit], draws: Draws, signs: Signs) -> list[Chart]:
        charts: list[Chart] = []
        for i, visit in enumerate(visits):
            chart = Chart(
                visit=visit,
                complaint=int(draws.complaint[i]),
                acuity=float(draws.acuity[i]),
                priority=None if signs.untaken_level[i] else PRIORITY[int(signs.level[i])],
                is_return=self.records.is_return(visit.person, visit.arrived),
                physician=physician_id(self.seed, self.site.id, visit.number),
                triaged=visit.arrived + int(signs.triage_delay[i]),
            )
            self.charts[visit.number] = chart
            charts.append(chart)
        return charts

    def _measure(self, day: date, draws: Draws, signs: Signs, charts: list[Chart]) -> None:
        rng, visits = stream(self.seed, self.site.id, "measurements", day), [chart.visit for chart in charts]
        due = measure_visits(
            self.profile, self.catalogue, self.people_writer, self.observation_writer, draws, signs, visits, rng
        )
        for chart, items in zip(charts, due, strict=True):
            chart.measure(items)

    def _run(self, starts: int, ends: int) -> list[tuple[str, str, int, int, int]]:
        """Run the hospital through the day, counting heads on the hour."""
        rows: list[tuple[str, str, int, int, int]] = []
        for hour in range(starts, ends, HOUR):
            if hour > self.hospital.now:
                self.hospital.run_until(hour)
            at = self.clock.instant(hour)
            for unit in self.site.units:
                closed = self.hospital.closed[unit.id]
                rows.append((unit.id, at, self.hospital.present[unit.id], unit.beds - closed, closed))
        self.hospital.run_until(ends)
        return rows

    def _journal(self, day: Day) -> None:
        """Follow up what happened: people leave or die, diagnoses are charted, records of the new are opened."""
        for chart in day.charts:
            is_new = chart.visit.person not in self.records.registered
            day.conditions += self.records.register(
                chart.visit.person, chart.visit.arrived, self.clock.day_start(self.start)
            )
            if is_new:
                day.registered.append(chart.visit.person)
        happenings = self.hospital.take_journal()
        uniforms = stream(self.seed, self.site.id, "charting", day.day).random((len(happenings), 3))
        for happening, row in zip(happenings, uniforms, strict=True):
            self._follow(day, happening, row.tolist())

    def _follow(self, day: Day, happening: Happening, uniforms: list[float]) -> None:
        visit, chart = happening.visit, self.charts.get(happening.visit.number)
        if chart:
            day.conditions += self.records.follow(happening, chart, uniforms)
        if happening.kind == "ended":
            self.people.is_here[visit.person] = False
            self.people.left_at[visit.person] = happening.at
            if visit.disposition == "exp":
                self.people.is_dead[visit.person] = True
                if chart:
                    day.died[visit.person] = happening.at

    def _collect(self, day: Day, measure: bool) -> None:
        """Gather what the day's drop says of open visits, and forget those of which nothing more will come."""
        if measure:
            day.observations += self._morning_round(day)
        for number, chart in list(self.charts.items()):
            if chart.visit.changes and chart.visit.changes[-1] >= day.starts:
                day.changed.append(chart)
            day.observations += _take_due(chart, day.ends)
            if chart.visit.ended is not None and not chart.due:
                del self.charts[number]

    def _morning_round(self, day: Day) -> list[Due]:
        morning = day.starts + MORNING_ROUND
        upstairs = [(c.visit, c.acuity) for c in self.charts.values() if self._is_upstairs(c.visit, morning)]
        rng = stream(self.seed, self.site.id, "wards", day.day)
        number = (day.day - self.start).days
        return measure_wards(self.people_writer, self.observation_writer, upstairs, morning, number, rng)

    def _is_upstairs(self, visit: Visit, at: int) -> bool:
        """In a bed of a ward or intensive care for the whole hour of the round."""
        return any(
            self.site.unit(stay.unit).kind is not UnitKind.ED
            and stay.entered <= at
            and (stay.left is None or stay.left > at + HOUR)
            for stay in visit.stays
        )


def _take_due(chart: Chart, before: int) -> list[Due]:
    """Take what was recorded before a second; drop what would have been measured after the end."""
    ended = chart.visit.ended
    alive = [due for due in chart.due if ended is None or due.at <= ended]
    chart.due = [due for due in alive if due.issued >= before]
    return [due for due in alive if due.issued < before]
