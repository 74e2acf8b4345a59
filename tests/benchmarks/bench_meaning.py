"""How often the watch over meaning cries wolf at hospitals to which nothing happens, and how soon it sees a fault.

Simulated hospitals send all their feeds for a year and are looked at day after day as the sensor does it, from the
first day on which there is enough to compare; each review that opens is a false one, and is accepted the day after.
Then one fault at a time begins so many days before a look, beside everything else that is compared, and is found or
not. What does not belong here: what counts as a change (evaluation/drift).
"""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.semantic_policy import SemanticPolicy, load_semantic_policy
from evaluation.drift.semantics import Finding, PairSample, ShareCount
from evaluation.drift.volume import RECORDS
from orchestration.settings import Environment, Settings
from orchestration.simulator import simulate_group
from orchestration.steps.intake.landing import land_days
from orchestration.steps.meanings import reviews
from orchestration.steps.meanings.gathering import Gathered, gather
from orchestration.steps.meanings.meaning import Windows
from orchestration.steps.meanings.reviews import answer_review, list_reviews, watch_meaning
from orchestration.steps.record.actors import actor_of
from orchestration.steps.record.people import new_person
from tests.benchmarks.lake_in_memory import lake_in_memory

START, TRIED_EVERY, WEEK = date(2025, 1, 6), 28, 7
"""The year ends before the first contract: a contract that lands fewer fields empties them, which is no null run."""
FIRST_LOOK = 21
"""Days on record at the first look: fourteen to compare with, and the week that is compared."""
FIRST_FAULT = 35
"""Days on record at the first look at a fault: windows are whole."""
GLUCOSE, HEART_RATE = "2345-7", "8867-4"
READINGS, DISPOSITION, DEAD = "fhir_observation", "discharge_disposition_code", "is_deceased"
LEVEL, ROLE, SHIFT = "triage_level_and_emergency_stay", "role_and_occupied_beds", "shift_and_nurse_hours"
REVIEWER = "ines.informatics"


def meaning(home: Path, sites: Sequence[str], seeds: Sequence[int], days: int) -> dict[str, Any]:
    """Return site-days watched, the reviews opened, and by fault after how many days each was found; null if not in a
    week."""
    tasks = [(home / f"{site}-{seed}", site, seed, days) for seed in seeds for site in sites]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        done = list(pool.map(_year, *zip(*tasks, strict=True)))
    found: dict[str, list[int | None]] = {}
    for one in done:
        for fault, after in one["found"].items():
            found.setdefault(fault, []).extend(after)
    return {
        "site_days": sum(one["site_days"] for one in done),
        "reviews": [review for one in done for review in one["reviews"]],
        "found": found,
    }


def _year(home: Path, site: str, seed: int, days: int) -> dict[str, Any]:
    """Simulate, land and watch one site."""
    settings = _settings(home)
    simulate_group(settings.home, sites=[site], start=START, days=days, seed=seed)
    every = [START + timedelta(days=n) for n in range(days)]
    land_days(settings, site, every)
    policy = load_semantic_policy()
    new_person(settings, REVIEWER, sorted(set(policy.reviewers.values())), settings.home / "reviewer.pem")
    draw, found = np.random.default_rng(seed), dict[str, list[int | None]]()
    last: dict[str, Gathered] = {}
    with lake_in_memory(settings, site), patch.object(reviews, "gather", partial(_kept, last)):
        for n, day in enumerate(every[FIRST_LOOK - 1 :], FIRST_LOOK):
            _accept_all(settings)
            watch_meaning(settings, site, day)
            if n >= FIRST_FAULT and (n - FIRST_FAULT) % TRIED_EVERY == 0:
                for fault, after in _tried(last, policy, draw):
                    found.setdefault(fault, []).append(after)
    told = [{"seed": str(seed), **{part: str(one[part]) for part in TOLD}} for one in list_reviews(settings)]
    for review in told:
        print(f"          false review: {review}", file=sys.stderr, flush=True)
    return {"site_days": days, "reviews": told, "found": found}


TOLD = ("site", "feed", "about", "changes", "after_until")


def _kept(
    last: dict[str, Gathered], settings: Settings, site: str, feed: str, windows: Windows, policy: SemanticPolicy
) -> Gathered:
    """Gather, and keep the usual windows of each feed for the faults."""
    gathered = gather(settings, site, feed, windows, policy)
    if windows == Windows.ending(windows.after_until, policy):
        last[feed] = gathered
    return gathered


def _accept_all(settings: Settings) -> None:
    for one in list_reviews(settings):
        if one["is_open"]:
            actor = actor_of(REVIEWER, settings.home / "reviewer.pem")
            answer_review(settings, one["review"], "accept", "Nothing was wrong.", actor)


# -- faults


Fault = Callable[[Gathered, np.random.Generator, int], Gathered]
"""A fault that began so many days before a look, put into what the look gathered; the newest of these days is the one
of which more may come, and counts for what fields mean, and not for how much comes."""


def _tried(
    last: dict[str, Gathered], policy: SemanticPolicy, draw: np.random.Generator
) -> Iterator[tuple[str, int | None]]:
    """Let each fault begin one day before a look, two days before it, and so on; return after how many it is told."""
    for feed, faults in FAULTS.items():
        for name, (where, fault) in faults.items():
            told = (n for n in range(1, WEEK + 1) if _is_told(fault(last[feed], draw, n), where, policy))
            yield name, next(told, None)


def _is_told(gathered: Gathered, where: str, policy: SemanticPolicy) -> bool:
    return any(_is_about(one, where) for one in gathered.changes(policy))


def _is_about(finding: Finding, where: str) -> bool:
    return where in (finding.item, finding.category, finding.column)


def _values(code: str, factor: float, every: int = 1) -> Fault:
    """Multiply one of so many values of a code."""

    def fault(gathered: Gathered, draw: np.random.Generator, days: int) -> Gathered:
        def changed(values: NDArray[np.float64]) -> NDArray[np.float64]:
            is_late = np.arange(values.size) >= values.size * (1 - days / WEEK)  # of visits in no order of days
            return values * np.where(is_late & (draw.integers(0, every, values.size) == 0), factor, 1)

        values = [
            replace(one, after=changed(one.after)) if code in (one.item, one.column) else one for one in gathered.values
        ]
        return replace(gathered, values=values)

    return fault


def _unlisted(share: float) -> Fault:
    """Write a word that nobody listed into a share of texts."""

    def fault(gathered: Gathered, _: np.random.Generator, days: int) -> Gathered:
        shares = [
            replace(one, after=min(one.after_total, one.after + round(share * one.after_total * days / WEEK)))
            if one.kind == "unlisted"
            else one
            for one in gathered.shares
        ]
        return replace(gathered, shares=shares)

    return fault


def _replaced(column: str, old: str, new: str) -> Fault:
    """Send another code in the place of one."""

    def fault(gathered: Gathered, _: np.random.Generator, days: int) -> Gathered:
        shares = list[ShareCount]()
        for one in gathered.shares:
            if one.table == READINGS and (one.column, one.category) == (column, old):
                moved = round(one.after * days / WEEK)
                shares += [replace(one, after=one.after - moved), replace(one, category=new, before=0, after=moved)]
            else:
                shares.append(one)
        return replace(gathered, shares=shares)

    return fault


def _lost(table: str, share: float) -> Fault:
    """Lose a share of a table's records."""

    def fault(gathered: Gathered, draw: np.random.Generator, days: int) -> Gathered:
        volumes = list(gathered.volumes)
        for n, one in enumerate(volumes):
            if one.table == table:
                counts, late = one.counts.copy(), _late(one.is_after, days)
                counts[late] = draw.binomial(counts[late].astype(int), 1 - share)
                volumes[n] = replace(one, counts=counts)
        return replace(gathered, volumes=volumes)

    return fault


def _late(is_after: NDArray[np.bool_], days: int) -> NDArray[np.int64]:
    """Return which days are those since a fault began, less the newest, which is not among them."""
    after = np.flatnonzero(is_after)
    return after[after.size - min(days - 1, after.size) :]


def _not_sent(columns: Sequence[str]) -> Fault:
    """Fill columns no more."""

    def fault(gathered: Gathered, _: np.random.Generator, days: int) -> Gathered:
        fillings = list(gathered.fillings)
        for n, one in enumerate(fillings):
            if one.column in columns:
                filled = one.filled.copy()
                filled[_late(one.is_after, days)] = 0
                fillings[n] = replace(one, filled=filled)
        return replace(gathered, fillings=fillings)

    return fault


Changed = Callable[[PairSample, np.random.Generator, NDArray[np.bool_]], PairSample]


def _pair(name: str, changed: Changed) -> Fault:
    def fault(gathered: Gathered, draw: np.random.Generator, days: int) -> Gathered:
        def late(one: PairSample) -> NDArray[np.bool_]:
            return one.days > one.days.max(initial=0) - days

        pairs = [
            (pair, before, changed(after, draw, late(after)) if pair.name == name else after)
            for pair, before, after in gathered.pairs
        ]
        return replace(gathered, pairs=pairs)

    return fault


def _at_random(share: float) -> Changed:
    """Give a share of visits the levels of each other: each level as often as before."""

    def changed(sample: PairSample, draw: np.random.Generator, late: NDArray[np.bool_]) -> PairSample:
        levels = sample.levels.copy()
        which = np.flatnonzero(late & (draw.random(levels.size) < share))
        levels[which] = levels[draw.permutation(which)]
        return replace(sample, levels=levels)

    return changed


def _swapped(one: str, other: str) -> Changed:
    def changed(sample: PairSample, _: np.random.Generator, late: NDArray[np.bool_]) -> PairSample:
        levels = np.where(sample.levels == one, other, np.where(sample.levels == other, one, sample.levels))
        return replace(sample, levels=np.where(late, levels, sample.levels))

    return changed


def _more(factor: float) -> Changed:
    """Count so many times as many of the label for the same beds."""

    def changed(sample: PairSample, _: np.random.Generator, late: NDArray[np.bool_]) -> PairSample:
        times = np.where(late, factor, 1.0)
        return replace(sample, workload=sample.workload * times, counts=sample.counts * times)

    return changed


FAULTS: dict[str, dict[str, tuple[str, Fault]]] = {
    "ehr_fhir": {
        "glucose in mmol/L under mg/dL": (GLUCOSE, _values(GLUCOSE, 1 / 18.016)),
        "  from one analyser of three": (GLUCOSE, _values(GLUCOSE, 1 / 18.016, every=3)),
        "heart rates a tenth too high": (HEART_RATE, _values(HEART_RATE, 1.1)),
        "heart rates a quarter too high": (HEART_RATE, _values(HEART_RATE, 1.25)),
        "heart rates under another code": (HEART_RATE, _replaced("code", HEART_RATE, "NK-PULSE")),
        "unlisted words in 5 % of texts": ("value_text", _unlisted(0.05)),
        "unlisted words in 15 % of texts": ("value_text", _unlisted(0.15)),
        "triage levels of others for half": (LEVEL, _pair(LEVEL, _at_random(0.5))),
        "triage levels of others for all": (LEVEL, _pair(LEVEL, _at_random(1.0))),
        "triage levels 2 and 5 swapped": (LEVEL, _pair(LEVEL, _swapped("2", "5"))),
        "half of readings lost": (RECORDS, _lost(READINGS, 0.5)),
        "a third of readings lost": (RECORDS, _lost(READINGS, 1 / 3)),
        "dispositions not sent": (DISPOSITION, _not_sent((DISPOSITION,))),
        "deaths alone not sent": (DEAD, _not_sent((DEAD, "deceased_at"))),
    },
    "hl7v2": {"the laboratory's results stop": (RECORDS, _lost("hl7v2_oru", 1.0))},
    "rosters": {
        "a quarter more shifts of a role for the beds": (ROLE, _pair(ROLE, _more(1.25))),
        "half as many again": (ROLE, _pair(ROLE, _more(1.5))),
    },
    "staffing": {"day and night codes swapped": (SHIFT, _pair(SHIFT, _swapped("day", "night")))},
    "census": {
        "occupied beds half as many again": ("occupied", _values("occupied", 1.5)),
        "occupied beds counted twice": ("occupied", _values("occupied", 2.0)),
    },
}


def _settings(home: Path) -> Settings:
    return Settings(
        home=home,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )
