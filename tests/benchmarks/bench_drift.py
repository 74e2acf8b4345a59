"""How often the watch over drift cries wolf in a year of nothing, what it finds, and how long it takes.

Simulated sites have busy and quiet days, a weekly rhythm, days on which everybody is sicker, features that move
together, values that are missing and groups of different sizes. Each is watched every week of a year in which nothing
happens, where every alarm is false; and again with a shift of a stated size from a stated day on. What does not belong
here: what counts as drift (evaluation/drift).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation.drift.causes import causes_of
from evaluation.drift.jumps import find_jumps
from evaluation.drift.segments import judge_look
from evaluation.drift.tallies import Reference, Watched, tally_current, tally_reference
from evaluation.drift.watch_policy import WatchPolicy, load_watch_policy

FEATURES, BY = 20, ("unit", "shift", "sex", "age_band")
UNITS, SHIFTS, AGES = ("ED", "MED", "SUR"), ("day", "evening", "night"), ("18-34", "35-49", "50-64", "65-79", "80+")
TRAINED_DAYS, YEAR, EVERY = 120, 365, 7
SELDOM = 0.001
"""Share of rows that are 1 of a column that is 0 otherwise."""
SHIFTED_FROM = 14
"""Days of the year that are as they were before the shift begins."""
FOUND_WITHIN = 28
STATED = {
    "mean + 0.5 sd, whole site": ("mean", None, 0.5),
    "mean + 0.8 sd, night shift": ("mean", ("shift", "night"), 0.8),
    "one in five missing": ("missing", None, 0.2),
    "unit of one in five changed": ("unit", None, 0.2),
    "label twice as frequent": ("label", None, 2.0),
}

WARDS = {"ED": (30, 0.25), "MED": (5, 4.0), "SUR": (4, 3.0), "ICU": (1.5, 5.0)}
"""Arrivals a day and mean days of stay of the units of a site that forecasts its beds."""
WARM_UP_DAYS = 60
TOLD_HIGHER = {
    "census told twice as high": (None, 2.0),
    "census told half as high again": (None, 1.5),
    "census of one ward told twice as high": ("MED", 2.0),
}
"""What is done to a census: in which ward (None: in each), times what. Only the first is promised to be found."""
LESSER = {"mean + 0.3 sd, whole site": ("mean", None, 0.3), "label half as frequent again": ("label", None, 1.5)}
"""Shifts near what matters, of which nothing is promised."""


@dataclass(frozen=True)
class Site:
    """A simulated site: visits of every day of a training period and a year, in columns."""

    days: np.ndarray
    columns: dict[str, np.ndarray]

    def window(self, begin: int, end: int) -> tuple[pa.Table, np.ndarray]:
        """The visits of some days, as a table, and the day of each."""
        low, high = np.searchsorted(self.days, [begin, end])
        return pa.table({name: values[low:high] for name, values in self.columns.items()}), self.days[low:high]


def simulated(draw: np.random.Generator, visits_a_day: int, days: int) -> Site:
    """A site to which nothing happens; days differ, and the visits of a day resemble each other a little."""
    counts = draw.poisson(visits_a_day * (1 + 0.15 * np.cos(np.arange(days) * 2 * np.pi / 7)))
    day = np.repeat(np.arange(days), counts)
    n = day.size
    sick = 0.1 * draw.standard_normal(days)[day] + draw.standard_normal(n)
    columns: dict[str, np.ndarray] = {
        f"x{k}": np.where(
            draw.random(n) < 0.02 * (k % 5), np.nan, (0.5 * sick + draw.standard_normal(n)) / np.sqrt(1.25)
        )
        for k in range(FEATURES)
    }
    for name, values, shares in (
        ("unit", UNITS, (0.6, 0.25, 0.15)),
        ("shift", SHIFTS, (0.45, 0.4, 0.15)),
        ("sex", ("female", "male"), (0.52, 0.48)),
        ("age_band", AGES, (0.25, 0.2, 0.2, 0.2, 0.15)),
    ):
        columns[name] = draw.choice(np.array(values), n, p=shares)
    risk = 1 / (1 + np.exp(2.5 - 0.8 * sick))
    columns["score"] = risk
    columns["label"] = (draw.random(n) < risk).astype(float)
    columns["seldom"] = (draw.spawn(1)[0].random(n) < SELDOM).astype(float)
    return Site(day, columns)


def simulated_wards(draw: np.random.Generator, days: int) -> Site:
    """A site of wards: beds taken at the start of each of three shifts, by patients who stay for days, and hours."""
    at = np.arange(days * len(SHIFTS)) / len(SHIFTS)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("unit", "shift", "census", "hours")}
    for unit, (a_day, stay) in WARDS.items():
        weekly = 1 + 0.15 * np.cos(np.arange(-WARM_UP_DAYS, days) * 2 * np.pi / 7)
        counts = draw.poisson(a_day * weekly)
        begin = np.repeat(np.arange(-WARM_UP_DAYS, days), counts) + draw.random(int(counts.sum()))
        end = begin + draw.lognormal(np.log(stay) - 0.5, 1.0, begin.size)
        census = np.searchsorted(np.sort(begin), at, "right") - np.searchsorted(np.sort(end), at, "right")
        columns["unit"].append(np.full(at.size, unit))
        columns["shift"].append(np.resize(np.array(SHIFTS), at.size))
        columns["census"].append(census.astype(float))
        columns["hours"].append(24 + 1.5 * census + draw.standard_normal(at.size) * 4)
    order = np.argsort(np.tile(at, len(WARDS)), kind="stable")
    return Site(
        np.floor(np.tile(at, len(WARDS))[order] + 1e-9).astype(int),
        {name: np.concatenate(parts)[order] for name, parts in columns.items()},
    )


def shifted(site: Site, kind: str, segment: tuple[str, str] | None, size: float, begin: int, draw: Any) -> Site:
    """The same site with one shift from a day on."""
    columns = {name: values.copy() for name, values in site.columns.items()}
    hit = site.days >= begin
    if segment is not None:
        hit &= columns[segment[0]] == segment[1]
    some = hit & (draw.random(hit.size) < size)
    if kind == "mean":
        columns["x0"][hit] += size
    elif kind == "missing":
        columns["x0"][some] = np.nan
    elif kind == "unit":
        columns["x0"][some] = 1.8 * columns["x0"][some] + 3.2
    elif kind == "label":
        share = columns["label"][~hit].mean()
        columns["label"][hit] = np.maximum(
            columns["label"][hit], draw.random(int(hit.sum())) < share * (size - 1) / (1 - share)
        )
    return Site(site.days, columns)


def watched_columns() -> tuple[Watched, ...]:
    """What is watched of a simulated site."""
    features = [Watched(f"x{k}", "numeric", feed="ehr_fhir") for k in range(FEATURES)]
    features.append(Watched("seldom", "numeric", feed="orders"))
    return (*features, Watched("score", "numeric", "score"), Watched("label", "numeric", "label"))


def referenced(
    site: Site, watched: Sequence[Watched] | None = None, by: tuple[str, ...] = BY, *, is_standing: bool = False
) -> Reference:
    """The training period, counted once."""
    table, days = site.window(0, TRAINED_DAYS)
    return tally_reference(table, days, watched or watched_columns(), by, is_standing=is_standing)


def told_higher(site: Site, ward: str | None, times: float) -> Site:
    """A site of wards whose census is told higher from a day on."""
    is_hit = site.days >= TRAINED_DAYS + SHIFTED_FROM
    if ward is not None:
        is_hit &= site.columns["unit"] == ward
    return Site(site.days, site.columns | {"census": site.columns["census"] * np.where(is_hit, times, 1)})


def false_alarms(site: Site, reference: Reference, policy: WatchPolicy, days: int) -> int:
    """Alarms of a site to which nothing happens.

    A cause that is alarmed about in weeks that follow each other is one alarm, as its incident stays open.
    """
    false, before = 0, set[str]()
    for _, causes in looks(site, reference, policy, days):
        false += len(causes - before)
        before = causes
    return false


def looks(site: Site, reference: Reference, policy: WatchPolicy, until: int) -> Iterator[tuple[int, set[str]]]:
    """Every week: the day of the year, and the causes that were alarmed about, by what moved and by what jumped."""
    for day in range(EVERY, until + 1, EVERY):
        end = TRAINED_DAYS + day
        table, days = site.window(end - policy.windows.current_days, end)
        look = judge_look([(reference, tally_current(reference, table, days))], policy)
        features = [one for one in reference.watched if one.role == "feature"]
        jumped = find_jumps(table, days, features, policy.jumps)
        yield day, {cause.key for cause in causes_of(look.alarms)} | {f"feed-{one.watched.feed}" for one in jumped}


def null_and_power(sites: int, seed: int, visits_a_day: int = 60, days: int = YEAR) -> dict[str, Any]:
    """Watch so many sites to which nothing happens for a year, and each again with every stated shift."""
    policy, false, found = load_watch_policy(), list[int](), {name: list[int | None]() for name in (*STATED, *LESSER)}
    for number in range(sites):
        draw = np.random.default_rng([seed, number])
        site = simulated(draw, visits_a_day, TRAINED_DAYS + days)
        reference = referenced(site)
        false.append(false_alarms(site, reference, policy, days))
        for name, (kind, segment, size) in (STATED | LESSER).items():
            moved = shifted(site, kind, segment, size, TRAINED_DAYS + SHIFTED_FROM, draw)
            about = "label-label" if kind == "label" else "feed-ehr_fhir"
            seen = looks(moved, reference, policy, SHIFTED_FROM + FOUND_WITHIN)
            days_to = [day - SHIFTED_FROM for day, causes in seen if about in causes and day > SHIFTED_FROM]
            found[name].append(days_to[0] if days_to else None)
    told = {"stated": list(STATED), "found_within": FOUND_WITHIN, "visits_a_day": visits_a_day}
    return {"site_years": sites * days / YEAR, **counted(false), "found": found, **told}


def wards_null_and_power(sites: int, seed: int, days: int = YEAR) -> dict[str, Any]:
    """The same for sites of wards, whose beds are full or empty for days; alarms of an untouched year are false."""
    policy, false, found = load_watch_policy(), list[int](), {name: list[int | None]() for name in TOLD_HIGHER}
    watched = [Watched(name, "numeric", feed="census") for name in ("census", "hours")]
    for number in range(sites):
        site = simulated_wards(np.random.default_rng([seed, number]), TRAINED_DAYS + days)
        reference = referenced(site, watched, ("unit", "shift"), is_standing=True)
        false.append(false_alarms(site, reference, policy, days))
        for name, (ward, times) in TOLD_HIGHER.items():
            seen = looks(told_higher(site, ward, times), reference, policy, SHIFTED_FROM + FOUND_WITHIN)
            days_to = [day - SHIFTED_FROM for day, causes in seen if causes and day > SHIFTED_FROM]
            found[name].append(days_to[0] if days_to else None)
    told = {"stated": list(TOLD_HIGHER)[:1], "found_within": FOUND_WITHIN}
    return {"site_years": sites * days / YEAR, **counted(false), "found": found, **told}


def counted(false: Sequence[int]) -> dict[str, int]:
    """False alarms of all sites, and of the site that has the most: a mean hides the one that is told every month."""
    return {
        "false_alarms": sum(false),
        "most_at_a_site": max(false, default=0),
        "sites_with_more": sum(n > 1 for n in false),
    }


def table_of(result: dict[str, Any]) -> str:
    """Both sides as lines: false alarms a site-year, and of each stated shift how many were found and how soon."""
    rate = result["false_alarms"] / result["site_years"]
    lines = [
        f"no fault: {result['false_alarms']} false alarms in {result['site_years']:g} site-years, {rate:.2f} each; "
        f"at most {result['most_at_a_site']} at a site, more than one at {result['sites_with_more']}"
    ]
    for name, days in result["found"].items():
        seen = sorted(day for day in days if day is not None)
        median = f"{seen[len(seen) // 2]} days" if seen else "never"
        lines.append(f"{name:<30} {len(seen)}/{len(days)} found within {FOUND_WITHIN} days, median {median}")
    return "\n".join(lines)


def large(rows: int = 1_000_000, columns: int = 50, segments: int = 30, seed: int = 1) -> dict[str, float]:
    """Seconds to compare rows x columns in segments with a reference of as many rows, and to count that reference."""
    draw = np.random.default_rng(seed)
    by = {"unit": 12, "shift": 3, "age_band": 7, "payer": segments - 23}

    def made() -> tuple[pa.Table, np.ndarray]:
        found = {f"x{k}": draw.standard_normal(rows) for k in range(columns)}
        groups = {name: np.array([f"{name}-{n}" for n in range(size)]) for name, size in by.items()}
        parted = {name: values[draw.integers(0, values.size, rows)] for name, values in groups.items()}
        return pa.table({**found, **parted}), np.sort(draw.integers(0, 28, rows))

    watched = [Watched(f"x{k}", "numeric", feed="ehr_fhir") for k in range(columns)]
    old, new = made(), made()
    begun = time.perf_counter()
    reference = tally_reference(*old, watched, tuple(by))
    counted = time.perf_counter()
    look = judge_look([(reference, tally_current(reference, *new))], load_watch_policy())
    ended = time.perf_counter()
    assert len(look.shifts) == columns * segments, "every column is compared in every segment"
    seconds = {"reference_s": counted - begun, "look_s": ended - counted}
    return {**seconds, "rows": rows, "columns": columns, "segments": segments}


if __name__ == "__main__":
    print(large())
    print(table_of(null_and_power(sites=20, seed=7)))
    print(table_of(wards_null_and_power(sites=20, seed=7)))
