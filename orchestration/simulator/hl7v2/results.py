"""Laboratory results as ORU^R01 (HL7 v2.5.1 chapter 7): a message per panel and visit, sometimes corrected.

The results are those of the record system's Observations. A correction comes on the same day under the same filler
order number, with OBX-11 C; what the laboratory corrected is what the record system holds. What does not belong here:
what was measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from orchestration.simulator.chance import stream_of
from orchestration.simulator.charts import Chart
from orchestration.simulator.emission import File, Outbox, as_file
from orchestration.simulator.hl7v2.segments import Writer
from orchestration.simulator.hl7v2.syntax import BREAK, cut_short, in_file, parts, segment, without_identifiers
from orchestration.simulator.measurements import Due
from orchestration.simulator.observation_records import UNKNOWN_UNIT
from orchestration.simulator.panels import PANELS, TESTS, Panel, by_panel
from orchestration.simulator.place_records import physician_of
from orchestration.simulator.registration import register
from orchestration.simulator.world import Day, World

FAMILY = "hl7v2_oru"
CORRECTED_SHARE = 0.02
CUT_SHARE, LOST_SHARE, REPEATED_SHARE = 0.0006, 0.0005, 0.001


@dataclass(frozen=True, slots=True)
class _Report:
    """A panel of one visit as reported at a second; `wrong` and `corrected` are places in `results`, if any."""

    sent: int
    chart: Chart
    panel: Panel
    results: tuple[Due, ...]
    status: str
    wrong: int | None = None
    corrected: int | None = None


class ResultEmitter:
    """Sends one site's laboratory results."""

    def __init__(self, world: World, writer: Writer) -> None:
        self.world, self.writer = world, writer
        self.charts: dict[str, Chart] = {}
        breakings = ((LOST_SHARE, without_identifiers), (CUT_SHARE, cut_short))
        self.outbox = Outbox(world, FAMILY, breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the file of what was reported on the day."""
        self.charts |= {chart.visit.id: chart for chart in day.charts}
        reports = sorted(self._reports(day), key=lambda r: (r.sent, r.chart.visit.number, r.panel.code))
        messages = [self._message(day, number, report) for number, report in enumerate(reports, start=1)]
        self.charts = {key: c for key, c in self.charts.items() if c.visit.number in self.world.charts}
        made = self.writer.times.exact(day.ends - 1)
        return as_file(
            f"{FAMILY}.hl7",
            self.outbox.send(day, messages),
            lambda sent: in_file(sent, self.writer.interfaces, made, f"ORU{day.day:%Y%m%d}"),
        )

    def _reports(self, day: Day) -> Iterable[_Report]:
        for (visit, code), results in by_panel(day.observations).items():
            chart = self.charts[visit]
            place = list(PANELS).index(code)
            chance = stream_of(self.world.seed, self.world.site.id, f"correction {code}", chart.visit.number).random(3)
            sent, wrong = max(due.issued for due in results), int(chance[1] * len(results))
            again = sent + 900 + int(chance[2] * 3 * 3600) + place
            if chance[0] < CORRECTED_SHARE and again < day.ends:
                yield _Report(sent, chart, PANELS[code], results, "F", wrong=wrong)
                yield _Report(again, chart, PANELS[code], results, "C", corrected=wrong)
            else:
                yield _Report(sent, chart, PANELS[code], results, "F")

    def _message(self, day: Day, number: int, report: _Report) -> str:
        visit, seed, site = report.chart.visit, self.world.seed, self.world.site.id
        person = self.world.people_writer.person(visit.person)
        collected = report.results[0].at
        desk = register(seed, site, visit, self.writer.interfaces.charting_minutes)
        is_inpatient = visit.admitted is not None and visit.admitted <= collected
        results = [self._result(n, due, report) for n, due in enumerate(report.results, start=1)]
        opening = [
            self.writer.header("ORU", "R01", "ORU_R01", report.sent, f"R{day.day:%Y%m%d}{number:06d}"),
            self.writer.patient(person, desk.mrn_at(person.mrn, report.sent), is_full=False),
            self.writer.visit(visit, collected, is_inpatient=is_inpatient),
        ]
        return BREAK.join([*opening, *self._order(report, collected), *results])

    def _order(self, report: _Report, collected: int) -> list[str]:
        times, one = self.writer.times, physician_of(report.chart.visit.number)
        placer, filler = order_numbers(report.chart.visit.number, report.panel)
        asked_by = f"{parts(one.number, one.family, one.given)}^^^DR"
        request = {
            1: "1",
            2: placer,
            3: filler,
            4: self._coded(report.panel.loinc, report.panel.name, report.panel.code),
            7: times.clinical(collected),
            14: times.clinical(collected + 600),
            16: asked_by,
            22: times.exact(report.sent),
            24: report.panel.section,
            25: report.status,
        }
        return [segment("ORC", {1: "RE", 2: placer, 3: filler, 12: asked_by}), segment("OBR", request)]

    def _coded(self, loinc: str, name: str, local: str) -> str:
        if self.writer.interfaces.code_first == "LN":
            return parts(loinc, name, "LN", local, name, "L")
        return parts(local, name, "L", loinc, name, "LN")

    def _result(self, number: int, due: Due, report: _Report) -> str:
        resource = cast("dict[str, Any]", due.resource)
        coding, amount = resource["code"]["coding"][0], resource["valueQuantity"]
        test, value = TESTS[coding["code"]], float(amount["value"])
        decimals = len(str(amount["value"]).partition(".")[2])
        if report.wrong == number - 1:
            value = round(value * 1.6 + 10**-decimals, decimals)
        is_typed_unit = amount["code"] == UNKNOWN_UNIT
        fields = {
            1: str(number),
            2: "NM",
            3: self._coded(coding["code"], coding["display"], test.short),
            5: f"{value:.{decimals}f}",
            6: parts(amount["unit"]) if is_typed_unit else parts(amount["code"], "", "UCUM"),
            7: f"{test.low:g}-{test.high:g}",
            8: _flag(value, test.low, test.high),
            11: "C" if report.corrected == number - 1 else "F",
            14: self.writer.times.clinical(due.at),
            19: self.writer.times.clinical(due.issued),
        }
        return segment("OBX", fields)


def order_numbers(visit: int, panel: Panel) -> tuple[str, str]:
    """Placer and filler order number of a visit's panel: the same in every report of it."""
    place = list(PANELS).index(panel.code)
    return f"{700_000_000 + visit * 10 + place}", f"L{40_000_000 + visit * 7 + place}"


def _flag(value: float, low: float, high: float) -> str:
    """OBX-8: below, above, or nothing."""
    return "L" if value < low else "H" if value > high else "N"
