"""The layout in a release (`card.yaml`): a card's (`card.py`) or a board's (`board.py`), by its schema.

Here belong reading it, its digest and the one way it is written. What a layout holds does not.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ml.registry import ManifestError
from ml.registry import board as boards
from ml.registry import card as cards
from ml.registry.board import BoardLayout
from ml.registry.canonical import document_digest
from ml.registry.card import CardLayout
from ml.registry.files import read_bounded
from ml.registry.manifest import first_fault

MAX_BYTES = 64 * 1024
Layout = CardLayout | BoardLayout
_SHAPES: Mapping[str, type[Layout]] = {cards.SCHEMA: CardLayout, boards.SCHEMA: BoardLayout}


def card_digest(document: Mapping[str, object]) -> str:
    """Document digest of the decoded `card.yaml`: the `card` of a release's subject."""
    return document_digest(document)


def card_file(document: Mapping[str, object]) -> bytes:
    """The one way a layout is written into a release: indented JSON, which is YAML, so that every byte counts."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_card(path: Path) -> tuple[Layout, dict[str, Any]]:
    """Read a layout, and the document it was read from.

    Raises `ManifestError` for what is no such layout, `ReleaseError` for what is no such file.
    """
    try:
        document = yaml.safe_load(read_bounded(path, MAX_BYTES))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ManifestError(f"{path.name} is no YAML document; expected a card layout {cards.SCHEMA!r}.") from error
    shape = _SHAPES.get(str(document.get("schema"))) if isinstance(document, dict) else None
    if shape is None:
        known = " and ".join(repr(name) for name in _SHAPES)
        raise ManifestError(f"{path.name} has another schema; this version reads {known} only.")
    try:
        card_digest(document)
        return shape.model_validate(document), document
    except ValidationError as error:
        raise ManifestError(first_fault("The card layout", error)) from error
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{path.name} holds what JSON cannot; expected plain texts and numbers.") from error
