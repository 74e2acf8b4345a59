"""When claims are sent: an interchange a day; some claims are replaced or voided days later.

What does not belong here: what a claim says (`claims.py`, `writing.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from orchestration.simulator.chance import stream, stream_of
from orchestration.simulator.charts import Chart
from orchestration.simulator.clock import HOUR
from orchestration.simulator.emission import File, Outbox
from orchestration.simulator.interfaces import INTERFACES
from orchestration.simulator.panels import by_panel
from orchestration.simulator.world import Day, World
from orchestration.simulator.x12.claims import Claim, Kind, make_claim, replacement, void
from orchestration.simulator.x12.syntax import Group, interchange
from orchestration.simulator.x12.writing import ClaimWriter, opening

FAMILY = "claims_837"
REPLACED_SHARE, VOID_SHARE = 0.05, 0.015
NO_NUMBER_SHARE, DATE_SHARE, REPEATED_SHARE = 0.0015, 0.001, 0.0015
MISCOUNTED_SHARE, CUT_SHARE = 0.008, 0.008  # of interchanges


@dataclass(frozen=True, slots=True)
class _Schedule:
    """Days from the end of a visit to its claim, and from that to what mends it; `kind` in 0..1 says what does."""

    claim: int
    kind: float
    mended: int


class BillingEmitter:
    """Sends one site's claims."""

    def __init__(self, world: World) -> None:
        self.world, self.interfaces = world, INTERFACES[world.site.id]
        self.due: dict[date, list[Claim | Chart]] = defaultdict(list)
        self.panels: dict[str, set[str]] = defaultdict(set)
        self.again: list[Claim] = []
        breakings = ((NO_NUMBER_SHARE, _without_number), (DATE_SHARE, _with_wrong_date))
        self.outbox = Outbox(world, FAMILY, breakings, REPEATED_SHARE)

    def files(self, day: Day) -> Iterable[File]:
        """Return the interchange of the day, or nothing where no claim is due."""
        for visit, panel in by_panel(day.observations):
            self.panels[visit].add(panel)
        for chart in day.changed:
            if chart.visit.ended is not None and day.starts <= chart.visit.ended < day.ends:
                self._plan(day, chart)
        claims = [one if isinstance(one, Claim) else self._first(day, one) for one in self.due.pop(day.day, [])]
        lost, self.again = self.again, []
        sent = [*lost, *self.outbox.send(day, claims)]
        if sent:
            yield File(f"{FAMILY}.x12", self._on_the_way(day, sent), len(sent), FAMILY)

    def _plan(self, day: Day, chart: Chart) -> None:
        """Bill a visit that ended, some days later; nothing is billed of those who left before they were seen."""
        if chart.diagnoses:
            self.due[day.day + timedelta(days=self._schedule(chart).claim)].append(chart)
        else:
            self.panels.pop(chart.visit.id, None)

    def _first(self, day: Day, chart: Chart) -> Claim:
        """Make the original claim, and plan what will be mended later."""
        claim = make_claim(self.world, chart, self.panels.pop(chart.visit.id, set()))
        schedule = self._schedule(chart)
        mended = self.due[day.day + timedelta(days=schedule.mended)]
        if schedule.kind < REPLACED_SHARE:
            mended.append(replacement(claim))
        elif schedule.kind < REPLACED_SHARE + VOID_SHARE:
            mended.append(void(claim))
        return claim

    def _schedule(self, chart: Chart) -> _Schedule:
        rng = stream_of(self.world.seed, self.world.site.id, "billing", chart.visit.number)
        return _Schedule(int(rng.integers(1, 5)), float(rng.random()), int(rng.integers(4, 16)))

    def _on_the_way(self, day: Day, claims: Sequence[Claim]) -> bytes:
        """The interchange as it arrives: rarely cut off or with a segment lost, and then all is sent again."""
        content = self._interchange(day, claims)
        kind, place = stream(self.world.seed, self.world.site.id, "damage interchange", day.day).random(2)
        if kind >= MISCOUNTED_SHARE + CUT_SHARE:
            return content.encode("ascii")
        self.again = [replace(claim, fault="") for claim in claims]
        if kind < CUT_SHARE:
            return content[: int(len(content) * (0.3 + 0.6 * place))].encode("ascii")
        lines = content.splitlines(keepends=True)
        losable = [n for n, line in enumerate(lines) if line.startswith("N3")]
        return "".join(lines[: losable[-1]] + lines[losable[-1] + 1 :]).encode("ascii")

    def _interchange(self, day: Day, claims: Sequence[Claim]) -> str:
        made = datetime.fromtimestamp(day.ends - HOUR, self.world.clock.zone)
        kinds: tuple[tuple[Kind, str], ...] = tuple(zip(("P", "I"), self.interfaces.claim_versions, strict=True))
        groups: list[Group] = []
        for kind, version in kinds:
            chosen = [claim for claim in claims if claim.kind == kind]
            if chosen:
                groups.append((version, [self._set(day, kind, made, chosen)]))
        return interchange(self.interfaces, made, day.day.toordinal(), groups)

    def _set(self, day: Day, kind: Kind, made: datetime, claims: Sequence[Claim]) -> list[str]:
        batch, sender = f"{day.day:%Y%m%d}{kind}", self.interfaces.billing_sender
        writer = ClaimWriter(self.world)
        body = opening(self.world, sender, self.interfaces.tax_number, batch, made)
        return [*body, *(s for claim in claims for s in writer.write(claim))]


def _without_number(claim: Claim, _place: float) -> Claim:
    return replace(claim, fault="number")


def _with_wrong_date(claim: Claim, _place: float) -> Claim:
    return replace(claim, fault="date")
