"""The way back from a row of OMOP or a feature of a visit to the records that it stands on: file, line, contract.

A row's id is a hash of its site, feed and record key, so the lake's own keys find it again; nothing is stored for it.
A result of a message, a line of a claim and a series of images are parts of records: dbt notes which in
int_interface_row.
All versions of a record are named, and which one is current. Eras, observation periods and stays stand on other rows.
A record that has no row in OMOP (a shift, an appointment) is asked for by its own key. What does not belong here: cards
and releases (lineage.py).
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.contracts import sql as quoting
from orchestration.feeds.store import Receipts
from orchestration.settings import Settings
from orchestration.steps.errors import StepError, WrongUsage
from orchestration.steps.intake.deidentification import shifted_sites
from orchestration.steps.warehouse.lineage_sources import DERIVED, EVENTS, FEATURES, RECORDS, Source, hash63

ROW = re.compile(r"omop\.(?P<table>[a-z_]+):(?P<id>[0-9]{1,19})")
RECORD = re.compile(r"lake\.(?P<table>[a-z0-9_]{1,63}):(?P<key>.{1,400})")
FEATURE = re.compile(r"triage_mart:(?P<visit>[^:]{1,200}):(?P<feature>[a-z0-9_]{1,80})")
MOST_ROWS = 200
"""An era or a period of more rows names the first of them, and says how many there are."""
MEMORY = "2GB"


class RowNotFound(StepError):
    """No table, row or feature of that name is there, or nothing in the lake has its key."""


class NotALineage(WrongUsage):
    """What was given is of a form that names no row and no feature."""


def is_row(identifier: str) -> bool:
    """Say whether this names a row, a record or a feature, rather than a card or a release."""
    return identifier.startswith(("omop.", "lake.", "triage_mart:"))


def trace_row(settings: Settings, identifier: str) -> dict[str, Any]:
    """Return the records behind `omop.<table>:<id>`, `lake.<table>:<key>` or `triage_mart:<visit>:<feature>`.

    Raises `StepError`.
    """
    row, feature, record = (form.fullmatch(identifier) for form in (ROW, FEATURE, RECORD))
    if row is None and feature is None and record is None:
        raise NotALineage(
            f"{identifier!r} is no row: write omop.<table>:<id>, lake.<table>:<key> or triage_mart:<visit>:<feature>."
        )
    if not settings.warehouse.exists():
        raise RowNotFound("There is no warehouse yet; run: pilothouse run")
    with _looking(settings) as trail:
        if row is not None:
            return trail.of_row(row["table"], int(row["id"]))
        if record is not None:
            return trail.of_record(record["table"], record["key"])
        assert feature is not None
        return trail.of_feature(feature["visit"], feature["feature"])


@dataclass(frozen=True)
class Trail:
    """A connection that sees warehouse and lake."""

    db: duckdb.DuckDBPyConnection
    settings: Settings

    def of_row(self, table: str, row_id: int) -> dict[str, Any]:
        document = self._traced(table, row_id)
        if not document["records"] and not document["stands_on"]:
            raise RowNotFound(
                f"omop.{table}:{row_id} is there, and no record of the lake has its key; was the lake cleared since? "
                "Build anew: pilothouse run --full-refresh"
            )
        return document

    def _traced(self, table: str, row_id: int) -> dict[str, Any]:
        """A row with the records of its key, or else with the rows that it stands on."""
        found = self._row(table, row_id)
        records = self._records(table, row_id, found)
        document: dict[str, Any] = {"row": {"table": f"omop.{table}", "id": row_id}, "records": records}
        return document if records else {**document, "stands_on": self._stands_on(table, found)}

    def of_record(self, table: str, key: str) -> dict[str, Any]:
        """A record of the lake by its own key, at every site that has it."""
        if not self._has(table):
            raise RowNotFound(f"Nothing of the lake table {table!r} has landed.")
        sites = self.db.execute(f"select distinct site from {self._lake(table)} where _key = ? order by 1", [key])
        records = [one for (site,) in sites.fetchall() for one in self._versions(table, site, key)]
        if not records:
            raise RowNotFound(f"The lake table {table} has no record with the key {key!r}.")
        return {"row": {"table": f"lake.{table}", "id": key}, "records": records}

    def of_feature(self, visit: str, feature: str) -> dict[str, Any]:
        columns = self._columns("marts", "triage_mart")
        if feature not in columns:
            raise RowNotFound(f"The triage mart has no column {feature!r}; it has {', '.join(sorted(columns))}.")
        found = self.db.execute(
            f"select visit_occurrence_id, site, visit_key, {quoting.name(feature)} from warehouse.marts.triage_mart "
            "where visit_key = $visit or cast(visit_occurrence_id as varchar) = $visit",
            {"visit": visit},
        ).fetchall()
        if len(found) != 1:
            raise RowNotFound(f"{len(found)} visits of the triage mart are {visit!r}; give its visit_occurrence_id.")
        visit_id, site, visit_key, value = found[0]
        row = {"table": "marts.triage_mart", "id": visit_id, "site": site, "feature": feature, "value": value}
        records = self._of_reading(site, visit_key, feature) or self._of_rows(visit_id, feature)
        what = "the readings of this feature" if records else "the visit and its patient, which the feature is made of"
        records = records or self.of_row("visit_occurrence", visit_id)["records"]
        return {"row": row, "records": records, "records_are": what}

    def _of_reading(self, site: str, visit_key: str, feature: str) -> list[dict[str, Any]]:
        """Records of the visit that carry a code of the feature, alone or as a component."""
        if not self._has("fhir_observation"):
            return []
        keys = self.db.execute(
            f"select distinct _key from {self._lake('fhir_observation')} as one where site = $site "
            "and encounter_key = $visit and exists (select 1 from warehouse.seeds.triage_readings as items "
            "where items.feature = $feature and (items.code = one.code or list_contains(list_transform("
            "coalesce(one.components, []), lambda part: part.code), items.code)))",
            {"site": site, "visit": visit_key, "feature": FEATURES.get(feature, feature)},
        ).fetchall()
        return [one for (key,) in keys for one in self._versions("fhir_observation", site, key)]

    def _of_rows(self, visit_id: int, feature: str) -> list[dict[str, Any]]:
        """Records of the visit's rows that carry a code of the feature: of messages and surveys."""
        rows = " union all ".join(
            f"select '{table}', {table}_id from warehouse.omop.{table} where visit_occurrence_id = $visit "
            f"and {table}_source_value in (select code from warehouse.seeds.triage_readings where feature = $feature)"
            for table in ("measurement", "observation")
        )
        found = self.db.execute(rows, {"visit": visit_id, "feature": FEATURES.get(feature, feature)}).fetchall()
        return [one for table, row in sorted(found) for one in self._traced(str(table), int(row))["records"]]

    def _row(self, table: str, row_id: int) -> dict[str, Any]:
        columns = self._columns("omop", table)
        key = f"{table}_id" if f"{table}_id" in columns else "person_id"
        if not columns or key not in columns:
            raise RowNotFound(
                f"There is no OMOP table {table!r} with rows of their own; `pilothouse tables` lists them."
            )
        cursor = self.db.execute(f"select * from warehouse.omop.{quoting.name(table)} where {key} = ?", [row_id])
        names = [str(one[0]) for one in cursor.description or ()]
        found = cursor.fetchone()
        if found is None:
            raise RowNotFound(f"omop.{table} has no row {row_id}.")
        return dict(zip(names, found, strict=True))

    def _records(self, table: str, row_id: int, row: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = row_id if table != "death" else int(row["person_id"])
        sources = EVENTS if table in {one.home for one in EVENTS} else RECORDS.get(table, ())
        concept = row.get(f"{table.split('_')[0]}_concept_id") if sources is EVENTS else None
        keys = {(one.lake_table, *key): "" for one in sources for key in self._keys(one, wanted, concept)}
        origins = [origin for lake_table, site, key in keys for origin in self._origins(lake_table, site, key)]
        keys |= dict.fromkeys(origins, "") | self._parts(table, wanted)
        return [
            {**found, "part": part} if part else found
            for (lake_table, site, key), part in keys.items()
            for found in self._versions(lake_table, site, key)
        ]

    def _parts(self, table: str, row_id: int) -> dict[tuple[str, str, str], str]:
        """The messages, claims and images that told a row, each with the parts of it that did."""
        if "part" not in self._columns("intermediate", "int_interface_row"):
            return {}
        rows = self.db.execute(
            "select lake_table, site, record_key, coalesce(string_agg(part, ', ' order by part), '') "
            "from warehouse.intermediate.int_interface_row where omop_table = ? and row_id = ? "
            "group by all order by all",
            [table, row_id],
        ).fetchall()
        return {(lake_table, site, key): part for lake_table, site, key, part in rows}

    def _origins(self, lake_table: str, site: str, key: str) -> list[tuple[str, str, str]]:
        """The record that a scrubbed text was taken from."""
        if lake_table != "note_text":
            return []
        query = (
            f"select distinct source_table, site, source_key from {self._lake(lake_table)} where site = ? and _key = ?"
        )
        return self.db.execute(query, [site, key]).fetchall()

    def _keys(self, source: Source, row_id: int, concept: int | None) -> list[tuple[str, str]]:
        """The records of a source whose key hashes to a row's id, on its own or for one of several concepts."""
        if not self._has(source.lake_table):
            return []
        ids = [hash63(*(part.replace("{key}", "key") for part in source.parts))]
        if concept is not None and source.home:
            ids.append(hash63("site", f"'{source.feed}'", f"'{source.home}'", "key", str(int(concept))))
        return self.db.execute(
            f"select distinct site, _key from (select site, _key, unnest({source.keys}) as key "
            f"from {self._lake(source.lake_table)}) where key is not null and ? in ({', '.join(ids)})",
            [row_id],
        ).fetchall()

    def _stands_on(self, table: str, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows that a derived row stands on, each with its records."""
        if table == "visit_occurrence":
            return []
        query = DERIVED.get(table) or ("visit_occurrence", "visit_occurrence_id = $visit_occurrence_id")
        names = [one[1:] for one in re.findall(r"\$[a-z_]+", query[1])]
        if any(row.get(name) is None for name in names):
            return []
        key = f"{query[0]}_id"
        found = self.db.execute(
            f"select {key} from warehouse.omop.{query[0]} where {query[1]} order by all limit {MOST_ROWS}",
            {name: row[name] for name in names},
        ).fetchall()
        return [self._traced(query[0], int(one)) for (one,) in found]

    def _versions(self, table: str, site: str, key: str) -> list[dict[str, Any]]:
        rows = self.db.execute(
            "select _file, _line, _contract, _arrived_at, _is_deleted, row_number() over (order by "
            "coalesce(_version_at, _arrived_at) desc, _arrived_at desc, _line desc, _file desc) = 1 "
            f"from {self._lake(table)} where site = ? and _key = ? order by _arrived_at, _line",
            [site, key],
        ).fetchall()
        place = {"site": site, "table": table, "key": key}
        is_told = site not in shifted_sites()  # an arrival beside a row's shifted date would tell the shift
        return [
            {
                **place,
                "file": file,
                "file_name": self._told_name(site, file),
                "line": line,
                "contract": contract,
                "arrived_at": arrived.isoformat() if is_told else None,
                "is_deleted": gone,
                "is_current": newest,
            }
            for file, line, contract, arrived, gone, newest in rows
        ]

    def _told_name(self, site: str, file: str) -> str | None:
        """The name that the file came under, as its first receipt tells it; None where the receipt is gone."""
        first = next(iter(Receipts(self.settings.home / "receipts" / site).of(file)), None)
        return None if first is None else first.file

    def _columns(self, schema: str, table: str) -> set[str]:
        rows = self.db.execute(
            "select column_name from information_schema.columns where table_catalog = 'warehouse' "
            "and table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchall()
        return {str(name) for (name,) in rows}

    def _has(self, table: str) -> bool:
        return next((self.settings.lake / table).glob("site=*/day=*/*.parquet"), None) is not None

    def _lake(self, table: str) -> str:
        files = quoting.text(str(self.settings.lake / table / "*" / "*" / "*.parquet"))
        return (
            f"read_parquet({files}, union_by_name = true, hive_partitioning = true, "
            "hive_types = {'site': varchar, 'day': date})"
        )


@contextmanager
def _looking(settings: Settings) -> Generator[Trail]:
    with duckdb.connect() as db:
        db.execute(f"set memory_limit = '{MEMORY}'; set TimeZone = 'UTC'")
        db.execute(f"attach {quoting.text(str(settings.warehouse))} as warehouse (read_only)")
        yield Trail(db, settings)
