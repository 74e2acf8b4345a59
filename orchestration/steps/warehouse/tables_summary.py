"""What the tables hold: rows, mapping coverage, the codes that no concept is known for, and what was left out.

What does not belong here: building the tables (tables.py), and judging them (the checks in dbt_project).
"""

from typing import Any

import duckdb

from evaluation.metrics.subgroups import MIN_CELL
from orchestration.settings import Settings
from orchestration.steps.warehouse.site_codes import all_site_codes
from orchestration.steps.warehouse.tables import TablesError

MOST_UNMAPPED = 10
"""Codes named per table, those of the most rows first."""
COVERAGE = """
    select site, domain, sum(mapped_rows) / sum(all_rows)
    from intermediate.mapping_coverage
    group by grouping sets ((domain), (site, domain))
    order by all nulls first
"""
UNMAPPED = f"""
    select site, domain, coalesce(code_system, 'no system'), code, sum(unmapped_rows) as unmapped
    from intermediate.int_unmapped_code
    group by grouping sets ((domain, code_system, code), (site, domain, code_system, code))
    qualify row_number() over (partition by site, domain order by unmapped desc, code_system, code) <= {MOST_UNMAPPED}
    order by site nulls first, domain, unmapped desc, 3, 4
"""
LEFT_OUT = """
    select concat(lake_table, ': ', reason), cast(sum(keys) as bigint) from intermediate.lake_to_omop_fates
    where fate = 'left out' group by 1 order by 1
"""
OMOP_TABLES = "select table_name from information_schema.tables where table_schema = 'omop' order by 1"


def tables_summary(settings: Settings) -> dict[str, Any]:
    """Return row counts of every OMOP table; per table, of all sites and of each, the share of rows with a concept and
    the codes that have none (`rows` is null below 11); how many live records of which lake table have no row in OMOP,
    by reason; and which version of its own codes each site has. Raises `TablesError`."""
    if not settings.warehouse.exists():
        raise TablesError("There is no warehouse yet; run: pilothouse run")
    try:
        return _counted(settings)
    except duckdb.IOException as error:
        raise TablesError("A run is writing the warehouse; ask again when it has ended.") from error
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.InvalidInputException) as error:
        raise TablesError(
            "The warehouse is not whole: another version built it, or a run was stopped before its end. Go on with: "
            "pilothouse run"
        ) from error


def mapping_coverage(settings: Settings, site: str) -> dict[str, float]:
    """Return the share of rows with a concept per OMOP table of one site; empty before tables are built."""
    if not settings.warehouse.exists():
        return {}
    try:
        return tables_summary(settings)["sites"].get(site, {}).get("mapping_coverage", {})
    except TablesError:
        return {}


def _counted(settings: Settings) -> dict[str, Any]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as warehouse:
        names = warehouse.execute(OMOP_TABLES).fetchall()
        counts = {name: warehouse.execute(f"select count(*) from omop.{name}").fetchall()[0][0] for (name,) in names}
        coverage = warehouse.execute(COVERAGE).fetchall()
        unmapped = warehouse.execute(UNMAPPED).fetchall()
        left_out = warehouse.execute(LEFT_OUT).fetchall()
    labels = {site: codes.label for site, codes in all_site_codes().items()}
    sites = sorted({site for site, *_ in coverage if site is not None})
    by_site = {site: {**_mapping(site, coverage, unmapped), "own_codes": labels.get(site)} for site in sites}
    return {"omop": counts, **_mapping(None, coverage, unmapped), "sites": by_site, "left_out": dict(left_out)}


def _mapping(site: str | None, coverage: list[tuple[Any, ...]], unmapped: list[tuple[Any, ...]]) -> dict[str, Any]:
    """The coverage and the unmapped codes of one site, or of all together."""
    codes: dict[str, list[dict[str, Any]]] = {}
    for of, domain, vocabulary, code, rows in unmapped:
        if of == site:
            shown = int(rows) if rows >= MIN_CELL else None
            codes.setdefault(domain, []).append({"code": code, "vocabulary": vocabulary, "rows": shown})
    shares = {domain: share for of, domain, share in coverage if of == site}
    return {"mapping_coverage": shares, "unmapped": codes}
