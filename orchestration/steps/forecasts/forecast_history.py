"""What a site's history gives a forecast: its places and days, where learning ends, and what it still lacks.

What does not belong here: training (`forecasting.py`), judging (`forecast_judging.py`).
"""

from datetime import date, datetime, timedelta

import numpy as np

from evaluation.canonical import document_digest
from evaluation.metrics.forecast import FEWEST_DAYS as FEWEST_TEST_DAYS
from evaluation.policies import load_policy
from ml.forecasting import NotEnoughHistory
from ml.forecasting.fit import FEWEST_DAYS
from ml.forecasting.history import History
from ml.forecasting.mart import read_staffing, site_history, site_rows
from ml.forecasting.ratios import Places
from ml.usecases import load_forecast
from orchestration.settings import Settings
from orchestration.sites import Site, list_sites, load_site
from orchestration.steps.errors import StepError
from orchestration.steps.intake.deidentification import why_no_dates
from orchestration.steps.intake.versions import contract_versions
from orchestration.steps.learning.candidate import DEFAULT_SEED, TEST_SHARE, rows_digest


class NotEnoughDays(StepError):
    """A site has too few days to train and test a forecast on; the message says how many are there and needed."""


def places_of(site: Site) -> Places:
    """What the ratios need of a site: the kind of every unit, and how long its shifts usually are."""
    day = date(2001, 1, 1)
    hours = {
        one.id: (
            datetime.combine(day + timedelta(days=one.ends <= one.starts), one.ends) - datetime.combine(day, one.starts)
        ).total_seconds()
        / 3600
        for one in site.shifts
    }
    return Places({unit.id: unit.kind.value for unit in site.units}, hours)


def trainable_forecast_sites(settings: Settings, use_case: str, only: str | None = None) -> list[str]:
    """Return the sites (or just `only`) that have enough days to train and test on."""
    asked = list_sites() if only is None else [only]
    return [site for site in asked if not why_not_forecast(settings, use_case, site)]


def why_not_forecast(settings: Settings, use_case: str, site: str) -> str:
    """Say what a site lacks to train and test on, in a sentence; empty where it lacks nothing."""
    declared, place = load_forecast(use_case), load_site(site)
    if reason := why_no_dates(declared, place.id):
        return reason
    try:
        history = site_history(
            read_staffing(settings.snapshots, f"{use_case}_mart").mart, declared, place.id, places=places_of(place)
        )
        split_of(history, place)
    except (NotEnoughHistory, NotEnoughDays) as error:
        return str(error)
    return ""


def split_of(history: History, site: Site) -> date:
    """Return the first day that is tested and not learned from: the site's own, or that of the last 30 % of its days.

    Raises `NotEnoughDays`.
    """
    split = site.holdout_from or history.first + timedelta(days=round(history.days * (1 - TEST_SHARE)))
    known = np.any([np.isfinite(values).any(axis=0) for values in history.values.values()], axis=0)
    place = min(max(history.index(split), 0), history.days)
    before, after = int(known[:place].sum()), int(known[place:].sum())
    if before < FEWEST_DAYS or after < FEWEST_TEST_DAYS:
        raise NotEnoughDays(
            f"{site.id} has {before} known days before {split} and {after} from then on; a forecast needs "
            f"{FEWEST_DAYS} to learn from and {FEWEST_TEST_DAYS} to be tested on. Land more days of its staffing feed."
        )
    return split


def forecast_inputs(settings: Settings, use_case: str, site: str) -> str:
    """Return the digest of all that a candidate is made and judged from, but code."""
    declared = load_forecast(use_case)
    rows = site_rows(read_staffing(settings.snapshots, f"{use_case}_mart").mart, site)
    return document_digest(
        {
            "data": rows_digest(rows, ("unit", "date", "shift")),
            "use_case": declared.digest,
            "policy": load_policy(use_case).digest,
            "contracts": contract_versions(load_site(site), settings.environment),
            "seed": DEFAULT_SEED,
        }
    )
