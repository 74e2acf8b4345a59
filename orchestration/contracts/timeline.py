"""The versions of a contract side by side, and which of them judges what arrived when.

`<feed>.odcs.yaml` is the current version. `history/<feed>.yaml` says from when each version is in force, and beside it
lie the files of the older ones, byte for byte as they were. A feed without such a file has had one version only.

What was valid then is judged as then; what may leave the landing zone is decided as now (`protection.py`). What does
not belong here: reading a contract (load.py), comparing two (compare.py), and remembering what a home landed under.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from orchestration.contracts.compare import require_sound
from orchestration.contracts.errors import InvalidContract
from orchestration.contracts.load import (
    CONTRACTS_DIR,
    SUFFIX,
    list_contracts,
    parse_contract,
    read_current,
    read_yaml,
)
from orchestration.contracts.model import Contract
from orchestration.contracts.overlay import overlaid
from orchestration.contracts.protection import protected
from orchestration.contracts.values import sql_type
from orchestration.settings import Environment

HISTORY = "history"
MEND = "Raise the major version, and keep the file before it in history/."


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    in_force_from: AwareDatetime
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    judges_backlog: bool = False
    reason: str


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    owner: str
    versions: Annotated[list[_Entry], Field(min_length=1)]


@dataclass(frozen=True)
class Version:
    """A contract and from when it is in force; null for the only one that there ever was."""

    contract: Contract
    since: datetime | None = None
    judges_backlog: bool = False


@dataclass(frozen=True)
class Timeline:
    """The versions of one feed's contract, the oldest first; the last is the current one."""

    versions: tuple[Version, ...]

    @property
    def current(self) -> Contract:
        return self.versions[-1].contract

    def at(self, moment: datetime) -> Contract:
        """Return the version in force at a time.

        What arrived before any was in force is judged by the one that takes the backlog, else by the first.
        """
        begun = [version for version in self.versions if version.since is None or version.since <= moment]
        if begun:
            return begun[-1].contract
        backlog = (version for version in self.versions if version.judges_backlog)
        return next(backlog, self.versions[0]).contract


def load_timelines(
    directory: Path = CONTRACTS_DIR, environment: Environment = Environment.DEVELOPMENT
) -> dict[str, Timeline]:
    """Return the versions of every contract of a directory by feed. Raises as `load_timeline`."""
    return dict(_load_timelines(directory, environment, _content(directory)))


def _content(directory: Path) -> str:
    """Return a digest of everything that a directory's timelines are read from."""
    whole = hashlib.sha256()
    for path in sorted(directory.rglob("*.yaml")):
        whole.update(f"{path.relative_to(directory)}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=16)
def _load_timelines(directory: Path, environment: Environment, content: str) -> dict[str, Timeline]:  # noqa: ARG001
    # `content` is what is remembered by: the same files are compared and overlaid once in a process.
    return {feed: load_timeline(feed, directory, environment) for feed in list_contracts(directory)}


def load_timeline(
    feed: str, directory: Path = CONTRACTS_DIR, environment: Environment = Environment.DEVELOPMENT
) -> Timeline:
    """Return the versions of a feed's contract.

    Raises `UnknownContract`, `InvalidContract`, and `BreakingChange` where a version breaks the one before it without a
    new major version: such a contract judges nothing.
    """
    current = read_current(feed, directory)
    versions = _versions(current, directory)
    for before, after in pairwise(versions):
        require_sound(before.contract, after.contract, MEND)
        _require_one_schema(before.contract, after.contract)
    contracts = overlaid([version.contract for version in versions], directory, environment)
    return Timeline(tuple(replace(v, contract=c) for v, c in zip(versions, contracts, strict=True)))


def load_contracts(
    directory: Path = CONTRACTS_DIR, environment: Environment = Environment.DEVELOPMENT
) -> dict[str, Contract]:
    """Return the current contract of every feed of a directory. Raises as `load_timeline`."""
    return {feed: timeline.current for feed, timeline in load_timelines(directory, environment).items()}


def load_contract(
    feed: str, directory: Path = CONTRACTS_DIR, environment: Environment = Environment.DEVELOPMENT
) -> Contract:
    """Return a feed's current contract. Raises as `load_timeline`."""
    return load_timeline(feed, directory, environment).current


def in_force(timelines: Mapping[str, Timeline], moment: datetime) -> dict[str, Contract]:
    """Return by feed the contract that was in force at a time."""
    return {feed: timeline.at(moment) for feed, timeline in timelines.items()}


def _versions(current: Contract, directory: Path) -> list[Version]:
    path = directory / HISTORY / f"{current.feed}.yaml"
    if not path.is_file():
        return [Version(current)]
    document = _read(path, current.feed)
    *older, newest = document.versions
    if newest.version != current.version:
        raise InvalidContract(
            f"{current.label} has no time from which it is in force: {HISTORY}/{path.name} ends with {newest.version}. "
            f"Add {current.version} there, and keep the file of {newest.version} as "
            f"{HISTORY}/{current.feed}@{newest.version}{SUFFIX} with its sha256."
        )
    found = [protected(_older(entry, current, directory), current) for entry in older]
    contracts = [*found, current]
    return [
        Version(contract, entry.in_force_from, entry.judges_backlog)
        for contract, entry in zip(contracts, document.versions, strict=True)
    ]


def _read(path: Path, feed: str) -> _Document:
    try:
        document = _Document.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidContract(f"{HISTORY}/{path.name} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise InvalidContract(f"{HISTORY}/{path.name}, {where}: {first['msg']}.") from error
    if document.feed != feed:
        raise InvalidContract(f"{HISTORY}/{path.name} is about the feed {document.feed!r}; expected {feed!r}.")
    for before, after in pairwise(document.versions):
        if after.in_force_from <= before.in_force_from:
            raise InvalidContract(
                f"{HISTORY}/{path.name}: {after.version} is in force from {after.in_force_from.isoformat()}, not after "
                f"{before.version}; list the versions in the order in which they came into force."
            )
    return document


def _older(entry: _Entry, current: Contract, directory: Path) -> Contract:
    """Read an older version, which nobody may have changed since it was in force."""
    name = f"{current.feed}@{entry.version}{SUFFIX}"
    path = directory / HISTORY / name
    if not path.is_file():
        raise InvalidContract(f"{HISTORY}/{name} is gone; restore it: it judges what arrived while it was in force.")
    contract = parse_contract(current.feed, path.read_bytes())
    if contract.digest != entry.sha256:
        raise InvalidContract(
            f"{HISTORY}/{name} was changed: its SHA-256 is {contract.digest[:12]}, and {HISTORY}/{current.feed}.yaml "
            f"says {(entry.sha256 or 'none')[:12]}. Restore it; what is to change from now on is a new version."
        )
    if contract.version != entry.version:
        raise InvalidContract(f"{HISTORY}/{name} calls itself {contract.version}; expected {entry.version}.")
    return contract


def _require_one_schema(old: Contract, new: Contract) -> None:
    """Refuse a column that means another type than before: rows of both lie in one lake table."""
    before = {(item.table, p.name): sql_type(p) for item in old.objects for p in item.columns}
    for item in new.objects:
        for p in item.columns:
            was = before.get((item.table, p.name), sql_type(p))
            if was != sql_type(p) and p.logical_type != "array":
                raise InvalidContract(
                    f"{new.label}: {item.name}.{p.name} is {sql_type(p)} and was {was} in {old.label}; the lake keeps "
                    "one schema over all versions. Give what has a new type a new name."
                )
