"""A model as a folder of native text and JSON: what a release copies and serving loads. No pickle, ever.

Here belong its files, its digest and the checks on loading. A folder says what it holds; whether it is the
one that was approved is the release manifest's signed digest (`ml/registry`).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ml.features import FeatureError
from ml.features.vocabulary import Vocabulary
from ml.registry.canonical import canonical_json, document_digest
from ml.training import BundleRefused
from ml.training.calibration import calibration_from_json
from ml.training.model import Model, OutcomeModel
from ml.usecases import Feature

SCHEMA = "pilothouse.model/1"
BUNDLE, VOCABULARY, BOOSTER = "bundle.json", "vocabulary.json", ".lgb.txt"
MAX_FILE_BYTES = 32 * 1024 * 1024
MEMBERS = {
    "schema",
    "use_case",
    "site",
    "features",
    "declaration",
    "outcomes",
    "baselines",
    "trained",
    "seed",
}
END_OF_TREES = "end of trees"
REDUCED = "reduced"
FILE_NAME = re.compile(r"[a-z0-9_]+(\.lgb)?\.(json|txt)")


def write_bundle(model: Model, folder: Path) -> str:
    """Write the model into `folder`, which must not exist or be empty, and return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BundleRefused(f"The folder {folder.name} is not empty; a bundle is written once.")
    for name, content in bundle_files(model).items():
        (folder / name).write_bytes(content)
    return bundle_digest(folder)


def bundle_files(model: Model) -> dict[str, bytes]:
    """File name -> bytes; equal models give equal bytes."""
    files = _booster_files(model, "")
    reduced = {} if model.reduced is None else {REDUCED: _head_of(model.reduced, f"{REDUCED}_")}
    if model.reduced is not None:
        files |= _booster_files(model.reduced, f"{REDUCED}_")
    files[VOCABULARY] = canonical_json(model.vocabulary.to_json())
    files[BUNDLE] = canonical_json(
        {
            "schema": SCHEMA,
            "use_case": model.use_case,
            "site": model.site,
            "declaration": [feature.model_dump(mode="json") for feature in model.features],
            **_head_of(model, ""),
            **reduced,
            "baselines": {name: dict(values) for name, values in model.baselines.items()},
            "trained": dict(model.trained),
            "seed": model.seed,
        }
    )
    return files


def _booster_files(model: Model, prefix: str) -> dict[str, bytes]:
    return {f"{prefix}{name}{BOOSTER}": outcome.text.encode() for name, outcome in model.outcomes.items()}


def _head_of(model: Model, prefix: str) -> dict[str, Any]:
    """The features of a model by name, and of each outcome its file, its trees and its calibration."""
    return {
        "features": list(model.feature_names),
        "outcomes": {
            name: {
                "file": f"{prefix}{name}{BOOSTER}",
                "trees": outcome.booster.num_trees(),
                "calibration": outcome.calibration.to_json(),
            }
            for name, outcome in model.outcomes.items()
        },
    }


def model_digest(model: Model) -> str:
    """The digest that `write_bundle` would return."""
    return document_digest({name: _sha256(content) for name, content in bundle_files(model).items()})


def bundle_digest(folder: Path) -> str:
    """Document digest of {file name: SHA-256}. Raises `BundleRefused` (a link, a folder, too large)."""
    return document_digest({name: _sha256(content) for name, content in _read_all(folder).items()})


def load_bundle(folder: Path, expected_digest: str | None = None) -> Model:
    """Read a model, verified: digest (when given), schema, exactly the declared files, shapes of every
    booster.

    Raises `BundleRefused` with what was wrong.
    """
    files = _read_all(folder)
    digest = document_digest({name: _sha256(content) for name, content in files.items()})
    if expected_digest is not None and digest != expected_digest:
        raise BundleRefused(f"The model in {folder.name} is {digest[:12]}, not {expected_digest[:12]}.")
    head = _document(files, BUNDLE)
    if head.get("schema") != SCHEMA or set(head) - {REDUCED} != MEMBERS:
        raise BundleRefused(f"{BUNDLE} is not of schema {SCHEMA!r}; this version reads no other.")
    try:
        return _model(head, files)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError, FeatureError) as error:
        fault = type(error).__name__
        raise BundleRefused(f"{BUNDLE} is not well-formed ({fault}); train the model again.") from error


def _model(head: Mapping[str, Any], files: Mapping[str, bytes]) -> Model:
    features = tuple(Feature.model_validate(entry) for entry in head["declaration"])
    if [feature.name for feature in features] != head["features"]:
        raise BundleRefused(f"{BUNDLE} declares other features than it lists; train the model again.")
    heads = [head, *([head[REDUCED]] if REDUCED in head else [])]
    named = [str(entry["file"]) for one in heads for entry in one["outcomes"].values()]
    expected = {BUNDLE, VOCABULARY, *named}
    if set(files) != expected or len(expected) != len(named) + 2 or not all(one["outcomes"] for one in heads):
        raise BundleRefused(f"The folder holds {sorted(files)}, but {BUNDLE} names {sorted(expected)}.")
    model = Model(
        use_case=str(head["use_case"]),
        site=str(head["site"]),
        features=features,
        outcomes={name: _outcome(name, entry, files, features) for name, entry in head["outcomes"].items()},
        baselines={
            name: {key: float(number) for key, number in entry.items()} for name, entry in head["baselines"].items()
        },
        vocabulary=Vocabulary.from_json(_document(files, VOCABULARY)),
        trained=dict(head["trained"]),
        seed=int(head["seed"]),
    )
    return model if REDUCED not in head else replace(model, reduced=_reduced(model, head[REDUCED], files))


def _reduced(model: Model, head: Mapping[str, Any], files: Mapping[str, bytes]) -> Model:
    """The reduced model: some of the features of the full one, in their order."""
    features = tuple(feature for feature in model.features if feature.name in head["features"])
    if set(head) != {"features", "outcomes"} or [feature.name for feature in features] != head["features"]:
        raise BundleRefused(f"The reduced model of {BUNDLE} has other features than the full one; train it again.")
    names = {feature.name for feature in features}
    return replace(
        model,
        features=features,
        outcomes={name: _outcome(name, entry, files, features) for name, entry in head["outcomes"].items()},
        baselines={name: known for name, known in model.baselines.items() if name in names},
    )


def _outcome(
    name: str, entry: Mapping[str, Any], files: Mapping[str, bytes], features: tuple[Feature, ...]
) -> OutcomeModel:
    from lightgbm.basic import LightGBMError

    text = files[str(entry["file"])].decode()
    if END_OF_TREES not in text:
        raise BundleRefused(f"The booster of {name} is cut short; copy the bundle again.")
    outcome = OutcomeModel(text, calibration_from_json(entry["calibration"]))
    try:
        booster = outcome.booster
    except LightGBMError as error:
        raise BundleRefused(f"The booster of {name} is not LightGBM's text format.") from error
    names = [feature.name for feature in features]
    if booster.feature_name() != names or booster.num_trees() != entry["trees"]:
        raise BundleRefused(f"The booster of {name} has other features or trees than {BUNDLE} says.")
    return outcome


def _read_all(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise BundleRefused(f"There is no model folder {folder.name}.")
    return {path.name: _read(path) for path in sorted(folder.iterdir())}


def _read(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file() or not FILE_NAME.fullmatch(path.name):
        raise BundleRefused(f"{path.name} has no place in a model folder.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BundleRefused(f"{path.name} is larger than {MAX_FILE_BYTES} bytes; no triage model is.")
    return path.read_bytes()


def _document(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        document = json.loads(files[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise BundleRefused(f"{name} is missing or not JSON; copy the bundle again.") from error
    if not isinstance(document, dict):
        raise BundleRefused(f"{name} is no JSON object; copy the bundle again.")
    return document


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
