"""YAML by which people decide, read so that nothing in it goes unseen.

What does not belong here: what a document means.
"""

from collections.abc import Hashable
from typing import Any

import yaml
from pydantic import ValidationError


class _EveryKeyOnce(yaml.CSafeLoader):
    """YAML keeps the last of two equal keys in silence; in a policy the second threshold would win unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key given twice: {', '.join(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def read_one(text: str) -> Any:
    """Return the one document of a text. Raises `yaml.YAMLError`, also for a key that is given twice."""
    return yaml.load(text, _EveryKeyOnce)  # noqa: S506 - a SafeLoader with one check more


def read_every(text: str) -> list[Any]:
    """Return the documents of a text. Raises as `read_one`."""
    return list(yaml.load_all(text, _EveryKeyOnce))


def first_fault(error: ValidationError) -> str:
    """Where a document breaks its model first, and how, without the value that was found."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "the document"
    return f"{where}: {first['msg']}"
