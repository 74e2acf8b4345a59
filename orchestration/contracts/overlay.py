"""What a contract agrees differently in one environment: only what it says may differ, each with a reason.

`environments/<environment>.yaml` lists the changes by contract and version. A contract says in `mayDiffer` which places
may be changed at all: `owner`, `fallback`, `slaProperties.<name>`, and of a property `<Object>.<property>.minimum`,
`.maximum`, `.maxLength`, `.required` or `.ranges.<code>` (patterns with `*`). What does not belong here: which version
judges what (timeline.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from orchestration.contracts.errors import InvalidContract
from orchestration.contracts.load import list_contracts, read_yaml
from orchestration.contracts.model import Agreement, CodedRange, Contract, ContractObject, Property
from orchestration.settings import Environment

ENVIRONMENTS = "environments"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Change(BaseModel):
    """One difference: the place, the value there, and who wants it why since when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: Text
    to: Any
    owner: Text
    reason: Text
    date: date


class Overlay(BaseModel):
    """The file of one environment: changes by the label of a contract, such as `census@2.0.0`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Environment
    contracts: dict[str, list[Change]] = Field(default_factory=dict[str, list[Change]])


@dataclass(frozen=True)
class _Place:
    """Where a change goes, parted: `Census.occupied.maximum` is object, property, rule, and the code after it."""

    where: str
    item: str
    member: str
    rule: str
    code: str

    @staticmethod
    def of(where: str) -> "_Place":
        item, _, rest = where.partition(".")
        member, _, rest = rest.partition(".")
        rule, _, code = rest.partition(".")
        return _Place(where, item, member, rule, code)


def read_overlay(directory: Path, environment: Environment) -> Overlay:
    """Return what differs in an environment; nothing where it has no file. Raises `InvalidContract`."""
    path = directory / ENVIRONMENTS / f"{environment.value}.yaml"
    if not path.is_file():
        return Overlay(environment=environment)
    try:
        found = Overlay.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidContract(f"{ENVIRONMENTS}/{path.name} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the file"
        raise InvalidContract(f"{ENVIRONMENTS}/{path.name}, {where}: {first['msg']}.") from error
    if found.environment is not environment:
        raise InvalidContract(f"{ENVIRONMENTS}/{path.name} is of {found.environment.value}; rename it or mend it.")
    return found


def overlaid(versions: Sequence[Contract], directory: Path, environment: Environment) -> list[Contract]:
    """Return a feed's versions as they hold in an environment. Raises `InvalidContract` naming what may not differ."""
    overlay = read_overlay(directory, environment)
    strange = [label for label in overlay.contracts if label.split("@")[0] not in list_contracts(directory)]
    if strange:
        raise InvalidContract(f"{environment.value}: the overlay of {strange[0]} is of no feed that has a contract.")
    feed, labels = versions[-1].feed, [contract.label for contract in versions]
    listed = [label for label in overlay.contracts if label.split("@")[0] == feed]
    unknown = [label for label in listed if label not in labels]
    if unknown:
        raise InvalidContract(
            f"{environment.value}: the overlay of {unknown[0]} is of no version that there is: {', '.join(labels)}."
        )
    if listed and labels[-1] not in listed:
        raise InvalidContract(
            f"{environment.value}: there is an overlay for {listed[-1]} and none for {labels[-1]}, which is the "
            "current version; say what differs in it, an empty list where nothing does."
        )
    return [_applied(contract, overlay.contracts.get(contract.label, []), environment) for contract in versions]


def _applied(contract: Contract, changes: Sequence[Change], environment: Environment) -> Contract:
    if not changes:
        return contract
    changed = contract
    for change in changes:
        if not any(fnmatchcase(change.where, pattern) for pattern in contract.may_differ):
            may = ", ".join(contract.may_differ) or "nothing"
            raise InvalidContract(
                f"{environment.value}: the overlay of {contract.label} changes {change.where}, which may not differ "
                f"between environments; by its contract {may} may."
            )
        changed = _change(changed, change, environment)
    told = "\n".join(change.model_dump_json() for change in changes)
    digest = sha256(f"{contract.digest}\n{environment.value}\n{told}".encode()).hexdigest()
    return replace(changed, environment=environment.value, digest=digest)


def _change(contract: Contract, change: Change, environment: Environment) -> Contract:
    place = _Place.of(change.where)
    try:
        if change.where == "owner":
            return replace(contract, owner=str(change.to))
        if change.where == "fallback":
            return replace(contract, fallback=str(change.to))
        if place.item == "slaProperties" and not place.rule:
            return replace(contract, sla=_sla(contract, place.member, change.to))
        return replace(contract, objects=_objects(contract.objects, place, change.to))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidContract(
            f"{environment.value}: the overlay of {contract.label} cannot change {change.where} to {change.to!r} "
            f"({error})."
        ) from error


def _sla(contract: Contract, name: str, to: Any) -> tuple[Agreement, ...]:
    if contract.agreed(name) is None:
        raise KeyError(f"the contract agrees no {name}")
    new = Agreement(name, str(to["value"]), str(to["unit"]))
    return tuple(new if one.name == name else one for one in contract.sla)


def _objects(objects: Sequence[ContractObject], place: _Place, to: Any) -> tuple[ContractObject, ...]:
    if place.item not in {item.name for item in objects}:
        raise KeyError(f"there is no object {place.item}")
    return tuple(_object(item, place, to) if item.name == place.item else item for item in objects)


def _object(item: ContractObject, place: _Place, to: Any) -> ContractObject:
    if place.member not in {p.name for p in item.properties}:
        raise KeyError(f"{place.item} has no property {place.member}")
    changed = [_property(p, place, to) if p.name == place.member else p for p in item.properties]
    return replace(item, properties=tuple(changed))


def _property(item: Property, place: _Place, to: Any) -> Property:
    if place.rule == "ranges":
        return replace(item, ranges=_ranges(item, place.code, to))
    if place.rule not in RULES or place.code:
        raise KeyError(
            f"{place.rule or place.where} is no rule that can differ: {', '.join([*RULES, 'ranges.<code>'])}"
        )
    return RULES[place.rule](item, to)


def _ranges(item: Property, code: str, to: Any) -> tuple[CodedRange, ...]:
    if code not in {one.code for one in item.ranges}:
        raise KeyError(f"{item.name} has no range for the code {code}")
    low, high = to
    return tuple(CodedRange(code, float(low), float(high)) if one.code == code else one for one in item.ranges)


def _bound(member: str) -> Callable[[Property, Any], Property]:
    def change(item: Property, to: Any) -> Property:
        if getattr(item, member) is None:
            raise KeyError(f"{item.name} has no {member} that could differ")
        return replace(item, **{member: str(to)})

    return change


def _required(item: Property, to: Any) -> Property:
    if not isinstance(to, bool):
        raise TypeError("expected true or false")
    return replace(item, is_required=to)


RULES: Mapping[str, Callable[[Property, Any], Property]] = {
    "minimum": _bound("minimum"),
    "maximum": _bound("maximum"),
    "maxLength": lambda item, to: replace(item, max_length=int(to)),
    "required": _required,
}
