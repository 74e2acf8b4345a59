"""What a contract says, as frozen values that other packages may hold on to.

What does not belong here: reading YAML (load.py) and SQL (compiler.py).
"""

from dataclasses import dataclass, field
from enum import StrEnum


class LogicalType(StrEnum):
    """The logical types of ODCS that landing knows."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    ARRAY = "array"


class Classification(StrEnum):
    """How a value may leave the landing zone: unchanged, unchanged, as a pseudonym, never."""

    PUBLIC = "public"
    QUASI = "quasi"
    IDENTIFIER = "identifier"
    DIRECT = "direct"


class Reader(StrEnum):
    """Which reader turns the feed's bytes into records."""

    FHIR = "fhir"
    HL7V2 = "hl7v2"
    DICOM = "dicom"
    X12 = "x12"
    TABULAR = "tabular"


@dataclass(frozen=True)
class CodedRange:
    """What a number may be where its code is `code`; both ends are inside."""

    code: str
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Reading:
    """How a site's mapping reads a property (mapping.py says what each part means)."""

    columns: tuple[str, ...] = ()
    value: str | None = None
    codes: tuple[tuple[str, str], ...] = ()
    keeps_unlisted: bool = False
    formats: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    factor: float | None = None
    offset: float | None = None


@dataclass(frozen=True)
class Layout:
    """How a site writes its text tables; a null delimiter is found in the header."""

    encoding: str = "utf-8"
    delimiter: str | None = None


@dataclass(frozen=True)
class Property:
    """One column of a lake table, or one value that is only looked at (`landed` false, or classified direct).

    `identifies` says what an identifier is the number of (patient, visit, order): a site's authority map goes by it.
    `ranges` bound a number by the code beside it (the property `ranges_by`). `latest_after_arrival` (an ISO 8601
    duration) bounds a date or time by when the file arrived. `form` says, in words, how a value that the `transform` of
    a list's member reads is written: what came and cannot be read breaks the contract.
    """

    name: str
    description: str
    logical_type: LogicalType
    classification: Classification
    is_required: bool = False
    is_key: bool = False
    path: str | None = None
    columns: tuple[str, ...] = ()
    column_required: bool = False
    authority: str | None = None
    authority_path: str | None = None
    reference: str | None = None
    identifies: str | None = None
    transform: str | None = None
    sentinels: tuple[str, ...] = ()
    scale: float | None = None
    true_codes: tuple[str, ...] = ()
    false_codes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    latest_after_arrival: str | None = None
    form: str | None = None
    ranges: tuple[CodedRange, ...] = ()
    ranges_by: str | None = None
    pattern: str | None = None
    max_length: int | None = None
    unit: str | None = None
    file_name_pattern: str | None = None
    is_landed: bool = True
    reading: Reading | None = None
    items: tuple["Property", ...] = ()

    @property
    def is_identifier(self) -> bool:
        return self.classification is Classification.IDENTIFIER

    @property
    def is_projected(self) -> bool:
        """Whether the lake table has this column."""
        return self.is_landed and self.classification is not Classification.DIRECT

    @property
    def is_read(self) -> bool:
        """Whether the source holds something to read for it; a direct identifier is read only where a key needs it."""
        return bool(self.path or self.columns or self.reading)

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns of a table that it is read from: each entry names alternatives, and all entries are needed."""
        if self.reading is not None:
            return tuple((column,) for column in self.reading.columns)
        return (self.columns,) if self.columns else ()


@dataclass(frozen=True)
class RowRule:
    """A rule over one row: an SQL expression over property names that must not be false."""

    name: str
    description: str
    expression: str


@dataclass(frozen=True)
class ContractObject:
    """One lake table. `resource_type` names the FHIR type it takes, `*` every type without an object of its own.

    `version` names the property that says when a record's version was made, where the format has no element for it.
    `file_name` is what names of the files of this table hold, where a contract has more tables than one.
    """

    name: str
    table: str
    description: str
    grain: str
    properties: tuple[Property, ...]
    rules: tuple[RowRule, ...] = ()
    resource_type: str | None = None
    version: str | None = None
    file_name: str | None = None

    @property
    def key(self) -> Property:
        """The property that is the record's natural key."""
        return next(p for p in self.properties if p.is_key)

    @property
    def columns(self) -> tuple[Property, ...]:
        """The properties that are columns of the lake table, in order."""
        return tuple(p for p in self.properties if p.is_projected)


@dataclass(frozen=True)
class Agreement:
    """One service level of a feed, such as frequency, 1, d; as the contract says it."""

    name: str
    value: str
    unit: str


@dataclass(frozen=True)
class Contract:
    """One feed's contract. `digest` is the SHA-256 of the YAML's bytes (`source`), and of its overlay if there is one.

    `may_differ` are the places (patterns) that an overlay may change; `environment` names the one whose overlay did.
    `drift_share` is the share of an object's records that break one clause of form from which on the feed stops.
    `mapping` names a site's mapping that lies over it (mapping.py), and `layout` how that site writes its tables.
    """

    feed: str
    version: str
    digest: str
    reader: Reader
    formats: tuple[str, ...]
    owner: str
    fallback: str
    objects: tuple[ContractObject, ...]
    sla: tuple[Agreement, ...] = ()
    may_differ: tuple[str, ...] = ()
    drift_share: float = 0.5
    environment: str = ""
    mapping: str = ""
    layout: Layout | None = None
    source: bytes = field(default=b"", repr=False, compare=False)

    @property
    def label(self) -> str:
        """Name and version as receipts and lake rows carry them."""
        return f"{self.feed}@{self.full_version}"

    @property
    def full_version(self) -> str:
        """The version; its build part (semver.org, 10) names the environment whose overlay changed something, and the
        site's mapping."""
        build = ".".join(part for part in (self.environment, self.mapping) if part)
        return f"{self.version}+{build}" if build else self.version

    def agreed(self, name: str) -> Agreement | None:
        """Return a service level by its name, or null where nothing was agreed."""
        return next((one for one in self.sla if one.name == name), None)

    def object_for(self, resource_type: str) -> ContractObject:
        """Return the object that takes a FHIR resource type; raises `StopIteration` where none does."""
        exact = (o for o in self.objects if o.resource_type == resource_type)
        return next(exact, None) or next(o for o in self.objects if o.resource_type == "*")
