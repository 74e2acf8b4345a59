"""The feeds of a simulated group as independent libraries read them (hl7, pydicom, x12sdk, csv, json).

A damaged record is sent again intact the next day: `last` versions leave out what the last day damaged. Nothing of the
simulator's own writers and nothing of the product's readers is used here.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import hl7
import pyarrow.parquet as pq
import pydicom
from pydicom.errors import InvalidDicomError
from x12sdk.io import X12ModelReader

from orchestration.simulator import SimulationSummary

CODECS = {"city": "utf-8", "district": "ascii", "rural": "iso8859-2"}
ZONES = {
    "city": ZoneInfo("America/New_York"),
    "district": ZoneInfo("America/Chicago"),
    "rural": ZoneInfo("Europe/Dublin"),
}
GUIDES = {"005010X222A1": "005010X222A2", "005010X223A2": "005010X223A3"}  # the same guides, as x12sdk knows them


@dataclass(frozen=True)
class Line:
    """One segment, cut at its separators."""

    fields: list[str]

    def get(self, field: int, component: int = 1) -> str:
        """A component of a field's first repetition, or the empty string."""
        value = self.fields[field] if field < len(self.fields) else ""
        components = value.split("~")[0].split("^")
        return components[component - 1] if component <= len(components) else ""


@dataclass(frozen=True)
class Hl7:
    """One message and the day of its drop. The library parses it in `parsed`, which takes half a millisecond."""

    site: str
    day: date
    text: str
    lines: dict[str, list[Line]]

    @staticmethod
    def of(site: str, day: date, text: str) -> "Hl7":
        lines: dict[str, list[Line]] = {}
        for line in text.split("\r"):
            name, *fields = line.split("|")
            lines.setdefault(name, []).append(Line([name, *(["|"] if name == "MSH" else []), *fields]))
        return Hl7(site, day, text, lines)

    @property
    def parsed(self) -> hl7.Message:
        return hl7.parse(self.text)

    def get(self, segment: str, field: int, component: int = 1) -> str:
        found = self.all(segment)
        return found[0].get(field, component) if found else ""

    def all(self, segment: str) -> list[Line]:
        return self.lines.get(segment, [])

    @property
    def control(self) -> str:
        return self.get("MSH", 10)

    @property
    def trigger(self) -> str:
        return self.get("MSH", 9, 2)

    @property
    def mrn(self) -> str:
        return self.get("PID", 3)

    @property
    def visit(self) -> str:
        return self.get("PV1", 19)

    def at(self, segment: str, field: int) -> datetime:
        return moment(self.get(segment, field), self.site)


@dataclass(frozen=True)
class Claim:
    """One claim as x12sdk models it, and the set it came in."""

    day: date
    kind: str
    model: object
    subscriber: object

    @property
    def number(self) -> str:
        return self.model.clm_segment.patient_control_number

    @property
    def frequency(self) -> str:
        return self.model.clm_segment.health_care_service_location_information.split(":")[2]

    def reference(self, qualifier: str) -> str:
        found = (r for r in self.model.ref_segment or [] if r.reference_identification_qualifier == qualifier)
        return next((r.reference_identification for r in found), "")


def moment(text: str, site: str) -> datetime:
    """A time with its offset, or without one in the zone of the site."""
    match = re.fullmatch(r"(\d{12})(\d{2})?([+-]\d{4})?", text)
    assert match, text
    zone = match[3] or ""
    found = datetime.strptime(match[1] + (match[2] or "00") + zone, "%Y%m%d%H%M%S" + ("%z" if zone else ""))  # noqa: DTZ007
    return found if zone else found.replace(tzinfo=ZONES[site])


def split_messages(content: bytes, site: str) -> list[str]:
    """The messages of a file with their segments parted by carriage returns; envelopes are left out."""
    lines = re.split(r"[\r\n]+", content.decode(CODECS[site]))
    kept = [line for line in lines if line and line[:3] not in ("FHS", "BHS", "BTS", "FTS")]
    starts = [n for n, line in enumerate(kept) if line.startswith("MSH|")]
    return ["\r".join(kept[a:b]) for a, b in zip(starts, [*starts[1:], len(kept)], strict=True)]


class Feeds:
    """Everything that one group sent."""

    def __init__(self, home: Path, summary: SimulationSummary) -> None:
        self.home, self.summary = home, summary
        self.messages = cache(self._messages)
        self.claims = cache(self._claims)
        self.images = cache(self._images)

    def files(self, site: str, name: str) -> Iterator[tuple[date, Path]]:
        for path in sorted((self.home / "drops" / site).glob(f"*/{name}")):
            yield date.fromisoformat(path.relative_to(self.home / "drops" / site).parts[0]), path

    def _messages(self, site: str, family: str) -> list[Hl7]:
        return [
            Hl7.of(site, day, text)
            for day, path in self.files(site, f"hl7v2_{family}.hl7")
            for text in split_messages(path.read_bytes(), site)
        ]

    def last(self, site: str, family: str) -> list[Hl7]:
        """The last version of every message that the last day did not send first."""
        versions: dict[str, list[Hl7]] = {}
        for message in self.messages(site, family):
            versions.setdefault(message.control, []).append(message)
        last_day = self.summary.days[-1]
        return [sent[-1] for sent in versions.values() if sent[0].day < last_day]

    def rows(self, site: str, table: str) -> list[tuple[date, dict[str, str | None]]]:
        """The rows of a table, which one site sends as CSV and another as Parquet."""
        return [(day, row) for day, path in self.files(site, f"{table}.*") for row in _rows(path)]

    def resources(self, site: str, resource_type: str) -> list[dict]:
        found = []
        for _, path in self.files(site, f"{resource_type}.ndjson"):
            for line in path.read_text("utf-8").splitlines():
                try:
                    found.append(json.loads(line))
                except json.JSONDecodeError:
                    continue  # cut short on the way
        return found

    def _claims(self, site: str) -> list[Claim]:
        """The claims of every interchange that was not damaged as a whole."""
        found: list[Claim] = []
        for day, path in self.files(site, "claims_837.x12"):
            text = path.read_text("ascii")
            if is_whole(text):
                found += list(_in_interchange(text, day))
        return found

    def _images(self, site: str) -> list[pydicom.Dataset]:
        found = []
        for _, path in self.files(site, "dicom/*.dcm"):
            try:
                dataset = pydicom.dcmread(path)
                dataset.decode()
            except (InvalidDicomError, EOFError, AttributeError):
                continue  # cut short on the way
            if "PatientID" in dataset and "PixelData" in dataset:
                found.append(dataset)
        return found


def _rows(path: Path) -> list[dict[str, str | None]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return list(csv.DictReader(io.StringIO(_text(path), newline="")))


def _text(path: Path) -> str:
    """One site writes one of its tables in an older character set."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def is_whole(interchange: str) -> bool:
    """Whether every trailer of an interchange is there and counts what came."""
    segments = [line.split("*") for line in interchange.replace("\n", "").split("~") if line]
    opened = 0
    for n, segment in enumerate(segments):
        opened = n if segment[0] == "ST" else opened
        if segment[0] == "SE" and int(segment[1]) != n - opened + 1:
            return False
    return segments[-1][0] == "IEA"


def _in_interchange(text: str, day: date) -> Iterator[Claim]:
    for sent, known in GUIDES.items():
        text = text.replace(sent, known)
    with X12ModelReader(text) as reader:
        for transaction in reader.models():
            kind = "P" if "Professional" in type(transaction).__name__ else "I"
            for level in transaction.loop_2000a[0].loop_2000b:
                for holder in (level, *(level.loop_2000c or [])):
                    for model in holder.loop_2300 or []:
                        yield Claim(day, kind, model, level)
