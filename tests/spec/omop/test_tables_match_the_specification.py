"""Our OMOP contracts against the CDM v5.4 field-level specification: columns, order, types, required fields."""

import csv
import os
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("PILOTHOUSE_SHARED_DATA") or ROOT.parent / "shared" / "data")
SPECIFICATION = SHARED / "omop_spec" / "OMOP_CDMv5.4_Field_Level.csv"
MODELS = ROOT / "dbt_project" / "models" / "omop"
TABLES = [
    "person",
    "visit_occurrence",
    "visit_detail",
    "condition_occurrence",
    "measurement",
    "observation",
    "death",
    "care_site",
    "location",
    "observation_period",
    "concept",
    "vocabulary",
    "domain",
    "concept_class",
    "concept_relationship",
    "relationship",
    "concept_synonym",
    "concept_ancestor",
    "drug_strength",
    "procedure_occurrence",
    "drug_exposure",
    "device_exposure",
    "provider",
    "payer_plan_period",
    "cost",
    "note",
    "specimen",
    "condition_era",
    "drug_era",
    "source_to_concept_map",
    "cdm_source",
]
TYPES = {
    "datetime": {"timestamp"},
    "date": {"date"},
    "float": {"double"},
    "integer": {"integer", "bigint"},  # row identifiers are 63-bit hashes
    "varchar(max)": {"varchar"},
}

pytestmark = pytest.mark.skipif(
    not SPECIFICATION.exists(), reason=f"no OMOP specification at {SPECIFICATION}; set PILOTHOUSE_SHARED_DATA"
)


def _specified(table: str) -> list[dict[str, str]]:
    with SPECIFICATION.open(encoding="utf-8-sig") as stream:
        return [row for row in csv.DictReader(stream) if row["cdmTableName"].lower() == table]


def _contracted(table: str) -> list[dict[str, object]]:
    return yaml.safe_load((MODELS / f"{table}.yml").read_text())["models"][0]["columns"]


@pytest.mark.shared_data
@pytest.mark.parametrize("table", TABLES)
def test_columns_are_those_of_the_specification_in_its_order(table: str) -> None:
    assert [column["name"] for column in _contracted(table)] == [
        row["cdmFieldName"].lower() for row in _specified(table)
    ]


@pytest.mark.shared_data
@pytest.mark.parametrize("table", TABLES)
def test_types_are_those_of_the_specification(table: str) -> None:
    for column, row in zip(_contracted(table), _specified(table), strict=True):
        specified = row["cdmDatatype"].lower()
        assert column["data_type"] in TYPES.get(specified, {specified}), (table, column["name"])


@pytest.mark.shared_data
@pytest.mark.parametrize("table", TABLES)
def test_required_fields_may_not_be_null(table: str) -> None:
    contracted = {str(column["name"]) for column in _contracted(table) if "constraints" in column}
    assert contracted == {
        row["cdmFieldName"].lower() for row in _specified(table) if row["isRequired"].lower() == "yes"
    }


def test_every_omop_model_is_held_to_the_specification() -> None:
    assert {path.stem for path in MODELS.glob("*.yml")} == set(TABLES)
