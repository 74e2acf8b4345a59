"""The whole group: every site's drops and truth, day by day, into one home folder.

What does not belong here: one site's world (`world.py`) and its files (`drops.py`).
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from orchestration.simulator.drops import DropWriter
from orchestration.simulator.profiles import PROFILES, profile_of
from orchestration.simulator.scenario import CALM, Scenario
from orchestration.simulator.world import World
from orchestration.sites import load_site

Progress = Callable[[str, date], None]


@dataclass(frozen=True)
class SiteSummary:
    """What was written for one site. `lines` counts NDJSON lines by resource type."""

    site: str
    visits: int
    admitted: int
    critical_care: int
    lines: dict[str, int]


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
) -> SimulationSummary:
    """Write `days` drops per site from `start` on, and the truth beside them.

    Same seed, sites and start: the same bytes, and asking for more days leaves the earlier ones as they are.
    `progress` is called with site and day after each day, or after a site's last day where `processes` is above one.
    Raises `UnknownProfile` for a site that is not simulated and `ValueError` for less than one day.
    """
    if days < 1:
        raise ValueError(f"Cannot simulate {days} days; ask for at least one.")
    for site in sites:
        profile_of(site)
    if processes > 1 and len(sites) > 1:
        done = _in_processes(home, sites, start, days, seed, progress, scenario, processes)
    else:
        done = [_simulate_site(home, site, start, days, seed, progress, scenario) for site in sites]
    return SimulationSummary(seed, tuple(start + timedelta(days=n) for n in range(days)), tuple(done))


def _in_processes(
    home: Path,
    sites: Sequence[str],
    start: date,
    days: int,
    seed: int,
    progress: Progress | None,
    scenario: Scenario,
    processes: int,
) -> list[SiteSummary]:
    """One process per site; each site is a world of its own, so the bytes are the same."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(sites)), mp_context=context) as pool:
        running = [pool.submit(_simulate_site, home, s, start, days, seed, None, scenario) for s in sites]
        done: list[SiteSummary] = []
        for site, future in zip(sites, running, strict=True):
            done.append(future.result())
            if progress:
                progress(site, start + timedelta(days=days - 1))
    return done


def _simulate_site(
    home: Path, site: str, start: date, days: int, seed: int, progress: Progress | None, scenario: Scenario
) -> SiteSummary:
    world = World(site, start, seed, scenario)
    writer = DropWriter(home, world)
    visits = admitted = critical = 0
    lines: dict[str, int] = {}
    for _ in range(days):
        day = world.advance()
        for name, count in writer.write(day).items():
            lines[name] = lines.get(name, 0) + count
        visits += len(day.charts)
        admitted += int(day.draws.is_admitted.sum())
        critical += int(day.draws.is_critical.sum())
        if progress:
            progress(site, day.day)
    return SiteSummary(site, visits, admitted, critical, lines)
