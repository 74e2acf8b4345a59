"""The tables of an Athena download and their columns, as the OMOP models declare them.

What does not belong here: how the files are written (download.py).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from orchestration.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models" / "omop"
NEEDED = "concept"
USED = ("concept_relationship", "concept_ancestor", "vocabulary")
"""What the tables make use of, with the concepts themselves; the rest is there to be asked."""
TABLES = (
    NEEDED,
    *USED,
    "domain",
    "concept_class",
    "relationship",
    "concept_synonym",
    "drug_strength",
    "source_to_concept_map",
)
SITE_MAP = "source_to_concept_map"
"""Not of Athena: a site's own map of its local codes, which may lie beside the download."""
KINDS = {"integer": "integer", "double": "double", "date": "date", "varchar": "varchar"}


@dataclass(frozen=True)
class Column:
    """A column of OMOP: its name, its type in DuckDB, and whether it may not be null."""

    name: str
    kind: str
    is_required: bool


@cache
def columns_of(table: str, models: Path = MODELS) -> tuple[Column, ...]:
    """Return a table's columns in order, from the model that publishes it (tests hold that to the specification)."""
    declared = yaml.load((models / f"{table}.yml").read_text(), yaml.CSafeLoader)["models"][0]["columns"]
    return tuple(
        Column(str(one["name"]), KINDS[str(one["data_type"]).split("(")[0]], "constraints" in one) for one in declared
    )
