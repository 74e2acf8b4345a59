"""Use cases: what a model is for, in writing, loaded and checked.

Here belong the YAML files and the models they are read into, one per kind of use case. Thresholds
(`evaluation/policies`) and the people of a site (`orchestration/sites`) do not.

Every exception of this package descends from :class:`UseCaseError`::

    UseCaseError
    ├── UnknownUseCase   no file of that name
    ├── InvalidUseCase   the file is no YAML, or breaks the declaration's shape
    └── OtherKind        the use case is of another kind than was asked for
"""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from ml.usecases.classifier import Feature, FeatureGroup, Grain, Outcome, Practice, UseCase
from ml.usecases.declaration import Declaration, Kind, OverrideReason, Person, PersonDates
from ml.usecases.demand import DemandUseCase
from ml.usecases.forecast import ForecastUseCase
from ml.usecases.roster import RosterUseCase

__all__ = [
    "GOVERNED",
    "KINDS",
    "PLANNED",
    "Declaration",
    "DemandUseCase",
    "Feature",
    "FeatureGroup",
    "ForecastUseCase",
    "Grain",
    "InvalidUseCase",
    "Kind",
    "OtherKind",
    "Outcome",
    "OverrideReason",
    "Person",
    "PersonDates",
    "Practice",
    "RosterUseCase",
    "UnknownUseCase",
    "UseCase",
    "UseCaseError",
    "load_declaration",
    "load_demand",
    "load_forecast",
    "load_roster",
    "load_use_case",
    "planned_use_cases",
    "use_case_names",
]

FOLDER = Path(__file__).parent
KINDS: dict[str, type[Declaration]] = {
    "classifier": UseCase,
    "demand": DemandUseCase,
    "forecast": ForecastUseCase,
    "roster": RosterUseCase,
}
"""Kind of use case -> the model that its file is read into."""
GOVERNED: frozenset[str] = frozenset({"classifier", "forecast", "roster"})
"""The kinds that the graph trains, judges and releases."""
PLANNED: frozenset[str] = frozenset({"forecast", "roster"})
"""The kinds that publish plans for a huddle board."""
AnyKind = TypeVar("AnyKind", bound=Declaration)


class UseCaseError(Exception):
    """Root of the exceptions of this package; its message is a sentence that a person can act on."""


class UnknownUseCase(UseCaseError):
    """No use case of that name."""


class InvalidUseCase(UseCaseError):
    """The file breaks the declaration's shape; the message names the field."""


class OtherKind(UseCaseError):
    """The use case is not of the kind that was asked for; the message names both."""


def use_case_names(folder: Path = FOLDER, kinds: Collection[str] | None = GOVERNED) -> tuple[str, ...]:
    """Names of the use cases in `folder`, sorted: those of `kinds` (None: all of them).

    A file whose kind cannot be read counts as governed, so that loading it says what is wrong.
    """
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    return tuple(name for name in names if kinds is None or _kind(folder / f"{name}.yaml") in {*kinds, None})


def planned_use_cases(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of the use cases that advise a unit by a plan, and not a visit by a card, sorted."""
    return use_case_names(folder, PLANNED)


def load_declaration(name: str, folder: Path = FOLDER) -> Declaration:
    """Read `<folder>/<name>.yaml`, whatever its kind. Raises `UnknownUseCase` or `InvalidUseCase`."""
    if name not in use_case_names(folder, None):
        known = ", ".join(use_case_names(folder, None)) or "none"
        raise UnknownUseCase(f"There is no use case {name!r} in {folder.name}/; known: {known}.")
    document = _document(folder / f"{name}.yaml")
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidUseCase(f"{name}.yaml, kind: {kind!r}; expected one of {', '.join(KINDS)}. Correct it.")
    try:
        declared = KINDS[kind].model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidUseCase(f"{name}.yaml, {where}: {first['msg']}. Correct the declaration.") from error
    if declared.use_case != name:
        raise InvalidUseCase(f"{name}.yaml declares use_case {declared.use_case!r}; expected {name!r}.")
    return declared


def load_use_case(name: str, folder: Path = FOLDER) -> UseCase:
    """Read a classifier's declaration. Raises as `load_declaration` does, and `OtherKind`."""
    return _of_kind(load_declaration(name, folder), UseCase)


def load_forecast(name: str, folder: Path = FOLDER) -> ForecastUseCase:
    """Read a forecast's declaration. Raises as `load_declaration` does, and `OtherKind`."""
    return _of_kind(load_declaration(name, folder), ForecastUseCase)


def load_demand(name: str, folder: Path = FOLDER) -> DemandUseCase:
    """Read a demand series' declaration. Raises as `load_declaration` does, and `OtherKind`."""
    return _of_kind(load_declaration(name, folder), DemandUseCase)


def load_roster(name: str, folder: Path = FOLDER) -> RosterUseCase:
    """Read a roster's declaration. Raises as `load_declaration` does, and `OtherKind`."""
    return _of_kind(load_declaration(name, folder), RosterUseCase)


def _of_kind(declared: Declaration, wanted: type[AnyKind]) -> AnyKind:
    if not isinstance(declared, wanted):
        expected = next(kind for kind, model in KINDS.items() if model is wanted)
        raise OtherKind(f"{declared.use_case} is a {declared.kind}, not a {expected}; this is done with a {expected}.")
    return declared


def _document(path: Path) -> dict[str, Any]:
    try:
        document = _read(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InvalidUseCase(f"{path.name} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidUseCase(f"{path.name} holds no mapping; expected a use case. Correct the declaration.")
    return document


@lru_cache(maxsize=64)
def _read(text: str) -> Any:
    """What a text says, read once in a process: every command asks for all of them, some dozens of times."""
    return yaml.load(text, yaml.CSafeLoader)


def _kind(path: Path) -> str | None:
    try:
        kind = _document(path).get("kind")
    except InvalidUseCase:
        return None
    return kind if isinstance(kind, str) and kind in KINDS else None
