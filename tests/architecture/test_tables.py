"""The tables keep their convention (decision record 0008): every table of the lake says whom a change touches, staging
reads it through one macro, and OMOP's tables of persons are incremental."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.contracts import load_contracts
from orchestration.contracts.compiler import lake_columns

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
CONFIG = "config(materialized = '{}')"
REBUILT = {
    "care_site": "a dimension",
    "location": "a dimension",
    "provider": "a dimension",
    "cdm_source": "one row",
}
KEPT = {"source_to_concept_map": "of seeds and vocabulary alone: a change of those builds everything anew"}
VOCABULARY = "the vocabulary's own files, which may be several GB"
VIEWS = {
    "cost": "its rows are int_cost's, which is incremental: OMOP's table names no person",
    "concept": VOCABULARY,
    "concept_ancestor": VOCABULARY,
    "concept_class": VOCABULARY,
    "concept_relationship": VOCABULARY,
    "concept_synonym": VOCABULARY,
    "domain": VOCABULARY,
    "drug_strength": VOCABULARY,
    "relationship": VOCABULARY,
    "vocabulary": VOCABULARY,
}


def sources() -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for path in sorted(MODELS.glob("staging/*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text())["sources"]:
            assert source["schema"] == "lake", f"{path.name}: sources are the views of schema `lake`"
            assert "external_location" not in path.read_text(), f"{path.name}: the lake is read by macros/build"
            found += [(table["name"], table.get("config", {}).get("meta", {})) for table in source["tables"]]
    return found


def named_columns() -> dict[str, set[str]]:
    items = [item for contract in load_contracts().values() for item in contract.objects]
    return {item.table: {name for name, _ in lake_columns(item)} for item in items}


@pytest.mark.parametrize(("table", "meta"), sources(), ids=[name for name, _ in sources()])
def test_a_lake_table_says_whom_a_change_touches(table: str, meta: dict[str, Any]) -> None:
    assert meta.get("scope") in ("person", "dimension", "whole"), f"{table}: every change would build everything anew"
    assert bool(meta.get("links")) == (meta["scope"] != "whole")
    assert meta["scope"] == "person" or not meta.get("refers")
    named = {str(column).split(".")[0] for column in [*meta.get("links", []), *meta.get("refers", [])]}
    assert named <= named_columns()[table]


def test_staging_reads_the_lake_through_one_macro() -> None:
    models = sorted(MODELS.glob("staging/*/*.sql"))
    assert models and [path.name for path in models if "{{ latest_version('source') }}" not in path.read_text()] == []


def test_every_omop_table_is_incremental_or_named_here_with_its_reason() -> None:
    texts = {path.stem: path.read_text() for path in MODELS.glob("omop/*.sql")}
    tables = {name for name, text in texts.items() if CONFIG.format("table") in text}
    views = {name for name, text in texts.items() if CONFIG.format("view") in text}
    kept = {name for name, text in texts.items() if "incremental_strategy = 'kept'" in text}
    assert (tables, views, kept) == (set(REBUILT), set(VIEWS), set(KEPT))
    incremental = [name for name in texts if name not in REBUILT | VIEWS | KEPT]
    assert incremental and [name for name in incremental if "person_id" not in texts[name]] == []
    assert [name for name in incremental if "materialized" in texts[name]] == []
