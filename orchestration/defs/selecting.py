"""A selection of assets as runs that Dagster can make: what has no partition, what has one for each site, and landing.

Dagster runs only what shares its partitions in one go. A selection is cut into as few runs as its dependencies allow,
in their order. What does not belong here: running them (launch).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from dagster import AssetKey, PartitionsDefinition
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph  # the type of resolve_asset_graph

from orchestration.defs.partitions import SITE_AND_DAY, SITES


class Cut(IntEnum):
    """How an asset is partitioned, in the order in which the graph begins with each."""

    SITE_AND_DAY = 0
    WHOLE = 1
    SITE = 2


@dataclass(frozen=True)
class Batch:
    """Assets that one run for a partition can make."""

    cut: Cut
    keys: tuple[AssetKey, ...]


def batches(graph: BaseAssetGraph, keys: Iterable[AssetKey]) -> list[Batch]:
    """Cut `keys` into runs: each asset comes after all that it stands on, of those that were selected."""
    left = {key: graph.get(key) for key in keys}
    made: list[Batch] = []
    while left:
        chosen: list[AssetKey] = []
        ready = [key for key in left if not (graph.get_ancestor_asset_keys(key) & left.keys()) - {key}]
        cut = min(_cut(left[key].partitions_def) for key in ready)
        for key in graph.toposorted_asset_keys:
            if key in left and _cut(left[key].partitions_def) is cut:
                before = (graph.get_ancestor_asset_keys(key) & left.keys()) - {key, *chosen}
                if not before:
                    chosen.append(key)
        made.append(Batch(cut, tuple(chosen)))
        for key in chosen:
            del left[key]
    return made


def feeds_of(keys: Sequence[AssetKey]) -> tuple[str, ...]:
    """The feeds that landing assets are of."""
    return tuple(key.path[-1] for key in keys)


def _cut(partitions: PartitionsDefinition | None) -> Cut:
    known: dict[PartitionsDefinition | None, Cut] = {
        None: Cut.WHOLE,
        SITES: Cut.SITE,
        SITE_AND_DAY: Cut.SITE_AND_DAY,
    }
    return known[partitions]
