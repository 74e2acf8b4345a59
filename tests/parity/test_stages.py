"""The words of a release, written down in two rooms that never import each other."""

import json
from importlib.resources import files

import pytest

import evaluation.policies
import ml.registry.stages
from orchestration.commands.options import STAGES
from orchestration.commands.releases import TIERS

ROOMS = (evaluation.policies, ml.registry.stages)


@pytest.mark.parametrize("name", ["Stage", "Tier"])
def test_both_rooms_use_the_same_words_in_the_same_order_with_the_same_ranks(name: str) -> None:
    judges, registry = (getattr(room, name) for room in ROOMS)
    assert [(one.name, one.value, one.rank) for one in judges] == [(one.name, one.value, one.rank) for one in registry]


def test_the_command_line_offers_the_same_words() -> None:
    assert list(STAGES.choices) == [stage.value for stage in evaluation.policies.Stage]
    assert list(TIERS.choices) == [tier.value for tier in evaluation.policies.Tier]


def test_the_schema_of_a_release_has_the_same_stages() -> None:
    schema = json.loads((files("ml.registry") / "schemas" / "release-1.json").read_text())
    assert _enumerated(schema, "shadow") == [{stage.value for stage in evaluation.policies.Stage}]


def _enumerated(node: object, word: str) -> list[set[str]]:
    """Every enumeration in a JSON Schema that names `word`."""
    if isinstance(node, dict):
        found = [set(node["enum"])] if word in node.get("enum", []) else []
        return found + [each for inner in node.values() for each in _enumerated(inner, word)]
    return [each for inner in node for each in _enumerated(inner, word)] if isinstance(node, list) else []
