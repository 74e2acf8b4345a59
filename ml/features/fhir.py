"""Reading FHIR R4 JSON that nobody vouches for: what is not well-formed reads as absent, and nothing raises.

Here belong typed access to decoded JSON and FHIR's own data types. What a resource means for a feature does
not.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

Json = Mapping[str, object]

EMPTY: Json = {}
MAX_ID_LENGTH = 256
MAX_REFERENCE_LENGTH = 2000
SERVERS_KEPT = 256
DEFAULT_PORTS = {"http": 80, "https": 443}
SERVER = "fhirServer"
"""Where a document of what was sent names the server that it is from."""
FARTHEST_ZONE = timedelta(hours=14)  # FHIR dateTime
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
LOINC_NAME = "http://loinc.org"
LOINC = frozenset({LOINC_NAME, "urn:oid:2.16.840.1.113883.6.1"})
INSTANTS_KEPT = 1024
"""What is observed together, and what is sent again, has the same times."""
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)", flags=re.ASCII)
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?", flags=re.ASCII)


@dataclass(frozen=True)
class Coding:
    """One code of one code system; either may be empty."""

    system: str
    code: str

    @property
    def is_loinc(self) -> bool:
        """Whether it is a code of LOINC."""
        return self.code != "" and self.system in LOINC


def mapping(value: object) -> Json:
    """The JSON object, or an empty one."""
    return cast("Json", value) if isinstance(value, dict) else EMPTY


def mappings(value: object) -> list[Json]:
    """The JSON objects of a JSON array; whatever else is in it is left out."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in items if isinstance(item, dict)]


def text(value: object, limit: int = MAX_ID_LENGTH) -> str | None:
    """A string of 1 to `limit` characters, trimmed, else None; the character NUL, which FHIR forbids, makes it None."""
    return value.strip() or None if isinstance(value, str) and len(value) <= limit and "\0" not in value else None


def number(value: object) -> float | None:
    """A finite number, else None. A boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except OverflowError:
        return None
    return converted if math.isfinite(converted) else None


def instant(value: object, zone: tzinfo) -> datetime | None:
    """A FHIR dateTime or instant in UTC; a date alone is its midnight in `zone`, a month or a year its first day.

    A time without a time zone, which FHIR forbids, is None. The contract of the feed reads times alike. A time that
    lies beyond the calendar in UTC is the calendar's first or last instant, so that it compares as the mart's does.
    """
    written = text(value, 40)
    return None if written is None else _instant_of(written, zone)


@lru_cache(maxsize=INSTANTS_KEPT)
def _instant_of(written: str, zone: tzinfo) -> datetime | None:
    if _DATE_TIME.fullmatch(written):
        try:
            at = datetime.fromisoformat(written)
        except ValueError:
            return None
        return in_zone(at, UTC) if abs(at.utcoffset() or timedelta()) <= FARTHEST_ZONE else None
    found = day(written)
    return None if found is None else _midnight(found, zone)


def _midnight(found: date, zone: tzinfo) -> datetime:
    """The first instant of a day; of a midnight that the clock shows twice the later one, as the contract reads it."""
    first, later = (in_zone(datetime.combine(found, time(fold=fold), zone), UTC) for fold in (0, 1))
    return later if later.astimezone(zone).date() == found else first


def in_zone(at: datetime, zone: tzinfo) -> datetime:
    """The same instant on the clock of `zone`; one that lies beyond its calendar is the calendar's end, in UTC."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return EARLIEST if at.year == EARLIEST.year else LATEST


def day(value: object) -> date | None:
    """A FHIR date; a month or a year is its first day."""
    written = text(value, 40)
    if written is None or not _DATE.fullmatch(written):
        return None
    try:
        return date.fromisoformat(written + "-01-01"[len(written) - len("YYYY") :])
    except ValueError:
        return None


def first_code(concept: object) -> str | None:
    """The code of a CodeableConcept's first coding: the one that is landed."""
    return next((coding.code for coding in first_coding(concept)), None)


def observed_coding(concept: object) -> Coding:
    """What a CodeableConcept says was observed: its coding in LOINC, else its first; either part may be empty.

    The contract reads the same coding: one by the system's name, not by its OID, goes before the first.
    """
    coded = mappings(mapping(concept).get("coding"))
    chosen = coded[0] if coded else EMPTY
    for item in coded:
        if item.get("system") == LOINC_NAME:
            chosen = item
            break
    return Coding(text(chosen.get("system")) or "", text(chosen.get("code")) or "")


def codings(concept: object) -> list[Coding]:
    """The codings of a CodeableConcept that have a code."""
    coded = mappings(mapping(concept).get("coding"))
    found = ((text(item.get("system")), text(item.get("code"))) for item in coded)
    return [Coding(system or "", code) for system, code in found if code is not None]


def first_coding(concept: object) -> list[Coding]:
    """The first coding of a CodeableConcept if it has a code: what a contract reads, and nothing instead of it."""
    return codings({"coding": mappings(mapping(concept).get("coding"))[:1]})


def originals(bundle: object, resource_type: str, origin: "Origin") -> Iterator[tuple[Json, "Origin"]]:
    """The resources of one type in a Bundle, and where each is from; `origin` is where the Bundle is from."""
    for entry in mappings(mapping(bundle).get("entry")):
        resource = mapping(entry.get("resource"))
        if resource.get("resourceType") == resource_type:
            yield resource, origin.of_entry(entry)


@dataclass(frozen=True)
class Origin:
    """Where a record is from: an id is its server's, and the same on another server is another thing.

    `servers` are the base addresses whose ids are the record's own: that which the call names, and that which its own
    address in a Bundle is of. Where neither says one, any server's is taken for the caller's own. Landing reads
    references alike where it knows the servers (decision record 0062); a site's list of them is not known here.
    """

    servers: frozenset[str] = frozenset()

    @classmethod
    def of_call(cls, document: Json) -> "Origin":
        """Where what a call sends is from, which is the server that it names as CDS Hooks has it."""
        server = text(document.get(SERVER), MAX_REFERENCE_LENGTH)
        return cls(frozenset({_plain(server.rstrip("/"))})) if server else cls()

    def of_entry(self, entry: Json) -> "Origin":
        """Where an entry of a Bundle is from: the caller's own, whatever server its address is of."""
        server, resource_type, identifier = _parts(text(entry.get("fullUrl"), MAX_REFERENCE_LENGTH) or "")
        is_address = "://" in server and resource_type[:1].isupper() and identifier != ""
        return Origin(self.servers | {server}) if is_address and server not in self.servers else self

    def refers_elsewhere(self, reference: object, resource_type: str, identifier: str) -> bool:
        """True when a Reference names another resource of that type than `identifier`, or one on another server.

        Relative (`Type/id`), absolute and `urn:uuid:` references are read; one that cannot be read names nothing.
        """
        sent = mapping(reference).get("reference")
        if sent == f"{resource_type}/{identifier}" and "/" not in identifier:  # as nearly every one is written
            return False
        written = text(sent, MAX_REFERENCE_LENGTH)
        if written is None:
            return False
        if written.startswith("urn:uuid:"):
            return written.removeprefix("urn:uuid:") != identifier
        server, named_type, named = _parts(written)
        if named_type != resource_type:
            return False
        return named != identifier or (bool(self.servers) and server not in {"", *self.servers})


def _parts(url: str) -> tuple[str, str, str]:
    """The server, the type and the id that a reference or an address names; empty what it does not name."""
    server, resource_type, identifier = ("", "", *url.split("/_history/", 1)[0].rsplit("/", 2))[-3:]
    return _plain(server), resource_type, identifier


@lru_cache(maxsize=SERVERS_KEPT)
def _plain(server: str) -> str:
    """A server's address in one spelling (RFC 3986): scheme and host in lower case, no port that is its scheme's."""
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError:
        return server
    if not parts.hostname:
        return server
    shown = "" if port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    return f"{parts.scheme}://{parts.hostname}{shown}{parts.path.rstrip('/')}"
