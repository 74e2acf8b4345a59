"""`python -m tests.benchmarks.null_runs [--seeds 1 2] [--sites ...] [--days 56]`: how often meaning cries wolf.

Simulated hospitals to which nothing happens are watched day after day, as the sensor does; every review is a false one.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from orchestration.settings import Environment, Settings
from orchestration.simulator import simulate_group
from orchestration.steps.landing import land_days
from orchestration.steps.reviews import list_reviews, watch_meaning

START, FIRST_LOOK = date(2026, 1, 5), 35


def main() -> None:
    """Run and print one JSON document."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--sites", nargs="+", default=["district", "rural"])
    options.add_argument("--days", type=int, default=56)
    chosen = options.parse_args()
    runs = [null_run(seed, chosen.sites, chosen.days) for seed in chosen.seeds]
    looks = sum(int(str(run["looks"])) for run in runs)
    reviews = [review for run in runs for review in run["reviews"]]  # type: ignore[attr-defined]
    print(json.dumps({"looks": looks, "false_reviews": len(reviews), "runs": runs}, indent=2))


def null_run(seed: int, sites: Sequence[str], days: int) -> dict[str, object]:
    """Simulate, land and watch one group; return the looks at feeds with enough history, and what was opened."""
    with tempfile.TemporaryDirectory(prefix="pilothouse-null-") as folder:
        settings = _settings(Path(folder))
        simulate_group(settings.home, sites=sites, start=START, days=days, seed=seed, processes=2)
        every, looks = [START + timedelta(days=n) for n in range(days)], 0
        for site in sites:
            land_days(settings, site, every)
            for day in every[FIRST_LOOK - 1 :]:
                looks += sum(one.windows is not None for one in watch_meaning(settings, site, day))
        opened = [{m: one[m] for m in ("site", "about", "changes", "after_until")} for one in list_reviews(settings)]
    return {"seed": seed, "looks": looks, "reviews": opened}


def _settings(home: Path) -> Settings:
    return Settings(
        home=home,
        environment=Environment.DEVELOPMENT,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        events_url=f"sqlite:///{home / 'events.db'}",
    )


if __name__ == "__main__":
    main()
