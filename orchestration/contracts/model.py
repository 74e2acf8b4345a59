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
class Property:
    """One column of a lake table, or one value that is only looked at (`landed` false, or classified direct).

    `identifies` says what an identifier is the number of (patient, visit, order): a site's authority map goes by it.
    `ranges` bound a number by the code beside it (the property `ranges_by`). `latest_after_arrival` (an ISO 8601
    duration) bounds a date or time by when the file arrived.
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
    ranges: tuple[CodedRange, ...] = ()
    ranges_by: str | None = None
    pattern: str | None = None
    max_length: int | None = None
    unit: str | None = None
    file_name_pattern: str | None = None
    is_landed: bool = True
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
        return bool(self.path or self.columns)


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
    """

    name: str
    table: str
    description: str
    grain: str
    properties: tuple[Property, ...]
    rules: tuple[RowRule, ...] = ()
    resource_type: str | None = None
    version: str | None = None

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
    environment: str = ""
    source: bytes = field(default=b"", repr=False, compare=False)

    @property
    def label(self) -> str:
        """Name and version as receipts and lake rows carry them."""
        return f"{self.feed}@{self.full_version}"

    @property
    def full_version(self) -> str:
        """The version, with the environment as its build part (semver.org, 10) where an overlay changed something."""
        return f"{self.version}+{self.environment}" if self.environment else self.version

    def agreed(self, name: str) -> Agreement | None:
        """Return a service level by its name, or null where nothing was agreed."""
        return next((one for one in self.sla if one.name == name), None)

    def object_for(self, resource_type: str) -> ContractObject:
        """Return the object that takes a FHIR resource type; raises `StopIteration` where none does."""
        exact = (o for o in self.objects if o.resource_type == resource_type)
        return next(exact, None) or next(o for o in self.objects if o.resource_type == "*")
