"""What a site's own records say of the people whose notes are scrubbed: their names, numbers, addresses.

What does not belong here: which fields of a record say it (own.py). Everything stays in memory, for one batch of notes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import duckdb

from orchestration.contracts import ContractObject
from orchestration.feeds.erasure.plan import lake_sources
from orchestration.feeds.erasure.scanning import Reader
from orchestration.feeds.notes.own import of_document, of_row
from orchestration.feeds.notes.reading import KeptFile, read_records
from orchestration.feeds.persons import PERSON_KEY, Whose, want
from orchestration.feeds.relation import rows

TELLING = ("fhir_patient", "hl7v2_adt", "synthea_patient")  # tables whose records name their person in fields
NEWEST = 4  # versions of a person's record that are read, per table and key
HOPS = 2  # from one number of a person to another


@dataclass
class Identities:
    """By pseudonym, what is known of its bearer as written in the site's records."""

    _said: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    _same: dict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))

    @staticmethod
    def of(db: duckdb.DuckDBPyConnection, reader: Reader, keys: Collection[str]) -> "Identities":
        """Look the bearers of some pseudonyms up, and what their other numbers are."""
        made, found, asked = Identities(), set(keys), set[str]()
        tables = [item for item in reader.objects if item.table in TELLING]
        wanted: dict[KeptFile, dict[int, list[str]]] = {}
        for _ in range(HOPS):
            want(db, PERSON_KEY, sorted(found - asked))
            asked |= found
            for item, source in lake_sources(reader.store, reader.site, tables):
                for file, line, ties in _records(db, item, source):
                    wanted.setdefault(file, {})[line] = ties
                    found.update(ties)
        for file, lines in wanted.items():
            made._read(db, reader, file, lines)
        return made

    def _read(self, db: duckdb.DuckDBPyConnection, reader: Reader, file: KeptFile, lines: dict[int, list[str]]) -> None:
        for line, record in read_records(db, reader, file, lines.keys()).items():
            said = of_document(record) if "resourceType" in record else of_row(record)
            for key in lines[line]:
                self._said[key] |= said
                self._same[key] |= set(lines[line])

    def said_of(self, keys: Iterable[str]) -> set[str]:
        """Return what is known of the bearer of some pseudonyms, under any of their numbers."""
        group = set(keys)
        for _ in range(HOPS):
            group |= {other for key in list(group) for other in self._same.get(key, ())}
        return {value for key in group for value in self._said.get(key, ())}


def _records(
    db: duckdb.DuckDBPyConnection, item: ContractObject, source: str
) -> Iterator[tuple[KeptFile, int, list[str]]]:
    """Yield the newest records that name a wanted person, each with every key of theirs that it ties together."""
    ties = Whose.of(item).ties
    query = f"""
        with named as (
            select _feed, _file, _line, _arrived_at, list_distinct({ties}) as ties from {source}
            where list_has_any({ties}, (select list(key) from {PERSON_KEY}))
        ),
        each as (select _feed, _file, _line, ties, unnest(ties) as tie, _arrived_at from named)
        select distinct _feed, _file, _line, ties from each
        qualify row_number() over (partition by tie order by _arrived_at desc, _line desc) <= {NEWEST}
    """
    for feed, file, line, found in rows(db, query):
        assert isinstance(found, list)
        yield KeptFile(str(file), str(feed)), int(str(line)), [str(key) for key in found]
