"""A forecast model as files: one JSON document, one of its errors, and LightGBM's text per target. No pickle.

Equal models give equal bytes, so that a folder can be signed by its digest and released as any other model is.
"""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from ml.forecasting import ModelRefused
from ml.forecasting.learners import Ridge, Trees
from ml.forecasting.model import Errors, ForecastModel, TargetModel
from ml.usecases.forecast import Recipe

SCHEMA = "pilothouse.forecast_model/2"
HEAD, ERRORS, BOOSTER = "forecast.json", "errors.json", ".lgb.txt"
MAX_FILE_BYTES = 64 * 1024 * 1024
END_OF_TREES = "end of trees"


def forecast_files(model: ForecastModel) -> dict[str, bytes]:
    """File name -> bytes."""
    head = {
        "schema": SCHEMA,
        "use_case": model.use_case,
        "site": model.site,
        "region": model.region,
        "series": [list(one) for one in model.series],
        "recipe": model.recipe.model_dump(mode="json"),
        "train_until": model.train_until.isoformat(),
        "trained": dict(model.trained),
        "seed": model.seed,
        "targets": {name: _target_document(one) for name, one in model.targets.items()},
    }
    errors = {
        name: {
            str(step): {"days": one.days.tolist(), "values": one.values.tolist()} for step, one in target.errors.items()
        }
        for name, target in model.targets.items()
    }
    boosters = {f"{name}{BOOSTER}": one.trees.text.encode() for name, one in model.targets.items()}
    return boosters | {HEAD: _canonical(head), ERRORS: _canonical(errors)}


def save(model: ForecastModel, folder: Path) -> str:
    """Write the model into `folder`, which must not exist or be empty, and return its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelRefused(f"The folder {folder.name} is not empty; a model is written once.")
    files = forecast_files(model)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return files_digest(files)


def files_digest(files: Mapping[str, bytes]) -> str:
    """The document digest of {file name: SHA-256}, as of every released model."""
    return hashlib.sha256(_canonical({name: hashlib.sha256(files[name]).hexdigest() for name in files})).hexdigest()


def load(folder: Path, expected_digest: str | None = None) -> ForecastModel:
    """Read a model, verified: its digest (when given), its schema, exactly its files. Raises `ModelRefused`."""
    files = _read_all(folder)
    if expected_digest is not None and (digest := files_digest(files)) != expected_digest:
        raise ModelRefused(f"The model in {folder.name} is {digest[:12]}, not {expected_digest[:12]}.")
    try:
        head, errors = json.loads(files[HEAD]), json.loads(files[ERRORS])
        if head["schema"] != SCHEMA:
            raise ModelRefused(f"{HEAD} has schema {head['schema']!r}; this version reads {SCHEMA!r}. Train again.")
        expected = {HEAD, ERRORS, *(f"{name}{BOOSTER}" for name in head["targets"])}
        if set(files) != expected:
            raise ModelRefused(f"The folder holds {sorted(files)}, but {HEAD} names {sorted(expected)}.")
        return _model(head, errors, files)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        raise ModelRefused(f"{folder.name} is not well-formed ({type(error).__name__}); train again.") from error


def _target_document(one: TargetModel) -> dict[str, Any]:
    return {
        "anchor": one.anchor,
        "scale": one.scale.tolist(),
        "spread": one.spread.tolist(),
        "columns": list(one.columns),
        "blends": {str(step): name for step, name in one.blends.items()},
        "validation": {str(step): dict(found) for step, found in one.validation.items()},
        "ridges": {
            str(step): {
                "mean": ridge.mean.tolist(),
                "spread": [value if np.isfinite(value) else None for value in ridge.spread.tolist()],
                "intercept": ridge.intercept,
                "coefficients": ridge.coefficients.tolist(),
            }
            for step, ridge in one.ridges.items()
        },
    }


def _model(head: Mapping[str, Any], errors: Mapping[str, Any], files: Mapping[str, bytes]) -> ForecastModel:
    return ForecastModel(
        use_case=str(head["use_case"]),
        site=str(head["site"]),
        region=str(head["region"]),
        series=tuple((str(unit), str(shift)) for unit, shift in head["series"]),
        targets={
            name: _target(name, entry, errors[name], files[f"{name}{BOOSTER}"].decode())
            for name, entry in head["targets"].items()
        },
        recipe=Recipe.model_validate(head["recipe"]),
        train_until=dt.date.fromisoformat(head["train_until"]),
        trained=dict(head["trained"]),
        seed=int(head["seed"]),
    )


def _target(name: str, entry: Mapping[str, Any], errors: Mapping[str, Any], text: str) -> TargetModel:
    if END_OF_TREES not in text:
        raise ModelRefused(f"The booster of {name} is cut short; copy the folder again.")
    return TargetModel(
        anchor=str(entry["anchor"]),
        scale=np.array(entry["scale"], np.float64),
        spread=np.array(entry["spread"], np.float64),
        columns=tuple(entry["columns"]),
        blends={int(step): str(blend) for step, blend in entry["blends"].items()},
        ridges={int(step): _ridge(one) for step, one in entry["ridges"].items()},
        trees=Trees(text),
        errors={
            int(step): Errors(np.array(one["days"], np.float64), np.array(one["values"], np.float64))
            for step, one in errors.items()
        },
        validation={int(step): dict(found) for step, found in entry["validation"].items()},
    )


def _ridge(one: Mapping[str, Any]) -> Ridge:
    spread = [np.inf if value is None else float(value) for value in one["spread"]]
    fields = {field.name for field in dataclasses.fields(Ridge)}
    if set(one) != fields:
        raise ValueError(f"a ridge has {sorted(fields)}")
    return Ridge(
        np.array(one["mean"], np.float64), np.array(spread), float(one["intercept"]), np.array(one["coefficients"])
    )


def _read_all(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ModelRefused(f"There is no model folder {folder.name}.")
    files: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise ModelRefused(f"{path.name} has no place in a model folder.")
        files[path.name] = path.read_bytes()
    return files


def _canonical(document: object) -> bytes:
    """As `ml.registry.canonical.canonical_json`, a sibling of this package; a test holds them equal."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()
