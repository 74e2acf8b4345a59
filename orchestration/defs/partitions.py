"""The two dimensions of the graph: site, and the day on which records arrived.

What does not belong here: use cases and models; they are part of an asset's key.
"""

from collections.abc import Iterable
from datetime import date

from dagster import (
    AssetExecutionContext,
    DailyPartitionsDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    StaticPartitionsDefinition,
)

from orchestration.sites import list_sites

FIRST_DAY = "2024-01-01"

SITES = StaticPartitionsDefinition(list_sites())
DAYS = DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)
SITE_AND_DAY = MultiPartitionsDefinition({"site": SITES, "day": DAYS})


def days_by_site(context: AssetExecutionContext) -> dict[str, list[date]]:
    """Return the run's partitions as site -> sorted arrival days."""
    found: dict[str, list[date]] = {}
    for key in _multi_keys(context.partition_keys):
        dimensions = key.keys_by_dimension
        found.setdefault(dimensions["site"], []).append(date.fromisoformat(dimensions["day"]))
    return {site: sorted(days) for site, days in found.items()}


def _multi_keys(keys: Iterable[str]) -> Iterable[MultiPartitionKey]:
    for key in keys:
        if isinstance(key, MultiPartitionKey):
            yield key
        else:
            day, site = key.split("|")  # Dagster joins dimensions in alphabetical order
            yield MultiPartitionKey({"day": day, "site": site})
