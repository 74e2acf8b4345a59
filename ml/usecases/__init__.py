"""Use cases: what a model is for, in writing, loaded and checked.

Here belong the YAML files and the models they are read into. Thresholds (`evaluation/policies`) and the
people of a site (`orchestration/sites`) do not.

Every exception of this package descends from :class:`UseCaseError`::

    UseCaseError
    ├── UnknownUseCase   no file of that name
    └── InvalidUseCase   the file is no YAML, or breaks the declaration's shape
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from ml.usecases.declaration import Feature, FeatureGroup, Outcome, Person, UseCase

__all__ = [
    "Feature",
    "FeatureGroup",
    "InvalidUseCase",
    "Outcome",
    "Person",
    "UnknownUseCase",
    "UseCase",
    "UseCaseError",
    "load_use_case",
    "use_case_names",
]

FOLDER = Path(__file__).parent


class UseCaseError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class UnknownUseCase(UseCaseError):
    """No use case of that name."""


class InvalidUseCase(UseCaseError):
    """The file breaks the declaration's shape; the message names the field."""


def use_case_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of the use cases in `folder`, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def load_use_case(name: str, folder: Path = FOLDER) -> UseCase:
    """Read `<folder>/<name>.yaml`. Raises `UnknownUseCase` or `InvalidUseCase`."""
    if name not in use_case_names(folder):
        known = ", ".join(use_case_names(folder)) or "none"
        raise UnknownUseCase(f"There is no use case {name!r} in {folder.name}/; known: {known}.")
    try:
        document = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        use_case = UseCase.model_validate(document)
    except yaml.YAMLError as error:
        raise InvalidUseCase(f"{name}.yaml is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidUseCase(f"{name}.yaml, {where}: {first['msg']}. Correct the declaration.") from error
    if use_case.use_case != name:
        raise InvalidUseCase(f"{name}.yaml declares use_case {use_case.use_case!r}; expected {name!r}.")
    return use_case
