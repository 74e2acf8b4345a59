"""The demo's assignment meetings: a staffing forecast from shadow to the board, and a charge nurse's own figure.

What does not belong here: the order of the demo (`tour.py`), and any step that a hospital would not take too.
"""

import urllib.parse
import urllib.request
from datetime import date, timedelta
from uuid import UUID, uuid5

from ml.serving.background import running
from orchestration.demo.replay import HOST, TIMEOUT_SECONDS, ReplayClock
from orchestration.settings import Settings
from orchestration.simulator import simulate_group
from orchestration.sites import load_site
from orchestration.steps.planning.meetings import READY_BEFORE, time_to_plan
from orchestration.steps.planning.plans import Made, make_plan
from orchestration.steps.watching.service import serving_config

STAFFING, ROSTER = "staffing", "roster"
HISTORY_DAYS = 42
"""Twelve weeks to learn from and four to be tested on are more than the shortest demo has; a staffing office that joins
hands over its last weeks."""
CHANGED_UNITS, TARGET, REASON = 2, "rn", "acuity-differs"
NONCE = UUID("9b0f6d4e-6c0f-4b1d-9a64-0c3c2f6d9e55")


def simulate_history(settings: Settings, site: str, first: date, seed: int) -> None:
    """Write the staffing office's weeks before the demo's first day, as drops like any other.

    The last day before the first is missing, as the first drop of a feed never holds the day before it.
    """
    start = first - timedelta(days=HISTORY_DAYS)
    simulate_group(settings.home, sites=(site,), start=start, days=HISTORY_DAYS - 1, seed=seed, feeds=(STAFFING,))


def plan_days(settings: Settings, site: str, first: date, days: int, use_case: str = STAFFING) -> list[Made]:
    """Make the plan of every day, each from what had arrived by then."""
    place = load_site(site)
    return [make_plan(settings, use_case, site, time_to_plan(place, first + timedelta(days=n))) for n in range(days)]


def adjust_as_demo(settings: Settings, made: Made) -> int:
    """Ask for one registered nurse more in the first coming shift of some units, on the real board; return how many."""
    clock = ReplayClock()
    clock.now = made.plan.issued_at + timedelta(minutes=READY_BEFORE)
    lines = [line for line in made.plan.lines if line.target == TARGET and line.starts_at > clock.now]
    first = {line.unit: line for line in sorted(lines, key=lambda one: one.starts_at, reverse=True)}
    with running(serving_config(settings, base_url="http://meeting", clock=clock)) as port:
        for unit in sorted(first)[:CHANGED_UNITS]:
            line = first[unit]
            form = {
                "use_case": STAFFING,
                "date": line.date.isoformat(),
                "shift": line.shift,
                "target": TARGET,
                "to": round(line.median) + 1,
                "reason": REASON,
                "nonce": uuid5(NONCE, f"{made.plan.digest}{unit}"),
            }
            address = f"http://{HOST}:{port}/board/{made.plan.site}/{unit}/adjustments"
            with urllib.request.urlopen(address, urllib.parse.urlencode(form).encode(), timeout=TIMEOUT_SECONDS):
                pass
    return min(len(first), CHANGED_UNITS)
