"""From rows of OMOP and features of the mart back to the lake's records, and what an audit reads of built tables."""

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.contracts import load_contracts
from orchestration.settings import Environment, Settings
from orchestration.steps.intake.audit_lake import looking
from orchestration.steps.warehouse.row_lineage import NotALineage, RowNotFound, trace_row
from tests.integration.tables.conftest import Ask

pytestmark = pytest.mark.xdist_group("tables")

EVERY_TABLE = (
    "person", "death", "visit_occurrence", "visit_detail", "condition_occurrence", "procedure_occurrence",
    "drug_exposure", "device_exposure", "measurement", "observation", "specimen", "payer_plan_period", "cost",
    "provider", "care_site", "location", "condition_era", "drug_era", "observation_period", "note",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(home: Path, ask: Ask) -> Settings:
    shutil.copy(home / "whole" / "warehouse.duckdb", home / "warehouse.duckdb")
    return Settings(home, Environment.DEVELOPMENT, "", "", "")


def records(document: dict) -> list[dict]:
    return document["records"] or [one for row in document.get("stands_on", []) for one in records(row)]


@pytest.mark.parametrize("table", EVERY_TABLE)
def test_a_row_of_every_table_leads_to_a_line_that_the_lake_holds(built: Settings, ask: Ask, table: str) -> None:
    key = "person_id" if table == "death" else f"{table}_id"
    where = "where place_of_service_source_value != 'unknown'" if table == "care_site" else ""
    found = ask(f"select {key} from omop.{table} {where} order by hash({key}) limit 3")
    assert found
    for (row,) in found:
        if table == "person" and ask(f"select 1 from omop.person where person_id = {row} and person_source_value in "
                                     "('nobody', 'passer-by')"):  # fmt: skip
            continue  # a subject that no record describes: a placeholder
        traced = records(trace_row(built, f"omop.{table}:{row}"))
        assert traced and sum(one["is_current"] for one in traced) >= 1
        for one in traced:
            files = str(built.lake / one["table"] / f"site={one['site']}" / "*" / f"{one['file'][:16]}.parquet")
            assert duckdb.sql(
                f"select count(*) from read_parquet('{files}') where _line = {one['line']} and _key = '{one['key']}'"
            ).fetchall() == [(1,)]


def test_a_note_leads_to_its_text_and_to_the_record_that_the_text_is_of(built: Settings, ask: Ask) -> None:
    [(note,)] = ask("select note_id from omop.note")
    found = {(one["table"], one["key"]) for one in trace_row(built, f"omop.note:{note}")["records"]}
    assert found == {("note_text", "its-text"), ("fhir_document_reference", "scrubbed")}


def test_every_version_of_a_record_is_named_and_one_is_current(built: Settings, ask: Ask) -> None:
    [(visit,)] = ask("select visit_occurrence_id from intermediate.int_visit where visit_key = 'stay'")
    versions = trace_row(built, f"omop.visit_occurrence:{visit}")["records"]
    assert len(versions) > 1 and [one["is_current"] for one in versions].count(True) == 1


def test_a_feature_leads_to_its_readings_and_any_other_to_its_visit(built: Settings, ask: Ask) -> None:
    [(visit,)] = ask("select visit_occurrence_id from marts.triage_mart where visit_key = 'stay'")
    rate = trace_row(built, f"triage_mart:{visit}:heart_rate")
    assert {one["table"] for one in rate["records"]} == {"fhir_observation"}
    age = trace_row(built, f"triage_mart:{visit}:age_years")
    assert {one["table"] for one in age["records"]} == {"fhir_encounter"}


@pytest.mark.parametrize(
    ("identifier", "said"),
    [("omop.person:5", "no row 5"), ("omop.nothing:5", "no OMOP table"), ("triage_mart:x:y", "no column")],
)
def test_what_is_not_there_is_named(built: Settings, identifier: str, said: str) -> None:
    with pytest.raises(RowNotFound, match=said):
        trace_row(built, identifier)


def test_a_form_that_names_no_row_is_wrong_usage(built: Settings) -> None:
    with pytest.raises(NotALineage):
        trace_row(built, "omop.person")


def test_an_audit_of_built_tables_knows_which_codes_are_mapped_and_which_checks_are_missed(built: Settings) -> None:
    items = [item for contract in load_contracts().values() for item in contract.objects]
    with looking(built, "city") as lake:
        coding, quality = lake.coding(items), lake.quality()
    procedures = next(one for one in coding if one.table == "fhir_procedure" and one.system == "SNOMED")
    assert procedures.mapped is not None and 0 < procedures.mapped < 1
    assert procedures.unmapped[0][0] == "no such code"
    assert quality is not None and quality.checks > 1000 and 300 < quality.of_site < quality.checks
    assert all(one.severity == "warn" and one.violated for one in quality.missed)
