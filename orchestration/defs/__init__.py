"""The only Dagster code. The folders follow the data: landing, tables, candidates, evidence, releases, plans,
monitoring.

An asset reads, calls one step, returns metadata. What does not belong here: anything worth a unit test of its own.
"""

from dagster import Definitions

from orchestration.settings import apply_third_party_switches, load_settings
from orchestration.steps.home import open_home


def build_definitions() -> Definitions:
    """Return every asset, check, job, schedule and sensor. Needs no network and no previous run."""
    from orchestration.defs import candidates, evidence, landing, monitoring, plans, releases, tables

    settings = load_settings()
    open_home(settings)
    apply_third_party_switches(settings)
    return Definitions.merge(
        landing.definitions(),
        tables.definitions(settings),
        candidates.definitions(),
        evidence.definitions(),
        releases.definitions(),
        plans.definitions(),
        monitoring.definitions(),
    )
