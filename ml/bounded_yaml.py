"""YAML that people hand in, read without letting a few lines stand for more than could ever be read.

Here belongs the bound on aliases (YAML 1.2, 7.1): nine lines of nine aliases each stand for a hundred million nodes,
and a node that holds itself for more. What a document means does not belong here.
"""

from collections.abc import Iterator
from typing import Any

import yaml

MOST_NODES = 1_000_000
"""Nodes of a document with every alias in full; a roster of a year for a hundred people has a tenth of them."""


def load_bounded(text: str) -> Any:
    """The document of a text. Raises `yaml.YAMLError`, also for aliases that stand for too much."""
    if "*" in text and "&" in text:
        _refuse_too_much(text)
    return yaml.load(text, yaml.CSafeLoader)


def _refuse_too_much(text: str) -> None:
    anchored: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in _events(text):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            continue
        if isinstance(event, yaml.AliasEvent):
            anchor, nodes = None, anchored.get(event.anchor or "")
            if nodes is None:
                raise yaml.YAMLError(f"*{event.anchor} stands for nothing before it, or for what it is part of")
        else:
            anchor, nodes = open_nodes.pop() if isinstance(event, yaml.CollectionEndEvent) else (event.anchor, 1)
        if anchor is not None:
            anchored[anchor] = nodes
        outer, so_far = open_nodes[-1]
        open_nodes[-1] = (outer, so_far + nodes)
        if so_far + nodes > MOST_NODES:
            raise yaml.YAMLError(f"its aliases stand for more than {MOST_NODES:,} values; write them out, or fewer")


def _events(text: str) -> Iterator[Any]:
    kinds = (yaml.ScalarEvent, yaml.AliasEvent, yaml.CollectionStartEvent, yaml.CollectionEndEvent)
    return (event for event in yaml.parse(text, yaml.CSafeLoader) if isinstance(event, kinds))
