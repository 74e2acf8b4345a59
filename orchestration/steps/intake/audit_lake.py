"""What an audit counts in lake and warehouse, for one site: versions, empty fields, codes, links, missed checks.

What does not belong here: receipts and contracts (audit.py), conclusions (evaluation/reports). The warehouse is only
read; where it is not there, what needs it is left out.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from evaluation.reports.audit import CheckFacts, CodingFacts, FieldFacts, LinkFacts, QualityFacts, TableFacts
from orchestration.contracts import ContractObject
from orchestration.contracts import sql as quoting
from orchestration.settings import Settings

MEMORY = "2GB"
WAREHOUSE = "warehouse"
MOST_UNMAPPED = 3
RECORD_SYSTEM = "fhir_patient"
NAMES = {"patient": ("patient_key", "mrn_key"), "visit": ("encounter_key", "visit_key")}
KNOWN = {"patient": ("fhir_patient", ("patient_key", "mrn_key")), "visit": ("fhir_encounter", ("encounter_key",))}


@dataclass(frozen=True)
class AuditLake:
    """A connection that sees the site's lake, and the warehouse where it is built."""

    db: duckdb.DuckDBPyConnection
    settings: Settings
    site: str
    is_built: bool

    def table(self, item: ContractObject) -> TableFacts | None:
        """Return a lake table's facts, None where nothing of it landed here."""
        if not self._look(item):
            return None
        there = self._there(item)
        columns = [column for column in item.columns if column.name in there]
        empty = ", ".join(f"count(*) filter (where {quoting.name(column.name)} is null)" for column in columns)
        versions = self._one(f"select count(*) from {self._view(item, 'versions')}")[0]
        live, *counts = self._one(f"select count(*), {empty} from {self._view(item, 'newest')}")
        fields = tuple(
            FieldFacts(
                column.name,
                column.classification.value,
                column.is_required or column.is_key,
                count / live if live else 0.0,
            )
            for column, count in zip(columns, counts, strict=True)
        )
        return TableFacts(item.table, versions, live, fields)

    def coding(self, items: Sequence[ContractObject]) -> tuple[CodingFacts, ...]:
        """Return, per table and code system, how many records and codes there are, and how many are mapped."""
        found = [one for item in items if self._is_coded(item) for one in self._codes(item)]
        return tuple(sorted(found, key=lambda one: (-one.records, one.table, one.system)))

    def links(self, items: Sequence[ContractObject]) -> tuple[LinkFacts, ...]:
        """Return how many records of each table name a patient or visit that the record system has not sent."""
        found: list[LinkFacts] = []
        for names, columns in NAMES.items():
            table, keys = KNOWN[names]
            home = next((item for item in items if item.table == table), None)
            if home is None or not self._look(home):
                continue
            known = " union ".join(f"select {key} as key from {self._view(home, 'newest')}" for key in keys)
            for item in items:
                if item is home or item.key.name in columns or not self._look(item):
                    continue
                own = [column for column in columns if column in self._there(item)]
                found += self._linked(item, own[0], names, known) if own else []
        return tuple(found)

    def quality(self) -> QualityFacts | None:
        """Return the last checks of this site's rows, and of tables that are of no one site; None before a build."""
        if not self.is_built:
            return None
        tables = self.db.execute(
            "select table_name from information_schema.tables where table_catalog = ? and table_schema = 'failures' "
            "and table_name like 'quality_%' order by 1",
            [WAREHOUSE],
        ).fetchall()
        if not tables:
            return None
        every = " union all by name ".join(
            f"select * from {WAREHOUSE}.failures.{quoting.name(one)}" for (one,) in tables
        )
        rows = self.db.execute(
            f"with every as ({every}) select check_name, cdm_table, coalesce(cdm_field, ''), severity, violated_rows, "
            "all_rows, threshold_pct, site is not null, is_met from every where site = $site or (site is null "
            "and check_id not in (select check_id from every where site is not null)) "
            "order by severity, violated_rows / greatest(all_rows, 1) desc, cdm_table, cdm_field",
            {"site": self.site},
        ).fetchall()
        of_site = sum(bool(row[7]) for row in rows)
        return QualityFacts(len(rows), of_site, tuple(CheckFacts(*row[:8]) for row in rows if not row[8]))

    def _look(self, item: ContractObject) -> bool:
        """Make the views of a lake table once; say whether the site has any of it."""
        folder = self.settings.lake / item.table / f"site={self.site}"
        if next(folder.glob("*/*.parquet"), None) is None:
            return False
        files = quoting.text(f"{folder}/*/*.parquet")
        self.db.execute(
            f"create view if not exists {self._view(item, 'versions')} as "
            f"select * from read_parquet({files}, union_by_name = true, hive_partitioning = false)"
        )
        self.db.execute(
            f"create view if not exists {self._view(item, 'newest')} as "
            f"select * exclude (_is_deleted) from (select * from {self._view(item, 'versions')} "
            "qualify row_number() over (partition by _key order by coalesce(_version_at, _arrived_at) desc, "
            "_arrived_at desc, _line desc, _file desc) = 1) where not _is_deleted"
        )
        return True

    def _there(self, item: ContractObject) -> set[str]:
        """The columns that the site's files have: a file of an older contract lacks what came later."""
        cursor = self.db.execute(f"select * from {self._view(item, 'newest')} limit 0")
        return {str(one[0]) for one in cursor.description or ()}

    def _view(self, item: ContractObject, kind: str) -> str:
        return quoting.name(f"{kind}_{item.table}")

    def _is_coded(self, item: ContractObject) -> bool:
        return self._look(item) and {"code", "code_system"} <= self._there(item)

    def _codes(self, item: ContractObject) -> list[CodingFacts]:
        staged = f"stg_{item.table}"
        is_staged = self.is_built and bool(
            self.db.execute(
                "select 1 from information_schema.tables where table_catalog = ? and table_schema = 'staging' "
                "and table_name = ?",
                [WAREHOUSE, staged],
            ).fetchall()
        )
        rows = self.db.execute(
            _mapped_codes(staged) if is_staged else _landed_codes(self._view(item, "newest")),
            [self.site, self.site] if is_staged else [],
        ).fetchall()
        return [
            CodingFacts(item.table, system, records, codes, mapped, _pairs(top))
            for system, records, codes, mapped, top in rows
        ]

    def _linked(self, item: ContractObject, column: str, names: str, known: str) -> list[LinkFacts]:
        records, unknown = self._one(
            f"with known as (select key from ({known}) where key is not null) "
            f"select count(*), count(*) filter (where {column} not in (select key from known)) "
            f"from {self._view(item, 'newest')} where {column} is not null"
        )
        return [LinkFacts(item.table, names, records, unknown)] if records else []

    def _one(self, query: str) -> tuple[Any, ...]:
        found = self.db.execute(query).fetchone()
        return found or ()


def _landed_codes(view: str) -> str:
    return f"""
        select coalesce(code_system, 'no system'), count(*), count(distinct code), cast(null as double), []
        from {view} where code is not null group by all
    """


def _mapped_codes(staged: str) -> str:
    return f"""
        with counted as (
            select code_system as system, code, count(*) as records
            from {WAREHOUSE}.staging.{quoting.name(staged)}
            where site = ? and code is not null
            group by all
        ),
        judged as (
            select counted.*, coalesce(concepts.concept_id, 0) != 0 as is_mapped
            from counted
            left join {WAREHOUSE}.intermediate.int_code_concept as concepts
                on concepts.target = 1 and concepts.site in (?, '') and counted.code = concepts.code
                and coalesce(counted.system, '') = concepts.system
            qualify row_number() over (partition by counted.system, counted.code order by concepts.site desc) = 1
        )
        select
            coalesce(system, 'no system'), cast(sum(records) as bigint), count(*),
            coalesce(sum(records) filter (where is_mapped), 0) / sum(records),
            (list(struct_pack(code := code, records := records) order by records desc, code)
                filter (where not is_mapped))[:{MOST_UNMAPPED}]
        from judged
        group by system
    """


def _pairs(top: Sequence[dict[str, Any]] | None) -> tuple[tuple[str, int], ...]:
    return tuple((str(one["code"]), int(one["records"])) for one in top or ())


@contextmanager
def looking(settings: Settings, site: str) -> Generator[AuditLake]:
    """Look at a site's lake, and at the warehouse if there is one; close both afterwards."""
    with duckdb.connect() as db:
        db.execute(f"set memory_limit = '{MEMORY}'; set TimeZone = 'UTC'")
        is_built = settings.warehouse.exists()
        if is_built:
            db.execute(f"attach {quoting.text(str(settings.warehouse))} as {WAREHOUSE} (read_only)")
        yield AuditLake(db, settings, site, is_built)
