"""Contracts from YAML: read as ODCS, checked, and handed out as frozen values.

What does not belong here: which version judges what (timeline.py), and what a clause means in SQL (compiler.py).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)
from pydantic import ValidationError

from ml.bounded_yaml import load_bounded
from orchestration.contracts.errors import InvalidContract, UnknownContract
from orchestration.contracts.model import (
    Agreement,
    Classification,
    CodedRange,
    Contract,
    ContractObject,
    LogicalType,
    Property,
    Reader,
    RowRule,
)

CONTRACTS_DIR = Path(__file__).parent
SUFFIX = ".odcs.yaml"
DRIFT_SHARE = 0.5  # where a contract says no other: most records of a file
DURATION = re.compile(r"P\d{1,4}[YD]")


def read_yaml(text: str) -> Any:
    """Return what YAML says. Raises `yaml.YAMLError`, also where aliases stand for too much."""
    return load_bounded(text)


def list_contracts(directory: Path = CONTRACTS_DIR) -> tuple[str, ...]:
    """Return the names of the feeds that have a contract, sorted."""
    return tuple(sorted(p.name.removesuffix(SUFFIX) for p in directory.glob(f"*{SUFFIX}")))


def read_current(feed: str, directory: Path = CONTRACTS_DIR) -> Contract:
    """Return the contract that a feed's own file holds. Raises `UnknownContract` or `InvalidContract`."""
    path = directory / f"{feed}{SUFFIX}"
    if not path.is_file():
        known = ", ".join(list_contracts(directory)) or "none"
        raise UnknownContract(f"There is no contract for the feed {feed!r}; contracts here: {known}.")
    return parse_contract(feed, path.read_bytes())


@lru_cache(maxsize=64)
def parse_contract(feed: str, content: bytes) -> Contract:
    """Return the contract that YAML bytes hold; the feed's name must be the contract's. Raises `InvalidContract`."""
    try:
        document = OpenDataContractStandard(**read_yaml(content.decode("utf-8")))
        return _contract(feed, document, hashlib.sha256(content).hexdigest(), content)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError, TypeError, ValueError, KeyError) as error:
        raise InvalidContract(f"{feed}{SUFFIX} cannot be read as a contract: {error}") from error


def _contract(feed: str, document: OpenDataContractStandard, digest: str, content: bytes) -> Contract:
    extra = _custom(document.customProperties)
    if document.name != feed:
        raise ValueError(f"name is {document.name!r}, expected {feed!r} as in the file's name")
    return Contract(
        feed=feed,
        version=_given(document.version, "version"),
        digest=digest,
        reader=Reader(str(extra["reader"])),
        formats=_strings(extra.get("formats")),
        owner=_owner(document),
        fallback=str(extra["fallback"]),
        objects=tuple(_object(item) for item in document.schema_ or ()),
        sla=tuple(_agreement(one) for one in document.slaProperties or ()),
        may_differ=_strings(extra.get("mayDiffer")),
        drift_share=_share(extra.get("schemaDriftShare", DRIFT_SHARE)),
        source=content,
    )


def _share(value: object) -> float:
    share = float(str(value))
    if not 0 < share <= 1:
        raise ValueError(f"schemaDriftShare is {value}; expected a share above 0, at most 1")
    return share


def _agreement(one: ServiceLevelAgreementProperty) -> Agreement:
    return Agreement(_given(one.property, "slaProperties.property"), str(one.value), one.unit or "")


def _owner(document: OpenDataContractStandard) -> str:
    team = document.team
    members = team if isinstance(team, list) else (team.members if team else None) or []
    return next(str(m.username) for m in members if m.role == "owner")


def _object(item: SchemaObject) -> ContractObject:
    extra = _custom(item.customProperties)
    name = _given(item.name, "schema name")
    properties = tuple(_property(p, f"{name}.") for p in item.properties or ())
    if sum(p.is_key for p in properties) != 1:
        raise ValueError(f"{name} needs exactly one property with primaryKey: true")
    _check_siblings(properties, f"{name}.")
    return ContractObject(
        name=name,
        table=_given(item.physicalName, f"{name}.physicalName"),
        description=item.description or "",
        grain=item.dataGranularityDescription or "",
        properties=properties,
        rules=tuple(_rule(q, name) for q in item.quality or ()),
        resource_type=None if extra.get("resourceType") is None else str(extra["resourceType"]),
        version=_version(properties, _optional(extra, "version"), name),
        file_name=_optional(extra, "fileName"),
    )


def _version(properties: Sequence[Property], version: str | None, owner: str) -> str | None:
    if version is not None and (version, LogicalType.TIMESTAMP) not in {(p.name, p.logical_type) for p in properties}:
        raise ValueError(f"{owner}: version names no timestamp property of its own")
    return version


def _rule(quality: DataQuality, owner: str) -> RowRule:
    if quality.type != "custom" or quality.engine != "duckdb" or not isinstance(quality.implementation, str):
        raise ValueError(f"{owner}: a row rule is of type custom, engine duckdb, with an SQL implementation")
    return RowRule(_given(quality.name, f"{owner}.quality.name"), quality.description or "", quality.implementation)


def _property(item: SchemaProperty, prefix: str) -> Property:
    name = _given(item.name, f"{prefix}name")
    extra, options = _custom(item.customProperties), item.logicalTypeOptions or {}
    inner = (item.items.properties if item.items else None) or []
    built = Property(
        name=name,
        description=item.description or "",
        logical_type=LogicalType(item.logicalType or ""),
        classification=Classification(item.classification or Classification.PUBLIC),
        is_required=bool(item.required),
        is_key=bool(item.primaryKey),
        path=_optional(extra, "path"),
        columns=_strings(extra.get("columns")),
        column_required=bool(item.required) or bool(extra.get("columnRequired")),
        authority=_optional(extra, "authority"),
        authority_path=_optional(extra, "authorityPath"),
        reference=_optional(extra, "reference"),
        identifies=_optional(extra, "identifies"),
        transform=item.transformLogic,
        sentinels=_strings(extra.get("sentinels")),
        scale=None if extra.get("scale") is None else float(str(extra["scale"])),
        true_codes=_strings(extra.get("trueCodes")),
        false_codes=_strings(extra.get("falseCodes")),
        codes=_codes(item.quality),
        minimum=_optional(options, "minimum"),
        maximum=_optional(options, "maximum"),
        latest_after_arrival=_optional(extra, "latestAfterArrival"),
        form=_optional(extra, "form"),
        ranges=_ranges(extra.get("ranges"), f"{prefix}{name}"),
        ranges_by=_optional(extra, "rangesBy"),
        pattern=_optional(options, "pattern"),
        max_length=None if options.get("maxLength") is None else int(options["maxLength"]),
        unit=_optional(extra, "unit"),
        file_name_pattern=_optional(extra, "fromFileName"),
        is_landed=extra.get("landed") is not False,
        items=tuple(_property(p, f"{prefix}{name}.") for p in inner),
    )
    _check(built, prefix)
    _check_siblings(built.items, f"{prefix}{name}.")
    _check_forms(built, f"{prefix}{name}")
    return built


def _check_forms(item: Property, where: str) -> None:
    if item.form is not None and item.items:
        raise ValueError(f"{where}: a list has no form; its members may")
    lost = [member.name for member in item.items if member.form is not None and not (member.path and member.transform)]
    if lost:
        raise ValueError(f"{where}.{lost[0]}: a form is of what transformLogic reads from a path")


def _check(item: Property, prefix: str) -> None:
    where = f"{prefix}{item.name}"
    if not item.name.isidentifier() or item.name.startswith("_"):
        raise ValueError(f"{where}: a property's name is a plain SQL name that does not start with an underscore")
    named = item.authority or item.authority_path or item.reference
    if item.is_identifier and not named:
        raise ValueError(f"{where} is an identifier and names no authority, authorityPath or reference")
    if item.is_projected and not (item.path or item.columns or item.transform):
        raise ValueError(f"{where} has neither path, columns nor transformLogic")
    if bool(item.ranges) != bool(item.ranges_by):
        raise ValueError(f"{where}: ranges need rangesBy, the property that holds the code, and the other way round")
    if item.latest_after_arrival is not None and item.logical_type not in (LogicalType.DATE, LogicalType.TIMESTAMP):
        raise ValueError(f"{where}: latestAfterArrival bounds a date or a timestamp only")
    if item.latest_after_arrival is not None and not DURATION.fullmatch(item.latest_after_arrival):
        raise ValueError(f"{where}: latestAfterArrival is an ISO 8601 duration in years or days such as P2Y or P0D")
    if (item.logical_type is LogicalType.ARRAY) != bool(item.items):
        raise ValueError(f"{where}: an array needs items with properties, and nothing else may have them")


def _codes(quality: Sequence[DataQuality] | None) -> tuple[str, ...]:
    for rule in quality or ():
        if rule.metric == "invalidValues" and rule.arguments:
            return _strings(rule.arguments.get("validValues"))
    return ()


def _ranges(value: object, where: str) -> tuple[CodedRange, ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(isinstance(ends, list) and len(ends) == 2 for ends in value.values()):
        raise ValueError(f"{where}: ranges map a code to [minimum, maximum]")
    return tuple(CodedRange(str(code), float(low), float(high)) for code, (low, high) in value.items())


def _check_siblings(properties: Sequence[Property], prefix: str) -> None:
    names = {p.name for p in properties}
    lost = [p.name for p in properties if p.ranges_by is not None and p.ranges_by not in names]
    if lost:
        raise ValueError(f"{prefix}{lost[0]}: rangesBy names no property beside it")


def _custom(items: Sequence[CustomProperty] | None) -> dict[str, object]:
    return {str(item.property): item.value for item in items or ()}


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(v) for v in value) if isinstance(value, list) else (str(value),)


def _optional(source: Mapping[str, object], name: str) -> str | None:
    value = source.get(name)
    return None if value is None else str(value)


def _given(value: str | None, what: str) -> str:
    if not value:
        raise ValueError(f"{what} is missing")
    return value
