"""The watch over drift as figures: both sides of its table, and its time.

What does not belong here: measuring (`bench_drift.py`).
"""

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.report import Figure

DRIFT = "drift by segment"
FALSE_A_YEAR, FOUND_PERCENT, SECONDS = 1.0, 80.0, 30.0


def drift_figures(found: dict[str, Any]) -> Iterator[Figure]:
    """False alarms a site and year, the share of stated shifts that is found, and the seconds of a large look."""
    large = found["large"]
    for about, watched in (("visits", found["watched"]), ("wards", found["wards"])):
        yield from _both_sides(about, watched)
    for about, watched in found["group"].items():
        yield from _no_fault(f"{about} of the simulated group", watched)
        for month, count in watched["months"].items():
            yield Figure(DRIFT, f"  {about}: of models that learned from {month} on", count, "false alarms")
    size = f"{large['rows']:,} rows x {large['columns']} features x {large['segments']} segments"
    yield Figure(DRIFT, size, large["look_s"], "s", target=SECONDS, is_at_most=True)
    yield Figure(DRIFT, "  counting the reference, once for a model", large["reference_s"], "s")


def _no_fault(about: str, watched: dict[str, Any]) -> Iterator[Figure]:
    years = watched["site_years"]
    name = f"{about}, no fault: false alarms a site and year ({years:g} watched)"
    yield Figure(DRIFT, name, watched["false_alarms"] / years, "", target=FALSE_A_YEAR, is_at_most=True)
    yield Figure(DRIFT, f"  {about}: sites with more than one", watched["sites_with_more"], "")


def _both_sides(about: str, watched: dict[str, Any]) -> Iterator[Figure]:
    yield from _no_fault(about, watched)
    for shift, days in watched["found"].items():
        seen = sorted(day for day in days if day is not None)
        told = f"{shift}, within {watched['found_within']} days" + (f" (median {seen[len(seen) // 2]})" if seen else "")
        target = FOUND_PERCENT if shift in watched["stated"] else None
        yield Figure(DRIFT, told, 100 * len(seen) / len(days), "% found", target=target)
