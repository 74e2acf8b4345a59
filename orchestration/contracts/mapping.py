"""A site's own mapping: how its table of a feed names, codes and writes what the contract asks for.

Here belong the shape of a mapping and putting it over a contract. What does not belong here: reading the file of a site
(orchestration/sites), and the SQL of a mapped column (mapped_reading.py). A mapping is applied at the door, before the
contract judges: every clause of the contract still holds for what comes out of it.
"""

import codecs
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from ml.bounded_yaml import load_bounded
from orchestration.contracts.errors import InvalidMapping
from orchestration.contracts.model import Contract, Layout, LogicalType, Property, Reader, Reading
from orchestration.contracts.timeline import Timeline

SHORT = 12  # hex digits of a mapping's digest in labels
VERSION = r"^\d+\.\d+\.\d+$"
NUMBERS = (LogicalType.NUMBER, LogicalType.INTEGER)
TIMES = (LogicalType.DATE, LogicalType.TIMESTAMP)
OfSite = TypeVar("OfSite", bound=BaseModel)
DIRECTIVES = re.compile(r"%[aAbBdfHIjmMpSyYz%-]")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_tuple(value: object) -> object:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_text)]
OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ColumnMapping(_Frozen):
    """How one property is read: `from` a column (or several, joined by a space), or always `value`.

    `codes` turn what came into what the contract knows; what is not listed is quarantined, or with `unlisted: keep`
    judged by the contract as it came. `format` is that of a date or time (strptime; a time without %z is the site's),
    `decimal` and `thousands` separate a number's digits, `factor` and `offset` turn its unit into the contract's
    (came * factor + offset), `empty` lists what stands for nothing, `authority` says who gave an identifier out.
    """

    from_: OneOrMore = Field((), alias="from")
    value: Text | None = None
    codes: dict[Text, Text] = {}
    unlisted: Annotated[str, Field(pattern=r"^(quarantine|keep)$")] = "quarantine"
    format: OneOrMore = ()
    decimal: Annotated[str, Field(pattern=r"^[.,]$")] = "."
    thousands: Annotated[str, Field(pattern=r"^[., '’\u00a0\u202f]?$")] = ""
    factor: float | None = None
    offset: float | None = None
    empty: tuple[Text, ...] = ()
    authority: str | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> "ColumnMapping":
        if bool(self.from_) == (self.value is not None):
            raise ValueError("say either `from` (a column) or `value` (always the same)")
        if self.thousands and self.thousands == self.decimal:
            raise ValueError("`decimal` and `thousands` cannot be the same character")
        if self.factor == 0:
            raise ValueError("a `factor` of 0 would make every number the same")
        return self


class FeedMapping(_Frozen):
    """One site's mapping of one feed: `contract` is the major version of the contract that it was written for.

    `encoding` and `delimiter` are those of its text tables (a byte order mark goes before; null: found in the header);
    a mapping may say no more than these.
    """

    feed: str
    contract: int
    version: Annotated[str, Field(pattern=VERSION)]
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\nA-Za-z0-9]$')] | None = None
    columns: dict[str, ColumnMapping] = {}
    site: str = ""
    digest: str = ""

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str) -> str:
        try:
            b"x".decode(name, "ignore")
            return codecs.lookup(name).name
        except LookupError as error:
            raise ValueError(f"{name!r} is no text encoding that Python knows") from error

    @property
    def label(self) -> str:
        """Site, version and digest, as receipts and lake rows carry them behind the contract's label."""
        return f"{self.site}.{self.version}.{self.digest[:SHORT]}"


def parse_mapping(site: str, content: bytes, where: str) -> FeedMapping:
    """Return the mapping that YAML bytes hold. Raises `InvalidMapping` naming the field."""
    return parse_of_site(FeedMapping, site, content, where, "mapping; expected feed, contract, version and columns")


def parse_of_site(shape: type[OfSite], site: str, content: bytes, where: str, expected: str) -> OfSite:
    """Return what a site wrote in YAML, in its shape, with the site and the digest of the bytes.

    Raises `InvalidMapping` naming the field; `expected` is what a file that is no mapping of names should have held.
    """
    try:
        document = load_bounded(content.decode("utf-8"))
        if not isinstance(document, dict):
            raise InvalidMapping(f"{where} holds no {expected}.")
        named = {**document, "site": site, "digest": hashlib.sha256(content).hexdigest()}
        return shape.model_validate(named)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidMapping(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidMapping(f"{where}, {place}: {first['msg']}. Correct the file.") from error


def mapped(timelines: Mapping[str, Timeline], mappings: Mapping[str, FeedMapping]) -> dict[str, Timeline]:
    """Return the versions of contracts, those of mapped feeds with the site's mapping over them.

    A version of another major number than the mapping's stays as it is. Raises `InvalidMapping`.
    """
    strange = sorted(mappings.keys() - timelines.keys())
    if strange:
        raise InvalidMapping(f"The mapping of {strange[0]!r} is of a feed that has no contract.")
    return {feed: _versions(one, mappings[feed]) if feed in mappings else one for feed, one in timelines.items()}


def _versions(timeline: Timeline, mapping: FeedMapping) -> Timeline:
    if _major(timeline.current) != mapping.contract:
        raise InvalidMapping(
            f"The mapping {mapping.feed} of {mapping.site} is written for version {mapping.contract} of the contract, "
            f"which is {timeline.current.version} now: look through it, then raise its `contract` and `version`."
        )
    versions = (
        replace(v, contract=over_contract(v.contract, mapping)) if _major(v.contract) == mapping.contract else v
        for v in timeline.versions
    )
    return Timeline(tuple(versions))


def _major(contract: Contract) -> int:
    return int(contract.version.split(".")[0])


def over_contract(contract: Contract, mapping: FeedMapping) -> Contract:
    """Return a contract that reads its properties as a mapping says. Raises `InvalidMapping`."""
    where = f"The mapping {mapping.feed} of {mapping.site}"
    if contract.reader is not Reader.TABULAR:
        raise InvalidMapping(f"{where} names columns, and {contract.label} is no contract of tables.")
    known = {p.name for item in contract.objects for p in item.properties}
    if strange := sorted(mapping.columns.keys() - known):
        raise InvalidMapping(f"{where} names {strange[0]!r}, which {contract.label} has not; it has {sorted(known)}.")
    objects = tuple(
        replace(item, properties=tuple(_read_as(p, mapping.columns.get(p.name), where) for p in item.properties))
        for item in contract.objects
    )
    layout = Layout(mapping.encoding, mapping.delimiter)
    return replace(contract, objects=objects, layout=layout, mapping=mapping.label)


def _read_as(item: Property, column: ColumnMapping | None, where: str) -> Property:
    """Return a property that is read as the mapping says."""
    if column is None:
        return item
    _check(item, column, f"{where}, {item.name}")
    reading = Reading(
        columns=column.from_,
        value=column.value,
        codes=tuple(column.codes.items()),
        keeps_unlisted=column.unlisted == "keep",
        formats=column.format,
        decimal=column.decimal,
        thousands=column.thousands,
        factor=column.factor,
        offset=column.offset,
    )
    return replace(
        item,
        reading=reading,
        columns=column.from_,
        column_required=True,
        sentinels=(*item.sentinels, *column.empty),
        authority=column.authority or item.authority,
    )


def _check(item: Property, column: ColumnMapping, where: str) -> None:
    """Raise `InvalidMapping` where a mapping says of a property what cannot be."""
    if not item.columns:
        raise InvalidMapping(f"{where}: the contract reads no column for it; it is computed, or never taken.")
    refusals = {
        "`codes` are for values that are no identifiers": column.codes and item.is_identifier,
        "`authority` is for identifiers": column.authority and not item.is_identifier,
        "`format` is for dates and times": column.format and item.logical_type not in TIMES,
        "`decimal` and `thousands` are for numbers": (column.decimal != "." or column.thousands)
        and item.logical_type not in NUMBERS,
        "`factor` and `offset` are for numbers": (column.factor is not None or column.offset is not None)
        and item.logical_type not in NUMBERS,
        "`format` is no strptime format": not all(_is_format(form) for form in column.format),
    }
    for reason, is_broken in refusals.items():
        if is_broken:
            raise InvalidMapping(f"{where}: {reason}.")
    wrong = [code for code in column.codes.values() if item.codes and code not in item.codes]
    if wrong:
        raise InvalidMapping(f"{where}: the contract does not know the code {wrong[0]!r}; it knows {list(item.codes)}.")


def _is_format(form: str) -> bool:
    return "%" in form and "%" not in DIRECTIVES.sub("", form)
