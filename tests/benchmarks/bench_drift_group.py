"""A year of the simulated group under the watch over drift: its own seasons, weekdays and wards, and no fault.

One model learned from January on and saw no summer, another from July on and saw no winter: what is only of the season
is held against what it was not learned from. Visits and beds are read off the simulated world, not through
the lake: it is the watch that is asked, not the tables. What does not belong here: sites with a stated shift
(`bench_drift.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np

from evaluation.drift.tallies import Watched
from evaluation.drift.watch_policy import load_watch_policy
from orchestration.simulator.clock import HOUR
from orchestration.simulator.world import World
from tests.benchmarks.bench_drift import TRAINED_DAYS, YEAR, Site, counted, false_alarms, referenced

LEARNED_FROM = {"January": date(2026, 1, 5), "July": date(2026, 7, 6)}
SITES = ("city", "district", "rural")
AGE_BANDS = ("0-17", "18-34", "35-49", "50-64", "65-79", "80+")
SHIFT_BEGINS = {7: "day", 15: "evening", 23: "night"}
NO_FEATURE = ("shift", "age_band", "score", "label")


def watched_group(seed: int, days: int = YEAR, sites: Sequence[str] = SITES) -> dict[str, dict[str, Any]]:
    """False alarms about visits and about beds in so many calm days at the sites of the group, for a model that learned
    from January on and for one from July on; `months` tells them apart."""
    found: dict[str, dict[str, list[int]]] = {"visits": {}, "wards": {}}
    for month, begin in LEARNED_FROM.items():
        worlds = [simulated_site(site, begin, seed, TRAINED_DAYS + days) for site in sites]
        found["visits"][month] = [_about_visits(visits, days) for visits, _ in worlds]
        found["wards"][month] = [_about_beds(beds, days) for _, beds in worlds]
    years = len(sites) * len(LEARNED_FROM) * days / YEAR
    return {
        about: {
            "site_years": years,
            **counted([count for of_sites in by_month.values() for count in of_sites]),
            "months": {month: sum(of_sites) for month, of_sites in by_month.items()},
        }
        for about, by_month in found.items()
    }


def _about_visits(visits: Site, days: int) -> int:
    return false_alarms(visits, referenced(visits, _watched(visits), ("shift", "age_band")), load_watch_policy(), days)


def _about_beds(beds: Site, days: int) -> int:
    census = [Watched("census", "numeric", feed="census")]
    return false_alarms(beds, referenced(beds, census, ("unit", "shift"), is_standing=True), load_watch_policy(), days)


def simulated_site(site: str, begin: date, seed: int, days: int) -> tuple[Site, Site]:
    """The visits of a simulated site, and the beds taken of its units at the beginning of each shift."""
    world, visits, beds = World(site, begin, seed), list[dict[str, Any]](), list[tuple[int, str, str, float]]()
    for number in range(days):
        visits.append(_visits(world))
        beds += [(number, *row) for row in _beds(world)]
    columns = {name: np.concatenate([one[name] for one in visits]) for name in visits[0]}
    day = np.repeat(np.arange(days), [one["label"].size for one in visits])
    at, unit, shift, census = (np.array(column) for column in zip(*beds, strict=True))
    return Site(day, columns), Site(at, {"unit": unit, "shift": shift, "census": census})


def _visits(world: World) -> dict[str, np.ndarray]:
    """The visits of the next day: what a nurse saw, the true probability as the score, what came of them."""
    start, end = world.clock.day_span(world.day)
    draws, signs = world._draw(world.day, start, end)  # the same is drawn again when the world advances
    hour = (draws.arrived - start) // HOUR
    complaints = {
        f"complaint_{name}": (draws.complaint == number).astype(float)
        for number, name in enumerate(world.catalogue.complaint_names)
    }
    return {
        "age": draws.age,
        "level": np.where(signs.untaken_level, np.nan, signs.level),
        "by_ambulance": signs.by_ambulance.astype(float),
        **signs.vitals,
        **complaints,
        "score": draws.critical_care,
        "label": draws.is_critical.astype(float),
        "shift": np.select([hour < 7, hour < 15, hour < 23], ["night", "day", "evening"], "night"),
        "age_band": np.array(AGE_BANDS)[np.digitize(draws.age, [18, 35, 50, 65, 80])],
    }


def _beds(world: World) -> Iterator[tuple[str, str, float]]:
    """Let the day happen; yields unit, shift and beds taken at the beginning of each shift."""
    units = len(world.site.units)
    for number, (unit, _, present, *_) in enumerate(world.advance(measure=False).census):
        shift = SHIFT_BEGINS.get(number // units)
        if shift is not None:
            yield unit, shift, float(present)


def _watched(visits: Site) -> list[Watched]:
    flags = ("by_ambulance", "complaint_")
    features = [
        Watched(name, "boolean" if name.startswith(flags) else "numeric", feed="ehr_fhir")
        for name in visits.columns
        if name not in NO_FEATURE
    ]
    return [*features, Watched("score", "numeric", "score"), Watched("label", "numeric", "label")]


if __name__ == "__main__":
    print(watched_group(seed=7))
