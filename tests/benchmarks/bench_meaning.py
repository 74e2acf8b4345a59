"""How often the watch over meaning cries wolf at hospitals to which nothing happens, and how often it sees a fault.

Simulated hospitals are watched day after day as the sensor does it; each review is a false one. Then one fault at a
time goes through the last week of what was gathered, beside everything else that is compared, and is found or not. What
does not belong here: what counts as a change (evaluation/drift).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.drift.semantic_policy import load_semantic_policy
from evaluation.drift.semantics import Finding, PairSample
from evaluation.drift.volume import RECORDS
from orchestration.settings import Environment, Settings
from orchestration.simulator import simulate_group
from orchestration.steps.intake.landing import land_days
from orchestration.steps.meanings.gathering import Gathered, gather
from orchestration.steps.meanings.meaning import Windows
from orchestration.steps.meanings.reviews import list_reviews, watch_meaning

START, FIRST_LOOK, TRIED_EVERY = date(2026, 1, 5), 35, 4
GLUCOSE, HEART_RATE = "2345-7", "8867-4"
READINGS, DISPOSITION, DEAD = "fhir_observation", "discharge_disposition_code", "is_deceased"
LEVEL, ROLE, SHIFT = "triage_level_and_emergency_stay", "role_and_occupied_beds", "shift_and_nurse_hours"


def meaning(home: Path, sites: Sequence[str], seeds: int, days: int) -> dict[str, Any]:
    """Return site-days watched, the reviews opened, and by fault how often it was found of how many weeks tried."""
    watched, reviews, found = 0, list[dict[str, str]](), dict[str, list[int]]()
    for seed in range(1, seeds + 1):
        settings = _settings(home / str(seed))
        simulate_group(settings.home, sites=sites, start=START, days=days, seed=seed, processes=2)
        every = [START + timedelta(days=n) for n in range(days)]
        for site in sites:
            land_days(settings, site, every)
            for day in every[FIRST_LOOK - 1 :]:
                watch_meaning(settings, site, day)
                watched += 1
            for day in every[FIRST_LOOK - 1 :: TRIED_EVERY]:
                for fault, is_found in _tried(settings, site, day, np.random.default_rng(seed)):
                    tries = found.setdefault(fault, [0, 0])
                    tries[0] += is_found
                    tries[1] += 1
        kept = ("site", "feed", "about", "after_until")
        reviews += [
            {"seed": str(seed), **{member: str(one[member]) for member in kept}} for one in list_reviews(settings)
        ]
    for review in reviews:
        print(f"          false review: {review}", file=sys.stderr, flush=True)
    return {"site_days": watched, "reviews": reviews, "found": found}


# -- faults


Fault = Callable[[Gathered, np.random.Generator], Gathered]


def _tried(settings: Settings, site: str, day: date, draw: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """Put each fault through the week that ends on a day; say whether its feed tells of what it went through."""
    policy = load_semantic_policy()
    windows = Windows.ending(day, policy)
    for feed, faults in FAULTS.items():
        gathered = gather(settings, site, feed, windows, policy)
        for name, (where, fault) in faults.items():
            told = fault(gathered, draw).changes(policy)
            yield name, any(_is_about(one, where) for one in told)


def _is_about(finding: Finding, where: str) -> bool:
    return where in (finding.item, finding.category, finding.column)


def _values(code: str, factor: float, every: int = 1) -> Fault:
    """Multiply one of so many values of a code."""

    def fault(gathered: Gathered, _: np.random.Generator) -> Gathered:
        values = [
            replace(one, after=one.after * np.where(np.arange(one.after.size) % every, 1, factor))
            if code in (one.item, one.column)
            else one
            for one in gathered.values
        ]
        return replace(gathered, values=values)

    return fault


def _unlisted(share: float) -> Fault:
    """Write a word that nobody listed into a share of texts."""

    def fault(gathered: Gathered, _: np.random.Generator) -> Gathered:
        shares = [
            replace(one, after=min(one.after_total, one.after + round(share * one.after_total)))
            if one.kind == "unlisted"
            else one
            for one in gathered.shares
        ]
        return replace(gathered, shares=shares)

    return fault


def _lost(table: str, share: float, days: int) -> Fault:
    """Lose a share of a table's records on the last days."""

    def fault(gathered: Gathered, draw: np.random.Generator) -> Gathered:
        volumes = list(gathered.volumes)
        for n, one in enumerate(volumes):
            if one.table == table:
                counts, last = one.counts.copy(), np.flatnonzero(one.is_after)[-days:]
                counts[last] = draw.binomial(counts[last].astype(int), 1 - share)
                volumes[n] = replace(one, counts=counts)
        return replace(gathered, volumes=volumes)

    return fault


def _not_sent(columns: Sequence[str], days: int) -> Fault:
    """Fill a column no more on the last days."""

    def fault(gathered: Gathered, _: np.random.Generator) -> Gathered:
        fillings = list(gathered.fillings)
        for n, one in enumerate(fillings):
            if one.column in columns:
                filled = one.filled.copy()
                filled[np.flatnonzero(one.is_after)[-days:]] = 0
                fillings[n] = replace(one, filled=filled)
        return replace(gathered, fillings=fillings)

    return fault


def _pair(name: str, changed: Callable[[PairSample, np.random.Generator], PairSample]) -> Fault:
    def fault(gathered: Gathered, draw: np.random.Generator) -> Gathered:
        pairs = [
            (pair, before, changed(after, draw) if pair.name == name else after)
            for pair, before, after in gathered.pairs
        ]
        return replace(gathered, pairs=pairs)

    return fault


def _at_random(share: float) -> Callable[[PairSample, np.random.Generator], PairSample]:
    """Give a share of visits the levels of each other: each level as often as before."""

    def changed(sample: PairSample, draw: np.random.Generator) -> PairSample:
        levels = sample.levels.copy()
        which = np.flatnonzero(draw.random(levels.size) < share)
        levels[which] = levels[draw.permutation(which)]
        return replace(sample, levels=levels)

    return changed


def _swapped(one: str, other: str) -> Callable[[PairSample, np.random.Generator], PairSample]:
    def changed(sample: PairSample, _: np.random.Generator) -> PairSample:
        levels = np.where(sample.levels == one, other, np.where(sample.levels == other, one, sample.levels))
        return replace(sample, levels=levels)

    return changed


def _more(factor: float) -> Callable[[PairSample, np.random.Generator], PairSample]:
    """Count so many times as many of the label for the same beds."""

    def changed(sample: PairSample, _: np.random.Generator) -> PairSample:
        return replace(sample, workload=sample.workload * factor, counts=sample.counts * factor)

    return changed


FAULTS: dict[str, dict[str, tuple[str, Fault]]] = {
    "ehr_fhir": {
        "glucose in mmol/L under mg/dL": (GLUCOSE, _values(GLUCOSE, 1 / 18.016)),
        "  from one analyser of three": (GLUCOSE, _values(GLUCOSE, 1 / 18.016, every=3)),
        "heart rates a tenth too high": (HEART_RATE, _values(HEART_RATE, 1.1)),
        "heart rates a quarter too high": (HEART_RATE, _values(HEART_RATE, 1.25)),
        "unlisted words in 5 % of texts": ("value_text", _unlisted(0.05)),
        "unlisted words in 15 % of texts": ("value_text", _unlisted(0.15)),
        "triage levels of others for half": (LEVEL, _pair(LEVEL, _at_random(0.5))),
        "triage levels of others for all": (LEVEL, _pair(LEVEL, _at_random(1.0))),
        "triage levels 2 and 5 swapped": (LEVEL, _pair(LEVEL, _swapped("2", "5"))),
        "half of readings lost, after one whole day": (RECORDS, _lost(READINGS, 0.5, 1)),
        "half of readings lost, after three": (RECORDS, _lost(READINGS, 0.5, 3)),
        "a third of readings lost, after six": (RECORDS, _lost(READINGS, 1 / 3, 6)),
        "dispositions not sent, after one whole day": (DISPOSITION, _not_sent((DISPOSITION,), 1)),
        "deaths alone not sent, after six": (DEAD, _not_sent((DEAD, "deceased_at"), 6)),
    },
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
