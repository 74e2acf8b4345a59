"""The whole group: every site's drops and truth, day by day, into one home folder.

What does not belong here: one site's world (`world.py`) and its files (`drops.py`).
"""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestration.simulator.drops import DropWriter
from orchestration.simulator.feeds import chosen_feeds
from orchestration.simulator.profiles import PROFILES, profile_of
from orchestration.simulator.scenario import CALM, Scenario
from orchestration.simulator.world import World
from orchestration.sites import load_site

Progress = Callable[[str, date], None]


@dataclass(frozen=True)
class SiteSummary:
    """What was written for one site.

    `lines` counts NDJSON lines by resource type, `records` the messages, objects, claims and rows of the other feeds by
    family of files (`hl7v2_adt`, `dicom`, ...).
    """

    site: str
    visits: int
    admitted: int
    critical_care: int
    lines: dict[str, int]
    records: dict[str, int]


@dataclass(frozen=True)
class SimulationSummary:
    """What was written for the group; `days` are the arrival days of the drops, the same for every site."""

    seed: int
    days: tuple[date, ...]
    sites: tuple[SiteSummary, ...]

    @property
    def resources(self) -> int:
        return sum(sum(site.lines.values()) for site in self.sites)


def simulated_sites() -> list[str]:
    """Sites that the simulator can play, the largest first."""
    return sorted(PROFILES, key=lambda site: -PROFILES[site].visits_per_day)


def drop_arrives_at(site: str, day: date) -> datetime:
    """When a day's drop arrives: the local midnight that ends the day, in UTC."""
    zone = load_site(site).zone
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)


def simulate_group(
    home: Path,
    *,
    sites: Sequence[str],
    start: date,
    days: int,
    seed: int,
    progress: Progress | None = None,
    scenario: Scenario = CALM,
    processes: int = 1,
    feeds: Collection[str] | None = None,
) -> SimulationSummary:
    """Write `days` drops per site from `start` on, and the truth beside them.

    Same seed, sites and start: the same bytes, and asking for more days or feeds leaves the others as they are.
    `feeds` are those to write at every site (`feeds.EMITTED` names all); without it, each site sends what its file
    lists. `progress` is called with site and day after each day, or after a site's last day where `processes` is above
    one. Raises `UnknownProfile` for a site that is not simulated, `UnknownFeed` for a feed that cannot be, and
    `ValueError` for less than one day.
    """
    if days < 1:
        raise ValueError(f"Cannot simulate {days} days; ask for at least one.")
    for site in sites:
        profile_of(site)
    tasks = [_Task(home, site, start, days, seed, scenario, chosen_feeds(site, feeds)) for site in sites]
    if processes > 1 and len(sites) > 1:
        done = _in_processes(tasks, progress, processes)
    else:
        done = [_simulate_site(task, progress) for task in tasks]
    return SimulationSummary(seed, tuple(start + timedelta(days=n) for n in range(days)), tuple(done))


@dataclass(frozen=True)
class _Task:
    """One site's part."""

    home: Path
    site: str
    start: date
    days: int
    seed: int
    scenario: Scenario
    feeds: frozenset[str]


def _in_processes(tasks: Sequence[_Task], progress: Progress | None, processes: int) -> list[SiteSummary]:
    """One process per site; each site is a world of its own, so the bytes are the same."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=context) as pool:
        running = [pool.submit(_simulate_site, task, None) for task in tasks]
        done: list[SiteSummary] = []
        for task, future in zip(tasks, running, strict=True):
            done.append(future.result())
            if progress:
                progress(task.site, task.start + timedelta(days=task.days - 1))
    return done


def _simulate_site(task: _Task, progress: Progress | None) -> SiteSummary:
    world = World(task.site, task.start, task.seed, task.scenario)
    writer = DropWriter(task.home, world, task.feeds)
    visits = admitted = critical = 0
    lines, records = Counter[str](), Counter[str]()
    for _ in range(task.days):
        day = world.advance()
        written = writer.write(day)
        lines.update(written.lines)
        records.update(written.records)
        visits += len(day.charts)
        admitted += int(day.draws.is_admitted.sum())
        critical += int(day.draws.is_critical.sum())
        if progress:
            progress(task.site, day.day)
    return SiteSummary(task.site, visits, admitted, critical, dict(lines), dict(records))
