"""Which records wait to have their texts scrubbed: rows of the lake whose tables hold notes, by the file they came in.

The queue keeps no text: a note that waits lies in the encrypted bytes alone, and the lake's row says where. What was
looked at is remembered by lake file and version of the scrubber, so that a better one does everything anew. What does
not belong here: reading bytes (reading.py) and scrubbing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from orchestration.feeds.store import Store, flush

NOTE_TABLES = (
    "fhir_document_reference",
    "fhir_diagnostic_report",
    "triage_note",
    "hl7v2_message",
    "hl7v2_oru",
    "hl7v2_adt",
    "hl7v2_siu",
)
ALWAYS = ("fhir_document_reference", "fhir_diagnostic_report", "triage_note")  # each record holds a text, or should
TEXT_PROPERTY = {"triage_note": "note_words"}  # what the contract reads of the text's column
KEYS = ("patient_key", "mrn_key", "encounter_key", "visit_key", "visit_number_key")
PROVENANCE = ("_feed", "_file", "_line", "_key", "_content", "_arrived_at", "_is_deleted")


@dataclass(frozen=True)
class Waiting:
    """The lake files of one landing of one file: `tables` by name. `day` is that of the lake's partition."""

    stem: str
    day: str
    tables: Mapping[str, Path]


@dataclass(frozen=True)
class Source:
    """A record with texts: its row in the lake, as far as a scrubbed text takes over from it."""

    table: str
    feed: str
    file: str
    line: int
    key: str
    content: str
    arrived_at: datetime
    keys: Mapping[str, str | None]


@dataclass(frozen=True)
class Done:
    """The lake files whose texts one version of the scrubber has taken, one name a line."""

    path: Path

    @staticmethod
    def of(home: Path, site: str, version: str) -> "Done":
        return Done(home / "state" / "notes" / f"{site}-{version}.done")

    def stems(self) -> set[str]:
        return set(self.path.read_text("ascii").split()) if self.path.exists() else set()

    def add(self, stems: list[str]) -> None:
        """Remember, durably; a crash before this costs that they are scrubbed again, to the same end."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            stream.write("".join(f"{stem}\n" for stem in stems).encode("ascii"))
            flush(stream)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def waiting(store: Store, site: str, done: Done) -> list[Waiting]:
    """Return what waits at a site, the oldest arrivals first."""
    found: dict[tuple[str, str], dict[str, Path]] = {}
    committed = store.receipts(site).committed()
    seen = done.stems()
    for table in NOTE_TABLES:
        for path in store.lake.glob(f"{table}/site={site}/day=*/*.parquet"):
            if path.stem not in seen and path.stem in committed:
                found.setdefault((path.parent.name.removeprefix("day="), path.stem), {})[table] = path
    return [Waiting(stem, day, tables) for (day, stem), tables in sorted(found.items())]


def sources(one: Waiting) -> Iterator[Source]:
    """Yield the records of what waits; deleted ones have no text."""
    for table, path in one.tables.items():
        with pq.ParquetFile(path) as file:
            kept = [name for name in KEYS if name in file.schema_arrow.names]
            rows = file.read(columns=[*PROVENANCE, *kept]).to_pylist()
        for row in rows:
            if not row["_is_deleted"]:
                keys = {name: row.get(name) for name in KEYS}
                told = (row["_feed"], row["_file"], row["_line"], row["_key"], row["_content"], row["_arrived_at"])
                yield Source(table, *told, keys)
